"""A survey field becomes galaxies: detect, tell stars from galaxies, measure the PSF, cut out, mask neighbours, measure."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import QTable, hstack

from galwidget.galaxies import Galaxies
from galwidget.io import psf as stars_to_psf
from galwidget.io.coadd import Field, field_of
from galwidget.io.images import Image, read_image
from galwidget.io.registration import register, shifted
from galwidget.io.sky import sky_columns
from galwidget.io.sources import Sources, find_sources, is_star, stellar_locus
from galwidget.measurement import measure, reference_band
from galwidget.survey import Band, Survey, magnitude_to_nanojansky

__all__ = ["read_field"]

_log = logging.getLogger(__name__)

_GROW = 2
_MOSTLY_MASKED = 0.5
_CORE = 4.0
_SHARP = 0.01
_SHOT_SMOOTHING = 1.0


def read_field(
    images: Mapping[str, Any],
    survey: str | Survey | None = None,
    weights: Mapping[str, Any] | None = None,
    psf: Any = None,
    stamp: int = 64,
    *,
    zero_point: float | Mapping[str, float] | None = None,
    detect: Sequence[str] | None = None,
    mag_limit: float | None = None,
    signal_to_noise: float = 10.0,
) -> Galaxies:
    """Galaxies of one field of a survey, from an image a band.

    Parameters
    ----------
    images
        Band name: FITS file (plain, ``.gz`` or tile-compressed ``.fz``; its first two-dimensional image), open HDU, or array (y, x).
        In nJy, maggies or another unit of flux (``BUNIT``), or in counts with a zero point in the header or in ``zero_point``.
        Bands on different pixel grids are resampled to that of the reference band, where each has a WCS.
    survey
        The survey, or the name of a preset; the galaxies come in its bands that are given, in its order. Default: described from the
        images, for bands whose wavelengths a preset knows.
    weights
        Band name: weight map, like ``images``, proportional to the inverse variance of the sky, 0 = bad pixel; its scale is measured.
        Default: the noise is measured on a mesh.
    psf
        PSF of each band, shape (band, k, k) in the order of the survey's bands, k odd, unit sum. Default: measured from the field's stars.
        Each galaxy's ``psf`` is this, moved by how far each band lies off the reference band at that place
        (`galwidget.io.registration`).
    stamp
        Side of the images in pixels.
    zero_point
        AB magnitude of one unit of the images, one for all or one a band; default: the header's.
    detect
        Bands of the stack on which sources are found; default: all.
    mag_limit
        Faintest magnitude in the reference band; default: no limit but ``signal_to_noise``.
    signal_to_noise
        Least signal-to-noise ratio of the flux in the reference band.

    Returns
    -------
    Galaxies
        Stamps with the background taken off; ``ivar`` holds the sky's noise and the galaxy's own shot noise, and 0 for neighbours and bad
        pixels; the table holds what `galwidget.measure` gives, ``x`` and ``y``, and where there is a WCS ``ra``, ``dec`` and the
        directions of north and east (`galwidget.io.sky`). How many sources were left out, and why, is in ``table.meta["dropped"]``, a
        dictionary.

    Raises
    ------
    FileNotFoundError, ValueError, KeyError
        A file or band is missing, cannot be read or does not fit the others; there are no stars, or no galaxies.

    Notes
    -----
    The reference band is ``r``, or the one nearest 620 nm. Stars are told by SPREAD_MODEL (Desai et al. 2012, ApJ 757, 83) against the PSF;
    the PSF is the mean of the bright sources on the locus of the smallest size.

    Examples
    --------
    >>> galaxies = read_field({"g": "g.fits.fz", "r": "r.fits.fz", "i": "i.fits.fz"}, survey="KiDS")  # doctest: +SKIP
    """
    bands, survey = _bands(images, survey)
    if stamp < 8:
        raise ValueError(f"stamp is {stamp}; give the side of the images in pixels, 8 or more")
    read = {band: read_image(images[band], band, _zero_point(zero_point, band)) for band in bands}
    described = _describe(read) if survey is None else survey
    reference = reference_band(described)
    maps = {band: _weight_map(source, band, bands) for band, source in (weights or {}).items()}
    field = field_of(read, maps, reference, described.pixel_scale)
    detected = [described.index(band) for band in detect] if detect is not None else range(len(bands))
    sources = find_sources(field, described.index(reference), detected)
    field = _with_undetected(field, sources)
    stars = stellar_locus(sources) if psf is None else np.array([], dtype=int)
    registration = register(field, sources, described.index(reference))
    psf = stars_to_psf.stack_stars(field, sources, stars, registration=registration) if psf is None else _given_psf(psf, len(bands))
    if survey is None:
        described = _with_noise(described, field, psf)
    kept, dropped = _select(field, sources, stars, psf, described, stamp, mag_limit, signal_to_noise)
    if not kept:
        reasons = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
        raise ValueError(f"no galaxies: of {len(sources)} sources {reasons}; check mag_limit, signal_to_noise and the zero point")
    x, y = (np.asarray(sources.catalogue[axis][kept], float) for axis in ("x", "y"))
    galaxies = _cut_out(field, sources, kept, shifted(psf, registration.offsets(x, y)), described, stamp)
    return _finish(galaxies, described, dropped)


def _with_undetected(field: Field, sources: Sources) -> Field:
    """Sources too faint to detect are noise too: the variance of the sky where nothing was found, not only the width of its core."""
    sky = sources.segments == 0
    ivar = np.empty_like(field.ivar)
    for band, (flux, weight) in enumerate(zip(field.flux, field.ivar, strict=True)):
        here = sky & (weight > 0)
        # resampling lowers the scatter of pixels, but not the noise of an aperture: never below 1
        ivar[band] = weight / max(1.0, float(np.mean(flux[here] ** 2 * weight[here])))
    return replace(field, ivar=ivar)


def _bands(images: Mapping[str, Any], survey: str | Survey | None) -> tuple[tuple[str, ...], Survey | None]:
    if not images:
        raise ValueError("no images: the dictionary is empty; give {band name: FITS file}")
    if survey is None:
        return tuple(images), None
    survey = Survey.named(survey)
    for band in images:
        if band not in survey.band_names:
            raise KeyError(f"band {band!r} was given, but survey {survey.name} has {', '.join(survey.band_names)}; use its names")
    chosen = tuple(band for band in survey.band_names if band in images)
    return chosen, survey.select(chosen)


def _zero_point(zero_point: float | Mapping[str, float] | None, band: str) -> float | None:
    return zero_point.get(band) if isinstance(zero_point, Mapping) else zero_point


def _weight_map(source: Any, band: str, bands: tuple[str, ...]) -> np.ndarray:
    if band not in bands:
        raise KeyError(f"weights has band {band!r}, but the images are of {', '.join(bands)}")
    return read_image(source, f"{band} (weight)", zero_point=31.4).flux


def _given_psf(psf: Any, bands: int) -> np.ndarray:
    psf = np.asarray(psf, dtype=np.float32)
    if psf.ndim != 3 or len(psf) != bands:
        raise ValueError(f"psf has shape {psf.shape}; give (band, k, k) with {bands} bands in the order of the survey")
    return psf


def _describe(images: Mapping[str, Image]) -> Survey:
    """A survey from what headers say; what is measured comes later (`_with_noise`)."""
    from astropy.wcs.utils import proj_plane_pixel_area  # noqa: PLC0415 (not at import)

    known = {band.name: band.wavelength for preset in ("LSST", "SDSS", "KiDS") for band in Survey.named(preset).bands}
    unknown = [band for band in images if band not in known]
    if unknown:
        raise ValueError(f"the wavelength of band {unknown[0]!r} is not known; pass survey=, a preset or Survey(name, bands, pixel_scale)")
    wcs = next((image.wcs for image in images.values() if image.wcs is not None), None)
    if wcs is None:
        raise ValueError(
            "the images have no WCS, so their pixel scale is not known; pass survey=, a preset or Survey(name, bands, pixel_scale)"
        )
    header = next(iter(images.values())).header
    name = str(header.get("SURVEY") or header.get("TELESCOP") or "field").strip()
    bands = [
        Band(band, known[band], psf_fwhm=1.0, sky_sigma=1.0, gain=image.gain if math.isfinite(image.gain) else math.inf)
        for band, image in images.items()
    ]
    return Survey(name, tuple(bands), float(np.sqrt(proj_plane_pixel_area(wcs))) * 3600)


def _with_noise(survey: Survey, field: Field, psf: np.ndarray) -> Survey:
    bands = []
    for band, plane, ivar in zip(survey.bands, psf, field.ivar, strict=True):
        # FWHM of the Moffat profile (beta = 3) with this half-light radius, the form `Survey.psf` gives back: FWHM = 1.5834 r_half
        fwhm = 1.5834 * stars_to_psf.half_light_radius(plane) * survey.pixel_scale
        sky = float(1 / np.sqrt(np.median(ivar[ivar > 0])))
        bands.append(Band(band.name, band.wavelength, fwhm, sky, band.gain))
    return Survey(survey.name, tuple(bands), survey.pixel_scale)


def _select(
    field: Field,
    sources: Sources,
    stars: np.ndarray,
    psf: np.ndarray,
    survey: Survey,
    stamp: int,
    mag_limit: float | None,
    signal_to_noise: float,
) -> tuple[list[int], Counter[str]]:
    """Which sources become galaxies, and how many do not, by reason (the first that holds)."""
    reference = survey.index(reference_band(survey))
    width, _ = stars_to_psf.spread(field, sources, psf, reference)
    star = is_star(sources, width, stars)
    least = 0.0 if mag_limit is None else float(magnitude_to_nanojansky(mag_limit))
    kept, dropped = [], Counter[str]()
    for index in range(len(sources)):
        if not sources.signal_to_noise[index] >= signal_to_noise:
            reason = f"below S/N {signal_to_noise:g}"
        elif sources.flux[index] < least:
            reason = f"fainter than {mag_limit:g} mag"
        elif star[index]:
            reason = "stars"
        elif _window(sources, index, stamp, field.flux.shape) is None:
            reason = "at the edge of the field"
        elif not np.isfinite(width[index]) or width[index] < -_SHARP:
            reason = "sharper than the PSF"
        elif _mostly_masked(field, sources, index, stamp):
            reason = "mostly masked"
        else:
            kept.append(index)
            continue
        dropped[reason] += 1
    return kept, dropped


def _window(sources: Sources, index: int, stamp: int, shape: tuple[int, ...]) -> tuple[slice, slice] | None:
    """Rows and columns of a stamp whose middle is within half a pixel of the source; None where it leaves the field."""
    corner = [round(float(sources.catalogue[axis][index]) - (stamp - 1) / 2) for axis in ("y", "x")]
    if any(start < 0 or start + stamp > side for start, side in zip(corner, shape[-2:], strict=True)):
        return None
    top, left = corner
    return slice(top, top + stamp), slice(left, left + stamp)


def _neighbours(sources: Sources, index: int, window: tuple[slice, slice]) -> tuple[np.ndarray, np.ndarray]:
    """The pixels of other sources, grown by two, and those of source ``index``; where they meet, the galaxy keeps its own."""
    from scipy.ndimage import binary_dilation  # noqa: PLC0415 (not at import)

    segments = sources.segments[window]
    own = segments == index + 1
    other = (segments != 0) & ~own
    return binary_dilation(other, iterations=_GROW) & ~own, own


def _mostly_masked(field: Field, sources: Sources, index: int, stamp: int) -> bool:
    """Whether half the stamp is masked in some band that has data at all, or anything in its core."""
    window = _window(sources, index, stamp, field.flux.shape)
    assert window is not None  # noqa: S101 (asked after the edge was)
    other, own = _neighbours(sources, index, window)
    bad = (field.ivar[:, *window] <= 0) | other
    middle = np.arange(stamp) - (stamp - 1) / 2
    core = np.hypot(middle[:, None], middle) < _CORE
    return bool(bad.mean(axis=(1, 2)).max() > _MOSTLY_MASKED or (bad & (core & own)).any(axis=0).sum() > core.sum() / 4)


def _cut_out(field: Field, sources: Sources, kept: Sequence[int], psf: np.ndarray, survey: Survey, stamp: int) -> Galaxies:
    from scipy.ndimage import binary_dilation, gaussian_filter  # noqa: PLC0415 (not at import)

    flux = np.empty((len(kept), len(survey.bands), stamp, stamp), np.float32)
    ivar = np.empty_like(flux)
    for row, index in enumerate(kept):
        window = _window(sources, index, stamp, field.flux.shape)
        assert window is not None  # noqa: S101 (those at the edge are not kept)
        other, own = _neighbours(sources, index, window)
        flux[row], sky = field.flux[:, *window], field.ivar[:, *window]
        # the galaxy's own photons, from its smoothed light: raw pixels would give their upward noise less weight, and so bias low
        light = np.stack([gaussian_filter(plane, _SHOT_SMOOTHING) for plane in flux[row]]).clip(0)
        light *= binary_dilation(own, iterations=_GROW)
        ivar[row] = np.where(other, 0, sky / (1 + sky * light / survey.gain[:, None, None]))
    x, y = (np.asarray(sources.catalogue[axis][list(kept)], float) for axis in ("x", "y"))
    table = QTable({"x": x * u.pix, "y": y * u.pix})
    if field.wcs is not None:
        table = hstack([table, sky_columns(field.wcs, x, y)])
    return Galaxies(flux, ivar, psf, table, survey=survey)


def _finish(galaxies: Galaxies, survey: Survey, dropped: Counter[str]) -> Galaxies:
    """Measured attributes in the table; what has none of a brightness is not a galaxy."""
    galaxies = measure(galaxies)
    found = np.isfinite(galaxies.attribute(f"mag_{reference_band(survey)}"))
    dropped["not found in their stamp"] += int(np.sum(~found))
    galaxies = galaxies[found]
    galaxies.table.meta["dropped"] = {reason: count for reason, count in dropped.items() if count}
    _log.info(
        "%d galaxies; left out: %s",
        len(galaxies),
        ", ".join(f"{count} {reason}" for reason, count in dropped.most_common() if count) or "none",
    )
    return galaxies
