"""How much wider than a model says its predictions must be to come true, and how that is learnt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isqrt
from typing import Any

import numpy as np
import torch
from torch import nn

from galwidget.prediction import EVIDENCE, Prediction

__all__ = ["Widening", "WideningMap", "calibrated", "learnt"]

#: Copies of a prediction in a `Widening`; most widths and magnitudes of a map's nodes, and galaxies for each node.
_COPIES, _WIDTHS, _MAGNITUDES, _EACH = 3, 3, 8, 400
#: The density, per standard deviation, that no outlier is below.
_FLOOR = 1e-5
#: Nats a galaxy that an uneven distribution of probabilities costs, and the galaxies from which on it does: that of few is chance.
_EVEN, _MANY = 30.0, 6000
#: Standard deviations to either side that a distribution is tabulated to, in how many steps each, for how many galaxies at once.
_END, _STEPS, _BATCH = 8, 16, 32
#: Parts of equal number by brightness, each of which is to be even, too.
_SHARES = 4


@dataclass(frozen=True)
class Widening:
    """How predictive distributions must be widened and moved to come true: each becomes a mixture of stretched copies of itself.

    Parameters
    ----------
    shares, shifts, stretches
        Of each of j copies: its weight, how far it is moved in standard deviations of the prediction, and the factor on its width; (j,),
        or (n, j) with one a galaxy.
    """

    shares: np.ndarray
    shifts: np.ndarray
    stretches: np.ndarray

    def __call__(self, prediction: Prediction) -> Prediction:
        """The widened prediction, of j times as many components."""
        n = len(prediction.weights)
        center, width = (part[:, None] for part in prediction.moments)
        shares, shifts, stretches = (np.broadcast_to(part, (n, np.shape(part)[-1]))[..., None] for part in vars(self).values())
        means = center[:, None] + shifts * width[:, None] + stretches * (prediction.means - center)[:, None]
        parts = (shares * prediction.weights[:, None], means, stretches * prediction.scatters[:, None])
        return replace(prediction, **dict(zip(("weights", "means", "scatters"), (part.reshape(n, -1) for part in parts), strict=True)))


@dataclass(frozen=True)
class WideningMap:
    """The widening of a prediction by its own width and by how bright the galaxy is: linear in both between nodes.

    A width alone does not tell a bright galaxy of an odd colour from a faint one, nor a magnitude the sure from the unsure.

    Parameters
    ----------
    widths
        Logarithms of standard deviations, standardised, increasing, (w,); beyond the ends theirs hold.
    magnitudes
        Of `galwidget.prediction.brightness_at`, likewise, (m,).
    shares, shifts, stretches
        Of the `Widening` at each pair of nodes, all magnitudes of the first width first, (w m, j).
    """

    widths: np.ndarray
    magnitudes: np.ndarray
    shares: np.ndarray
    shifts: np.ndarray
    stretches: np.ndarray

    def weights(self, width: np.ndarray, magnitude: np.ndarray) -> np.ndarray:
        """How much each pair of nodes counts for predictions of these standard deviations and magnitudes, (n, w m)."""
        by_width, by_magnitude = _between(np.log(width), self.widths), _between(magnitude, self.magnitudes)
        return (by_width[:, :, None] * by_magnitude[:, None, :]).reshape(len(width), len(self.widths) * len(self.magnitudes))

    def __call__(self, width: np.ndarray, magnitude: np.ndarray) -> Widening:
        """The widening of n predictions."""
        weights = self.weights(width, magnitude)
        return Widening(weights @ self.shares, weights @ self.shifts, np.exp(weights @ np.log(self.stretches)))


def calibrated(prediction: Prediction, kinds: np.ndarray, magnitude: np.ndarray, about: Mapping[str, Any]) -> Prediction:
    """A prediction as wide as a model's calibration says; the same where it has none.

    Parameters
    ----------
    prediction
        Of n galaxies.
    kinds
        What each rests on, an index of `galwidget.prediction.EVIDENCE`, (n,).
    magnitude
        `galwidget.prediction.brightness_at` of where each galaxy is in latent space, (n,).
    about
        The model's.
    """
    known = about.get("calibration", {}).get(prediction.name)
    if not known:
        return prediction
    maps = {kind: WideningMap(**{part: np.array(value) for part, value in one.items()}) for kind, one in known.items()}
    shape = len(kinds), next(iter(maps.values())).shares.shape[1]
    widening = Widening(np.full(shape, 1 / shape[1]), np.zeros(shape), np.ones(shape))
    width = prediction.moments[1]
    for kind, one in maps.items():
        rows = kinds == EVIDENCE.index(kind)
        for part, value in vars(one(width[rows], magnitude[rows])).items():
            getattr(widening, part)[rows] = value
    return widening(prediction)


def learnt(prediction: Prediction, truth: np.ndarray, magnitude: np.ndarray) -> WideningMap:
    """The widening of greatest likelihood, held to probabilities (PIT) that are evenly distributed over all galaxies, bright and faint.

    Parameters
    ----------
    prediction
        Of n galaxies.
    truth
        What came true, (n,), in the attribute's unit, finite.
    magnitude
        As in `calibrated`.
    """
    center, width = prediction.moments
    nodes = int(np.clip(len(truth) // _EACH, 1, _WIDTHS * _MAGNITUDES))
    wide = _nodes(np.log(width), min(isqrt(nodes), _WIDTHS))
    faint = _nodes(magnitude, min(nodes // len(wide), _MAGNITUDES))
    nothing = np.zeros((len(wide) * len(faint), _COPIES))
    at_nodes = torch.from_numpy(WideningMap(wide, faint, nothing, nothing, nothing).weights(width, magnitude))
    at = torch.from_numpy((prediction.scaling.forward(truth)[0] - center) / width)[:, None]
    standard = _Standard.of(prediction)
    share = torch.zeros(nothing.shape, dtype=torch.float64, requires_grad=True)
    shift = torch.zeros(nothing.shape, dtype=torch.float64, requires_grad=True)
    stretch = torch.linspace(-0.3, 0.7, _COPIES, dtype=torch.float64).repeat(len(nothing), 1).requires_grad_()
    optimizer = torch.optim.LBFGS([share, shift, stretch], max_iter=100, line_search_fn="strong_wolfe")
    # all galaxies, and the brighter and the fainter ones by themselves: who asks has not the mixture that calibrated
    order = torch.from_numpy(np.argsort(magnitude, kind="stable"))
    shares = [order, *order.tensor_split(_SHARES if len(order) >= _MANY else 1)]

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        factor, parts = (at_nodes @ stretch).exp(), at_nodes @ share.softmax(1)
        below, density = standard((at - at_nodes @ shift) / factor)
        below, density = (parts * below).sum(1), (parts * density / factor).sum(1)
        uneven = torch.stack([_unevenness(below[part]) for part in shares]).mean()
        # held to where it starts by as much as one galaxy weighs: a copy that no galaxy needs must not run away
        held = (shift.square().sum() + stretch.square().sum() + share.square().sum()) / len(at)
        total = held + _EVEN * min(1.0, len(at) / _MANY) * uneven - (density + _FLOOR).log().mean()
        total.backward()
        return total

    with torch.enable_grad():
        optimizer.step(loss)
    return WideningMap(wide, faint, share.detach().softmax(1).numpy(), shift.detach().numpy(), stretch.detach().exp().numpy())


class _Standard:
    """Predictive distributions of mean 0 and standard deviation 1, tabulated: a widening moves and stretches them, and changes no more."""

    def __init__(self, below: torch.Tensor, density: torch.Tensor, slope: torch.Tensor) -> None:
        self._tables = below, density, slope

    @classmethod
    def of(cls, prediction: Prediction) -> _Standard:
        """Those of n predictions."""
        center, width = prediction.moments
        parts = prediction.weights, (prediction.means - center[:, None]) / width[:, None], prediction.scatters / width[:, None]
        weights, means, scatters = (torch.from_numpy(part).float()[:, None] for part in parts)
        scatters = scatters.clamp(min=1 / _STEPS)  # as narrow as the grid carries
        grid = torch.linspace(-_END, _END, 2 * _END * _STEPS + 1)[:, None]
        tables = []
        for rows in torch.arange(len(weights)).split(_BATCH):
            apart = (grid - means[rows]) / scatters[rows]
            peaks = (weights[rows] / scatters[rows]) * torch.exp(-0.5 * apart.square())
            tables.append((peaks.sum(2), -(peaks * apart / scatters[rows]).sum(2)))
        density, slope = (torch.cat(part).double() for part in zip(*tables, strict=True))
        # the integral of the cubics between the nodes
        pieces = (density[:, 1:] + density[:, :-1]) / 2 - (slope[:, 1:] - slope[:, :-1]) / (12 * _STEPS)
        below = nn.functional.pad(pieces.cumsum(1) / _STEPS, (1, 0))
        return cls(*(table / below[:, -1:] for table in (below, density, slope)))

    def __call__(self, at: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Probability of less than ``at``, and density there, (n, j) both: cubic between the nodes, what the ends have beyond."""
        place = ((at + _END) * _STEPS).clamp(1e-6, 2 * _END * _STEPS - 1e-6)
        left = place.detach().floor().long()
        t = place - left
        (low, high), (rise, fall), (bend, turn) = ((table.gather(1, left), table.gather(1, left + 1)) for table in self._tables)
        return _cubic(t, low, high, rise, fall), _cubic(t, rise, fall, bend, turn).clamp(min=0)


def _cubic(t: torch.Tensor, low: torch.Tensor, high: torch.Tensor, rise: torch.Tensor, fall: torch.Tensor) -> torch.Tensor:
    """Hermite's cubic at ``t`` from 0 to 1 between values and slopes at both ends, slopes of a whole unit of the grid."""
    step = t * t * (3 - 2 * t)
    return low + (high - low) * step + (t * (1 - t) * ((1 - t) * rise - t * fall)) / _STEPS


def _unevenness(probabilities: torch.Tensor) -> torch.Tensor:
    """Mean square distance of a distribution of probabilities (n,) from an even one (Cramer and von Mises)."""
    even = (torch.arange(len(probabilities), dtype=probabilities.dtype) + 0.5) / len(probabilities)
    return (probabilities.sort().values - even).square().mean()


def _nodes(values: np.ndarray, count: int) -> np.ndarray:
    """Quantiles of ``values`` with as many below each, apart enough to be interpolated between."""
    return np.unique(np.quantile(values, (np.arange(count) + 0.5) / count))


def _between(values: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """How much each node counts for each value, (n, node)."""
    return np.stack([np.interp(values, nodes, one) for one in np.eye(len(nodes))], 1)
