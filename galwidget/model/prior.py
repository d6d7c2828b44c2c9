"""The fitted prior: normalizing flows for p(z) and for p(z | any subset of the attributes)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.distributions import Transform
from torch.nn import functional
from zuko.distributions import DiagNormal
from zuko.flows.autoregressive import MaskedAutoregressiveTransform
from zuko.lazy import Flow, UnconditionalDistribution
from zuko.transforms import AutoregressiveTransform, DependentTransform, MonotonicRQSTransform
from zuko.utils import unpack

from galwidget.model.networks import Perceptron

__all__ = ["FlowPrior"]

#: Hidden size of the network that knows what pictures show; steps towards a request, at most one standard deviation of the latent long; how
#: far an attribute is chased in one of them, in its standard deviations.
_PHOTOMETER, _STEPS, _FARTHEST = 160, 3, 0.5
#: Damping of these steps: what cannot be drawn is left undrawn. Of all alike; of what comes first, and of what gives way to it.
_DAMPING, _FIRST, _YIELDING = 1e-2, 5e-4, 3e-3
_BINS = 8


class _Spline(MonotonicRQSTransform):
    """Zuko's spline, its softmax written out: PyTorch's own takes ten times as long over so few numbers.

    Like `_Layer` it broadcasts no shapes, for which PyTorch would first import a computer algebra, most of a second.
    """

    def __init__(self, widths: Tensor, heights: Tensor, derivatives: Tensor, bound: float = 5.0, slope: float = 1e-3) -> None:
        Transform.__init__(self)
        least = math.log(slope)
        self.horizontal, self.vertical = (
            functional.pad(2 * bound * shares.cumsum(-1) / shares.sum(-1, keepdim=True), (1, 0)) - bound
            for shares in ((size / (1 + abs(2 * size / least))).exp() for size in (widths, heights))
        )
        self.derivatives = functional.pad((derivatives / (1 + abs(derivatives / least))).exp(), (1, 1), value=1.0)

    def bin(self, k: Tensor) -> tuple[Tensor, ...]:
        inside = (k >= 0) & (k < self.bins)
        lower = (k % self.bins)[..., None]
        (x0, x1), (y0, y1), (d0, d1) = (
            (knots.gather(-1, lower)[..., 0], knots.gather(-1, lower + 1)[..., 0])
            for knots in (self.horizontal, self.vertical, self.derivatives)
        )
        return inside, x0, x1, y0, y1, d0, d1, (y1 - y0) / (x1 - x0)


class _Layer(MaskedAutoregressiveTransform):
    """Zuko's layer, for as many conditions as points; its inverse asks for each part of the point once, not for all of it every time."""

    def meta(self, c: Tensor, x: Tensor, part: Tensor | None = None) -> Transform:
        *hidden, last = self.hyper
        numbers = torch.cat([x, c], -1)
        for layer in hidden:
            numbers = layer(numbers)
        weight, mask, bias = (values.unflatten(0, (-1, self.total)) for values in (last.weight, last.mask, last.bias))
        if part is not None:
            weight, mask, bias = weight[part], mask[part], bias[part]
        phi = functional.linear(numbers, (mask * weight).flatten(0, 1), bias.flatten()).unflatten(-1, (-1, self.total))
        return DependentTransform(self.univariate(*unpack(phi, self.shapes)), 1)

    def forward(self, c: Tensor) -> Transform:
        # the order is one of the weights that are loaded
        return _ByParts(partial(self.meta, c), self.order.argsort().split(-(-len(self.order) // self.passes)))


class _ByParts(AutoregressiveTransform):
    def __init__(self, meta: Callable[..., Transform], parts: Sequence[Tensor]) -> None:
        super().__init__(meta, len(parts))
        self.parts = parts

    def _inverse(self, y: Tensor) -> Tensor:
        x = torch.zeros_like(y)
        for part in self.parts:
            x = x.index_copy(1, part, self.meta(x, part).inv(y[:, part]))
        return x


class FlowPrior(nn.Module):
    r"""A conditional neural spline flow :math:`z = f(u; a)`, :math:`u \sim N(0, I)`, of the latent given any subset of attributes.

    One flow serves all subsets: an attribute that is not given is zero, and its mask says so; with none given it is p(z). Each layer cuts
    the latent into a few parts, anew at random, and moves each by what the parts before it are: the density costs one pass a layer, a draw
    one a part of it. (Four coupling layers of 128 between the same two halves made galaxies 1.7 nats less likely, after as many epochs.)

    What a picture shows (brightness, colours, shape) is an exact function of its latent, and no flow is exactly thin: a small network knows
    that function (`shows`), and draws that are asked for an attribute are moved the shortest way to where the picture shows it.

    Parameters
    ----------
    latent_size
        Size d of the latent.
    conditions
        Number of attribute columns.
    transforms, hidden, passes
        Number of layers, size of their two hidden layers, and parts that each cuts the latent into.

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
    shown: Tensor

    def __init__(self, latent_size: int, conditions: int, transforms: int = 6, hidden: int = 192, passes: int = 4) -> None:
        super().__init__()
        self.latent_size, self.conditions = latent_size, conditions
        shuffle = torch.Generator().manual_seed(0)
        layers = [
            _Layer(
                latent_size,
                2 * conditions,
                passes=passes,
                order=torch.randperm(latent_size, generator=shuffle),
                univariate=_Spline,
                shapes=[(_BINS,), (_BINS,), (_BINS - 1,)],
                hidden_features=(hidden, hidden),
            )
            for _ in range(transforms)
        ]
        base = UnconditionalDistribution(DiagNormal, loc=torch.zeros(latent_size), scale=torch.ones(latent_size), buffer=True)
        self.flow = Flow(layers, base)
        self.photometer = Perceptron(latent_size, conditions, _PHOTOMETER)
        self.register_buffer("shown", torch.zeros(conditions, dtype=torch.bool))
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

    def transform(self, u: Tensor, value: Tensor, mask: Tensor, first: Tensor | None = None) -> Tensor:
        """Z = f(u; a): from standard normal ``u`` (n, d) to the latent, given attributes.

        Those of ``first`` (n, condition) are met where no galaxy has all; default: none comes first.
        """
        return self._met(self.flow(self._given(value, mask)).transform.inv(u), value, mask, first) * self.spread + self.center

    def shows(self, z: Tensor) -> Tensor:
        """The attributes that the pictures at ``z`` (n, d) show, standardised, (n, condition); meaningless where `shown` is false."""
        return self.photometer((z - self.center) / self.spread)

    def _met(self, place: Tensor, value: Tensor, mask: Tensor, first: Tensor | None) -> Tensor:
        """Gauss-Newton steps of least length from ``place`` (n, d), standardised, to where the picture shows what is asked."""
        wanted = mask & self.shown
        if not wanted.any():
            return place

        asked = wanted.any(0).nonzero()[:, 0]
        alike = torch.full((len(place), len(asked)), _DAMPING)
        damping = alike if first is None else torch.where(first[:, asked], _FIRST, _YIELDING)

        def missing(here: Tensor) -> Tensor:
            return torch.where(wanted, value - self.photometer(here), 0.0)[:, asked]

        def worth(missed: Tensor) -> Tensor:
            return (missed.abs() / damping.sqrt()).sum(1)

        missed = missing(place)
        for _ in range(_STEPS):
            slope = self._slope(place, asked) * wanted[:, asked, None]
            gram = slope @ slope.transpose(1, 2) + torch.diag_embed(damping)
            reached = torch.linalg.solve(gram, missed.clamp(-_FARTHEST, _FARTHEST)[..., None])
            step = (slope.transpose(1, 2) @ reached)[..., 0]
            moved = place + step / step.norm(dim=1, keepdim=True).clamp(min=1.0)
            still = missing(moved)
            better = (worth(still) < worth(missed))[:, None]
            place, missed = torch.where(better, moved, place), torch.where(better, still, missed)
        return place

    def _slope(self, place: Tensor, asked: Tensor) -> Tensor:
        """Jacobian of the photometer's outputs ``asked`` at ``place`` (n, d), (n, asked, d), by the chain rule from the last layer back."""
        *layers, last = self.photometer
        numbers, gates = place, []
        for layer in layers:
            if isinstance(layer, nn.Linear):
                numbers = layer(numbers)
            else:  # SiLU
                gate = numbers.sigmoid()
                gates.append((gate * (1 + numbers * (1 - gate)))[:, None])
                numbers = numbers * gate
        slope = torch.eye(self.conditions)[asked]
        for layer in (last, *reversed(layers)):
            slope = slope @ layer.weight if isinstance(layer, nn.Linear) else slope * gates.pop()
        return slope

    def inverse(self, z: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """U = f^-1(z; a): what is left of ``z`` (n, d) when its attributes are taken away."""
        return self.flow(self._given(value, mask)).transform((z - self.center) / self.spread)
