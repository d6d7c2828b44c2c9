"""The measured attributes of galaxies: magnitudes, colours, size and shape from the pixels, the same for every image in the house."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from galwidget.attributes import colours, describe, ellipticity_components
from galwidget.gaap import gaap_fluxes, transfer
from galwidget.survey import nanojansky_to_magnitude

if TYPE_CHECKING:
    from galwidget.galaxies import Galaxies
    from galwidget.survey import Survey

__all__ = ["measure", "measured_columns", "measured_names", "reference_band"]

#: Isophote, in units of the sky noise of a pixel of the reference band.
THRESHOLD = 1.5
#: SExtractor's automatic aperture: 2.5 Kron radii, never less than 3.5 times the rms extent (Bertin & Arnouts 1996, PHOT_AUTOPARAMS).
KRON_FACTOR, KRON_MINIMUM = 2.5, 3.5
#: The aperture of the colours, before the telescope, is as wide as the galaxy in the reference band and the survey's broadest PSF together.
_FWHM = 2 * np.sqrt(2 * np.log(2))
#: A flux below this many sigma has no magnitude and no colour: the logarithm of noise is not a measurement.
LEAST_SIGNIFICANCE = 2.0

_OFFSETS = np.arange(-2, 3)
_KERNEL = np.exp(-4 * np.log(2) * (_OFFSETS[:, None] ** 2 + _OFFSETS**2) / 2.5**2).astype(np.float32)
_FRACTIONS = (0.2, 0.5, 0.8)
_NEAR_CENTRE = 4.0
_MOST_LOST = 0.2
_REFERENCE_WAVELENGTH = 620.0
_MAGNITUDE = 2.5 / np.log(10)


def reference_band(survey: Survey) -> str:
    """The band in which galaxies are detected and their shapes measured: ``r``, or the one nearest 620 nm."""
    if "r" in survey.band_names:
        return "r"
    return min(survey.bands, key=lambda band: abs(band.wavelength - _REFERENCE_WAVELENGTH)).name


def measured_names(survey: Survey) -> tuple[str, ...]:
    """Names of the columns that `measure` gives for ``survey``, without their errors."""
    shape = ("r_half", "area", "e1", "e2", "concentration", "ellipticity", "axis_ratio", "position_angle")
    magnitudes = tuple(f"mag_{band}" for band in survey.band_names)
    return (*magnitudes, *(name for name, _, _ in colours(survey.band_names)), *shape)


def measure(galaxies: Galaxies, *, noiseless: bool = False) -> Galaxies:
    """The same galaxies with their measured attributes, and an error ``<name>_err`` for each, in the table.

    Parameters
    ----------
    galaxies
        n galaxies with images, each at the centre of its stamp, neighbours masked (``ivar`` 0).
    noiseless
        The flux holds no noise, and ``ivar`` still says the survey's: the same isophote and the same apertures, no errors.

    Returns
    -------
    Galaxies
        The same pixels; measured columns of an earlier table are replaced, others are kept. A galaxy that is not there, or mostly
        masked, has masked entries; so has a magnitude or a colour of a flux below 2 sigma.

    Raises
    ------
    ValueError
        The galaxies have no images.

    Notes
    -----
    With sep (Barbary 2016, doi:10.21105/joss.00058), as SExtractor (Bertin & Arnouts 1996) does it.
    Masked pixels are filled by their point reflection in the centre of the stamp. In the reference band (`reference_band`), smoothed by
    a Gaussian of 2.5 pixels FWHM (SExtractor's gauss_2.5_5x5), the object at the centre is everything connected above 1.5 sky sigma:
    its number of pixels is ``area``, its second moments give a, b and the position angle, and so ``ellipticity`` = (a - b)/(a + b),
    ``axis_ratio`` = b/a, ``e1`` and ``e2``. ``mag_<band>`` is in the Kron ellipse of the reference band (2.5 Kron radii, at least 3.5
    a and b), ``r_half`` the circular radius of half that flux, ``concentration`` 5 log10(r80/r20).

    The PSF stays in all of these, and is taken out of the colours: they are of the same piece of sky in every band, whatever the seeing
    (`galwidget.gaap`), a Gaussian aperture of the galaxy's second moments and the survey's broadest PSF added together.

    Errors of magnitudes and colours come from ``ivar`` alone. Those of the moments are the pixels' noise propagated through them inside
    the isophote; of the radii, the noise of the growth curve over its slope; of the area, the sum over pixels of p(1 - p),
    p being the probability to be above the isophote.
    """
    columns = measured_columns(galaxies, noiseless=noiseless)
    return galaxies.with_table(_joined(galaxies.table, measured_names(galaxies.survey), columns, noiseless=noiseless))


def measured_columns(galaxies: Galaxies, *, noiseless: bool = False) -> dict[str, np.ndarray]:
    """What `measure` puts into the table, by name, each (n,), in the attribute's unit, NaN where nothing is measured."""
    flux, _ = galaxies.require_images()
    names = measured_names(galaxies.survey)
    columns = {name: np.full(len(flux), np.nan) for name in (*names, *(f"{name}_err" for name in names))}
    if len(flux):
        _measure_all(galaxies, columns, errors=not noiseless)
    return columns


def _measure_all(galaxies: Galaxies, columns: dict[str, np.ndarray], *, errors: bool) -> None:
    import sep  # noqa: PLC0415 (not at import)

    (flux, ivar), psf = galaxies.require_images(), galaxies.psf
    assert psf is not None  # noqa: S101 (narrows the type)
    survey, size = galaxies.survey, flux.shape[-2:]
    reference = survey.index(reference_band(survey))
    seeing = transfer(psf, size) if psf.ndim == 3 else None
    # sep initialises its whole pixel stack at each call (300,000 pixels by default, most of the time of a small stamp)
    stack = sep.get_extract_pixstack()
    sep.set_extract_pixstack(flux.shape[-1] * flux.shape[-2] + 1024)
    try:
        for index in range(len(flux)):
            try:
                its_seeing = transfer(psf[index], size) if seeing is None else seeing
                found = _measure_one(*_filled(flux[index], ivar[index]), its_seeing, reference, survey, errors=errors)
            except Exception as error:
                if type(error) is not Exception:  # sep raises bare Exception; anything else is a fault of ours
                    raise
                continue  # one odd galaxy must not stop thousands
            for name, value in found.items():
                columns[name][index] = value
    finally:
        sep.set_extract_pixstack(stack)


def _filled(flux: np.ndarray, ivar: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels (band, y, x), their variances, and which are lost: masked, and their point reflection too."""
    flux = np.ascontiguousarray(flux, dtype=np.float32)
    bad = ivar <= 0
    variance = np.divide(np.float32(1), ivar, out=np.zeros(flux.shape, np.float32), where=~bad)
    if not bad.any():
        return flux, variance, np.zeros_like(bad)
    lost = bad & bad[:, ::-1, ::-1]
    # a pixel that counts twice has four times its variance: the reflection carries the three that the pixel itself does not
    return (
        np.where(lost, np.float32(0), np.where(bad, flux[:, ::-1, ::-1], flux)),
        np.where(bad, 3 * variance[:, ::-1, ::-1], variance),
        lost,
    )


def _sky_variance(variance: np.ndarray) -> float:
    """Variance of the sky of one stamp: its lowest tenth, which the galaxy's own shot noise does not reach."""
    good = variance[variance > 0]
    return float(np.percentile(good, 10)) if good.size else np.nan


def _measure_one(
    flux: np.ndarray, variance: np.ndarray, lost: np.ndarray, seeing: np.ndarray, reference: int, survey: Survey, *, errors: bool
) -> dict[str, float]:
    import sep  # noqa: PLC0415 (not at import)

    image = flux[reference]
    sky = np.sqrt(_sky_variance(variance[reference]))
    if not np.isfinite(sky):
        return {}
    objects, segments = sep.extract(
        image, THRESHOLD * sky, filter_kernel=_KERNEL, filter_type="conv", minarea=5, deblend_cont=1.0, clean=False, segmentation_map=True
    )
    which = _central(objects, segments)
    if which is None:
        return {}
    source = objects[which]
    x, y, a, b, theta = (float(source[name]) for name in ("x", "y", "a", "b", "theta"))
    kron = float(sep.kron_radius(image, [x], [y], [a], [b], [theta], 6.0)[0][0])
    factor = max(KRON_FACTOR * kron, KRON_MINIMUM) if np.isfinite(kron) else KRON_MINIMUM

    whole = _photometry(flux, variance, lost, ([x], [y], [a], [b], [theta], factor))
    inner = gaap_fluxes(flux, variance, lost, seeing, (x, y), _aperture(a, b, theta, survey))
    total, error = whole[0][reference], whole[1][reference]
    if not total > 0:
        return {}
    found = _brightness(whole, inner, survey)
    radii = sep.flux_radius(image, [x], [y], [6 * a], _FRACTIONS, normflux=[total])[0][0]
    inside = segments == which + 1
    pixel_area = survey.pixel_scale**2
    found["area"] = np.count_nonzero(inside) * pixel_area
    found |= _shape(source) | _sizes(radii, survey.pixel_scale)
    if errors:
        edge = _edge(image, inside, sky)
        found["area_err"] = float(np.sqrt(edge.sum())) * pixel_area
        found |= _shape_errors(image, variance[reference], inside, edge, source) | _size_errors(radii, error / total, survey.pixel_scale)
    return found


def _aperture(a: float, b: float, theta: float, survey: Survey) -> np.ndarray:
    """Covariance in square pixels of an ellipse, and of the survey's broadest PSF."""
    axis = np.array([np.cos(theta), np.sin(theta)])
    broadest = max(band.psf_fwhm for band in survey.bands) / survey.pixel_scale / _FWHM
    return (b * b + broadest**2) * np.eye(2) + (a * a - b * b) * np.outer(axis, axis)


def _central(objects: np.ndarray, segments: np.ndarray) -> int | None:
    """Which object covers the centre of the stamp, or has its centroid within a few pixels of it."""
    if not len(objects):
        return None
    height, width = segments.shape
    covering = segments[(height - 1) // 2 : height // 2 + 1, (width - 1) // 2 : width // 2 + 1]
    if covering.any():
        return int(np.bincount(covering[covering > 0]).argmax()) - 1
    distance = np.hypot(objects["x"] - (width - 1) / 2, objects["y"] - (height - 1) / 2)
    nearest = int(np.argmin(distance))
    return nearest if distance[nearest] <= _NEAR_CENTRE else None


def _photometry(flux: np.ndarray, variance: np.ndarray, lost: np.ndarray, ellipse: tuple[Any, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Flux and error of each band in one ellipse, NaN where too many of its pixels are lost."""
    import sep  # noqa: PLC0415 (not at import)

    total, error = np.full(len(flux), np.nan), np.full(len(flux), np.nan)
    for band in range(len(flux)):
        if lost[band].any():
            gone, area = (
                float(sep.sum_ellipse(plane, *ellipse)[0][0]) for plane in (lost[band].astype(np.float32), np.ones_like(flux[band]))
            )
            if gone > _MOST_LOST * area:
                continue
        value, noise, _ = sep.sum_ellipse(flux[band], *ellipse, var=variance[band])
        total[band], error[band] = value[0], noise[0]
    return total, error


def _brightness(whole: tuple[np.ndarray, np.ndarray], inner: tuple[np.ndarray, np.ndarray], survey: Survey) -> dict[str, float]:
    """Magnitudes of the whole and colours of the inner aperture, of what stands out of its noise."""
    found: dict[str, float] = {}
    for name, flux, error in zip(survey.band_names, *whole, strict=True):
        if flux > LEAST_SIGNIFICANCE * error:
            found[f"mag_{name}"] = float(nanojansky_to_magnitude(flux))
            found[f"mag_{name}_err"] = _MAGNITUDE * float(error / flux)
    flux, error = inner
    significant = flux > LEAST_SIGNIFICANCE * error
    for name, blue, red in colours(survey.band_names):
        pair = [survey.index(blue), survey.index(red)]
        if significant[pair].all():
            magnitudes = nanojansky_to_magnitude(flux[pair])
            found[name] = float(magnitudes[0] - magnitudes[1])
            found[f"{name}_err"] = _MAGNITUDE * float(np.hypot(*(error[pair] / flux[pair])))
    return found


def _edge(image: np.ndarray, inside: np.ndarray, sky: float) -> np.ndarray:
    """Variance p(1 - p) of each pixel's being inside the isophote, noise correlated by the filter counted as often as it repeats."""
    from scipy.ndimage import binary_dilation, convolve  # noqa: PLC0415 (not at import)
    from scipy.special import ndtr  # noqa: PLC0415

    kernel = _KERNEL / _KERNEL.sum()
    squares = float(np.sum(kernel**2))
    above = ndtr((convolve(image, kernel, mode="nearest") / sky - THRESHOLD) / np.sqrt(squares))
    return np.where(binary_dilation(inside, iterations=2), above * (1 - above), 0.0) / squares / 2


def _shape(source: Any) -> dict[str, float]:
    a, b = float(source["a"]), float(source["b"])
    ellipticity, angle = (a - b) / (a + b), float(np.degrees(source["theta"])) % 180.0
    e1, e2 = ellipticity_components(np.asarray(ellipticity), np.asarray(angle))
    return {"e1": float(e1), "e2": float(e2), "ellipticity": ellipticity, "axis_ratio": b / a, "position_angle": angle}


def _shape_errors(image: np.ndarray, variance: np.ndarray, inside: np.ndarray, edge: np.ndarray, source: Any) -> dict[str, float]:
    """The pixels' noise propagated through the moments inside the isophote."""
    a, b, shape = float(source["a"]), float(source["b"]), _shape(source)
    ellipticity = shape["ellipticity"]
    rows, columns = np.nonzero(inside | (edge > 0))
    dx, dy = columns - float(source["x"]), rows - float(source["y"])
    noise = variance[rows, columns] * (inside[rows, columns] + THRESHOLD**2 * edge[rows, columns]) / image[inside].sum() ** 2
    trace = a * a + b * b
    # chi = (a2 - b2)/(a2 + b2) has the variance of the sum of (dx2 - dy2 - chi (dx2 + dy2)) f over trace2; e = (1 - sqrt(1 - chi2))/chi
    chi1, chi2 = ellipticity_components(np.asarray((a * a - b * b) / trace), np.asarray(shape["position_angle"]))
    radius2 = dx * dx + dy * dy
    slope = (1 + ellipticity**2) ** 2 / (1 - ellipticity**2) / 2
    e1_err = slope * np.sqrt(np.sum((dx * dx - dy * dy - chi1 * radius2) ** 2 * noise)) / trace
    e2_err = slope * np.sqrt(np.sum((2 * dx * dy - chi2 * radius2) ** 2 * noise)) / trace
    error = float(np.hypot(e1_err, e2_err) / np.sqrt(2))
    return {
        "e1_err": float(e1_err),
        "e2_err": float(e2_err),
        "ellipticity_err": error,
        "axis_ratio_err": 2 * error / (1 + ellipticity) ** 2,
        "position_angle_err": min(float(np.degrees(error / (2 * max(ellipticity, 1e-6)))), 180 / np.sqrt(12)),
    }


def _resolved(radii: np.ndarray) -> bool:
    return bool(np.isfinite(radii).all() and 0 < radii[0] < radii[1] < radii[2])


def _sizes(radii: np.ndarray, pixel_scale: float) -> dict[str, float]:
    if not _resolved(radii):
        return {}
    return {"r_half": float(radii[1]) * pixel_scale, "concentration": 5 * float(np.log10(radii[2] / radii[0]))}


def _size_errors(radii: np.ndarray, noise: float, pixel_scale: float) -> dict[str, float]:
    """The noise of the growth curve over its slope."""
    if not _resolved(radii):
        return {}
    r20, r50, r80 = (float(radius) for radius in radii)
    # F(<r) - q F has variance ((1 - q)2 s + q2 (1 - s)) var(F), s the share of the aperture's noise inside r, at least that of a disc
    share = np.clip((np.array([r20, r50, r80]) / (1.5 * r80)) ** 2, 0, 1)
    q = np.array(_FRACTIONS)
    growth = np.sqrt((1 - q) ** 2 * share + q**2 * (1 - share)) * noise
    slope = np.array([0.3 / (r50 - r20), 0.6 / (r80 - r20), 0.3 / (r80 - r50)])
    errors = growth / slope
    relative = np.hypot(errors[0] / r20, errors[2] / r80)
    return {"r_half_err": float(errors[1]) * pixel_scale, "concentration_err": 5 / np.log(10) * float(relative)}


def _joined(table: Any, names: tuple[str, ...], columns: dict[str, np.ndarray], *, noiseless: bool) -> Any:
    from astropy import units as u  # noqa: PLC0415 (not at import)
    from astropy.table import MaskedColumn  # noqa: PLC0415
    from astropy.utils.masked import Masked  # noqa: PLC0415

    joined = table.copy()
    for name in names:
        for column in (name, f"{name}_err"):
            if column in joined.colnames:
                joined.remove_column(column)
            if column != name and noiseless:
                continue
            values = columns[column]
            mask = ~np.isfinite(values)
            values = np.where(mask, 0.0, values)
            unit = describe(name).unit
            joined[column] = Masked(values, mask=mask) * u.Unit(unit) if unit else MaskedColumn(values, mask=mask)
    return joined
