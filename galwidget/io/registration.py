"""How far each band of a field lies off the reference band: coadds agree with each other to a tenth of a pixel, and no better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from galwidget.io.coadd import Field
    from galwidget.io.sources import Sources

__all__ = ["Registration", "register", "shifted"]

_LEAST_SIGNAL_TO_NOISE, _LARGEST_RADIUS, _LARGEST_OFFSET = 50.0, 8.0, 1.5
#: Highest degree of the polynomial, sources for each of its coefficients, and the scatter of a centre that no noise explains, in pixels.
_DEGREE, _SOURCES_A_COEFFICIENT, _INTRINSIC = 3, 4, 0.05
_CLIP, _ROUNDS = 3.0, 4


@dataclass(frozen=True)
class Registration:
    """Offsets of the bands as polynomials of the place in the field.

    Parameters
    ----------
    coefficients
        For each band and axis (x, y) those of `_terms`, shape (band, 2, term), pixels.
    degree
        Of the polynomials.
    shape
        Rows and columns of the field.
    """

    coefficients: np.ndarray
    degree: int
    shape: tuple[int, int]

    def offsets(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """By how much light at (x, y) of the reference band is moved in each band, in x and in y, pixels, (n, band, 2)."""
        return np.einsum("nt,bat->nba", _terms(np.atleast_1d(x), np.atleast_1d(y), self.shape, self.degree), self.coefficients)


def register(field: Field, sources: Sources, reference: int) -> Registration:
    """Compare the centres of bright sources between the bands.

    Parameters
    ----------
    field, sources
        The images and what is in them.
    reference
        Index of the reference band, whose offsets are zero.

    Notes
    -----
    Windowed centroids (as SExtractor's XWIN_IMAGE); a polynomial in x and y by weighted least squares, 3 sigma clipped; its degree, 0 to
    3, is the one with the least leave-one-out error over all bands. Zero where there are too few sources.
    """
    import sep  # noqa: PLC0415 (not at import)

    catalogue = sources.catalogue
    usable = (sources.signal_to_noise > _LEAST_SIGNAL_TO_NOISE) & (sources.r_half < _LARGEST_RADIUS) & (catalogue["flag"] & 3 == 0)
    x, y, radius = (np.asarray(part[usable], float) for part in (catalogue["x"], catalogue["y"], sources.r_half))
    shape = field.flux.shape[1:]
    bands = len(field.flux)
    highest = max((degree for degree in range(_DEGREE + 1) if _SOURCES_A_COEFFICIENT * _count(degree) <= len(x)), default=-1)
    if highest < 0:
        return Registration(np.zeros((bands, 2, 1)), 0, shape)
    measured, error = [], []
    for flux, ivar in zip(field.flux, field.ivar, strict=True):
        mask = ivar <= 0
        centres = np.stack(sep.winpos(flux, x, y, 2 / 2.35 * radius, mask=mask)[:2], 1)
        light, noise, _ = sep.sum_circle(flux, x, y, 2 * radius, mask=mask, var=np.divide(1, ivar, where=~mask, out=np.zeros_like(ivar)))
        # of a Gaussian profile: sigma / (S/N)
        error.append(np.hypot(radius / 1.18 * np.maximum(noise, 1e-30) / np.maximum(light, 1e-30), _INTRINSIC))
        measured.append(centres)
    offset = np.stack(measured, 1) - measured[reference][:, None]
    weight = 1 / np.square(np.stack(error, 1))
    trials = [_fit(x, y, shape, offset, weight, degree) for degree in range(highest + 1)]
    best = int(np.argmin([press for _, press in trials]))
    return Registration(trials[best][0], best, shape)


def shifted(psf: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The PSF of each galaxy where it stands, (n, band, k, k): ``psf`` (band, k, k) moved by ``offsets`` (n, band, 2), x and y, pixels."""
    from scipy.ndimage import shift  # noqa: PLC0415 (not at import)

    moved = np.stack(
        [[shift(plane, by[::-1], order=3, mode="constant") for plane, by in zip(psf.astype(float), row, strict=True)] for row in offsets]
    )
    return (moved / moved.sum(axis=(-2, -1), keepdims=True)).astype(np.float32)


def _count(degree: int) -> int:
    return (degree + 1) * (degree + 2) // 2


def _terms(x: np.ndarray, y: np.ndarray, shape: tuple[int, ...], degree: int) -> np.ndarray:
    u, v = 2 * x / shape[1] - 1, 2 * y / shape[0] - 1
    return np.stack([u**i * v**j for i in range(degree + 1) for j in range(degree + 1 - i)], 1)


def _fit(
    x: np.ndarray, y: np.ndarray, shape: tuple[int, ...], offset: np.ndarray, weight: np.ndarray, degree: int
) -> tuple[np.ndarray, float]:
    """Coefficients (band, 2, term), and the median of the squared leave-one-out errors, in sigma, summed over bands and axes."""
    terms = _terms(x, y, shape, degree)
    found, press = np.zeros((offset.shape[1], 2, terms.shape[1])), 0.0
    for band in range(offset.shape[1]):
        for axis in range(2):
            values = offset[:, band, axis]
            good = np.isfinite(values) & (np.abs(values) < _LARGEST_OFFSET)
            kept = good
            for _ in range(_ROUNDS):
                if kept.sum() < _SOURCES_A_COEFFICIENT * terms.shape[1]:
                    break
                root = np.sqrt(weight[kept, band])[:, None]
                design = terms[kept] * root
                inverse = np.linalg.pinv(design.T @ design)
                found[band, axis] = inverse @ (design.T @ (values[kept] * root[:, 0]))
                residual = (values - terms @ found[band, axis]) * np.sqrt(weight[:, band])
                leverage = np.einsum("nt,ts,ns->n", terms, inverse, terms) * weight[:, band]
                kept = good & (np.abs(residual) < _CLIP * max(1.4826 * float(np.median(np.abs(residual[kept]))), 1e-6))
            else:
                press += float(np.median((residual[kept] / np.clip(1 - leverage[kept], 0.1, 1)) ** 2))
    return found, press
