"""How probable the data are, given what a decoder says: pixels, continuous attributes, redshift, categories."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["MIXTURE_SCATTER", "categorical", "gaussian_columns", "gaussian_mixture", "gaussian_pixels"]

#: Bounds of a mixture component's log scatter, in spreads of the training data: a network far from its data says anything.
MIXTURE_SCATTER = (-6.0, 2.0)
_LOG_2PI = math.log(2 * math.pi)


def gaussian_pixels(flux: Tensor, ivar: Tensor, expected: Tensor, model_error: float = 0.0) -> Tensor:
    r"""Log likelihood of pixels with Gaussian noise of each pixel's own variance.

    .. math:: \ln p = -\tfrac12 \sum_p \left[(f_p - \hat f_p)^2 v_p^{-1} + \ln 2\pi v_p\right]

    with :math:`v_p = \mathrm{ivar}_p^{-1}`, over the pixels with ivar > 0.

    Parameters
    ----------
    flux, ivar, expected
        Data in nJy, inverse variance in nJy-2 (0 = masked) and the model seen by the telescope, shape (n, band, y, x).
    model_error
        The decoder's own relative error :math:`\epsilon`: adds :math:`(\epsilon \hat f_p)^2` to the variance, so that a few very bright
        galaxies do not outweigh all the others; 0 is the plain likelihood.

    Returns
    -------
    torch.Tensor
        Nats, shape (n,); 0 for a galaxy without a good pixel.
    """
    residual = flux - expected
    if model_error:
        # the error is the decoder's, but it must not buy a better likelihood by being larger: no gradient
        ivar = ivar / (1 + ivar * (model_error * expected.detach()) ** 2)
    good = ivar > 0
    log_ivar = torch.where(good, ivar, 1.0).log()
    terms = torch.where(good, ivar * residual**2 + _LOG_2PI - log_ivar, 0.0)
    return -0.5 * terms.sum((1, 2, 3))


def gaussian_columns(value: Tensor, error: Tensor, mask: Tensor, mean: Tensor, log_scatter: Tensor) -> Tensor:
    r"""Log likelihood of columns, each Gaussian with the decoder's learned scatter and the measurement's own error.

    Parameters
    ----------
    value, error, mask
        Standardised values, their measurement errors and which were measured (boolean), shape (n, column).
    mean, log_scatter
        Prediction, shape (n, column), and the logarithm of the learned scatter, shape (column,) or (n, column).

    Returns
    -------
    torch.Tensor
        Nats, shape (n,), over the measured columns.
    """
    variance = (2 * log_scatter).exp() + torch.where(mask, error, 0.0) ** 2
    residual = torch.where(mask, value - mean, 0.0)
    terms = residual**2 / variance + variance.log() + _LOG_2PI
    return -0.5 * torch.where(mask, terms, 0.0).sum(1)


def gaussian_mixture(value: Tensor, error: Tensor, mask: Tensor, parameters: Tensor) -> Tensor:
    """Log likelihood of one column under a mixture of Gaussians: a redshift has more than one explanation.

    Parameters
    ----------
    value, error, mask
        Shape (n, 1), as in `gaussian_columns`.
    parameters
        Shape (n, 3 k): logits of the weights, means, log scatters of k components.
    """
    logits, means, log_scatter = parameters.chunk(3, 1)
    variance = (2 * log_scatter.clamp(*MIXTURE_SCATTER)).exp() + torch.where(mask, error, 0.0) ** 2
    residual = torch.where(mask, value - means, 0.0)
    components = -0.5 * (residual**2 / variance + variance.log() + _LOG_2PI)
    total = torch.logsumexp(functional.log_softmax(logits, 1) + components, 1)
    return torch.where(mask[:, 0], total, 0.0)


def categorical(value: Tensor, mask: Tensor, logits: Tensor) -> Tensor:
    """Log likelihood of one-hot categories ``value`` (n, category) under ``logits`` (n, category), where ``mask`` (n, category)."""
    return (torch.where(mask, value, 0.0) * functional.log_softmax(logits, 1)).sum(1)
