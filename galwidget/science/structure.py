"""What is measured in a picture, and what its like were said to be: numbers that no turn or mirror changes, and a regression on them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import ndimage
from scipy.special import ndtri

from galwidget.evaluation.morphology import nonparametric
from galwidget.galaxies import Galaxies
from galwidget.measurement import measure, measured_names

__all__ = ["StructureVotes", "structure"]

#: Annuli of `structure`, in sides of the stamp.
_ANNULI = (0.0, 0.05, 0.1, 0.16, 0.25, 0.44)
#: Rings on which light is followed around, and the groups of them, both by their place in the list; how often the light may come back.
_RINGS = np.arange(1, 29, 1.5) / 64
_ZONES, _OVERLAPPING = ((0, 4), (4, 8), (8, 13), (13, 19)), ((0, 8), (4, 13), (8, 19))
_ARMS, _KNOTTY = (1, 2, 3, 4, 6), slice(7, 16)
#: Sizes of grain, in sides of the stamp: between these two Gaussians; and the annuli in which each is judged.
_GRAINS = ((0.7 / 64, 1.4 / 64), (1.4 / 64, 2.8 / 64), (2.8 / 64, 5.6 / 64))
_GRAIN_ANNULI = (0.0, 0.08, 0.16, 0.25, 0.44)
_LEAST = 1e-3
#: Knots of a number's distribution, and how many standard deviations of it count.
_KNOTS, _REACH = 101, 3.0
#: Of the kernel: 1 over twice the square of its width, for each number; and the variance of a picture's votes in units of the kernel's.
#: Both by leave-one-out on 780 pictures of Galaxy Zoo.
_SHARPNESS, _NOISE = 0.8, 0.2
#: No vote is predicted to be surer than this.
_SURE = 0.02


def structure(pictures: Galaxies) -> np.ndarray:
    """Numbers that no turn or mirror changes, (n, column), NaN where one cannot be measured.

    What `galwidget.measure` finds less the direction, Gini, M20 and asymmetry; in annuli, for each band, the mean of the stretched
    image, its scatter, and how much it differs from itself turned by half a circle: companions show there. Of the mean of the bands, how
    often the light comes back around each ring, and whether from ring to ring it does so in the same direction: a bar does, an arm winds.
    And in annuli, for each size of grain, how much there is, how lopsided, and the brightest.
    """
    seen = measure(pictures)
    names = [name for name in measured_names(seen.survey) if name not in ("e1", "e2", "position_angle")]
    numbers = [seen.attribute(name) for name in names] + list(nonparametric(seen).values())
    image = _stretched(pictures)
    turned = np.abs(image - image[..., ::-1, ::-1])
    parts = []
    for ring in _annuli(image.shape[-1], _ANNULI):
        parts += [image[..., ring].mean(-1), turned[..., ring].mean(-1), image[..., ring].std(-1)]
    light = image.mean(1)
    return np.concatenate([np.stack(numbers, 1), *parts, _around(light), _grain(light)], 1)


def _annuli(side: int, edges: tuple[float, ...]) -> list[np.ndarray]:
    radius = np.hypot(*(np.indices((side, side)) - (side - 1) / 2)) / side
    return [(radius >= inner) & (radius < outer) for inner, outer in pairwise(edges)]


def _around(light: np.ndarray) -> np.ndarray:
    """Fourier components of the light (n, y, x) along rings, (n, 33)."""
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    middle, radius = (light.shape[-1] - 1) / 2, _RINGS[:, None] * light.shape[-1]
    places = np.stack([middle + radius * np.sin(angle), middle + radius * np.cos(angle)])
    wave = np.fft.rfft([ndimage.map_coordinates(one, places, order=1, mode="nearest") for one in light]).reshape(
        len(light), len(_RINGS), 33
    )
    size = np.abs(wave) / len(angle)
    often = [size[:, first:last, arms].mean(1) for first, last in _ZONES for arms in _ARMS]
    knots = [size[:, first:last, _KNOTTY].mean((1, 2)) for first, last in _ZONES]
    turn = wave[:, :-1] * wave[:, 1:].conj()
    both = {zone: (turn[:, zone[0] : zone[1] - 1].sum(1), np.abs(turn[:, zone[0] : zone[1] - 1]).sum(1)) for zone in _OVERLAPPING}
    same = [np.abs(total[:, arms]) / np.maximum(most[:, arms], 1e-9) for total, most in both.values() for arms in (1, 2)]
    winding = [np.abs(np.angle(total[:, 2])) for total, _ in both.values()]
    return np.concatenate([np.log(np.stack([*often, *knots, *same], 1) + _LEAST), np.stack(winding, 1)], 1)


def _grain(light: np.ndarray) -> np.ndarray:
    """What differences of Gaussians leave of the light (n, y, x): scatter, skewness and maximum, (n, 36)."""
    found = []
    for small, large in _GRAINS:
        fine, coarse = (ndimage.gaussian_filter(light, (0, *[width * light.shape[-1]] * 2)) for width in (small, large))
        for ring in _annuli(light.shape[-1], _GRAIN_ANNULI):
            left = (fine - coarse)[:, ring]
            scatter = left.std(1) + _LEAST
            found += [np.log(scatter), (left**3).mean(1) / scatter**3, left.max(1)]
    return np.stack(found, 1)


def _stretched(pictures: Galaxies) -> np.ndarray:
    flux, ivar = pictures.require_images()
    return np.arcsinh(np.where(ivar > 0, flux, 0) / (3 * pictures.survey.sky_sigma[:, None, None]))


@dataclass(frozen=True, eq=False)
class StructureVotes:
    """Kernel ridge regression of shares of votes on `structure`, each number by its rank among those that were learnt from.

    Parameters
    ----------
    knots
        Quantiles of each number, (knot, column).
    known
        Ranks as standard normal numbers, (n, column), of the pictures that were learnt from.
    weights
        Of each of these, (n, question).
    usual
        Mean shares, (question,).
    """

    knots: np.ndarray
    known: np.ndarray
    weights: np.ndarray
    usual: np.ndarray

    @classmethod
    def fit(cls, numbers: np.ndarray, votes: np.ndarray) -> tuple[StructureVotes, np.ndarray]:
        """Learn, and say what each picture would have been given by the others alone: logits, (n, question).

        Parameters
        ----------
        numbers
            `structure` of n pictures, (n, column).
        votes
            Shares, (n, question).
        """
        filled = np.where(np.isfinite(numbers).any(0), numbers, 0.0)
        knots = np.nanpercentile(filled, np.linspace(0, 100, _KNOTS), axis=0)
        known, usual = _ranked(numbers, knots), votes.mean(0)
        inverse = np.linalg.inv(_kernel(known, known) + _NOISE * np.eye(len(known)))
        weights = inverse @ (votes - usual)
        # what is left of a picture when the regression is fitted without it (Allen 1974, doi:10.1080/00401706.1974.10489157)
        others = votes - weights / np.diag(inverse)[:, None]
        return cls(knots, known, weights, usual), _logits(others)

    def __call__(self, numbers: np.ndarray) -> np.ndarray:
        """Logits of the shares, (n, question), for `structure` of n pictures."""
        return _logits(_kernel(_ranked(numbers, self.knots), self.known) @ self.weights + self.usual)


def _ranked(numbers: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Ranks as standard normal numbers; the median where a number is missing."""
    ranks = np.stack([np.interp(column, at, np.linspace(0, 1, len(at))) for column, at in zip(numbers.T, knots.T, strict=True)], 1)
    tail = 0.5 / len(knots)
    return np.where(np.isfinite(numbers), ndtri(np.clip(np.nan_to_num(ranks, nan=0.5), tail, 1 - tail)), 0.0).clip(-_REACH, _REACH)


def _kernel(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    squares = (one**2).sum(1)[:, None] + (other**2).sum(1) - 2 * one @ other.T
    return np.exp(-_SHARPNESS / one.shape[1] * np.maximum(squares, 0))


def _logits(shares: np.ndarray) -> np.ndarray:
    sure = np.clip(shares, _SURE, 1 - _SURE)
    return np.log(sure / (1 - sure))
