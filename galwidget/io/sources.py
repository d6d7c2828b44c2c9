"""What a field holds: sources found on the stack of its bands, and which of them are stars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from galwidget.io.coadd import Field

__all__ = ["Sources", "find_sources", "is_star", "stellar_locus"]

_THRESHOLD = 1.5
_PIXEL_STACK = 10_000_000
_FLAGS_TO_AVOID = 0b1111  # sep: merged with a neighbour, truncated at the border, aperture truncated or not positive
_STAR_SIGNAL_TO_NOISE = 50.0
_LOCUS_WIDTH = 0.05
_LEAST_STARS = 5
_SPREAD_OF_STARS = 0.004
_BRIGHT_STAR = 1000.0


@dataclass
class Sources:
    """Sources of a field, one entry each.

    Parameters
    ----------
    catalogue
        sep's structured array: ``x``, ``y`` (pixels from 0), ``a``, ``b``, ``theta``, ``flag``, ``npix``...
    segments
        Shape (y, x), int32; source i covers the pixels of value i + 1, 0 is sky.
    flux, flux_error
        In the reference band, nJy, in an aperture of 2.5 Kron radii.
    r_half
        Half-light radius in pixels, in the reference band.
    """

    catalogue: np.ndarray
    segments: np.ndarray
    flux: np.ndarray
    flux_error: np.ndarray
    r_half: np.ndarray

    def __len__(self) -> int:
        return len(self.catalogue)

    @property
    def signal_to_noise(self) -> np.ndarray:
        """Flux over its error, shape (source,)."""
        return self.flux / self.flux_error


def find_sources(field: Field, reference: int, bands: Sequence[int]) -> Sources:
    """Sources on the noise-weighted mean of ``bands``, sized and weighed in the band ``reference``.

    Raises
    ------
    ValueError
        Nothing stands out of the noise.
    """
    import sep  # noqa: PLC0415 (not at import)

    weight = field.ivar[list(bands)]
    total = weight.sum(axis=0)
    bad = total <= 0
    stack = (weight * field.flux[list(bands)]).sum(axis=0) / np.sqrt(np.where(bad, 1, total))
    previous = sep.get_extract_pixstack()
    sep.set_extract_pixstack(_PIXEL_STACK)
    try:
        catalogue, segments = sep.extract(
            stack, _THRESHOLD, err=1.0, mask=bad, minarea=6, filter_kernel=_gaussian_kernel(), filter_type="conv",
            deblend_nthresh=32, deblend_cont=0.002, segmentation_map=True,
        )  # fmt: skip
    finally:
        sep.set_extract_pixstack(previous)
    if not len(catalogue):
        raise ValueError("no source stands out of the noise: the field is empty, or its noise or zero point is wrong; look at the images")
    return _weighed(field, reference, catalogue, segments)


def _weighed(field: Field, reference: int, catalogue: Any, segments: np.ndarray) -> Sources:
    import sep  # noqa: PLC0415 (not at import)

    flux, ivar = field.flux[reference], field.ivar[reference]
    mask = ivar <= 0
    variance = np.divide(np.float32(1), ivar, where=~mask, out=np.zeros_like(ivar))
    x, y, a, b = (catalogue[name] for name in ("x", "y", "a", "b"))
    theta = np.clip(catalogue["theta"], -np.pi / 2, np.pi / 2)
    labels = np.arange(1, len(catalogue) + 1, dtype=np.int32)
    neighbours = {"mask": mask, "seg_id": labels, "segmap": segments}
    kron, _ = sep.kron_radius(flux, x, y, a, b, theta, 6.0, **neighbours)
    factor = np.maximum(2.5 * np.nan_to_num(kron), 3.5)
    total, error, _ = sep.sum_ellipse(flux, x, y, a, b, theta, factor, var=variance, **neighbours)
    r_half, _ = sep.flux_radius(flux, x, y, 6.0 * a, 0.5, normflux=total, subpix=5, **neighbours)
    # centres where the light peaks, not of the whole isophote: a lopsided galaxy's barycentre is pixels away (SExtractor's XWIN_IMAGE)
    width = 2 / 2.35 * np.clip(np.nan_to_num(r_half, nan=1.0), 1.0, None)
    centres = np.stack(sep.winpos(flux, x, y, width, mask=mask)[:2])
    near = (
        np.isfinite(centres).all(0) & (np.hypot(*(centres - [x, y])) < np.maximum(r_half, 1.0)) & (catalogue["flag"] & _FLAGS_TO_AVOID == 0)
    )
    for name, place in zip(("x", "y"), centres, strict=True):
        catalogue[name] = np.where(near, place, catalogue[name])
    return Sources(catalogue, segments, total, np.where(error > 0, error, np.inf), r_half)


def stellar_locus(sources: Sources) -> np.ndarray:
    """Indices of bright, isolated, round sources of one size, below which there is nothing: the field's stars.

    Raises
    ------
    ValueError
        There are too few.
    """
    catalogue = sources.catalogue
    usable = (sources.signal_to_noise > _STAR_SIGNAL_TO_NOISE) & (catalogue["flag"] & _FLAGS_TO_AVOID == 0)
    usable &= (catalogue["b"] > 0.75 * catalogue["a"]) & (sources.r_half > 0.5)
    index = np.flatnonzero(usable)
    size = np.log(sources.r_half[index])
    near = np.abs(size[:, None] - size) < _LOCUS_WIDTH
    count = near.sum(axis=1)
    # the most crowded size is that of stars only if hardly anything is smaller: nothing is smaller than the PSF
    smaller = (size[:, None] - size > 2 * _LOCUS_WIDTH).sum(axis=1)
    stars = np.flatnonzero((count >= _LEAST_STARS) & (smaller <= 0.25 * count))
    if not stars.size:
        raise ValueError(
            f"no stars: {len(index)} bright round sources, and no {_LEAST_STARS} of them share the smallest size, so there is no PSF; "
            "pass psf=, an image of unit sum for each band"
        )
    return index[near[stars[np.argmax(count[stars])]]]


def is_star(sources: Sources, spread: np.ndarray, stars: np.ndarray) -> np.ndarray:
    """Which sources are as sharp as the PSF, shape (source,).

    Parameters
    ----------
    sources
        Those of the field.
    spread
        SPREAD_MODEL in the reference band, see `galwidget.io.psf.spread`; its zero is that of ``stars``.
    stars
        Indices of the stars that made the PSF; empty when it was given, then zero is zero.

    Notes
    -----
    A star has a SPREAD_MODEL below 0.004. So has one in the halo of another, where its half-light radius says nothing. Stars that saturate
    grow wider than the PSF; nothing but a star has a peak above a quarter of that of the brightest
    that does not, if that has S/N 1000 or more (in KiDS and SDSS galaxies reach 0.06 of it, saturated stars 0.38 and more).
    """
    zero = float(np.nanmedian(spread[stars])) if len(stars) else 0.0
    star = np.nan_to_num(spread - zero, nan=np.inf) < _SPREAD_OF_STARS
    bright = stars[sources.signal_to_noise[stars] > _BRIGHT_STAR] if len(stars) else stars
    if len(bright):
        peak = sources.catalogue["peak"]
        star |= peak > peak[bright].max() / 4
    return star


def _gaussian_kernel() -> np.ndarray:
    offset = np.arange(-2, 3)
    return np.exp(-4 * np.log(2) * (offset[:, None] ** 2 + offset**2) / 2.5**2)
