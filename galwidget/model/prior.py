"""The fitted prior: normalizing flows for p(z) and for p(z | any subset of the attributes)."""

from __future__ import annotations

import torch
import zuko
from torch import Tensor, nn

__all__ = ["FlowPrior"]


class FlowPrior(nn.Module):
    r"""A conditional neural spline flow :math:`z = f(u; a)`, :math:`u \sim N(0, I)`, of the latent given any subset of attributes.

    One flow serves all subsets: an attribute that is not given is zero, and its mask says so; with none given it is p(z). Coupling
    layers, so that both directions cost one pass: a slider inverts it at every event.

    Parameters
    ----------
    latent_size
        Size d of the latent.
    conditions
        Number of attribute columns.
    transforms, hidden
        Number of coupling layers and size of their hidden layers.

    References
    ----------
    Durkan et al. 2019, *Neural spline flows*, https://arxiv.org/abs/1906.04032; Rozet et al., zuko, https://zuko.readthedocs.io.

    Examples
    --------
    >>> import torch
    >>> prior = FlowPrior(4, 2)
    >>> value, mask = torch.zeros(3, 2), torch.ones(3, 2, dtype=torch.bool)
    >>> z = prior.transform(torch.randn(3, 4), value, mask)
    >>> prior.log_prob(z, value, mask).shape
    torch.Size([3])
    """

    center: Tensor
    spread: Tensor

    def __init__(self, latent_size: int, conditions: int, transforms: int = 6, hidden: int = 128) -> None:
        super().__init__()
        self.latent_size, self.conditions = latent_size, conditions
        self.flow = zuko.flows.NSF(
            latent_size, 2 * conditions, bins=8, transforms=transforms, hidden_features=(hidden, hidden), passes=2, randperm=False
        )
        self.register_buffer("center", torch.zeros(latent_size))
        self.register_buffer("spread", torch.ones(latent_size))

    def standardise_by(self, z: Tensor) -> None:
        """Take centre and spread of each latent dimension from posterior draws ``z`` (n, d), before training."""
        self.center.copy_(z.mean(0))
        self.spread.copy_(z.std(0).clamp(min=1e-3))

    def _given(self, value: Tensor, mask: Tensor) -> Tensor:
        return torch.cat([torch.where(mask, value, 0.0), mask.to(value.dtype)], 1)

    def log_prob(self, z: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """Log density in nats, shape (n,), of ``z`` (n, d) given standardised attributes ``value`` where ``mask`` (n, condition)."""
        density = self.flow(self._given(value, mask)).log_prob((z - self.center) / self.spread)
        return density - self.spread.log().sum()

    def transform(self, u: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """Z = f(u; a): from standard normal ``u`` (n, d) to the latent, given attributes."""
        return self.flow(self._given(value, mask)).transform.inv(u) * self.spread + self.center

    def inverse(self, z: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """U = f^-1(z; a): what is left of ``z`` (n, d) when its attributes are taken away."""
        return self.flow(self._given(value, mask)).transform((z - self.center) / self.spread)
