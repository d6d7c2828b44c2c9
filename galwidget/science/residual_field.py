"""What the model missed of a galaxy, as far as the pixels tell: a Gaussian field within the galaxy, conditioned on the residual."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from galwidget.model.telescope import through

__all__ = ["CORRELATION_AREA", "allowance", "amplitude", "missed", "relative_error", "undecided"]

#: Correlation lengths of the decoder's relative error (standard deviations, pixels): fine structure, and a whole side too bright.
_LENGTHS = (1.2, 5.0)
#: Share of the variance of that error that all bands have together: a spiral arm is one in every band.
_COMMON = 0.7
#: Conjugate gradients stop for a galaxy at this share of its residual, and for all after so many steps.
_RESOLVED, _STEPS = 1e-5, 400
#: Largest relative error of the decoder that is believed.
_LARGEST = 0.5
#: Pixels that decide together what the field is at one, pi l^2 of the finer length.
CORRELATION_AREA = math.pi * _LENGTHS[0] ** 2
#: Wavenumbers that a variance is summed over, up to Nyquist's.
_MODES = 16
#: Standard deviation of the model's error of a band's whole flux, relative: wide enough that empty sky is not filled with a faint galaxy.
_FLUX_ERROR = 0.3
#: How fast the relative error grows outwards.
_OUTWARD = 0.55
#: Relative error about which `relative_error` is the best estimate.
_USUAL = 0.05


def amplitude(flux: Tensor, ivar: Tensor, seen: Tensor) -> Tensor:
    """By how much the model's flux in each band is to be multiplied to fit the pixels, (n, band, 1, 1): 1 +- 0.3 before they are seen."""
    precision = (seen**2 * ivar).sum((2, 3), keepdim=True) + _FLUX_ERROR**-2
    return 1 + (seen * (flux - seen) * ivar).sum((2, 3), keepdim=True) / precision


def allowance(light: Tensor) -> Tensor:
    """What the decoder's error is in proportion to, nJy, from its light (n, band, y, x): the light, and more of it where it is faint.

    Wings are drawn less well than cores: the relative error grows as the light falls from its peak, to the power 0.55, which makes the
    errors of simulated galaxies come true at every brightness (twice too small in the wings, where it is the same everywhere).
    """
    peak = light.amax((2, 3), keepdim=True).clamp(min=1e-30)
    return peak * (light / peak).clamp(min=0) ** (1 - _OUTWARD)


def relative_error(residual: Tensor, ivar: Tensor, seen: Tensor, least: float) -> tuple[Tensor, Tensor]:
    r"""The decoder's relative error of each galaxy, two (n, 1, 1, 1), from what its residual has beyond the noise.

    With :math:`w = \hat f^2 v^{-1}`, the residual's square over the noise's is 1 + :math:`\epsilon^2 w` on average. The weighted mean of
    its excess over w is taken, with weights that are best for a usual error: first less its standard error, which noise alone seldom
    exceeds, then with it added, which the truth seldom exceeds.

    Parameters
    ----------
    residual, ivar, seen
        Data less model, inverse variance, and what the error is relative to (`allowance` of the model through the PSF), (n, band, y, x).
    least
        The error that the model was trained to allow.
    """
    good = ivar > 0
    bright = torch.where(good, seen**2 * ivar, 0.0).double()
    excess = torch.where(good, residual**2 * ivar - 1, 0.0).double()
    weight = bright / (1 + _USUAL**2 * bright) ** 2
    norm = (weight * bright).sum((1, 2, 3)).clamp(min=1e-30)
    squared = (weight * excess).sum((1, 2, 3)) / norm
    # the noise is white, the error is one over several pixels
    doubled = 1 + CORRELATION_AREA * (squared.clamp(min=0)[:, None, None, None] * bright) ** 2
    chance = (2 * (weight**2 * doubled).sum((1, 2, 3))).sqrt() / norm
    low, high = (bound.clamp(least**2, _LARGEST**2).sqrt().float()[:, None, None, None] for bound in (squared - chance, squared + chance))
    return low, high


def missed(residual: Tensor, ivar: Tensor, psf: Tensor, envelope: Tensor) -> Tensor:
    r"""The mean of a Gaussian field, before the telescope, given the residual: :math:`K H^T (H K H^T + N)^{-1} r`.

    The field's covariance is :math:`K = s\,C\,s`: C falls off over a pixel or two and over five, and s, the envelope, is where the model
    has light, so nothing appears where it has none. Without noise worth the name it is the residual deconvolved, with much noise it is 0.

    Parameters
    ----------
    residual, ivar, psf
        Data less model in nJy, inverse variance, (n, band, y, x), and the PSF (n, band, k, k).
    envelope
        Standard deviation s of what the decoder misses, before the telescope, nJy, (n, band, y, x).
    """
    # in single precision the rounding of one batch size or another would grow from step to step
    residual, ivar, psf, envelope = (part.double() for part in (residual, ivar, psf, envelope))
    weight = ivar.sqrt()
    height, width = residual.shape[-2:]
    seen, back, smooth = (
        through(kernel, height, width) for kernel in (psf, psf.flip((-2, -1)), _correlation(residual.shape[-1], residual.dtype))
    )

    def spread(y: Tensor) -> Tensor:
        field = smooth(envelope * back(weight * y))
        return envelope * ((1 - _COMMON) * field + _COMMON * field.sum(1, keepdim=True))

    right = weight * residual
    # conjugate gradients on I + W^(1/2) H K H^T W^(1/2), whose eigenvalues are 1 and above; each galaxy its own step, until its own
    # answer is found, so that the others of its batch do not matter
    solution, rest = torch.zeros_like(right), right.clone()
    direction, norm = rest.clone(), _dot(right, right)
    enough = _RESOLVED**2 * norm
    for _ in range(_STEPS):
        if bool((norm <= enough).all()):
            break
        applied = direction + weight * seen(spread(direction))
        step = torch.where(norm > enough, norm / _dot(direction, applied).clamp(min=1e-30), 0.0)
        solution, rest = solution + step * direction, rest - step * applied
        after = _dot(rest, rest)
        direction, norm = rest + after / norm.clamp(min=1e-30) * direction, after
    return spread(solution).float()


def undecided(seen: Tensor, shown: Tensor, ivar: Tensor, psf: Tensor, view: Tensor) -> Tensor:
    r"""The variance of `missed`'s field that its pixels leave, nJy^2, (n, band, y, x), where brightness and noise change slowly.

    There the modes of the field are independent of each other. A mode of wavenumber k has the prior covariance
    :math:`P(k) [(1 - c) I + c\,1 1^T]` between bands, c the share that they have in common, and of each band the pixels tell
    :math:`d_b = s_b^2 |H_b(k)|^2 / v_b`. What is left of it in band b is

    .. math:: \frac{p}{1 + p d_b} + \frac{1}{(1 + p d_b)^2} \left[\frac{1}{c P} + \sum_j \frac{d_j}{1 + p d_j}\right]^{-1},
        \qquad p = (1 - c) P

    Broad errors, and those that all bands have, are known from many pixels; fine ones that a PSF washes out are hardly to be seen.

    Parameters
    ----------
    seen, shown
        Standard deviation of what the decoder misses, through the PSF of the data and as it is to be shown, nJy, (n, band, y, x).
    ivar, psf, view
        Inverse variance, PSF of the data and PSF of what is shown, (band, k, k) or (n, band, k, k): taken as Gaussians of their areas.
    """
    own, other = (1 / (4 * math.pi * part.square().sum((-2, -1))[..., None, None]) for part in (psf, view))
    edges = math.pi * torch.linspace(0, 1, _MODES + 1) ** 2
    modes = [(k, k * step / (2 * math.pi)) for k, step in zip((edges[1:] + edges[:-1]) / 2, edges.diff(), strict=True)]
    powers = [sum(math.pi * length**2 * torch.exp(-0.5 * (k * length) ** 2) for length in _LENGTHS) for k, _ in modes]
    # of unit variance through the PSF of the data, where it is measured
    share = sum(weight * power * torch.exp(-own * k**2) for (k, weight), power in zip(modes, powers, strict=True))
    total = torch.zeros_like(seen)
    for (k, weight), power in zip(modes, powers, strict=True):
        told = seen**2 * ivar * torch.exp(-own * k**2) / share
        alone = 1 / (1 + (1 - _COMMON) * power * told)
        common = 1 / (1 / (_COMMON * power) + (told * alone).sum(1, keepdim=True))
        total = total + weight * torch.exp(-other * k**2) * ((1 - _COMMON) * power * alone + alone**2 * common)
    return shown**2 / share * total


def _dot(one: Tensor, other: Tensor) -> Tensor:
    return (one * other).sum((1, 2, 3), keepdim=True)


def _correlation(side: int, dtype: torch.dtype) -> Tensor:
    """C as a kernel (1, k, k): the mean of two Gaussians of unit height."""
    half = min(int(3 * _LENGTHS[1]), side // 2 - 1)
    axis = torch.arange(-half, half + 1, dtype=dtype)
    squared = axis[:, None] ** 2 + axis**2
    return torch.stack([torch.exp(-0.5 * squared / length**2) for length in _LENGTHS]).mean(0)[None]
