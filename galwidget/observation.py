"""The instrument after the model: put a survey's PSF, pixels and noise on flux that has none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from galwidget.galaxies import Galaxies
from galwidget.survey import Survey

__all__ = ["observe"]

#: How far, in relative wavelength, a band may lie outside of the model's bands and still be taken from the nearest one.
_REACH = 0.06


def observe(
    galaxies: Galaxies,
    survey: str | Survey | None = None,
    *,
    psf: Any = None,
    noise: bool = True,
    seed: int | None = None,
    bands: Sequence[str] | None = None,
) -> Galaxies:
    """Galaxies as a telescope sees them.

    Parameters
    ----------
    galaxies
        Noiseless, PSF-free flux, as ``model.decode`` and ``model.sample`` return it.
    survey
        The survey that looks: a preset's name or a `Survey`. Default: the galaxies' own. Bands that lie between those of the galaxies are
        interpolated in wavelength, bands outside of them are left out; pixels are resampled to the survey's scale.
    psf
        PSF (band, k, k) or (n, band, k, k) in the survey's pixels, instead of the survey's.
    noise
        Whether to add the survey's noise: sky, and shot noise of the source. Without, ``ivar`` still says what it would be.
    seed
        Of the noise.
    bands
        The survey's bands to keep; default: all that the galaxies' wavelengths reach.

    Returns
    -------
    Galaxies
        Flux in nJy, ivar and psf of the survey; the table is kept.

    Raises
    ------
    ValueError
        No band, or a band asked for, is within the galaxies' wavelengths.
    """
    flux, _ = galaxies.require_images()
    source = galaxies.survey
    target = source if survey is None else Survey.named(survey)
    reached = [band.name for band in target.bands if _within(band.wavelength, source)]
    wanted = list(bands) if bands is not None else reached
    outside = [name for name in wanted if name not in reached]
    if outside or not wanted:
        raise ValueError(
            f"{target.name} band {', '.join(outside or target.band_names)} lies outside of the galaxies' bands "
            f"{', '.join(source.band_names)}; "
            f"bands that can be observed: {', '.join(reached) or 'none'}"
        )
    target = target.select(wanted)
    kernel = target.psf() if psf is None else np.ascontiguousarray(psf, dtype=np.float32)
    seen = _in_bands(flux, source, target)
    ratio = target.pixel_scale / source.pixel_scale
    # convolve on the finer of the two grids, where both light and PSF are sampled
    if ratio > 1.001:
        seen = _resample(_convolve(seen, _resize_psf(kernel, ratio)), ratio)
    elif ratio < 0.999:
        seen = _convolve(_resample(seen, ratio), kernel)
    else:
        seen = _convolve(seen, kernel)
    variance = target.sky_sigma[:, None, None] ** 2 + np.maximum(seen, 0) / target.gain[:, None, None]
    if noise:
        seen = seen + np.sqrt(variance) * np.random.default_rng(seed).standard_normal(seen.shape)
    return Galaxies(seen, 1 / variance, kernel, galaxies.table, survey=target)


def _within(wavelength: float, source: Survey) -> bool:
    known = [band.wavelength for band in source.bands]
    return min(known) * (1 - _REACH) <= wavelength <= max(known) * (1 + _REACH)


def _in_bands(flux: np.ndarray, source: Survey, target: Survey) -> np.ndarray:
    """Flux in the target's bands, linear in wavelength between the two nearest bands, pixel by pixel."""
    if target.band_names == source.band_names and target.bands == source.bands:
        return flux
    order = np.argsort([band.wavelength for band in source.bands])
    known = np.array([source.bands[i].wavelength for i in order])
    planes = []
    for band in target.bands:
        upper = int(np.clip(np.searchsorted(known, band.wavelength), 1, max(len(known) - 1, 1))) if len(known) > 1 else 0
        lower = max(upper - 1, 0)
        span = known[upper] - known[lower]
        share = float(np.clip((band.wavelength - known[lower]) / span, 0, 1)) if span else 0.0
        planes.append((1 - share) * flux[:, order[lower]].astype(np.float64) + share * flux[:, order[upper]])
    return np.stack(planes, 1)


def _convolve(flux: np.ndarray, psf: np.ndarray) -> np.ndarray:
    from scipy.signal import fftconvolve  # noqa: PLC0415 (half a second to import, for which the first picture need not wait)

    return fftconvolve(flux, psf if psf.ndim == 4 else psf[None], mode="same", axes=(-2, -1))


def _resample(flux: np.ndarray, ratio: float) -> np.ndarray:
    """Surface brightness on pixels ``ratio`` times as large, the central pixel (n // 2) staying central; flux is kept."""
    from scipy import ndimage  # noqa: PLC0415 (only where pixels are of another size)

    height, width = flux.shape[-2:]
    sides = [max(8, 2 * int(side / ratio / 2)) for side in (height, width)]
    if ratio > 1:  # a larger pixel collects: a box as wide as the pixel first, or the samples between would be lost
        for axis in (-2, -1):
            flux = ndimage.convolve1d(flux, _box(ratio), axis=axis, mode="constant")
    rows = (np.arange(sides[0]) - sides[0] // 2) * ratio + height // 2
    columns = (np.arange(sides[1]) - sides[1] // 2) * ratio + width // 2
    grid = np.meshgrid(rows, columns, indexing="ij")
    order = 3 if ratio > 1 else 1
    planes = [ndimage.map_coordinates(plane, grid, order=order, mode="constant") for plane in flux.reshape(-1, height, width)]
    return (np.stack(planes) * ratio**2).reshape(*flux.shape[:2], *sides)


def _box(width: float) -> np.ndarray:
    """A box of ``width`` pixels as a kernel of unit sum, partial at the ends."""
    half = int(np.ceil((width - 1) / 2))
    weights = np.ones(2 * half + 1)
    weights[[0, -1]] = max((width - (2 * half - 1)) / 2, 0) if half else 1
    return weights / weights.sum()


def _resize_psf(psf: np.ndarray, ratio: float) -> np.ndarray:
    """The PSF on pixels ``ratio`` times smaller."""
    from scipy import ndimage  # noqa: PLC0415 (only where pixels are of another size)

    side = psf.shape[-1]
    size = 2 * int(side * ratio / 2) + 1
    at = (np.arange(size) - size // 2) / ratio + side // 2
    grid = np.meshgrid(at, at, indexing="ij")
    planes = [ndimage.map_coordinates(plane, grid, order=3, mode="constant") for plane in psf.reshape(-1, side, side).astype(float)]
    finer = np.maximum(np.stack(planes), 0).reshape(*psf.shape[:-2], size, size)
    return finer / finer.sum((-2, -1), keepdims=True)
