"""A posterior improved for the galaxy at hand: the encoder's answer, then a few steps uphill on that galaxy's own data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from galwidget.model.gaussian import Gaussian
from galwidget.model.mvae import MVAE

__all__ = ["refine"]


def refine(model: MVAE, data: Mapping[str, Any], posterior: Gaussian, steps: int, learning_rate: float = 0.05) -> Gaussian:
    r"""Move the posterior's mean towards the maximum of :math:`\sum_i \ln p(x_i | z) + \ln p(z)` over the modalities in ``data``.

    An encoder answers for all galaxies at once and falls short of the best latent of each (the amortisation gap), most for bright ones,
    whose pixels say more than it can tell. The widths stay the encoder's.

    Parameters
    ----------
    model, data
        The model, and the modalities by name, of n galaxies.
    posterior
        The encoder's answer, (n, d).
    steps, learning_rate
        Of Adam; the rate falls to zero as a cosine.

    References
    ----------
    Kim et al. 2018, *Semi-amortized variational autoencoders*, https://arxiv.org/abs/1802.02550.
    """
    with torch.enable_grad():
        z = posterior.mean.detach().clone().requires_grad_()
        optimizer = torch.optim.Adam([z], learning_rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(steps, 1))
        for _ in range(steps):
            nats = sum(model.log_likelihood(data, z, name) for name in data) - 0.5 * (z**2).sum(1)
            optimizer.zero_grad()
            # the gradient of the latent alone: the model's weights have none to keep
            (z.grad,) = torch.autograd.grad(-nats.sum(), z)
            optimizer.step()
            schedule.step()
    return Gaussian(z.detach(), posterior.precision)
