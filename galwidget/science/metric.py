"""How far apart two observations of one galaxy come to lie in latent space: the unit in which similarity is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from galwidget.latent import Latent
from galwidget.observation import observe
from galwidget.progress import Progress, steps
from galwidget.science.kept import Kept
from galwidget.science.orientation import canonical_latent, turned

if TYPE_CHECKING:
    from galwidget.galaxies import Galaxies
    from galwidget.galaxy_model import GalaxyModel

__all__ = ["Metric"]

#: Share of the spread among galaxies, in standard deviations, that two may differ by and still look alike, however well it is measured.
_ALIKE = 0.2
#: A unit is at least this, where neither galaxy has a width.
_NARROWEST = 1e-4
#: Galaxies that are drawn and observed twice, their seed, and how far the correlations found are drawn towards none.
_DRAWN, _SEED, _SHRINKAGE = 768, 31, 0.02
#: Signal to noise in the best band from which on a galaxy is well seen, and how many of those there must be.
_CLEAR, _FEWEST = 40.0, 128
_BATCH = 64
#: Scatter of a posterior's widths over the dimensions, in units of the usual ones, from which on lists may lose neighbours: beyond all of
#: 100 observed galaxies (0.63).
_UNEVEN = 0.7


@dataclass(frozen=True, eq=False)
class Metric:
    r"""A distance between posteriors: each dimension in units of both galaxies' widths, and correlated as two views of one galaxy are.

    .. math:: D^2 = \frac1d\, e^T C^{-1} e, \qquad e_j = (\mu_j - \mu'_j) \Big/ \sqrt{\sigma_j^2 + \sigma_j'^2 + a_j^2}

    with C the covariance of e over pairs of observations of one galaxy, and a a fifth of the spread among galaxies. The noise moves several
    dimensions at once, which the widths of the posteriors do not say; how far it moves a bright galaxy and how far a faint one, they do.
    What was hardly measured, or is left open by the one who asks, counts little. (The within-class metric of linear discriminant analysis,
    with the uncertainty of each point propagated.)

    Parameters
    ----------
    width
        The usual width of a posterior, shape (d,).
    tolerance
        a, shape (d,).
    whitening
        Lower triangular L with :math:`L L^T = C^{-1}`, shape (d, d).
    """

    width: np.ndarray
    tolerance: np.ndarray
    whitening: np.ndarray

    @classmethod
    def of_pairs(cls, one: Latent, other: Latent) -> Metric:
        """From two observations each of n galaxies."""
        width = np.median(np.concatenate([one.std, other.std]), 0).astype(float)
        tolerance = _ALIKE * np.concatenate([one.mean, other.mean]).astype(float).std(0)
        difference = one.mean.astype(float) - other.mean
        difference /= np.sqrt(one.std.astype(float) ** 2 + other.std**2 + tolerance**2).clip(min=_NARROWEST)
        covariance = difference.T @ difference / len(difference)
        scale = np.sqrt(np.diag(covariance)).clip(min=1e-4)
        correlation = (1 - _SHRINKAGE) * covariance / np.outer(scale, scale) + _SHRINKAGE * np.eye(len(scale))
        precision = np.linalg.inv(correlation) / np.outer(scale, scale)
        precision /= np.einsum("ni,ij,nj->n", difference, precision, difference).mean() / len(scale)  # two observations are at 1
        return cls(width, tolerance, np.linalg.cholesky(precision))

    @classmethod
    def of_widths(cls, std: np.ndarray) -> Metric:
        """From posterior widths (n, d) alone: for galaxies without images."""
        width = np.median(std, 0).astype(float).clip(min=1e-3) if len(std) else np.ones(std.shape[1])
        return cls(width, np.zeros(len(width)), np.eye(len(width)))

    @classmethod
    def of_model(cls, model: GalaxyModel, *, progress: Progress = False) -> Metric:
        """From galaxies drawn from the model's prior, each turned and observed twice; the same for the same model.

        Those that are well seen say what noise and orientation do; the others, how little a faint galaxy tells.
        """

        def learn() -> Metric:
            rng = np.random.default_rng(_SEED)
            drawn = model.decode(model.draw(_DRAWN, seed=_SEED), attributes=False)
            views, signal = [], np.zeros(_DRAWN)
            with steps(progress, "learning what noise does", 2 * _DRAWN) as tell:
                for seed in (1, 2):
                    lying = turned(drawn, rng.uniform(-0.5, 0.5, (_DRAWN, 2)), rng.uniform(0, 2 * np.pi, _DRAWN), (1.0, (-1.0) ** seed))
                    seen = observe(lying, seed=seed)
                    signal = np.maximum(signal, _signal_to_noise(seen))
                    parts = []
                    for start in range(0, _DRAWN, _BATCH):
                        parts.append(canonical_latent(model, seen[start : start + _BATCH], ["image"]))
                        tell(len(parts[-1]))
                    views.append(Latent.concatenate(parts))
            clear = np.flatnonzero(signal >= _CLEAR)
            return cls.of_pairs(*(view[clear] if len(clear) >= _FEWEST else view for view in views))

        return KNOWN(model, learn, _DRAWN)

    def open(self, std: np.ndarray) -> bool:
        """Whether a posterior of this width, (d,), leaves some dimensions far more open than others, as no observed galaxy's does.

        Lists are grouped by the usual width in every dimension. A posterior that is wider in all of them has the same neighbours; one that
        is wider in some has others, far away in those.
        """
        unit = self._unit(std, self.width) / self._unit(self.width, self.width)
        return bool(np.mean(np.square(unit / np.median(unit) - 1)) > _UNEVEN**2)

    def squares(self, mean: np.ndarray, std: np.ndarray, means: np.ndarray, stds: np.ndarray) -> np.ndarray:
        """D squared from one galaxy, (d,), to n others, (n, d), in their precision."""
        mean, std, whitening = (part.astype(means.dtype) for part in (mean, std, self.whitening))
        off = (means - mean) / self._unit(std, stds) @ whitening
        return np.vecdot(off, off) / len(mean)

    def flat(self, means: np.ndarray) -> np.ndarray:
        """Points whose plain distance is D for posteriors of the usual width, (n, d), float32."""
        flat = means / self._unit(self.width, self.width) @ self.whitening / np.sqrt(len(self.width))
        return np.ascontiguousarray(flat, np.float32)

    def _unit(self, std: np.ndarray, stds: np.ndarray) -> np.ndarray:
        return np.sqrt(std**2 + stds**2 + self.tolerance.astype(stds.dtype) ** 2).clip(min=_NARROWEST)


def _signal_to_noise(galaxies: Galaxies) -> np.ndarray:
    """Of the best band, (n,): the light's square over its noise, less what noise alone has."""
    flux, ivar = galaxies.require_images()
    squares = (flux**2 * ivar).sum((2, 3)) - (ivar > 0).sum((2, 3))
    return np.sqrt(squares.max(1).clip(min=0))


KNOWN: Kept[Metric] = Kept("metric", vars, lambda arrays: Metric(**arrays))
