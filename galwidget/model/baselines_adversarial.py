"""Adversarial training over the MVAE's own networks: a critic of telescope images, its loss, and what a decoder learns from it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from galwidget.model.modalities import ImageModality, Images
from galwidget.model.telescope import convolve

__all__ = ["Critic", "critic_loss", "decoder_loss", "seen_like"]


class Critic(nn.Module):
    """One number a picture: how much it looks like the sky and not like a decoder.

    Parameters
    ----------
    image
        A modality of images with a latent of one dimension; its encoder is the critic, and its decoder is dropped.
    """

    def __init__(self, image: ImageModality) -> None:
        super().__init__()
        del image.decoder
        self.image = image

    def forward(self, images: Images) -> Tensor:
        """Log odds of being real, (n,)."""
        return self.image.encode(images).mean[:, 0]


def seen_like(images: Images, flux: Tensor, gain: Tensor) -> Images:
    """Decoded galaxies through the PSFs, sky noise and masks of real ones, with shot noise of their own.

    The instrument's noise is what keeps the two distributions from being disjoint, where a critic teaches nothing
    (Arjovsky & Bottou 2017, https://arxiv.org/abs/1701.04862).

    Parameters
    ----------
    images
        Real galaxies, n.
    flux
        Noiseless, PSF-free flux in nJy, (n, band, y, x).
    gain
        Of each band, (band,): the variance of a flux f is f / gain.
    """
    blurred = convolve(flux, images.psf)
    sky = 1 / images.ivar.amax((-2, -1), keepdim=True).clamp(min=1e-12)  # the quietest pixel holds no light
    variance = sky + blurred.clamp(min=0) / gain[:, None, None]
    good = images.ivar > 0
    noisy = blurred + variance.detach().sqrt() * torch.randn_like(blurred)
    return Images(torch.where(good, noisy, 0.0), torch.where(good, 1 / variance.detach(), 0.0), images.psf)


def critic_loss(critic: Critic, real: Images, fake: Images, gamma: float = 1.0) -> Tensor:
    r"""Cross-entropy of real against fake, and the R1 penalty :math:`\frac{\gamma}{2} E |\nabla_x D(x)|^2` at real x in sky noises.

    References
    ----------
    Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661; Mescheder, Geiger & Nowozin 2018, https://arxiv.org/abs/1801.04406.
    """
    flux = real.flux.detach().requires_grad_()
    score = critic(real._replace(flux=flux))
    (slope,) = torch.autograd.grad(score.sum(), flux, create_graph=True)
    penalty = (slope * critic.image.sky_sigma[:, None, None]).square().sum((1, 2, 3))
    false = critic(Images(*(part.detach() for part in fake)))
    return (functional.softplus(-score) + functional.softplus(false) + gamma / 2 * penalty).mean()


def decoder_loss(critic: Critic, fake: Images) -> Tensor:
    """The non-saturating loss of Goodfellow et al. 2014: the decoder wants its pictures taken for real."""
    return functional.softplus(-critic(fake)).mean()
