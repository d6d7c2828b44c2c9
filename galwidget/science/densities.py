"""Numerics of redshift densities: mixtures of Gaussians of many galaxies at once, on a grid of each galaxy's own."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtr

from galwidget.prediction import Prediction
from galwidget.science.recalibration import Recalibration

__all__ = ["Density"]

#: Points of each galaxy's grid, and of the first, coarse one that finds where its density lies.
_POINTS, _COARSE = 257, 97
#: What is left outside of a grid on either side.
_TAIL = 1e-5
#: ODDS counts the probability within this times 1 + z of the mode (Benitez 2000, ApJ 536, 571; 0.06 in later BPZ).
ODDS_WIDTH = 0.06


@dataclass(frozen=True, eq=False)
class Density:
    """Densities of redshift of n galaxies: a mixture each, above z = 0, with one recalibration for all.

    Parameters
    ----------
    mixture
        What the model predicts.
    recalibration
        A monotone map of the distribution function; None leaves it.
    drawn
        The mixture before the model's own calibration widened it, where it did: draws of the decoders follow this one.

    Attributes
    ----------
    grid, cdf
        Redshifts of each galaxy's own grid, and the distribution function there, (n, m).
    """

    mixture: Prediction
    recalibration: Recalibration | None = None
    drawn: Prediction | None = None
    grid: np.ndarray = field(init=False)
    cdf: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        mixture = self.mixture
        # components that hold less than a tail together say nothing of where the density is, however wide they are
        counts = mixture.weights > _TAIL / (10 * mixture.weights.shape[1])
        reach = np.where(counts, 6 * mixture.scatters, 0)
        zero = float(mixture.scaling.forward(np.zeros(1))[0][0])
        low = np.maximum(np.where(counts, mixture.means - reach, np.inf).min(1), zero)
        high = np.maximum(np.where(counts, mixture.means + reach, -np.inf).max(1), low + 1e-6)
        # the widest components may weigh next to nothing: look where the density is, then look closely
        coarse = np.linspace(low, high, _COARSE, axis=1)
        mass = self._cdf(coarse)
        rows = np.arange(len(mass))
        first = np.maximum((mass < _TAIL).sum(1) - 1, 0)
        last = np.minimum((mass <= 1 - _TAIL).sum(1), _COARSE - 1)
        fine = np.linspace(coarse[rows, first], coarse[rows, np.maximum(last, first + 1)], _POINTS, axis=1)
        cdf = self._cdf(fine)
        cdf = (cdf - cdf[:, :1]) / np.maximum(cdf[:, -1:] - cdf[:, :1], 1e-12)
        object.__setattr__(self, "grid", mixture.scaling.inverse(fine))
        object.__setattr__(self, "cdf", cdf)

    def _below(self) -> np.ndarray:
        """What the mixture puts below z = 0, where no galaxy is, (n,)."""
        zero = self.mixture.scaling.forward(np.zeros(1))[0][0]
        return (self.mixture.weights * ndtr((zero - self.mixture.means) / self.mixture.scatters)).sum(1)

    def _mass(self, at: np.ndarray) -> np.ndarray:
        """The model's distribution function above z = 0, at standardised redshifts (n, m), shape (n, m)."""
        mixture, total, below = self.mixture, np.zeros(at.shape), self._below()[:, None]
        # one component at a time: flat memory
        for weight, center, width in zip(mixture.weights.T, mixture.means.T, mixture.scatters.T, strict=True):
            total += weight[:, None] * ndtr((at - center[:, None]) / width[:, None])
        return np.clip((total - below) / np.maximum(1 - below, 1e-9), 0, 1)

    def _cdf(self, at: np.ndarray) -> np.ndarray:
        mass = self._mass(at)
        return mass if self.recalibration is None else self.recalibration(mass)

    def pit(self, truth: np.ndarray) -> np.ndarray:
        """Distribution function at one redshift of each galaxy, (n,): the probability integral transform, where it is the truth."""
        return self._cdf(self.mixture.scaling.forward(np.asarray(truth, float))[0][:, None])[:, 0]

    def pdf(self, grid: np.ndarray) -> np.ndarray:
        """Density at redshifts (m,) common to all, shape (n, m)."""
        density = self.mixture.pdf(grid) / np.maximum(1 - self._below(), 1e-9)[:, None]
        if self.recalibration is not None:
            at = self.mixture.scaling.forward(grid)[0]
            density *= self.recalibration.slope(self._mass(np.broadcast_to(at, density.shape)))
        return np.where(grid >= 0, density, 0.0)

    def quantile(self, levels: np.ndarray) -> np.ndarray:
        """Redshifts below which each galaxy is with probabilities ``levels``, (k,) or (n, k); shape (n, k)."""
        levels = np.broadcast_to(levels, (len(self.cdf), np.shape(levels)[-1]))
        return np.stack([np.interp(q, cdf, z) for q, cdf, z in zip(levels, self.cdf, self.grid, strict=True)]) if len(levels) else levels

    def at(self, redshifts: np.ndarray) -> np.ndarray:
        """Distribution function at redshifts (n, k) of each galaxy, by interpolation, shape (n, k)."""
        return np.stack([np.interp(z, grid, cdf) for z, grid, cdf in zip(redshifts, self.grid, self.cdf, strict=True)])

    def _steps(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return np.diff(self.cdf, axis=1), np.diff(self.grid, axis=1), (self.grid[:, 1:] + self.grid[:, :-1]) / 2

    @property
    def mean(self) -> np.ndarray:
        """Mean redshift, (n,)."""
        mass, _, middle = self._steps()
        return (mass * middle).sum(1)

    @property
    def std(self) -> np.ndarray:
        """Standard deviation, (n,)."""
        mass, _, middle = self._steps()
        return np.sqrt((mass * (middle - self.mean[:, None]) ** 2).sum(1))

    @property
    def mode(self) -> np.ndarray:
        """Most probable redshift, (n,)."""
        mass, width, middle = self._steps()
        return middle[np.arange(len(mass)), (mass / width).argmax(1)]

    @property
    def odds(self) -> np.ndarray:
        """Probability within 0.06 (1 + z) of the mode, (n,)."""
        mode = self.mode
        reach = ODDS_WIDTH * (1 + mode)
        edges = self.at(np.stack([mode - reach, mode + reach], 1)) if len(mode) else np.zeros((0, 2))
        return edges[:, 1] - edges[:, 0]

    @property
    def entropy(self) -> np.ndarray:
        r"""Differential entropy :math:`-\int p \ln p\, dz` in nats, (n,): smaller is better known; ln(sigma sqrt(2 pi e)) of a Gaussian."""
        mass, width, _ = self._steps()
        with np.errstate(divide="ignore", invalid="ignore"):
            return -np.where(mass > 0, mass * np.log(mass / width), 0.0).sum(1)
