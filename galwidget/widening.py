"""How much wider than a model says its predictions must be to come true, and how that is learnt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from galwidget.prediction import EVIDENCE, Prediction

__all__ = ["Widening", "WideningMap", "calibrated", "learnt"]

#: Copies of a prediction in a `Widening`; most widths and magnitudes of a map's nodes, and galaxies for each node.
_COPIES, _WIDTHS, _MAGNITUDES, _EACH = 3, 3, 4, 400
#: The density, per standard deviation, that no outlier is below.
_FLOOR = 1e-5
#: Nats a galaxy that an uneven distribution of probabilities costs, and the galaxies from which on it does: that of few is chance.
_EVEN, _MANY = 30.0, 6000


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
    """The widening of greatest likelihood, held to probabilities (PIT) that are evenly distributed over all galaxies.

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
    faint = _nodes(magnitude, min(nodes, _MAGNITUDES))
    wide = _nodes(np.log(width), max(1, nodes // len(faint)))
    nothing = np.zeros((len(wide) * len(faint), _COPIES))
    at_nodes = torch.from_numpy(WideningMap(wide, faint, nothing, nothing, nothing).weights(width, magnitude))
    at = torch.from_numpy((prediction.scaling.forward(truth)[0] - center) / width)[:, None, None]
    standard = ((prediction.means - center[:, None]) / width[:, None], prediction.scatters / width[:, None])
    means, scatters = (torch.from_numpy(part)[:, None] for part in standard)
    weights = torch.from_numpy(prediction.weights)[:, None]
    share = torch.zeros(nothing.shape, dtype=torch.float64, requires_grad=True)
    shift = torch.zeros(nothing.shape, dtype=torch.float64, requires_grad=True)
    stretch = torch.linspace(-0.3, 0.7, _COPIES, dtype=torch.float64).repeat(len(nothing), 1).requires_grad_()
    optimizer = torch.optim.LBFGS([share, shift, stretch], max_iter=100, line_search_fn="strong_wolfe")
    even = (torch.arange(len(at), dtype=torch.float64) + 0.5) / len(at)

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        factor = (at_nodes @ stretch).exp()[..., None]
        parts = (at_nodes @ share.softmax(1))[..., None] * weights
        apart = (at - (at_nodes @ shift)[..., None] - factor * means) / (factor * scatters)
        nats = parts.log() - 0.5 * apart.square() - (factor * scatters).log()
        density = nats.flatten(1).logsumexp(1).exp() / (2 * torch.pi) ** 0.5
        below = (parts * torch.special.ndtr(apart)).flatten(1).sum(1)
        uneven = (below.sort().values - even).square().mean()  # Cramer and von Mises
        # held to where it starts by as much as one galaxy weighs: a copy that no galaxy needs must not run away
        held = (shift.square().sum() + stretch.square().sum() + share.square().sum()) / len(at)
        total = held + _EVEN * min(1.0, len(at) / _MANY) * uneven - (density + _FLOOR).log().mean()
        total.backward()
        return total

    with torch.enable_grad():
        optimizer.step(loss)
    return WideningMap(wide, faint, share.detach().softmax(1).numpy(), shift.detach().numpy(), stretch.detach().exp().numpy())


def _nodes(values: np.ndarray, count: int) -> np.ndarray:
    """Quantiles of ``values`` with as many below each, apart enough to be interpolated between."""
    return np.unique(np.quantile(values, (np.arange(count) + 0.5) / count))


def _between(values: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """How much each node counts for each value, (n, node)."""
    return np.stack([np.interp(values, nodes, one) for one in np.eye(len(nodes))], 1)
