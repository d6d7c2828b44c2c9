"""The telescope in torch: a galaxy's own PSF, as a linear convolution by FFT."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["convolve"]


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
    height, width = flux.shape[-2:]
    half = psf.shape[-1] // 2
    # only the half that wraps into the part that is kept needs room
    from scipy.fft import next_fast_len  # noqa: PLC0415 (the first picture needs no telescope)

    size = [next_fast_len(side + half, real=True) for side in (height, width)]
    spectrum = torch.fft.rfft2(flux, s=size) * torch.fft.rfft2(psf, s=size)
    return torch.fft.irfft2(spectrum, s=size).roll((-half, -half), (-2, -1))[..., :height, :width]
