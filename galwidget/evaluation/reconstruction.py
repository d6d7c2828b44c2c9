"""Reconstruction: how well a model redraws galaxies that it has not seen, pixel by pixel, profile by profile, and as they measure."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from galwidget.evaluation.scores import Curve, Part, Score, bootstrap, robust_scatter
from galwidget.galaxies import Galaxies
from galwidget.measurement import measure, reference_band

__all__ = ["chi2_per_pixel", "magnitude_scatter", "power_spectra", "radial_profiles", "reconstruction", "whiteness"]

_SECTION = "reconstruction"
#: Edges of the elliptical annuli, in half-light radii.
ANNULI = np.array([0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0])
#: Galaxies with a smaller flux over its error say nothing of profiles and spectra.
_BRIGHT = 20.0
#: Bins of signal to noise.
_SIGNAL_TO_NOISE = np.array([5.0, 10.0, 20.0, 50.0, 100.0, np.inf])
_RINGS = 12


def chi2_per_pixel(galaxies: Galaxies, expected: Galaxies) -> np.ndarray:
    r"""Mean of :math:`(f - \hat f)^2\, \mathrm{ivar}` over a galaxy's good pixels, shape (n,): 1 for the truth, NaN without any."""
    flux, ivar = galaxies.require_images()
    residual = flux - expected.require_images()[0]
    good = (ivar > 0).sum((1, 2, 3))
    total = (ivar * residual.astype(np.float64) ** 2).sum((1, 2, 3))
    return np.where(good > 0, total / np.maximum(good, 1), np.nan)


def magnitude_scatter(galaxies: Galaxies, reconstructed: Galaxies, band: str) -> tuple[np.ndarray, float]:
    """Measured magnitude of the redrawn galaxy less that of the galaxy, (n,), and its normalised median absolute deviation."""
    difference = measure(reconstructed, noiseless=True).attribute(f"mag_{band}") - measure(galaxies).attribute(f"mag_{band}")
    good = difference[np.isfinite(difference)]
    return difference, float(1.4826 * np.median(np.abs(good - np.median(good))))


def whiteness(galaxies: Galaxies, expected: Galaxies) -> tuple[np.ndarray, np.ndarray]:
    """Lag-1 autocorrelation of the residual over its noise in the reference band, within 3 half-light radii and beyond 5, each (n,).

    0 where only white noise is left, above 0 where structure is; the second, of the sky, says what the noise itself brings. NaN where
    there are too few pixels.
    """
    flux, ivar = galaxies.require_images()
    band = galaxies.survey.index(reference_band(galaxies.survey))
    white = (flux[:, band] - expected.require_images()[0][:, band]) * np.sqrt(ivar[:, band])
    radius = _elliptical_radius(galaxies)
    inside, outside = (_lag_one(white, (ivar[:, band] > 0) & where) for where in (radius < 3, radius > 5))
    return inside, outside


def _lag_one(white: np.ndarray, good: np.ndarray) -> np.ndarray:
    total, pairs, square = (np.zeros(len(white)) for _ in range(3))
    for here, there in (((slice(None), slice(-1)), (slice(None), slice(1, None))), ((slice(-1),), (slice(1, None),))):
        one, other = (slice(None), *here), (slice(None), *there)
        both = good[one] & good[other]
        total += (white[one] * white[other] * both).sum((1, 2))
        square += ((white[one] ** 2 + white[other] ** 2) / 2 * both).sum((1, 2))
        pairs += both.sum((1, 2))
    return np.where(pairs >= 20, total / np.maximum(square, 1e-30), np.nan)


def _elliptical_radius(galaxies: Galaxies) -> np.ndarray:
    """Circularised elliptical radius of each pixel in measured half-light radii, (n, y, x); infinite where there is no measurement."""
    flux, _ = galaxies.require_images()
    rows, columns = (axis - (side - 1) / 2 for axis, side in zip(np.indices(flux.shape[-2:]), flux.shape[-2:], strict=True))
    angle = np.radians(galaxies.attribute("position_angle"))[:, None, None]
    ratio = galaxies.attribute("axis_ratio")[:, None, None]
    along = columns * np.cos(angle) + rows * np.sin(angle)
    across = rows * np.cos(angle) - columns * np.sin(angle)
    half_light = galaxies.attribute("r_half")[:, None, None] / galaxies.survey.pixel_scale
    return np.nan_to_num(np.sqrt(along**2 * ratio + across**2 / ratio) / half_light, nan=np.inf)


def radial_profiles(galaxies: Galaxies, expected: Galaxies) -> tuple[np.ndarray, np.ndarray]:
    """Flux of the galaxies and of what is expected in `ANNULI`, reference band, over the galaxy's whole: two arrays (n, annulus).

    Sums over galaxies of the first and the second compare without bias, however faint the outer annuli are; masked pixels are in neither.
    ``galaxies`` must have been measured.
    """
    flux, ivar = galaxies.require_images()
    band = galaxies.survey.index(reference_band(galaxies.survey))
    good, radius = ivar[:, band] > 0, _elliptical_radius(galaxies)
    model = expected.require_images()[0][:, band]
    rings = [good & (radius >= low) & (radius < high) for low, high in pairwise(ANNULI)]
    whole = np.maximum((model * good).sum((1, 2)), 1e-6)[:, None]
    return tuple(np.stack([(plane * ring).sum((1, 2)) for ring in rings], 1) / whole for plane in (flux[:, band], model))


def power_spectra(galaxies: Galaxies, expected: Galaxies) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Power of galaxies less that of their noise, and of what is expected, in rings of spatial frequency, reference band.

    Returns
    -------
    frequency
        Cycles a pixel, (ring,).
    observed, modelled
        Over the galaxy's flux times its noise, (n, ring): the same masks in both, the noise of the good pixels taken as white.
    """
    flux, ivar = galaxies.require_images()
    band = galaxies.survey.index(reference_band(galaxies.survey))
    good = ivar[:, band] > 0
    side = flux.shape[-1]
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    edges = np.linspace(0, 0.5, _RINGS + 1)
    ring = np.digitize(frequency, edges) - 1
    noise = np.divide(1.0, ivar[:, band], out=np.zeros(good.shape), where=good).sum((1, 2))
    model = expected.require_images()[0][:, band] * good
    # over the flux squared a sum over galaxies would be the noise of the faintest, over the noise the light of the brightest
    whole = np.maximum(model.sum((1, 2)) * np.sqrt(noise), 1e-6)[:, None]
    powers = []
    for plane, extra in ((flux[:, band] * good, noise), (model, np.zeros(len(noise)))):
        power = np.abs(np.fft.rfft2(plane)) ** 2 - extra[:, None, None]
        powers.append(np.stack([power[:, ring == k].mean(1) for k in range(_RINGS)], 1) / whole)
    return (edges[1:] + edges[:-1]) / 2, *powers


def _ratio(observed: np.ndarray, modelled: np.ndarray) -> np.ndarray:
    """Ratio of sums over galaxies, (column,)."""
    return modelled.sum(0) / observed.sum(0)


def _as_if_true(galaxies: Galaxies, expected: Galaxies, seed: int) -> Galaxies:
    """What would have been observed were the model the truth: its picture with the galaxy's noise and mask."""
    _, ivar = galaxies.require_images()
    model = expected.require_images()[0]
    sigma = np.divide(1.0, np.sqrt(ivar), out=np.zeros(ivar.shape), where=ivar > 0)
    flux = model + sigma * np.random.default_rng(seed).standard_normal(model.shape)
    return Galaxies(np.where(ivar > 0, flux, 0), ivar, galaxies.psf, survey=galaxies.survey)


def reconstruction(galaxies: Galaxies, expected: Galaxies, *, seed: int = 0) -> Part:
    """Scores of ``expected`` as a reconstruction of ``galaxies``; a perfect model is one whose pictures are the truth.

    Parameters
    ----------
    galaxies
        Observed galaxies, neighbours masked.
    expected
        The same as the model sees them: noiseless, through their own PSFs.
    seed
        Of the noise of the perfect model, and of the bootstrap.
    """
    truth = measure(_as_if_true(galaxies, expected, seed))
    measured, modelled = measure(galaxies), measure(expected, noiseless=True)
    part = Part()
    chi2, perfect = (chi2_per_pixel(sample, expected) for sample in (measured, truth))
    for name, statistic in (("chi2 a pixel, mean", np.nanmean), ("chi2 a pixel, median", np.nanmedian)):
        part.scores.append(Score(_SECTION, name, *bootstrap(statistic, chi2, seed=seed), perfect=float(statistic(perfect))))
    (inner, outer), (ideal, _) = whiteness(measured, expected), whiteness(truth, expected)
    sky = float(np.nanmean(outer)) if np.isfinite(outer).any() else float("nan")
    part.scores.append(
        Score(
            _SECTION,
            "lag-1 autocorrelation of the residual",
            *bootstrap(np.nanmean, inner, seed=seed),
            float(np.nanmean(ideal)),
            sky,
            "the sky around",
        )
    )
    bright = _signal_to_noise(measured) > _BRIGHT
    if bright.sum() >= 5:
        _profiles(part, measured[bright], truth[bright], expected[bright], seed)
    _measurements(part, measured, truth, modelled, seed)
    return part


def _signal_to_noise(galaxies: Galaxies) -> np.ndarray:
    error = galaxies.attribute(f"mag_{reference_band(galaxies.survey)}_err")
    return np.divide(2.5 / np.log(10), error, out=np.zeros(len(error)), where=np.isfinite(error))


def _profiles(part: Part, measured: Galaxies, truth: Galaxies, expected: Galaxies, seed: int) -> None:
    centres = (ANNULI[1:] + ANNULI[:-1]) / 2
    frequency, *powers = power_spectra(measured, expected)
    _, *ideal = power_spectra(truth, expected)
    # beyond the PSF's cut-off there is noise only, and not even a perfect model has a ratio of 1
    unity, error = bootstrap(_ratio, *ideal, seed=seed)
    known = (error < 0.1) & (np.abs(unity - 1) < 3 * error)
    for name, x, label, pair, perfect in (
        (
            "radial profile",
            centres,
            "elliptical radius / half-light radius",
            radial_profiles(measured, expected),
            radial_profiles(truth, expected),
        ),
        ("power spectrum", frequency[known], "cycles a pixel", [p[:, known] for p in powers], [p[:, known] for p in ideal]),
    ):
        if not len(x):
            continue
        ratio, error = bootstrap(_ratio, *pair, seed=seed)
        by_chance, chance_error = bootstrap(_ratio, *perfect, seed=seed)
        title = f"{name}, model over data"
        part.curves[title] = Curve(title, label, "ratio", x, {"model": (ratio, error), "perfect model": (by_chance, chance_error)}, 1.0)
        value, spread = bootstrap(lambda one, other: np.abs(_ratio(one, other) - 1).max(), *pair, seed=seed)
        ideal_value = float(np.abs(by_chance - 1).max())
        part.scores.append(Score(_SECTION, f"{name} ratio, largest deviation from 1", float(value), float(spread), ideal_value))


def _measurements(part: Part, measured: Galaxies, truth: Galaxies, modelled: Galaxies, seed: int) -> None:
    band = reference_band(measured.survey)
    names: dict[str, tuple[str, str, Callable[[np.ndarray, np.ndarray], np.ndarray]]] = {
        f"mag_{band}": (f"{band} magnitude", "mag", np.subtract),
        "r_half": ("half-light radius, ratio - 1", "", lambda one, other: one / other - 1),
        "e1": ("ellipticity e1", "", np.subtract),
        "e2": ("ellipticity e2", "", np.subtract),
        "concentration": ("concentration", "", np.subtract),
    }
    signal = _signal_to_noise(measured)
    counted = [(signal >= low) & (signal < high) for low, high in pairwise(_SIGNAL_TO_NOISE)]
    for name, (label, unit, difference) in names.items():
        apart, ideal = (difference(modelled.attribute(name), sample.attribute(name)) for sample in (measured, truth))
        good = np.isfinite(apart) & (signal > _SIGNAL_TO_NOISE[1])
        if good.sum() < 5:
            continue
        chosen, perfect = apart[good], ideal[np.isfinite(ideal) & good]
        for kind, statistic in (("bias", np.median), ("scatter", robust_scatter)):
            value, error = bootstrap(statistic, chosen, seed=seed)
            reached = float(statistic(perfect)) if perfect.size else float("nan")
            part.scores.append(Score(_SECTION, f"{label}: {kind} at S/N > 10", float(value), float(error), reached, unit=unit))
        bins = [which & np.isfinite(apart) for which in counted]
        shown = [k for k, which in enumerate(bins) if which.sum() >= 5]
        x = np.array([np.median(signal[bins[k]]) for k in shown])
        lines: dict[str, tuple[np.ndarray, np.ndarray | None]] = {}
        for kind, statistic in (("bias", np.median), ("scatter", robust_scatter)):
            values = [bootstrap(statistic, apart[bins[k]], seed=seed) for k in shown]
            lines[kind] = (np.array([v for v, _ in values]), np.array([e for _, e in values]))
        usual = np.array([robust_scatter(ideal[bins[k]]) for k in shown])
        lines["scatter of a perfect model"] = (usual, None)
        title = f"{label} against S/N"
        part.curves[title] = Curve(title, f"S/N of the {band} flux", f"model - data{' / mag' * (unit == 'mag')}", x, lines, 0.0, log_x=True)
