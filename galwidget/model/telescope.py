"""The telescope in torch: a galaxy's own PSF, as a linear convolution by FFT."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

__all__ = ["convolve", "convolve_in_batches", "through"]

_BATCH = 128


def convolve(flux: Tensor, psf: Tensor) -> Tensor:
    """Flux seen through a PSF; light that would come from outside of the stamp is absent.

    Parameters
    ----------
    flux
        Flux before the telescope, shape (n, band, y, x).
    psf
        PSF of each band, shape (band, k, k) or (n, band, k, k), k odd, unit sum.

    Returns
    -------
    torch.Tensor
        Shape of ``flux``: the central part of the linear convolution, as `scipy.signal.fftconvolve` with ``mode="same"`` gives.
    """
    return through(psf, flux.shape[-2], flux.shape[-1])(flux)


def convolve_in_batches(flux: np.ndarray, psfs: np.ndarray) -> np.ndarray:
    """`convolve` for arrays of any length n in flat memory, each picture through its own PSF, (n, band, k, k); ``flux`` is overwritten."""
    with torch.no_grad():
        for start in range(0, len(flux), _BATCH):
            psf = torch.from_numpy(np.ascontiguousarray(psfs[start : start + _BATCH]))
            flux[start : start + _BATCH] = convolve(torch.from_numpy(flux[start : start + _BATCH]), psf).numpy()
    return flux


def through(psf: Tensor, height: int, width: int) -> Callable[[Tensor], Tensor]:
    """`convolve` with one PSF, for many pictures of this size: the PSF's spectrum is taken once."""
    half = psf.shape[-1] // 2
    # only the half that wraps into the part that is kept needs room
    from scipy.fft import next_fast_len  # noqa: PLC0415 (the first picture needs no telescope)

    size = [next_fast_len(side + half, real=True) for side in (height, width)]
    transfer = torch.fft.rfft2(psf, s=size)

    def seen(flux: Tensor) -> Tensor:
        spectrum = torch.fft.rfft2(flux, s=size) * transfer
        return torch.fft.irfft2(spectrum, s=size).roll((-half, -half), (-2, -1))[..., :height, :width]

    return seen
