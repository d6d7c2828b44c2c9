"""Generated galaxies made comparable to observed ones: the same PSFs, noise, masks and selection on both sides."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from galwidget.evaluation.two_sample import features
from galwidget.galaxies import Galaxies
from galwidget.latent import Latent
from galwidget.measurement import measure, reference_band
from galwidget.observation import observe

__all__ = ["Comparable", "comparable", "draw_pictures", "observe_like", "observed_halves", "pictures", "sky_correlation"]

#: Lags, in pixels, to which the correlation of the sky's noise is followed: apertures of faint galaxies are as wide as twice that.
_LAGS = 8
#: Pixels farther from the centre than this share of half the stamp are sky, around the fainter half of the galaxies.
_SKY_RADIUS = 0.75
#: Whitened pixels beyond this are sources that nobody masked.
_SOURCE = 4.0
#: Where an object is this much of the sample's magnitudes, the selection cuts: fainter ones come and go with the noise.
_FAINT_END = 90.0


def sky_correlation(galaxies: Galaxies) -> np.ndarray:
    """Autocorrelation of the noise of each band of observed stamps, shape (band, 2 lags + 1, 2 lags + 1), 1 at the centre.

    From the outskirts of the fainter half of the galaxies; what is within three standard errors of zero is zero: white noise stays white.
    """
    flux, ivar = galaxies.require_images()
    reference = galaxies.survey.index(reference_band(galaxies.survey))
    light = (flux[:, reference] * (ivar[:, reference] > 0)).sum((1, 2))
    faint = np.argsort(light)[: max(len(light) // 2, 1)]
    white = flux[faint] * np.sqrt(ivar[faint])
    side = flux.shape[-1]
    offset = np.arange(side) - (side - 1) / 2
    outside = np.hypot(offset[:, None], offset) > _SKY_RADIUS * side / 2
    good = (ivar[faint] > 0) & outside & (np.abs(white) < _SOURCE)
    white = np.where(good, white, 0.0)
    white -= good * (white.sum((0, 2, 3)) / np.maximum(good.sum((0, 2, 3)), 1))[:, None, None]
    products, pairs = (_autocorrelation(planes) for planes in (white, good.astype(float)))
    covariance = products / np.maximum(pairs, 1)
    correlation = covariance / np.maximum(covariance[:, _LAGS, _LAGS], 1e-12)[:, None, None]
    return np.where(np.abs(correlation) * np.sqrt(np.maximum(pairs, 1)) > 3, correlation, 0.0)


def _autocorrelation(planes: np.ndarray) -> np.ndarray:
    """Sum over galaxies of products of pixels at each lag, (band, lag, lag)."""
    side = planes.shape[-1] + _LAGS  # room for the lags, so that nothing wraps around
    total = sum(np.abs(np.fft.rfft2(one, s=(side, side))) ** 2 for one in planes)
    lags = np.arange(-_LAGS, _LAGS + 1)
    return np.fft.irfft2(total, s=(side, side))[:, lags[:, None], lags]


def _noise(shape: tuple[int, ...], correlation: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Gaussian noise of unit variance with this autocorrelation, shape (n, band, y, x)."""
    white = random.standard_normal(shape)
    planes = np.zeros((shape[1], *shape[2:]))
    lags = np.arange(-_LAGS, _LAGS + 1)
    planes[:, lags[:, None], lags] = correlation
    power = np.clip(np.fft.rfft2(planes).real, 0, None)
    power_mean = np.clip(np.fft.irfft2(power, s=shape[2:])[:, 0, 0], 1e-12, None)
    for band in range(shape[1]):
        if np.count_nonzero(correlation[band]) > 1:
            filtered = np.fft.rfft2(white[:, band]) * np.sqrt(power[band] / power_mean[band])
            white[:, band] = np.fft.irfft2(filtered, s=shape[2:])
    return white


def observe_like(drawn: Galaxies, observed: Galaxies, *, before_telescope: bool = True, seed: int = 0) -> Galaxies:
    """Galaxies before the telescope, each seen as one of ``observed`` was: its PSF, the variance and correlation of its sky, its mask.

    Parameters
    ----------
    drawn
        Noiseless, PSF-free flux, (n, band, y, x).
    observed
        As many galaxies, which lend those; shot noise is that of the drawn galaxy's own light.
    before_telescope
        Whether the PSF is still to be put on.
    seed
        Of the noise.

    Returns
    -------
    Galaxies
        Masked pixels have ``flux`` and ``ivar`` 0.
    """
    _, ivar = observed.require_images()
    seen = (observe(drawn, psf=observed.psfs, noise=False) if before_telescope else drawn).require_images()[0]
    variance = _sky_variance(ivar)[:, :, None, None] + np.maximum(seen, 0) / drawn.survey.gain[:, None, None]
    random = np.random.default_rng(seed)
    flux = seen + np.sqrt(variance) * _noise(seen.shape, sky_correlation(observed), random)
    good = ivar > 0
    return Galaxies(np.where(good, flux, 0), np.where(good, 1 / variance, 0), observed.psf, drawn.table, survey=drawn.survey)


def _sky_variance(ivar: np.ndarray) -> np.ndarray:
    """Variance of each stamp's sky in each band, (n, band): as `galwidget.measure` takes it, where the galaxy's light does not reach."""
    variance = np.divide(1.0, ivar, out=np.full(ivar.shape, np.nan), where=ivar > 0)
    with np.errstate(all="ignore"):
        sky = np.nanpercentile(variance.reshape(*variance.shape[:2], -1), 10, axis=2)
    return np.where(np.isfinite(sky), sky, 0.0)  # a band that is masked everywhere has no noise to add


def draw_pictures(model: Any, n: int, *, seed: int = 0, **asked: Any) -> Galaxies:
    """What ``model.sample`` gives, without the attributes where a model can do without: measuring them takes longer than drawing."""
    if hasattr(model, "flux"):
        return pictures(model, model.draw(n, seed=seed, **asked))
    drawn: Galaxies = model.sample(n, seed=seed, **asked)
    return drawn


def pictures(model: Any, latent: Latent) -> Galaxies:
    """What ``model.decode`` gives, without the attributes where a model can do without."""
    decoded: Galaxies = Galaxies(model.flux(latent), survey=model.survey) if hasattr(model, "flux") else model.decode(latent)
    return decoded


@dataclass(frozen=True)
class Comparable:
    """Observed and generated galaxies under one selection, measured alike.

    Parameters
    ----------
    observed, generated
        Measured galaxies with images, masked pixels 0.
    observed_group, generated_group
        Which observed galaxy each one is, or lent its PSF, mask and (where it was asked for) its attributes, (n,) and (m,). What tells the
        two sides apart must not learn from one of a pair and be tested on the other: they are alike, with opposite labels.
    limit
        The magnitude to which both sides are selected.
    """

    observed: Galaxies
    generated: Galaxies
    observed_group: np.ndarray
    generated_group: np.ndarray
    limit: float = float("inf")

    @cached_property
    def observed_features(self) -> dict[str, np.ndarray]:
        """`galwidget.evaluation.two_sample.features` of the observed galaxies, each (n,)."""
        return features(self.observed)

    @cached_property
    def generated_features(self) -> dict[str, np.ndarray]:
        """`galwidget.evaluation.two_sample.features` of the generated galaxies, each (m,)."""
        return features(self.generated)


def comparable(
    observed: Galaxies, drawn: Galaxies, *, before_telescope: bool = True, seed: int = 0, like: Comparable | None = None
) -> Comparable:
    """See ``drawn`` as ``observed`` was seen, one by one and over again (`observe_like`), measure both and select both alike.

    Selected is what `galwidget.measure` detects above the 90th percentile of the observed magnitudes: what is fainter is a matter of
    the noise and of how the observed sample was cut.

    Parameters
    ----------
    observed
        Observed galaxies.
    drawn
        Noiseless flux, in any number; the first was drawn for the first observed galaxy where they were drawn for galaxies.
    before_telescope
        Whether the PSF is still to be put on.
    seed
        Of the noise.
    like
        A comparison of the same observed galaxies, whose measurement of them is used again.

    Raises
    ------
    ValueError
        No observed galaxy can be measured.
    """
    lender = np.arange(len(drawn)) % len(observed)
    real, rows, limit = _selected(observed) if like is None else (like.observed, like.observed_group, like.limit)
    generated = measure(observe_like(drawn, observed[lender], before_telescope=before_telescope, seed=seed))
    theirs = generated.attribute(f"mag_{reference_band(observed.survey)}") <= limit
    sides = Comparable(real, generated[theirs], rows, lender[theirs], limit)
    if like is not None:
        sides.__dict__["observed_features"] = like.observed_features
    return sides


def observed_halves(observed: Galaxies, *, seed: int = 0, like: Comparable | None = None) -> Comparable:
    """One random half of observed galaxies against the other, selected as `comparable` does: what a perfect model looks like."""
    real, rows, limit = _selected(observed) if like is None else (like.observed, like.observed_group, like.limit)
    first, second = np.array_split(np.random.default_rng(seed).permutation(len(real)), 2)
    halves = Comparable(real[first], real[second], rows[first], rows[second], limit)
    if like is not None:
        for name, half in (("observed_features", first), ("generated_features", second)):
            halves.__dict__[name] = {feature: values[half] for feature, values in like.observed_features.items()}
    return halves


def _selected(observed: Galaxies) -> tuple[Galaxies, np.ndarray, float]:
    """Observed galaxies measured with their masks and selected, which they are, and the magnitude to which they are selected."""
    flux, ivar = observed.require_images()
    real = measure(Galaxies(np.where(ivar > 0, flux, 0), ivar, observed.psf, observed.table, survey=observed.survey))
    name = f"mag_{reference_band(observed.survey)}"
    magnitude = real.attribute(name)
    if not np.isfinite(magnitude).any():
        raise ValueError(f"none of the {len(observed)} observed galaxies has a measured {name}; check their flux and ivar")
    limit = float(np.nanpercentile(magnitude, _FAINT_END))
    rows = np.flatnonzero(magnitude <= limit)
    return real[rows], rows, limit
