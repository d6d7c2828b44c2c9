"""Judge a model: how well it redraws galaxies, and whether it draws what it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from galwidget.galaxies import Galaxies
from galwidget.galaxy_model import GalaxyModel
from galwidget.measurement import measure
from galwidget.observation import observe

__all__ = ["ConditionScore", "chi2_per_pixel", "coefficient_of_determination", "condition_scores", "magnitude_scatter", "pca_chi2"]


def chi2_per_pixel(galaxies: Galaxies, expected: Galaxies) -> np.ndarray:
    r"""Mean of :math:`(f - \hat f)^2\, \mathrm{ivar}` over a galaxy's good pixels, shape (n,): 1 for the truth, NaN without any."""
    flux, ivar = galaxies.require_images()
    residual = flux - expected.require_images()[0]
    good = (ivar > 0).sum((1, 2, 3))
    total = (ivar * residual.astype(np.float64) ** 2).sum((1, 2, 3))
    return np.where(good > 0, total / np.maximum(good, 1), np.nan)


def pca_chi2(training: Galaxies, galaxies: Galaxies, components: int) -> np.ndarray:
    """`chi2_per_pixel` of a principal component analysis of the pixels with as many numbers a galaxy as a latent has, shape (n,).

    Pixels are divided by the survey's sky noise; masked pixels count as zero in the projection and not at all in chi2.
    """
    from sklearn.decomposition import PCA  # noqa: PLC0415 (heavy, and only for the reference)

    def scaled(sample: Galaxies) -> np.ndarray:
        flux, ivar = sample.require_images()
        return (np.where(ivar > 0, flux, 0) / sample.survey.sky_sigma[:, None, None]).reshape(len(sample), -1).astype(np.float32)

    pca = PCA(components, svd_solver="randomized", random_state=0).fit(scaled(training))
    redrawn = pca.inverse_transform(pca.transform(scaled(galaxies))).reshape(galaxies.require_images()[0].shape)
    expected = Galaxies(redrawn * galaxies.survey.sky_sigma[:, None, None], galaxies.ivar, galaxies.psf, survey=galaxies.survey)
    return chi2_per_pixel(galaxies, expected)


def coefficient_of_determination(asked: np.ndarray, found: np.ndarray) -> float:
    """R2 = 1 - sum (found - asked)^2 / sum (asked - mean)^2 over the finite pairs: 1 is perfect, 0 no better than the mean."""
    both = np.isfinite(asked) & np.isfinite(found)
    if both.sum() < 2:
        return float("nan")
    asked, found = asked[both], found[both]
    return float(1 - ((found - asked) ** 2).sum() / ((asked - asked.mean()) ** 2).sum())


@dataclass(frozen=True)
class ConditionScore:
    """Requested against measured, for one attribute.

    Parameters
    ----------
    name
        The attribute.
    r2, slope, bias, scatter
        Of measured against requested: coefficient of determination, least-squares slope, median and normalised median absolute
        deviation of measured - requested.
    permuted_r2
        R2 against requests of other galaxies: the control, at most 0.
    perfect_r2
        R2 of a perfect model: what measuring the requested galaxies' own noisy images gives; NaN where they have none.
    measured
        Share of the galaxies on which it could be measured.
    """

    name: str
    r2: float
    slope: float
    bias: float
    scatter: float
    permuted_r2: float
    perfect_r2: float
    measured: float


def condition_scores(
    model: GalaxyModel, requests: Galaxies, *, seed: int = 0, only: Sequence[str] | None = None, noise: bool = True
) -> list[ConditionScore]:
    """Ask for the attributes of galaxies that exist, observe what comes with PSF and noise, measure it, and compare.

    Parameters
    ----------
    model
        The model.
    requests
        Galaxies whose attributes are asked for, all at once; entries that were not measured are asked for as the training median.
    seed
        Of the draws and the noise.
    only
        Ask for these attributes only and leave the others free.
    noise
        Whether the observation has noise; without, what is judged is the model alone.

    Returns
    -------
    list of ConditionScore
        One for each attribute that was asked for and can be measured on an image.
    """
    scalings = model.inputs.scalings
    names = [name for name in scalings if name != "redshift" and (only is None or name in only)]
    asked = {name: np.nan_to_num(requests.attribute(name), nan=scalings[name].typical) for name in names}
    conditions = {name: value for name, value in asked.items() if name not in ("e1", "e2")}
    if {"e1", "e2"} <= asked.keys():
        conditions["ellipticity"] = np.clip(np.hypot(asked["e1"], asked["e2"]), 0, 0.99)
        conditions["position_angle"] = np.degrees(np.arctan2(asked["e2"], asked["e1"])) / 2 % 180
    drawn = model.sample(len(requests), seed=seed, **conditions)
    found = measure(observe(drawn, seed=seed + 1, noise=noise), noiseless=not noise)
    own = measure(requests) if noise and requests.flux is not None else requests.with_table(None)
    order = np.random.default_rng(seed).permutation(len(requests))
    scores = []
    for name in names:
        real = np.isfinite(requests.attribute(name))
        request, answer = np.where(real, asked[name], np.nan), found.attribute(name)
        both = real & np.isfinite(answer)
        difference = answer[both] - request[both]
        scores.append(
            ConditionScore(
                name,
                coefficient_of_determination(request, answer),
                float(np.polyfit(request[both], answer[both], 1)[0]),
                float(np.median(difference)),
                float(1.4826 * np.median(np.abs(difference - np.median(difference)))),
                coefficient_of_determination(request[order], answer),
                coefficient_of_determination(request, own.attribute(name)),
                float(both.sum() / max(real.sum(), 1)),
            )
        )
    return scores


def magnitude_scatter(galaxies: Galaxies, reconstructed: Galaxies, band: str) -> tuple[np.ndarray, float]:
    """Measured magnitude of the redrawn galaxy less that of the galaxy, (n,), and its normalised median absolute deviation."""
    difference = measure(reconstructed, noiseless=True).attribute(f"mag_{band}") - measure(galaxies).attribute(f"mag_{band}")
    good = difference[np.isfinite(difference)]
    return difference, float(1.4826 * np.median(np.abs(good - np.median(good))))
