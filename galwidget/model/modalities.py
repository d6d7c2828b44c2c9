"""What one expert sees: the image, or a group of attributes; each has an encoder, a decoder and a likelihood."""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import deepcopy
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from galwidget.model import likelihoods
from galwidget.model.gaussian import Gaussian
from galwidget.model.networks import ImageDecoder, ImageEncoder, Perceptron
from galwidget.model.telescope import convolve

__all__ = [
    "AttributeModality",
    "CategoryModality",
    "Columns",
    "ColumnsModality",
    "ImageModality",
    "Images",
    "MixtureModality",
    "Modality",
    "expert",
]

#: Channels of the network that looks again.
_SECOND_LOOK = (24, 48, 64, 64)
#: Bounds of an expert's log precision: from nothing said to a thousandth of the prior's width.
_LOG_PRECISION = (-12.0, 14.0)
#: Bound of its mean on either side, in the prior's widths: the largest of a galaxy is 26, and what is none shall not run to infinity.
_FARTHEST = 40.0


class Images(NamedTuple):
    """Pixels as tensors: flux and ivar (n, band, y, x) in nJy and nJy-2, psf (n, band, k, k)."""

    flux: Tensor
    ivar: Tensor
    psf: Tensor

    @property
    def present(self) -> Tensor:
        """Which galaxies have a good pixel, shape (n,)."""
        return (self.ivar > 0).flatten(1).any(1)


class Columns(NamedTuple):
    """Attributes of one group as tensors: standardised value, its error, and whether it was measured, each (n, column)."""

    value: Tensor
    error: Tensor
    mask: Tensor

    @property
    def present(self) -> Tensor:
        """Which galaxies have any of these attributes, shape (n,)."""
        return self.mask.any(1)


class Modality(Protocol):
    """The three things that an MVAE asks of a modality."""

    def encode(self, data: Any) -> Gaussian:
        """The expert's Gaussian for each galaxy, (n, d); any numbers where the data are absent."""

    def decode(self, z: Tensor) -> Tensor | tuple[Tensor, ...]:
        """The parameters of the likelihood at ``z`` (n, d)."""

    def log_likelihood(self, data: Any, z: Tensor) -> Tensor:
        """Nats of ``data`` at ``z`` (n, d), shape (n,); 0 where absent."""


def _asinh(pixels: Tensor) -> Tensor:
    """As `torch.asinh`, whose loop over pixels is not vectorised: as exact and four times as fast."""
    square = pixels * pixels
    return torch.copysign(torch.log1p(pixels.abs() + square / (1 + (1 + square).sqrt())), pixels)


def expert(numbers: Tensor) -> Gaussian:
    """The last layer of an encoder (n, 2 d) as a Gaussian: mean and log precision, held within bounds."""
    mean, log_precision = numbers.chunk(2, 1)
    return Gaussian(mean.clamp(-_FARTHEST, _FARTHEST), log_precision.clamp(*_LOG_PRECISION).exp())


class ImageModality(nn.Module):
    """The image: asinh pixels in, the galaxy before the telescope out, compared through each galaxy's own PSF.

    Parameters
    ----------
    latent_size
        Size d of the latent.
    sky_sigma
        The survey's sky noise in nJy, shape (band,): the scale on which the encoder sees pixels.
    psf
        The survey's PSF, shape (band, k, k): the one that the others are compared with.
    log_flux
        Mean and standard deviation of ln(flux / nJy) in the training data, shape (2, band).
    stamp
        Side of the images in pixels.
    model_error
        See `galwidget.model.likelihoods.gaussian_pixels`.
    roughness
        Weight of a penalty on structure of the galaxy that is finer than the PSF, in nats.
    looks
        How often the encoder draws its answer, looks at what is left of the image, and corrects itself: iterative amortised inference
        (Marino et al. 2018, https://arxiv.org/abs/1807.09356). One look cannot tell a bright galaxy's numbers as well as its pixels do.
    concentric
        See `galwidget.model.networks.GaussianExpansion`.
    """

    sky_sigma: Tensor
    sharpness: Tensor
    flux_mean: Tensor
    flux_std: Tensor

    def __init__(
        self,
        latent_size: int,
        sky_sigma: Tensor,
        psf: Tensor,
        log_flux: Tensor,
        stamp: int,
        model_error: float = 0.0,
        roughness: float = 0.0,
        looks: int = 0,
        concentric: bool = True,
    ) -> None:
        super().__init__()
        bands = len(sky_sigma)
        self.looks = looks
        self.model_error, self.roughness = model_error, roughness
        self.register_buffer("sky_sigma", sky_sigma.float())
        self.register_buffer("sharpness", psf.float().square().sum((-2, -1)))
        self.register_buffer("flux_mean", log_flux[0].float())
        self.register_buffer("flux_std", log_flux[1].float())
        self.encoder = ImageEncoder(bands + 1, 3 * bands, 2 * latent_size, stamp)
        self.decoder = ImageDecoder(latent_size, bands, stamp, concentric=concentric)
        context = 6 * bands + 3 * latent_size
        self.second_look = ImageEncoder(2 * bands + 1, context, 2 * latent_size, stamp, _SECOND_LOOK) if looks else None
        if self.second_look is not None:  # begins by leaving the first answer as it is
            for parameter in self.second_look.head[-1].parameters():
                nn.init.zeros_(parameter)

    def encode(self, data: Images) -> Gaussian:
        """See `Modality.encode`."""
        picture, good, context = self._seen(data)
        answer = self.encoder(torch.cat([picture, good], 1), context)
        for _ in range(self.looks):
            answer = answer + self._correction(answer, data, good, context)
        return expert(answer)

    def _correction(self, answer: Tensor, data: Images, good: Tensor, context: Tensor) -> Tensor:
        assert self.second_look is not None  # noqa: S101 (narrows the type)
        z, log_precision = answer.detach().chunk(2, 1)
        z = z.clamp(-_FARTHEST, _FARTHEST)
        answer = torch.cat([z, log_precision], 1)
        width = (-0.5 * log_precision.clamp(0, _LOG_PRECISION[1])).exp()
        with torch.enable_grad():
            z = z.clone().requires_grad_()
            drawn = convolve(self.decode(z), data.psf)
            nats = likelihoods.gaussian_pixels(data.flux, data.ivar, drawn, self.model_error)
            (uphill,) = torch.autograd.grad(nats.sum(), z)
        drawn = drawn.detach()
        left = data.flux - drawn
        # where the pixels pull each dimension, and what each band's flux lacks: a network that sums thousands of faint pixels is too coarse
        numbers = torch.cat([context, answer, torch.asinh(width * uphill), self._excess(left, drawn, data.ivar)], 1)
        residual = _asinh(left * data.ivar.sqrt() / 3)
        drawn = _asinh(drawn / (3 * self.sky_sigma[:, None, None]))
        correction = self.second_look(torch.cat([residual, drawn, good], 1), numbers)
        # in units of the first answer's own width, and of its logarithm
        mean, log_precision = correction.chunk(2, 1)
        return torch.cat([width * mean, log_precision], 1)

    @staticmethod
    def _excess(left: Tensor, drawn: Tensor, ivar: Tensor) -> Tensor:
        """By how much each band is brighter than drawn, in sigma and relative, and its signal to noise; (n, 3 band)."""
        significance = (drawn.square() * ivar).sum((2, 3)).clamp(min=1e-6).sqrt()
        excess = (left * drawn * ivar).sum((2, 3)) / significance
        return torch.cat([torch.asinh(excess), (excess / significance.clamp(min=1.0)).clamp(-1.0, 3.0), torch.asinh(significance)], 1)

    def _seen(self, data: Images) -> tuple[Tensor, Tensor, Tensor]:
        """What the encoder sees: pixels, where they are good (n, 1, y, x), and noise and PSF of each band (n, 3 band)."""
        good = data.ivar > 0
        picture = _asinh(torch.where(good, data.flux, 0.0) / (3 * self.sky_sigma[:, None, None]))
        good = good.to(picture.dtype)
        share = good.mean((2, 3))
        noise = (1 / data.ivar.clamp(min=1e-12)).sqrt().mul(good).sum((2, 3)) / good.sum((2, 3)).clamp(min=1)
        depth = torch.where(share > 0, (noise / self.sky_sigma).clamp(min=1e-3).log(), 0.0)
        sharpness = (data.psf.square().sum((-2, -1)) / self.sharpness).clamp(min=1e-3).log()
        context = torch.cat([share, depth, sharpness], 1)
        return picture, good.mean(1, keepdim=True), context

    def decode(self, z: Tensor) -> Tensor:
        """Noiseless, PSF-free flux in nJy, shape (n, band, y, x)."""
        return self.decoder(z, self.flux_mean, self.flux_std)

    def log_flux(self, z: Tensor) -> Tensor:
        """ln(flux / nJy) of each band at ``z`` (n, d), (n, band), without drawing the picture."""
        return self.flux_mean + self.flux_std * self.decoder.log_flux(z)

    def log_likelihood(self, data: Images, z: Tensor) -> Tensor:
        """See `Modality.log_likelihood`."""
        flux = self.decode(z)
        nats = likelihoods.gaussian_pixels(data.flux, data.ivar, convolve(flux, data.psf), self.model_error)
        return nats - self.roughness * self._roughness(flux) * data.present if self.roughness else nats

    def _roughness(self, flux: Tensor) -> Tensor:
        """Difference of asinh(flux / sky noise) from its local mean, summed, (n,): a sharp core costs little, a pattern much."""
        seen = _asinh(flux / self.sky_sigma[:, None, None])
        smooth = functional.avg_pool2d(functional.pad(seen, (2, 2, 2, 2), mode="replicate"), 5, stride=1)
        return functional.smooth_l1_loss(seen, smooth, beta=0.05, reduction="none").sum((1, 2, 3))


class AttributeModality(nn.Module, ABC):
    """What groups of attributes share: an encoder that knows which columns were measured, and how well; one or two decoders.

    Parameters
    ----------
    latent_size, columns, outputs, hidden
        Sizes of the latent, of the data, of the likelihood's parameters and of the hidden layers.
    foretells
        Whether a second decoder answers where an attribute was not seen (`galwidget.foretelling.fit_foretellers`). The first learns on
        posteriors that saw it, and leans on dimensions of the latent that nothing but the attribute itself says.
    """

    def __init__(self, latent_size: int, columns: int, outputs: int, hidden: int, *, foretells: bool) -> None:
        super().__init__()
        self.encoder = Perceptron(3 * columns, 2 * latent_size, hidden)
        self.decoder = Perceptron(latent_size, outputs, hidden)
        # it learns after all the rest
        self.foreteller = deepcopy(self.decoder).requires_grad_(False) if foretells else None

    def encode(self, data: Columns) -> Gaussian:
        """See `Modality.encode`."""
        value = torch.where(data.mask, data.value, 0.0)
        error = torch.where(data.mask, (10 * data.error).log1p(), 0.0)
        return expert(self.encoder(torch.cat([value, error, data.mask.to(value.dtype)], 1)))

    def decode(self, z: Tensor) -> Tensor:
        """The parameters of the likelihood, shape (n, parameter)."""
        return self.decoder(z)

    def foretell(self, z: Tensor) -> Tensor:
        """The parameters of the likelihood at draws ``z`` (n, d) from posteriors that did not see the attribute, (n, parameter)."""
        return self.decode(z) if self.foreteller is None else self.foreteller(z)

    def log_likelihood(self, data: Columns, z: Tensor) -> Tensor:
        """See `Modality.log_likelihood`."""
        return self.nats(data, self.decode(z))

    @abstractmethod
    def nats(self, data: Columns, parameters: Tensor) -> Tensor:
        """Log likelihood of ``data`` by ``parameters`` (n, parameter) of `decode` or `foretell`, (n,); 0 where absent."""


class ColumnsModality(AttributeModality):
    """Continuous attributes: Gaussian, with a learned scatter beside the measured error.

    The scatter is each column's own times a factor, between a fifth and five, that depends on the galaxy: a faint galaxy's latent says
    less of its colour than a bright one's.
    """

    def __init__(self, latent_size: int, columns: int, hidden: int = 96, *, foretells: bool = False) -> None:
        super().__init__(latent_size, columns, 2 * columns, hidden, foretells=foretells)
        self.log_scatter = nn.Parameter(torch.full((columns,), -1.0))

    def predictive(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of each column by ``parameters`` of `decode` or `foretell`, standardised, both (n, column)."""
        mean, factor = parameters.chunk(2, 1)
        return mean, (self.log_scatter + 1.6 * torch.tanh(factor)).clamp(min=-5.0).exp()

    def nats(self, data: Columns, parameters: Tensor) -> Tensor:
        """Of `galwidget.model.likelihoods.gaussian_columns`."""
        mean, scatter = self.predictive(parameters)
        return likelihoods.gaussian_columns(data.value, data.error, data.mask, mean, scatter.log())


class MixtureModality(AttributeModality):
    """One attribute whose distribution may have several peaks (redshift): a mixture of ``components`` Gaussians."""

    def __init__(self, latent_size: int, components: int = 5, hidden: int = 96, *, foretells: bool = False) -> None:
        super().__init__(latent_size, 1, 3 * components, hidden, foretells=foretells)

    def nats(self, data: Columns, parameters: Tensor) -> Tensor:
        """Of `galwidget.model.likelihoods.gaussian_mixture`."""
        return likelihoods.gaussian_mixture(data.value, data.error, data.mask, parameters)


class CategoryModality(AttributeModality):
    """One attribute with named values (Hubble type): categorical; the columns are one-hot."""

    def __init__(self, latent_size: int, categories: int, hidden: int = 96, *, foretells: bool = False) -> None:
        super().__init__(latent_size, categories, categories, hidden, foretells=foretells)

    def nats(self, data: Columns, parameters: Tensor) -> Tensor:
        """Of `galwidget.model.likelihoods.categorical`."""
        return likelihoods.categorical(data.value, data.mask, parameters)
