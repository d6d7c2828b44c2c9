"""The PSF of each band from a field's stars, and how much wider than it a source is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from galwidget.io.coadd import Field
    from galwidget.io.registration import Registration
    from galwidget.io.sources import Sources

__all__ = ["half_light_radius", "psf_size", "spread", "stack_stars"]

_WIDEST = 25
_CLIP = 3.0
_LEAST_SIGNAL_TO_NOISE = 20.0


def psf_size(fwhm: float) -> int:
    """Side of a PSF image, odd, for a FWHM in pixels: six times it, at most 25."""
    return min(2 * int(np.ceil(3.0 * fwhm)) + 1, _WIDEST)


def stack_stars(
    field: Field, sources: Sources, stars: np.ndarray, size: int | None = None, registration: Registration | None = None
) -> np.ndarray:
    """PSF of each band: stars moved to the centre of a pixel, brought to unit flux, and averaged.

    Parameters
    ----------
    field
        The images.
    sources
        Its sources.
    stars
        Indices of the stars.
    size
        Side of the result in pixels, odd; default `psf_size` of the widest band.
    registration
        How far each band is off; without, the sources' positions are the centres for every band: where one band is off, so is its PSF.

    Returns
    -------
    numpy.ndarray
        Shape (band, size, size), float32, unit sum.

    Raises
    ------
    ValueError
        Fewer than three stars are whole, clear of neighbours and bright enough in a band.

    Notes
    -----
    The average weighs each star by its flux squared over the sky variance, which is optimal where the sky dominates, up to
    S/N 300 so that no star rules; pixels 3 sigma off the median (a neighbour, a cosmic ray) are left out.
    """
    catalogue = sources.catalogue[stars]
    places = np.stack([catalogue["x"], catalogue["y"]], 1)[:, None] + np.zeros((len(field.flux), 1))
    if registration is not None:
        places = places + registration.offsets(catalogue["x"], catalogue["y"])
    if size is None:
        widest = max(_fwhm(_stack(field, sources, stars, places[:, band], band, _WIDEST)) for band in range(len(field.flux)))
        size = psf_size(widest)
    return np.stack([_stack(field, sources, stars, places[:, band], band, size) for band in range(len(field.flux))]).astype(np.float32)


def _stack(field: Field, sources: Sources, stars: np.ndarray, places: np.ndarray, band: int, size: int) -> np.ndarray:
    images, weights = [], []
    for star, place in zip(stars, places, strict=True):
        cut = _centred(field, sources, int(star), place, band, size)
        if cut is None:
            continue
        flux, sky = float(cut.sum()), float(1 / np.sqrt(field.ivar[band][_pixel(sources, int(star))]))
        signal_to_noise = flux / (sky * size)
        if signal_to_noise > _LEAST_SIGNAL_TO_NOISE:
            images.append(cut / flux)
            weights.append(min(signal_to_noise, 300.0) ** 2)
    if len(images) < 3:
        raise ValueError(
            f"no stars: {len(images)} of {len(stars)} are whole and bright in band number {band + 1}, and 3 are needed to measure its PSF; "
            "pass psf=, an image of unit sum for each band"
        )
    cube, weight = np.array(images), np.array(weights)[:, None, None]
    middle = np.median(cube, axis=0)
    noise = np.hypot(1.4826 * np.median(np.abs(cube - middle), axis=0), 0.05 * middle) * np.sqrt(np.median(weight) / weight).clip(1)
    kept = np.abs(cube - middle) <= _CLIP * noise
    mean = np.where(kept.any(axis=0), (cube * weight * kept).sum(axis=0) / np.maximum((weight * kept).sum(axis=0), 1e-30), middle)
    return mean / mean.sum()


def _pixel(sources: Sources, index: int) -> tuple[int, int]:
    return round(float(sources.catalogue["y"][index])), round(float(sources.catalogue["x"][index]))


def _centred(field: Field, sources: Sources, index: int, place: np.ndarray, band: int, size: int) -> np.ndarray | None:
    """Pixels around a star, its centre moved to the middle pixel; None if it leaves the field or a neighbour is near."""
    from scipy.ndimage import shift  # noqa: PLC0415 (not at import)

    row, column = _pixel(sources, index)
    half, margin = size // 2, 3
    reach = half + margin
    top, left = row - reach, column - reach
    if top < 0 or left < 0 or row + reach + 1 > field.flux.shape[1] or column + reach + 1 > field.flux.shape[2]:
        return None
    window = (slice(top, row + reach + 1), slice(left, column + reach + 1))
    segments = sources.segments[window]
    if (field.ivar[band][window] <= 0).any():
        return None
    other = (segments != 0) & (segments != index + 1)
    offset = np.arange(-reach, reach + 1)
    # neighbours near the core spoil a star; far out, their pixels are replaced by those of the point-symmetric side
    if (other & (np.hypot(offset[:, None], offset) < half / 2)).any():
        return None
    flux = field.flux[band][window].astype(float)
    flux = np.where(other, np.where(other[::-1, ::-1], 0.0, flux[::-1, ::-1]), flux)
    moved = shift(flux, (row - place[1], column - place[0]), order=3, mode="nearest")
    moved = moved[margin:-margin, margin:-margin]
    return moved if moved.sum() > 0 else None


def _fwhm(psf: np.ndarray) -> float:
    """FWHM in pixels of a round profile with this peak's half-maximum area."""
    return 2 * float(np.sqrt(np.sum(psf > psf.max() / 2) / np.pi))


def half_light_radius(psf: np.ndarray) -> float:
    """Radius in pixels of the circle around the middle pixel that holds half of the sum."""
    import sep  # noqa: PLC0415 (not at import)

    middle = psf.shape[0] // 2
    image = np.ascontiguousarray(psf, dtype=np.float64)
    total, _, _ = sep.sum_circle(image, [middle], [middle], middle + 0.5)
    return float(sep.flux_radius(image, [middle], [middle], [middle + 0.5], 0.5, normflux=total)[0][0])


def spread(field: Field, sources: Sources, psf: np.ndarray, reference: int) -> tuple[np.ndarray, np.ndarray]:
    """How much wider than the PSF each source is: SPREAD_MODEL and its error, 0 for a star, positive for a galaxy.

    Notes
    -----
    Desai et al. 2012 (ApJ 757, 83), equation 2: with p the pixels, W their inverse variance, f the PSF and g the PSF
    widened by an exponential disc of scale length h = FWHM/16, gWp/fWp - gWf/fWf. The disc, narrower than a pixel, enters by its second
    moment alone: g = f + (3 h2 / 2) laplacian f.
    Only the source's own pixels and the sky are looked at. NaN where the source cannot be judged.
    """
    from scipy.ndimage import laplace, shift  # noqa: PLC0415 (not at import)

    plane = psf[reference].astype(float)
    size = len(plane)
    half = size // 2
    narrow = np.pad(plane, 2)
    wide = narrow + 1.5 * (_fwhm(plane) / 16) ** 2 * laplace(narrow)
    value, error = np.full(len(sources), np.nan), np.full(len(sources), np.nan)
    flux, ivar = field.flux[reference], field.ivar[reference]
    for index in range(len(sources)):
        row, column = _pixel(sources, index)
        window = (slice(max(row - half, 0), row + half + 1), slice(max(column - half, 0), column + half + 1))
        pixels, weight, segments = flux[window], ivar[window], sources.segments[window]
        if pixels.shape != (size, size):
            continue
        weight = np.where((segments == 0) | (segments == index + 1), weight, 0)
        offset = (float(sources.catalogue["y"][index]) - row, float(sources.catalogue["x"][index]) - column)
        f, g = (shift(model, offset, order=1)[2:-2, 2:-2] for model in (narrow, wide))
        fwp, gwp = (float((model * weight * pixels).sum()) for model in (f, g))
        fwf, gwf, gwg = (float((one * weight * other).sum()) for one, other in ((f, f), (g, f), (g, g)))
        if fwp > 0 and fwf > 0:
            value[index] = gwp / fwp - gwf / fwf
            error[index] = np.sqrt(max(gwg * fwp**2 + fwf * gwp**2 - 2 * gwf * fwp * gwp, 0)) / fwp**2
    return value, error
