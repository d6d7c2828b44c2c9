"""What a model is compared with: principal components, forests and nearest neighbours, a Sersic fit, draws without a prior."""

from __future__ import annotations

from typing import Any

import numpy as np

from galwidget.evaluation.reconstruction import chi2_per_pixel
from galwidget.galaxies import Galaxies
from galwidget.measurement import reference_band

__all__ = ["PixelPCA", "pca_chi2", "regression", "sersic_fit"]

_EMPTY = -9.0


class PixelPCA:
    """A principal component analysis of the pixels, with as many numbers a galaxy as a latent has.

    Pixels are divided by the survey's sky noise; masked pixels count as zero in the projection.

    Parameters
    ----------
    training
        Galaxies with images.
    components
        How many.
    """

    def __init__(self, training: Galaxies, components: int) -> None:
        from sklearn.decomposition import PCA  # noqa: PLC0415 (heavy, and only for the reference)

        self.survey = training.survey
        pixels = self._scaled(training)
        self.pca = PCA(min(components, *pixels.shape), svd_solver="randomized", random_state=0).fit(pixels)
        self._shape = training.require_images()[0].shape[1:]

    def _scaled(self, sample: Galaxies) -> np.ndarray:
        flux, ivar = sample.require_images()
        return (np.where(ivar > 0, flux, 0) / sample.survey.sky_sigma[:, None, None]).reshape(len(sample), -1).astype(np.float32)

    def _flux(self, numbers: np.ndarray) -> np.ndarray:
        return self.pca.inverse_transform(numbers).reshape(-1, *self._shape) * self.survey.sky_sigma[:, None, None]

    def reconstruct(self, galaxies: Galaxies) -> Galaxies:
        """The galaxies projected and redrawn; ivar, PSF and table are theirs."""
        flux = self._flux(self.pca.transform(self._scaled(galaxies)))
        return Galaxies(flux, galaxies.ivar, galaxies.psf, galaxies.table, survey=galaxies.survey)

    def sample(self, n: int, seed: int = 0) -> np.ndarray:
        """Images drawn from a Gaussian of the components' variances, PSF included, shape (n, band, y, x), nJy."""
        numbers = np.random.default_rng(seed).standard_normal((n, self.pca.n_components_)) * np.sqrt(self.pca.explained_variance_)
        return self._flux(numbers)


def pca_chi2(training: Galaxies, galaxies: Galaxies, components: int) -> np.ndarray:
    """`chi2_per_pixel` of galaxies redrawn by a `PixelPCA` of ``training`` with so many components, shape (n,)."""
    return chi2_per_pixel(galaxies, PixelPCA(training, components).reconstruct(galaxies))


def regression(kind: str, inputs: np.ndarray, truth: np.ndarray, wanted: np.ndarray | None = None, *, seed: int = 0) -> np.ndarray:
    """Predictions of a random forest or of nearest neighbours, shape (m,).

    Parameters
    ----------
    kind
        ``"forest"`` (60 trees, 3 galaxies a leaf) or ``"neighbours"`` (10, weighted by distance, standardised inputs).
    inputs, truth
        What it learns from, (n, column) with NaN for what is not there, and (n,), finite.
    wanted
        Inputs to predict for, (m, column); None predicts ``inputs`` themselves by 5-fold cross-validation.
    seed
        Of the trees and the folds.
    """
    from sklearn.ensemble import RandomForestRegressor  # noqa: PLC0415 (heavy, and only for the reference)
    from sklearn.model_selection import KFold, cross_val_predict  # noqa: PLC0415
    from sklearn.neighbors import KNeighborsRegressor  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    estimator: Any
    if kind == "forest":
        estimator = RandomForestRegressor(60, min_samples_leaf=3, max_features=0.5, random_state=seed)
    elif kind == "neighbours":
        estimator = make_pipeline(StandardScaler(), KNeighborsRegressor(min(10, len(inputs) // 2), weights="distance"))
    else:
        raise ValueError(f"kind is {kind!r}; it is forest or neighbours")
    # neighbours know no missing value: nothing measured lies far from all that was
    filled = np.nan_to_num(inputs, nan=_EMPTY)
    if wanted is None:
        return np.asarray(cross_val_predict(estimator, filled, truth, cv=KFold(5, shuffle=True, random_state=seed)))
    return np.asarray(estimator.fit(filled, truth).predict(np.nan_to_num(wanted, nan=_EMPTY)))


def sersic_fit(galaxies: Galaxies) -> Galaxies:
    """The best Sersic (1963) profile of each galaxy through its PSF, noiseless; ivar, PSF and table are the galaxies'.

    Centre, half-light radius, index and ellipticity are fitted to the reference band by least squares, the flux to each band; half a
    second a galaxy.
    """
    from scipy.optimize import least_squares  # noqa: PLC0415 (not at import)

    flux, ivar = galaxies.require_images()
    weight, psf = np.sqrt(ivar), galaxies.psfs
    band = galaxies.survey.index(reference_band(galaxies.survey))
    fitted = np.zeros_like(flux)
    low, high = [-3, -3, np.log(0.3), np.log(0.3), -0.9, -0.9], [3, 3, np.log(flux.shape[-1] / 2), np.log(6.0), 0.9, 0.9]
    for row in range(len(flux)):

        def residual(parameters: np.ndarray, row: int = row) -> np.ndarray:
            shape = _sersic(parameters, psf[row, band], flux.shape[-1])
            return ((flux[row, band] - _amplitude(shape, flux[row, band], ivar[row, band]) * shape) * weight[row, band]).ravel()

        start = [0.0, 0.0, np.log(3.0), np.log(1.5), 0.0, 0.0]
        best = least_squares(residual, start, bounds=(low, high), diff_step=1e-3, max_nfev=30).x
        for plane in range(flux.shape[1]):
            shape = _sersic(best, psf[row, plane], flux.shape[-1])
            fitted[row, plane] = _amplitude(shape, flux[row, plane], ivar[row, plane]) * shape
    return Galaxies(fitted, ivar, galaxies.psf, galaxies.table, survey=galaxies.survey)


def _amplitude(shape: np.ndarray, flux: np.ndarray, ivar: np.ndarray) -> float:
    return float((shape * flux * ivar).sum() / max((shape * shape * ivar).sum(), 1e-30))


def _sersic(parameters: np.ndarray, psf: np.ndarray, side: int) -> np.ndarray:
    """A Sersic profile through a PSF: y, x, ln r_half, ln n (radius in pixels), and a distortion e1, e2 of modulus below 1."""
    from scipy.signal import fftconvolve  # noqa: PLC0415 (not at import)

    y0, x0, log_radius, log_index, e1, e2 = parameters
    finer = 3  # the cusp is narrower than a pixel
    axis = (np.arange(side * finer) + 0.5) / finer - side / 2
    x, y = axis[None, :] - x0, axis[:, None] - y0
    modulus = min(np.hypot(e1, e2), 0.95)
    scale = modulus / max(np.hypot(e1, e2), 1e-12)
    e1, e2 = e1 * scale, e2 * scale
    squared = ((1 - e1) ** 2 + e2**2) * x**2 + ((1 + e1) ** 2 + e2**2) * y**2 - 4 * e2 * x * y
    index = np.exp(log_index)
    # Ciotti & Bertin (1999), equation 18
    b = 2 * index - 1 / 3 + 4 / (405 * index) + 46 / (25515 * index**2)
    profile = np.exp(-b * ((squared / (1 - modulus**2)) ** (0.5 / index) / np.exp(log_radius / index) - 1))
    return fftconvolve(profile.reshape(side, finer, side, finer).mean((1, 3)), psf, mode="same")
