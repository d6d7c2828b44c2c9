"""Recalibration: a monotone map of predicted distribution functions that makes them true on a sample whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

__all__ = ["Recalibration"]

#: Galaxies a knot: fewer follow the noise of the histogram.
_PER_KNOT = 50
_MOST_KNOTS = 40
#: A validation sample smaller than this says more of chance than of the model.
_LEAST = 100


@dataclass(frozen=True, eq=False)
class Recalibration:
    r"""A monotone map G of probabilities: :math:`F'(z) = G(F(z))`, the same for every galaxy.

    With G the distribution of the probability integral transforms F(z_true) of a validation sample, those of F' are uniform there.

    Parameters
    ----------
    levels, values
        Knots in [0, 1] from 0 to 1, rising, and G there, (k,).

    References
    ----------
    Bordoloi, Lilly & Amara 2010, *Photo-z performance for precision cosmology*, https://arxiv.org/abs/0910.5735, section 4.
    """

    levels: np.ndarray
    values: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "_map", PchipInterpolator(self.levels, self.values))

    @classmethod
    def fit(cls, pit: np.ndarray) -> Recalibration:
        """From the probability integral transforms (n,) of a validation sample.

        Raises
        ------
        ValueError
            Fewer than 100 of them are finite.
        """
        pit = np.sort(pit[np.isfinite(pit)])
        if len(pit) < _LEAST:
            raise ValueError(f"{len(pit)} galaxies have a known redshift; recalibration needs at least {_LEAST}")
        count = int(np.clip(len(pit) // _PER_KNOT, 4, _MOST_KNOTS))
        # knots of equal numbers of galaxies; a share of uniform ones keeps the map rising where the sample has none
        levels = np.unique(np.concatenate([[0.0], np.quantile(pit, np.linspace(0, 1, count + 1)[1:-1]), [1.0]]))
        share = np.searchsorted(pit, levels, side="right") / len(pit)
        share[0] = 0.0
        weight = count / (len(pit) + count)
        return cls(levels, (1 - weight) * share + weight * levels)

    def __call__(self, probability: np.ndarray) -> np.ndarray:
        """G at probabilities of any shape."""
        return np.clip(self._map(np.clip(probability, 0, 1)), 0, 1)  # type: ignore[attr-defined]

    def slope(self, probability: np.ndarray) -> np.ndarray:
        """dG/dF, by which the density is multiplied."""
        return np.maximum(self._map(np.clip(probability, 0, 1), 1), 0)  # type: ignore[attr-defined]
