"""Fluxes that seeing does not touch: in a Gaussian aperture on the sky, in front of the telescope, the same in every band."""

from __future__ import annotations

from functools import cache

import numpy as np

__all__ = ["gaap_fluxes", "transfer"]

#: Where a PSF carries less than this it is noise, and is not divided by; the share of the aperture that may be lost there.
_FLOOR, _MOST_UNSEEN = 1e-3, 0.05
#: Share of the aperture's weight that may lie on masked pixels.
_MOST_LOST = 0.2


def transfer(psf: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Fourier transform of PSFs (..., k, k) about their central pixel, on the frequencies of `numpy.fft.rfft2` of an image of ``shape``."""
    from scipy.fft import rfft2  # noqa: PLC0415 (not at import)

    side, (height, width) = psf.shape[-1], shape
    if side > min(shape):
        cut = (side - min(shape)) // 2 + 1
        psf, side = psf[..., cut : side - cut, cut : side - cut], side - 2 * cut
    field = np.zeros((*psf.shape[:-2], height, width), np.float32)
    field[..., :side, :side] = psf
    return rfft2(np.roll(field, (-(side // 2), -(side // 2)), (-2, -1)))


def gaap_fluxes(
    flux: np.ndarray, variance: np.ndarray, lost: np.ndarray, seeing: np.ndarray, place: tuple[float, float], covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    r"""Flux of each band in the aperture :math:`W(x) = \exp(-\frac12 (x - x_0)^T C^{-1} (x - x_0))` on the sky before the telescope.

    The telescope's image is S * P; its sum under the weight w with :math:`\hat w = \hat W / \bar{\hat P}` is that of S under W. W is
    broader than any PSF, so that this asks for no structure that the PSF has lost, and an aperture that is the same on the sky in every
    band makes a colour that is the same in any seeing.

    Parameters
    ----------
    flux, variance
        Pixels and their variances, (band, y, x).
    lost
        Pixels of which nothing is known, (band, y, x).
    seeing
        `transfer` of each band's PSF, (band, y, x // 2 + 1).
    place
        Centre x_0 as (x, y), in pixels.
    covariance
        C in square pixels, (2, 2), in the order x, y.

    Returns
    -------
    flux, error
        Of each band, (band,); NaN where too much of the aperture is lost, or the PSF is broader than the aperture.

    References
    ----------
    Kuijken 2008, A&A 482, 1053; Kuijken et al. 2015, MNRAS 454, 3500 (GAaP, the colours of KiDS).
    """
    from scipy.fft import irfft2  # noqa: PLC0415 (not at import)

    ky, kx = _frequencies(flux.shape[-2:])
    form = covariance[0, 0] * kx**2 + 2 * covariance[0, 1] * kx * ky + covariance[1, 1] * ky**2
    # numbers below the least normal one are slow
    aperture = 2 * np.pi * np.sqrt(np.linalg.det(covariance)) * np.exp(-np.minimum(0.5 * form, 40))
    shifted = aperture * np.exp(-1j * kx * place[0]) * np.exp(-1j * ky * place[1])
    kept = 1 / (seeing.real**2 + seeing.imag**2 + np.float32(_FLOOR**2))
    unseen = _FLOOR**2 * np.einsum("yx,byx->b", aperture, kept) / aperture.sum()
    weight = irfft2(shifted.astype(np.complex64) * (seeing * kept), s=flux.shape[-2:])
    gone = np.einsum("byx,byx->b", np.abs(weight), lost) > _MOST_LOST * np.abs(weight).sum((-2, -1)) if lost.any() else False
    usable = (unseen < _MOST_UNSEEN) & ~np.asarray(gone)
    total, error = np.einsum("byx,byx->b", weight, flux), np.sqrt(np.einsum("byx,byx,byx->b", weight, weight, variance))
    return np.where(usable, total, np.nan), np.where(usable, error, np.nan)


@cache
def _frequencies(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies along y as a column and along x as a row, in radians a pixel."""
    return 2 * np.pi * np.fft.fftfreq(shape[0])[:, None], 2 * np.pi * np.fft.rfftfreq(shape[1])[None]
