"""The networks: an image encoder and decoder for stamps, and a small perceptron for attributes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

__all__ = ["GaussianExpansion", "ImageDecoder", "ImageEncoder", "Perceptron"]

#: Of the Gaussians of smooth light, in pixels: the narrowest rung; the variance that the pixel grid can just carry (a Gaussian narrower
#: than 0.45 pixels is no longer sampled: its flux and place would depend on where between the pixels it is). Largest ln(a/b) of an ellipse;
#: how far a Gaussian may lie off the galaxy's centre, in its own sizes; by how much in ln all may be larger or smaller than their rungs.
_NARROWEST, _FLOOR, _LONGEST, _FARTHEST, _GROWN = 0.3, 0.2, 2.5, 0.7, 6.0
#: ln(flux / nJy) of the brightest: finite where a latent is far from every galaxy, and its square, too.
_BRIGHTEST = 30.0


class Perceptron(nn.Sequential):
    """Two hidden layers with SiLU.

    Parameters
    ----------
    inputs, outputs
        Sizes of the first and the last layer.
    hidden
        Size of each hidden layer.
    """

    def __init__(self, inputs: int, outputs: int, hidden: int = 96) -> None:
        layers = (nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, outputs))
        super().__init__(*layers)


class ImageEncoder(nn.Module):
    """Stride-2 convolutions down to 4 x 4, then one dense layer beside numbers that describe the observation.

    Parameters
    ----------
    channels_in
        Channels of the input picture.
    context
        How many numbers (noise and PSF of each band) join before the dense layers.
    outputs
        Size of the answer.
    stamp
        Side of the picture in pixels: 4 times a power of two, at least 16.
    widths
        Channels of the convolutions; the last repeats where the stamp needs more halvings.
    """

    def __init__(self, channels_in: int, context: int, outputs: int, stamp: int, widths: Sequence[int] = (32, 64, 96, 128)) -> None:
        super().__init__()
        halvings = (stamp // 4).bit_length() - 1
        if halvings < 2 or 4 * 2**halvings != stamp:
            raise ValueError(f"stamps of {stamp} pixels cannot be halved down to 4; use 16, 32, 64 or 128 pixels")
        sizes = (channels_in, *(widths[min(i, len(widths) - 1)] for i in range(halvings)))
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.SiLU()]
        self.convolutions = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Linear(sizes[-1] * 16 + context, 256), nn.SiLU(), nn.Linear(256, outputs))

    def forward(self, picture: Tensor, context: Tensor) -> Tensor:
        """Shape (n, outputs) from ``picture`` (n, channel, y, x) and ``context`` (n, context)."""
        features = self.convolutions(picture.contiguous(memory_format=torch.channels_last))
        return self.head(torch.cat([features.flatten(1), context], 1))


class _Gaussians(torch.autograd.Function):
    """exp2 of a polynomial of the pixel's place, (n, k, pixel), from its coefficients of x2, y2, xy, x, y and 1, (n, k, 6).

    A sum of what depends on x, on y and on both, and powers of two: half the time of a product with all monomials and exp (measured, torch
    2.13 on the CPU, whose exp is three times as slow as its exp2). The gradient needs no more than the moments of the Gaussians.
    """

    @staticmethod
    def forward(ctx: Any, polynomial: Tensor, axis: Tensor) -> Tensor:
        xx, yy, xy, x, y, one = (coefficient[..., None] for coefficient in polynomial.unbind(-1))
        along_x, along_y = (xx * axis + x) * axis + one, (yy * axis + y) * axis
        form = (along_y[..., None] + along_x[..., None, :]).addcmul_((xy * axis)[..., None], axis)
        # held above exp2(-86): products of denormal numbers take twenty times as long
        gaussians = form.clamp_(min=-86.0).exp2_().flatten(2)
        ctx.save_for_backward(gaussians, axis)
        return gaussians

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:
        gaussians, axis = ctx.saved_tensors
        powers = torch.stack([torch.ones_like(axis), axis, axis * axis])
        weighted = (slope * gaussians).unflatten(-1, (len(axis), len(axis)))
        moments = math.log(2) * (powers @ weighted @ powers.T)
        (one, x, xx), (y, xy, _), (yy, _, _) = (row.unbind(-1) for row in moments.unbind(-2))
        return torch.stack([xx, yy, xy, x, y, one], -1), None


class GaussianExpansion(nn.Module):
    r"""Light as a multi-Gaussian expansion: elliptical Gaussians on a ladder of sizes.

    Component k has covariance :math:`s^2 r^{2k} \exp(\eta_k) + v I`, of axis ratio :math:`\exp(-2|\eta_k|)`, and where they need not be
    concentric a centre within :math:`0.7 s r^k` of the galaxy's in x and in y. A handful of numbers gives any smooth galaxy to the accuracy
    of its brightest pixels, wherever its centre is between the pixels: convolutions would need all their weights for that. Ellipses that
    turn with radius and lie off centre are lopsided discs, bars and the beginnings of arms.

    Parameters
    ----------
    bands
        Number of bands: each has its own share of light in each component, so that colours may change with radius.
    stamp
        Side of the picture in pixels.
    components
        Number of Gaussians, the largest two thirds of the stamp wide.
    concentric
        Whether they share one centre.

    References
    ----------
    Emsellem, Monnet & Bacon 1994, A&A 285, 723; Hogg & Lang 2013, PASP 125, 719 (Sersic profiles as Gaussians).
    """

    ladder: Tensor
    axis: Tensor

    def __init__(self, bands: int, stamp: int, components: int = 10, *, concentric: bool = True) -> None:
        super().__init__()
        self.bands, self.stamp, self.components, self.concentric = bands, stamp, components, concentric
        sizes = torch.logspace(math.log10(_NARROWEST), math.log10(2 * stamp / 3), components)
        self.register_buffer("ladder", sizes.log(), persistent=False)
        self.register_buffer("axis", torch.arange(stamp) - (stamp - 1) / 2, persistent=False)

    @property
    def parameters_needed(self) -> int:
        """How many numbers a galaxy takes: centre, size, ellipticity; of each component ellipticity, light in each band, and place."""
        return 5 + (2 + self.bands + 2 * (not self.concentric)) * self.components

    def forward(self, numbers: Tensor, flux: Tensor) -> Tensor:
        """Surface brightness (n, band, y, x), which sums to ``flux`` (n, band) over the stamp, from ``numbers`` (n, parameter)."""
        sizes = (2, 1, 2, 2 * self.components, self.bands * self.components)
        centre, size, shape, shapes, light, places = numbers.tensor_split(list(accumulate(sizes)), 1)
        eta = shape[:, None] + 0.3 * shapes.view(-1, self.components, 2)
        stretch = eta.square().sum(-1).add(1e-6).sqrt()
        bounded = _LONGEST * torch.tanh(stretch / _LONGEST)
        cosh, sinh = torch.cosh(bounded), torch.sinh(bounded) / stretch
        variance = (2 * (self.ladder + (0.5 * size).clamp(-_GROWN, _GROWN))).exp()
        xx = variance * (cosh + sinh * eta[..., 0]) + _FLOOR
        yy = variance * (cosh - sinh * eta[..., 0]) + _FLOOR
        xy = variance * sinh * eta[..., 1]
        determinant = xx * yy - xy * xy
        middle = 0.5 * centre[:, None]
        if not self.concentric:
            middle = middle + _FARTHEST * variance.sqrt()[..., None] * torch.tanh(places.view(-1, self.components, 2))
        x, y = middle.unbind(-1)
        # minus half the quadratic form, over ln 2, as a polynomial of the pixel's place
        form = torch.stack([yy, xx, -2 * xy], -1) / (-2 * math.log(2) * determinant[..., None])
        a, b, c = form.unbind(-1)
        polynomial = torch.stack([a, b, c, -2 * a * x - c * y, -2 * b * y - c * x, a * x * x + b * y * y + c * x * y], -1)
        gaussians = _Gaussians.apply(polynomial, self.axis)
        weight = light.view(-1, self.bands, self.components).softmax(-1) / determinant.sqrt()[:, None]
        # scaled here, where there are ten numbers a band, and not there, where there are as many as pixels
        weight = weight * (flux / (weight @ gaussians.sum(-1)[..., None])[..., 0].clamp(min=1e-20))[..., None]
        return torch.bmm(weight, gaussians).view(len(numbers), self.bands, self.stamp, self.stamp)


class ImageDecoder(nn.Module):
    """From a latent to the galaxy before the telescope: positive, noiseless, PSF-free flux.

    Smooth light (`GaussianExpansion`) whose flux in each band has a network of its own: brightness and colour never disturb the shape.

    Parameters
    ----------
    latent_size
        Size d of the latent.
    bands
        Number of bands.
    stamp
        Side of the picture in pixels.
    hidden
        Size of the hidden layers that lead to the light.
    concentric
        See `GaussianExpansion`.
    """

    def __init__(self, latent_size: int, bands: int, stamp: int, hidden: int = 192, *, concentric: bool = True) -> None:
        super().__init__()
        self.smooth = GaussianExpansion(bands, stamp, concentric=concentric)
        self.numbers = Perceptron(latent_size, self.smooth.parameters_needed, hidden)
        self.log_flux = Perceptron(latent_size, bands, 96)

    def forward(self, z: Tensor, scale: Tensor, spread: Tensor) -> Tensor:
        """Flux (n, band, y, x) at ``z`` (n, d); a whole band's is exp(scale + spread * log_flux(z)), ``scale`` and ``spread`` (band,)."""
        return self.smooth(self.numbers(z), (scale + spread * self.log_flux(z)).clamp(max=_BRIGHTEST).exp())
