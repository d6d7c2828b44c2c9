"""Diagonal Gaussians over the latent space, and their product: the arithmetic of a product of experts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Gaussian", "product_of_experts"]


class Gaussian(NamedTuple):
    r"""A diagonal Gaussian :math:`N(\mu, \tau^{-1})` for each galaxy.

    Parameters
    ----------
    mean
        :math:`\mu`, shape (n, d).
    precision
        :math:`\tau = 1 / \sigma^2`, shape (n, d), positive.
    """

    mean: Tensor
    precision: Tensor

    @property
    def std(self) -> Tensor:
        r""":math:`\sigma = \tau^{-1/2}`, shape (n, d)."""
        return self.precision.rsqrt()

    def sample(self, noise: Tensor | None = None) -> Tensor:
        """A reparametrised draw, shape (n, d), from standard normal ``noise`` or from torch's generator."""
        noise = torch.randn_like(self.mean) if noise is None else noise
        return self.mean + self.std * noise

    def kl_to_standard(self) -> Tensor:
        r""":math:`KL(q \| N(0, I)) = \frac12 \sum_j (\tau_j^{-1} + \mu_j^2 - 1 + \ln \tau_j)` in nats, shape (n,)."""
        return 0.5 * (1 / self.precision + self.mean**2 - 1 + self.precision.log()).sum(-1)

    def kl_to(self, other: Gaussian) -> Tensor:
        r""":math:`KL(q \| p)` to another diagonal Gaussian in nats, shape (n,)."""
        ratio = other.precision / self.precision
        return 0.5 * (ratio + (self.mean - other.mean) ** 2 * other.precision - 1 - ratio.log()).sum(-1)

    def log_prob(self, z: Tensor) -> Tensor:
        """Log density at ``z`` (n, d) in nats, shape (n,)."""
        return 0.5 * (self.precision.log() - self.precision * (z - self.mean) ** 2 - math.log(2 * math.pi)).sum(-1)


def product_of_experts(experts: Iterable[tuple[Gaussian, Tensor]], like: Tensor) -> Gaussian:
    r"""The normalised product of the prior :math:`N(0, I)` and the experts that are present.

    .. math:: \tau = 1 + \sum_i m_i \tau_i, \qquad \mu = \tau^{-1} \sum_i m_i \tau_i \mu_i

    Parameters
    ----------
    experts
        Pairs of an expert's Gaussian and who it speaks for, boolean, shape (n,), or (..., n) for several products of the same experts. An
        absent expert adds exactly nothing, whatever its numbers (NaN too).
    like
        A tensor of shape (n, d): size, type and device of the answer, (n, d) or (..., n, d).

    References
    ----------
    Wu & Goodman 2018, *Multimodal generative models for scalable weakly-supervised learning*, section 2.2,
    https://arxiv.org/abs/1802.05335.
    """
    precision = torch.ones_like(like)
    weighted = torch.zeros_like(like)
    for expert, present in experts:
        here = present[..., None]
        # zero before the product, not after: 0 * NaN would reach the sum and its gradient
        own = torch.where(here, expert.precision, 0.0)
        precision = precision + own
        weighted = weighted + own * torch.where(here, expert.mean, 0.0)
    return Gaussian(weighted / precision, precision)
