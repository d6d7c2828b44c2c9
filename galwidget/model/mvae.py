"""The multimodal variational autoencoder: any subset of modalities in, all of them out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from galwidget.model.gaussian import Gaussian, product_of_experts
from galwidget.model.modalities import Modality

__all__ = ["MVAE"]


class MVAE(nn.Module):
    r"""A product of experts over one latent: :math:`q(z | x_S) \propto p(z) \prod_{i \in S} \tilde q_i(z | x_i)`.

    Parameters
    ----------
    latent_size
        Size d of the latent.
    modalities
        A `galwidget.model.modalities.Modality` by name.

    References
    ----------
    Wu & Goodman 2018, https://arxiv.org/abs/1802.05335.

    Examples
    --------
    >>> import torch
    >>> from galwidget.model.modalities import Columns, ColumnsModality
    >>> model = MVAE(4, {"brightness": ColumnsModality(4, 1), "colours": ColumnsModality(4, 3)})
    >>> colours = Columns(torch.randn(7, 3), torch.zeros(7, 3), torch.ones(7, 3, dtype=torch.bool))
    >>> model.encode({"colours": colours}).mean.shape
    torch.Size([7, 4])
    """

    def __init__(self, latent_size: int, modalities: Mapping[str, Modality]) -> None:
        super().__init__()
        self.latent_size = latent_size
        self.modalities = nn.ModuleDict(modalities)  # type: ignore[arg-type]

    def modality(self, name: str) -> Modality:
        """The modality ``name``."""
        return cast("Modality", self.modalities[name])

    def experts(self, data: Mapping[str, Any]) -> dict[str, tuple[Gaussian, Tensor]]:
        """Each modality's own Gaussian and who has that modality, (n,); an encoder sees only the galaxies that have it."""
        answers = {}
        for name in self.modalities:  # one order, whatever the order of the data: sums are the same to the bit
            if name not in data:
                continue
            part = data[name]
            present = part.present
            if present.all():
                answers[name] = self.modality(name).encode(part), present
                continue
            mean = torch.zeros(len(present), self.latent_size, device=present.device)
            precision = torch.ones_like(mean)
            if present.any():
                own = self.modality(name).encode(type(part)(*(tensor[present] for tensor in part)))
                mean, precision = mean.index_put((present,), own.mean), precision.index_put((present,), own.precision)
            answers[name] = Gaussian(mean, precision), present
        return answers

    def combine(
        self, experts: Mapping[str, tuple[Gaussian, Tensor]], keep: Mapping[str, Tensor] | Collection[str] | None = None
    ) -> Gaussian:
        """The product of the prior and the experts in ``keep``: names, or who keeps each, boolean (n,) or (..., n); None keeps all."""
        if keep is None:
            keep = experts.keys()
        chosen = [
            (gaussian, present & keep[name] if isinstance(keep, Mapping) else present)
            for name, (gaussian, present) in experts.items()
            if name in keep
        ]
        like = next(iter(experts.values()))[0].mean
        return product_of_experts(chosen, like)

    def encode(self, data: Mapping[str, Any]) -> Gaussian:
        """Posterior of the latent from whatever modalities ``data`` has, (n, d).

        Raises
        ------
        ValueError
            ``data`` has none of the model's modalities.
        """
        experts = self.experts(data)
        if not experts:
            raise ValueError(f"nothing to encode: got {', '.join(data) or 'no modality'}; the model knows {', '.join(self.modalities)}")
        return self.combine(experts)

    def decode(self, z: Tensor, name: str) -> Any:
        """What modality ``name`` looks like at ``z`` (n, d): the parameters of its likelihood."""
        return self.modality(name).decode(z)

    def log_likelihood(self, data: Mapping[str, Any], z: Tensor, name: str) -> Tensor:
        """Nats of modality ``name`` of ``data`` at ``z`` (n, d), shape (n,)."""
        return self.modality(name).log_likelihood(data[name], z)
