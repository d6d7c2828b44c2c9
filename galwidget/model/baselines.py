"""The models that the talk tells before the MVAE, over the MVAE's own image networks: each is a network and a loss of a few lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from galwidget.model.gaussian import Gaussian, product_of_experts
from galwidget.model.modalities import ImageModality, Images, expert
from galwidget.model.networks import Perceptron

__all__ = [
    "Autoencoder",
    "ConditionalAutoencoder",
    "Loss",
    "PrincipalComponents",
    "StackedAutoencoder",
    "contractive",
    "denoising",
    "negative_elbo",
    "reconstruction",
    "sparse",
]

#: Nats of each galaxy, (n,), from a network, a batch of modalities, and how much of the training is done (0 to 1).
Loss = Callable[["Autoencoder", Mapping[str, Any], float], Tensor]


class Autoencoder(nn.Module):
    """An image to a code and back: a point (autoencoder) or a Gaussian (variational).

    Parameters
    ----------
    image
        Encoder, decoder and likelihood of images; its latent is the code.
    latent_size
        Size d of the code; default: all of ``image``'s.
    variational
        Whether the encoder's width counts, or its mean alone.
    """

    def __init__(self, image: ImageModality, latent_size: int, *, variational: bool = False) -> None:
        super().__init__()
        self.image, self.latent_size, self.variational = image, latent_size, variational

    def encode(self, data: Mapping[str, Any]) -> Gaussian:
        """The code of each galaxy, (n, d); a point has infinite precision."""
        code = self.image.encode(data["image"])
        return _with_prior(code) if self.variational else _point(code.mean)

    def carrier(self, z: Tensor) -> Tensor:
        """What the image decoder takes, (n, k), for codes ``z`` (n, d)."""
        return z

    def decode(self, z: Tensor, _modality: str = "image") -> Tensor:
        """Noiseless, PSF-free flux in nJy, (n, band, y, x)."""
        return self.image.decode(self.carrier(z))

    def log_likelihood(self, images: Images, z: Tensor) -> Tensor:
        """Nats of the pixels at the codes ``z`` (n, d), seen through each galaxy's PSF, (n,)."""
        return self.image.log_likelihood(images, self.carrier(z))


class StackedAutoencoder(Autoencoder):
    """Dense autoencoders on the code of the image's, each half as wide as the one below, learnt one after the other.

    Parameters
    ----------
    image
        Its latent is ``latent_size * 2**depth`` wide.
    latent_size
        Size d of the innermost code.
    depth
        Number of dense layers.

    References
    ----------
    Bengio et al. 2007, *Greedy layer-wise training of deep networks*, NIPS 19; Hinton & Salakhutdinov 2006, Science 313, 504.
    """

    def __init__(self, image: ImageModality, latent_size: int, depth: int = 2) -> None:
        super().__init__(image, latent_size)
        widths = [latent_size * 2**level for level in range(depth, -1, -1)]
        self.down = nn.ModuleList(Perceptron(wide, narrow) for wide, narrow in pairwise(widths))
        self.up = nn.ModuleList(Perceptron(narrow, wide) for wide, narrow in pairwise(widths))
        self.level = depth

    def encode(self, data: Mapping[str, Any]) -> Gaussian:
        """The code of the level that is being trained, (n, d * 2**(depth - level))."""
        code = self.image.encode(data["image"]).mean
        for layer in self.down[: self.level]:
            code = layer(code)
        return _point(code)

    def carrier(self, z: Tensor) -> Tensor:
        """See `Autoencoder.carrier`."""
        for level in range(self.level - 1, -1, -1):
            z = self.up[level](z)
        return z


class ConditionalAutoencoder(Autoencoder):
    r"""A conditional VAE: :math:`q(z | x, c)`, :math:`p(x | z, c)`, :math:`p(z) = N(0, I)`; any attribute of c may be unknown.

    The code that `encode` gives and `decode` takes is z and c side by side, so that a galaxy's code is all that the decoder needs.

    Parameters
    ----------
    image
        Its latent is ``latent_size + 3 * conditions`` wide.
    latent_size
        Size d of z.
    conditions
        Number of attribute columns; each takes its value, its error and whether it is known.
    hidden
        Share of the galaxies that training hides attributes of: of each any share, drawn evenly.

    References
    ----------
    Sohn, Lee & Yan 2015, *Learning structured output representation using deep conditional generative models*, NIPS 28.
    """

    def __init__(self, image: ImageModality, latent_size: int, conditions: int, hidden: float = 0.5) -> None:
        super().__init__(image, latent_size, variational=True)
        self.conditions, self.hidden = conditions, hidden
        self.recognition = Perceptron(latent_size + 6 * conditions, 2 * latent_size)

    def encode(self, data: Mapping[str, Any]) -> Gaussian:
        """Z and the attributes side by side, (n, d + 3 c); the attributes are exact."""
        features = self.image.encode(data["image"]).mean
        given = data["given"]
        own = _with_prior(expert(self.recognition(torch.cat([features, given], 1))))
        exact = torch.full_like(given, torch.inf)
        return Gaussian(torch.cat([own.mean, given], 1), torch.cat([own.precision, exact], 1))

    def given(self, value: Tensor, error: Tensor, mask: Tensor) -> Tensor:
        """Attributes, each (n, c), as the networks take them, (n, 3 c); in training some are hidden."""
        if self.training:
            share = torch.rand(len(mask), 1) * (torch.rand(len(mask), 1) < self.hidden)
            mask = mask & (torch.rand(mask.shape) >= share)
        return torch.cat([torch.where(mask, value, 0.0), torch.where(mask, (10 * error).log1p(), 0.0), mask.to(value.dtype)], 1)


class PrincipalComponents(nn.Module):
    """The best linear code of the pixels as they are, PSF and all, in units of the sky noise.

    Parameters
    ----------
    mean, components
        Shape (pixel,) and (d, pixel), orthonormal rows.
    sky_sigma
        Sky noise of each band in nJy, (band,).
    stamp
        Side of the images in pixels.

    References
    ----------
    Pearson 1901; Hotelling 1933. Of galaxies: Li et al. 2022, *PCAcademy*; masked pixels count as empty in the projection.
    """

    mean: Tensor
    components: Tensor
    sky_sigma: Tensor

    def __init__(self, mean: Tensor, components: Tensor, sky_sigma: Tensor, stamp: int) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("components", components)
        self.register_buffer("sky_sigma", sky_sigma)
        self.stamp, self.latent_size = stamp, len(components)

    def encode(self, data: Mapping[str, Any]) -> Gaussian:
        """Coefficients, (n, d)."""
        images: Images = data["image"]
        pixels = torch.where(images.ivar > 0, images.flux, 0.0) / self.sky_sigma[:, None, None]
        return _point((pixels.flatten(1) - self.mean) @ self.components.T)

    def decode(self, z: Tensor, _modality: str = "image") -> Tensor:
        """Flux in nJy with the PSF in it, (n, band, y, x)."""
        pixels = self.mean + z @ self.components
        return pixels.view(len(z), len(self.sky_sigma), self.stamp, self.stamp) * self.sky_sigma[:, None, None]


def _with_prior(code: Gaussian) -> Gaussian:
    """An encoder's word times the prior, as in the MVAE: never broader than N(0, I), where a decoder would be asked for any flux at all."""
    present = torch.ones(len(code.mean), dtype=torch.bool)
    return product_of_experts([(code, present)], code.mean)


def _point(mean: Tensor) -> Gaussian:
    return Gaussian(mean, torch.full_like(mean, torch.inf))


def reconstruction(model: Autoencoder, data: Mapping[str, Any], _done: float) -> Tensor:
    """An autoencoder's loss: the pixels' negative log likelihood, (n,)."""
    return -model.log_likelihood(data["image"], model.encode(data).mean)


def sparse(weight: float = 30.0) -> Loss:
    r"""Few numbers of a code at work at a time: :math:`\|z\|_1 / \|z\|_2`, which no rescaling of code and decoder can escape.

    References
    ----------
    Ranzato et al. 2007, NIPS 19 (sparse codes); Hoyer 2004, JMLR 5, 1457 (the ratio of norms).
    """

    def loss(model: Autoencoder, data: Mapping[str, Any], _done: float) -> Tensor:
        code = model.encode(data).mean
        return weight * code.abs().sum(1) / code.norm(dim=1).clamp(min=1e-6) - model.log_likelihood(data["image"], code)

    return loss


def contractive(weight: float = 300.0) -> Loss:
    r"""A code that noise hardly moves: :math:`\|\partial z / \partial x\|_F^2 / \mathrm{var}(z)`, x in units of the sky noise.

    In units of the scatter of the codes of a batch: the penalty could be escaped by a smaller code, which Rifai et al. prevent by tying
    the weights of the two networks. The norm comes from one random projection a galaxy, :math:`E_v |v^T J|^2 = \|J\|_F^2`
    (Hutchinson 1989), not from d backward passes.

    References
    ----------
    Rifai et al. 2011, *Contractive auto-encoders: explicit invariance during feature extraction*, ICML.
    """

    def loss(model: Autoencoder, data: Mapping[str, Any], _done: float) -> Tensor:
        images: Images = data["image"]
        flux = images.flux.detach().requires_grad_()
        code = model.encode({**data, "image": images._replace(flux=flux)}).mean
        (slope,) = torch.autograd.grad((code * torch.randn_like(code)).sum(), flux, create_graph=True)
        norm = (slope * model.image.sky_sigma[:, None, None]).square().sum((1, 2, 3))
        scatter = code.var(0).mean().clamp(min=1e-12)
        return weight * norm / scatter - model.log_likelihood(images, code)

    return loss


def denoising(share: float = 0.3) -> Loss:
    """A code that survives the loss of pixels: a share of them is set to zero before the encoder, and the decoder answers for all.

    The others are brightened by as much, as in dropout: a galaxy without loss must not look brighter than those of the training.

    References
    ----------
    Vincent et al. 2008, *Extracting and composing robust features with denoising autoencoders*, ICML (masking noise).
    """

    def loss(model: Autoencoder, data: Mapping[str, Any], _done: float) -> Tensor:
        images: Images = data["image"]
        kept = (torch.rand(images.flux.shape) >= share) / max(1 - share, 1e-6)
        code = model.encode({**data, "image": images._replace(flux=images.flux * kept)}).mean
        return -model.log_likelihood(images, code)

    return loss


def negative_elbo(beta: float = 1.0, warm_up: float = 0.25) -> Loss:
    """A VAE's loss: beta times the divergence from N(0, I), beta rising over the first part of the training, less the log likelihood.

    References
    ----------
    Kingma & Welling 2013, https://arxiv.org/abs/1312.6114; Higgins et al. 2017 (beta).
    """

    def loss(model: Autoencoder, data: Mapping[str, Any], done: float) -> Tensor:
        posterior = model.encode(data)
        own = Gaussian(*(part[:, : model.latent_size] for part in posterior))  # what a CVAE is given costs nothing
        weight = beta * (min(1.0, done / warm_up) if warm_up else 1.0)
        return weight * own.kl_to_standard() - model.log_likelihood(data["image"], posterior.sample())

    return loss
