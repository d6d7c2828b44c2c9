"""The telescope in torch: a galaxy's own PSF, as a linear convolution by FFT."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

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
            psf = torch.from_numpy(np.require(psfs[start : start + _BATCH], requirements=["C", "W"]))  # one PSF for all is read-only
            flux[start : start + _BATCH] = convolve(torch.from_numpy(flux[start : start + _BATCH]), psf).numpy()
    return flux


def through(psf: Tensor, height: int, width: int) -> Callable[[Tensor], Tensor]:
    """`convolve` with one PSF, for many pictures of this size: the PSF's spectrum is taken once."""
    half = psf.shape[-1] // 2
    # only the half that wraps into the part that is kept needs room
    from scipy.fft import next_fast_len  # noqa: PLC0415 (the first picture needs no telescope)

    size = tuple(next_fast_len(side + half, real=True) for side in (height, width))
    # the PSF's centre is brought to the first pixel
    y, x = (torch.exp(half / side * math.tau * 1j * torch.arange(side).double()) for side in size)
    transfer = _spectrum(psf, size) * (x[: size[1] // 2 + 1, None] * y).to(psf.dtype.to_complex())
    return lambda flux: _Convolution.apply(flux, transfer, size)


class _Convolution(torch.autograd.Function):
    """Pictures, padded with darkness, times a transfer function.

    The gradient is the same with the conjugate: torch's own goes through complex transforms, of twice the work.
    """

    @staticmethod
    def forward(ctx: Any, flux: Tensor, transfer: Tensor, size: tuple[int, int]) -> Tensor:
        ctx.save_for_backward(transfer)
        ctx.size, ctx.shape = size, flux.shape
        height, width = flux.shape[-2:]
        # one axis after the other, so that rows that are cut off are not transformed
        columns = torch.fft.ifft(_spectrum(flux, size) * transfer)
        return torch.fft.irfft(columns[..., :height].mT.contiguous(), n=size[1])[..., :width]

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None]:
        (transfer,) = ctx.saved_tensors
        return _Convolution.apply(slope, transfer.conj(), ctx.size).sum_to_size(ctx.shape), None, None


def _spectrum(flux: Tensor, size: tuple[int, int]) -> Tensor:
    """Fourier transform (..., kx, ky) of (..., y, x), padded to ``size`` (y, x)."""
    return torch.fft.fft(torch.fft.rfft(flux, n=size[1]).mT.contiguous(), n=size[0])
