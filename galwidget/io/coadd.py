"""The images of a field on one pixel grid: background taken off, noise of each pixel, bands aligned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from galwidget.io.images import Image

if TYPE_CHECKING:
    from astropy.wcs import WCS

__all__ = ["Field", "field_of"]

_MESH = 128
_STRIPE = 5.0
_PIECE = 400
_BAD = 0.02
_LEAST_LINE = 50
_ALIGNED = 0.05  # pixels
_PIXEL_SCALE_TOLERANCE = 0.01


@dataclass
class Field:
    """Images of one piece of sky in some bands, pixel on pixel.

    Parameters
    ----------
    flux
        Shape (band, y, x), float32, nJy, background taken off; 0 where bad.
    ivar
        Inverse variance of the sky, shape of ``flux``, nJy-2; 0 where bad. Source shot noise is not in it.
    wcs
        Celestial WCS of the grid, or None.
    """

    flux: np.ndarray
    ivar: np.ndarray
    wcs: WCS | None


def field_of(images: Mapping[str, Image], weights: Mapping[str, np.ndarray], reference: str, pixel_scale: float | None) -> Field:
    """The field on the pixel grid of the band ``reference``.

    Parameters
    ----------
    images
        Band name: `Image`.
    weights
        Band name: weight map of the image's shape, proportional to the inverse variance, 0 where bad; a band may be left out.
    reference
        The band whose grid is kept.
    pixel_scale
        Side of a pixel in arcsec that the survey promises, checked where there is a WCS; None: not checked.

    Raises
    ------
    ValueError
        A band has another size and no WCS, no noise, a pixel scale of its own, or does not overlap the others.

    Notes
    -----
    A band whose WCS differs by more than a twentieth of a pixel is resampled (`reproject`, bicubic). Interpolation lowers the scatter
    of pixels and correlates them; the variance kept is that of the pixels before, so that the noise of an aperture stays right.
    """
    grid = images[reference]
    if pixel_scale is not None and grid.wcs is not None:
        _check_scale(grid.wcs, pixel_scale, reference)
    planes = []
    for band, image in images.items():
        flux, ivar = _without_background(image.flux, weights.get(band), band)
        planes.append(_aligned(flux, ivar, image, grid, band, reference))
    return Field(np.stack([flux for flux, _ in planes]), np.stack([ivar for _, ivar in planes]), grid.wcs)


def _without_background(flux: np.ndarray, weight: np.ndarray | None, band: str) -> tuple[np.ndarray, np.ndarray]:
    """Background by sep on a mesh, in two passes: what the first finds bright is masked in the second."""
    import sep  # noqa: PLC0415 (not at import)

    bad = ~np.isfinite(flux)
    if weight is not None:
        if weight.shape != flux.shape:
            raise ValueError(f"band {band!r}: the weight map has shape {weight.shape} the image {flux.shape}; they must be the same")
        bad |= ~(np.isfinite(weight) & (weight > 0))
    if bad.all():
        raise ValueError(f"band {band!r} has no good pixel: all are NaN or of weight 0; give another image or weight map")
    flux = np.where(bad, np.float32(0), flux)
    mesh = min(_MESH, *flux.shape)
    first = sep.Background(flux, mask=bad, bw=mesh, bh=mesh)
    if not (first.rms() > 0).any():  # sep's own globalrms is 1 for a constant image
        raise ValueError(f"band {band!r} has no noise: it is constant or noiseless; give the observed image")
    flux = np.where(bad, np.float32(0), flux - first.back())
    rms = first.rms()
    flux, rms = _without_stripes(flux, rms, ~(bad | _bright(flux, 3 * rms)))
    sky = ~(bad | _bright(flux, rms))
    background = sep.Background(flux, mask=~sky, bw=mesh, bh=mesh)
    flux, rms = _without_stripes(flux - background.back(), background.rms(), sky)
    flux[bad] = 0
    if weight is None:
        ivar = np.divide(np.float32(1), rms**2, where=~bad, out=np.zeros_like(flux))
    else:
        weight = np.where(bad, np.float32(0), weight).astype(np.float32)
        scaled = (flux * np.sqrt(weight))[sky]
        ivar = weight / np.float32(1.4826 * np.median(np.abs(scaled - np.median(scaled)))) ** 2
    return flux, ivar


def _bright(flux: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    """Sources and their surroundings."""
    from scipy.ndimage import binary_dilation, gaussian_filter  # noqa: PLC0415 (not at import)

    return binary_dilation(gaussian_filter(flux, 2.0) > threshold, iterations=6)


def _without_stripes(flux: np.ndarray, rms: np.ndarray, sky: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gaps between CCDs run along columns and rows, narrower than the mesh: the level and noise of each, where they stand out.

    First of whole columns and rows, then of pieces, for gaps that bend.
    """
    for length in (max(flux.shape), _PIECE):
        for axis in (0, 1):
            step = min(length, flux.shape[axis])
            for start in range(0, flux.shape[axis] - step // 2, step):
                stop = start + step if start + step * 3 // 2 <= flux.shape[axis] else flux.shape[axis]
                part = (slice(start, stop), slice(None)) if axis == 0 else (slice(None), slice(start, stop))
                level, scatter = _level_and_scatter(flux[part] / rms[part], sky[part], axis)
                flux[part] -= level * rms[part]
                rms[part] *= scatter
    return flux, rms


def _level_and_scatter(scaled: np.ndarray, sky: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Median and scatter (from the quartiles) along an axis; 0 and 1 where they are within five standard errors of that."""
    lines = np.moveaxis(np.where(sky, scaled, np.inf), axis, -1)
    ordered = np.sort(lines, axis=-1)
    count = np.isfinite(ordered).sum(axis=-1)
    quartile, median, third = (
        np.take_along_axis(ordered, np.minimum(count * q // 4, ordered.shape[-1] - 1)[:, None], axis=-1) for q in (1, 2, 3)
    )
    # standard errors of the median and of the quartiles' scatter of n Gaussian numbers: 1.25 and 1.17 over sqrt(n)
    error = (_STRIPE * 1.25 / np.sqrt(np.maximum(count, 1)))[:, None]
    enough = (count >= _LEAST_LINE)[:, None]
    with np.errstate(invalid="ignore"):  # a line without sky is all infinite
        scatter = (third - quartile) / 1.349
        level = np.where(enough & (np.abs(median) > error), median, 0)
        scatter = np.where(enough & (np.abs(scatter - 1) > error), scatter, 1)
    return tuple(np.moveaxis(value.astype(np.float32), -1, axis) for value in (level, scatter))  # type: ignore[return-value]


def _aligned(flux: np.ndarray, ivar: np.ndarray, image: Image, grid: Image, band: str, reference: str) -> tuple[np.ndarray, np.ndarray]:
    shape = grid.flux.shape
    if image is grid:
        return flux, ivar
    if image.wcs is None or grid.wcs is None:
        if flux.shape != shape:
            raise ValueError(
                f"band {band!r} is {flux.shape[1]} x {flux.shape[0]} pixels but {reference!r} is {shape[1]} x {shape[0]}, and with no WCS "
                "they cannot be aligned; give images of one size, or with a WCS"
            )
        return flux, ivar
    if flux.shape == shape and _offset(image.wcs, grid.wcs, shape) < _ALIGNED:
        return flux, ivar
    from astropy.wcs.utils import proj_plane_pixel_area  # noqa: PLC0415 (not at import)
    from reproject import reproject_interp  # noqa: PLC0415 (heavy)

    area = float(proj_plane_pixel_area(grid.wcs) / proj_plane_pixel_area(image.wcs))
    bad = ivar <= 0
    variance = np.divide(np.float32(1), ivar, where=~bad, out=np.full_like(ivar, 1 / np.median(ivar[~bad])))
    planes = np.stack([flux, variance, bad.astype(np.float32)])
    moved, variance, badness = reproject_interp(
        (planes, image.wcs), grid.wcs, shape_out=shape, order="bicubic", return_footprint=False, roundtrip_coords=False
    )
    good = np.isfinite(moved) & (variance > 0) & (np.abs(badness) < _BAD)
    if not good.any():
        raise ValueError(f"band {band!r} and {reference!r} show different sky: their WCS do not overlap; give images of one field")
    # pixels of another size hold another share of the light: flux scales with the area, and so does the variance of independent pixels
    moved = np.where(good, moved * area, 0).astype(np.float32)
    return moved, np.divide(1.0, variance * area, where=good, out=np.zeros(shape)).astype(np.float32)


def _offset(one: WCS, other: WCS, shape: tuple[int, int]) -> float:
    """Largest distance in pixels between the two grids, over a few points."""
    y, x = (points.ravel() for points in np.meshgrid(*(np.linspace(0, side - 1, 4) for side in shape), indexing="ij"))
    moved: Any = one.world_to_pixel_values(*other.pixel_to_world_values(x, y))
    return float(np.hypot(moved[0] - x, moved[1] - y).max())


def _check_scale(wcs: WCS, pixel_scale: float, band: str) -> None:
    from astropy.wcs.utils import proj_plane_pixel_area  # noqa: PLC0415 (not at import)

    found = float(np.sqrt(proj_plane_pixel_area(wcs))) * 3600
    if abs(found / pixel_scale - 1) > _PIXEL_SCALE_TOLERANCE:
        raise ValueError(
            f"the WCS of band {band!r} has pixels of {found:.4g} arcsec but the survey's are {pixel_scale:.4g}; "
            f"pass survey=dataclasses.replace(survey, pixel_scale={found:.4g}), or images resampled to the survey's pixels"
        )
