"""The networks: an image encoder and decoder for stamps, and a small perceptron for attributes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["ImageDecoder", "ImageEncoder", "Perceptron"]


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

    def __init__(self, channels_in: int, context: int, outputs: int, stamp: int, widths: Sequence[int] = (24, 48, 64, 96)) -> None:
        super().__init__()
        halvings = (stamp // 4).bit_length() - 1
        if halvings < 2 or 4 * 2**halvings != stamp:
            raise ValueError(f"stamps of {stamp} pixels cannot be halved down to 4; use 16, 32, 64 or 128 pixels")
        sizes = (channels_in, *(widths[min(i, len(widths) - 1)] for i in range(halvings)))
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.SiLU()]
        self.convolutions = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Linear(sizes[-1] * 16 + context, 192), nn.SiLU(), nn.Linear(192, outputs))

    def forward(self, picture: Tensor, context: Tensor) -> Tensor:
        """Shape (n, outputs) from ``picture`` (n, channel, y, x) and ``context`` (n, context)."""
        features = self.convolutions(picture.contiguous(memory_format=torch.channels_last))
        return self.head(torch.cat([features.flatten(1), context], 1))


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(functional.silu(self.first(functional.silu(x))))


class ImageDecoder(nn.Module):
    """From a latent to the galaxy before the telescope: positive, noiseless, PSF-free flux.

    A unit-flux shape (softmax over the pixels) for each band times the exponential of that band's log flux, so that brightness and
    colour never disturb the shape. The shape is smoothed by one binomial kernel (1, 2, 1)/4 a side: structure finer than two pixels is
    beyond what the pixels can tell, and would show as a chequerboard.

    Parameters
    ----------
    latent_size
        Size d of the latent.
    bands
        Number of bands.
    stamp
        Side of the picture in pixels, a multiple of 8.
    widths
        Channels at stamp/8, stamp/4 and stamp/2 pixels a side.
    """

    smoothing: Tensor

    def __init__(self, latent_size: int, bands: int, stamp: int, widths: tuple[int, int, int] = (64, 48, 24)) -> None:
        super().__init__()
        self.start = stamp // 8
        low, middle, high = widths
        self.dense = nn.Linear(latent_size, low * self.start**2)
        self.low = nn.Sequential(_Residual(low), _Residual(low))
        self.to_middle = nn.Conv2d(low, middle * 4, 1)
        self.middle = nn.Sequential(_Residual(middle), nn.SiLU())
        self.to_high = nn.Conv2d(middle, high * 4, 1)
        self.to_bands = nn.Conv2d(high, bands * 4, 3, padding=1)
        self.log_flux = Perceptron(latent_size, bands, 64)
        kernel = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.register_buffer("smoothing", (kernel[:, None] * kernel).expand(bands, 1, 3, 3).clone(), persistent=False)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Unit-flux shape (n, band, y, x) and natural logarithm of the flux relative to the model's scale (n, band)."""
        grid = self.dense(z).view(len(z), -1, self.start, self.start).contiguous(memory_format=torch.channels_last)
        grid = functional.pixel_shuffle(self.to_middle(self.low(grid)), 2)
        grid = functional.silu(functional.pixel_shuffle(self.to_high(self.middle(grid)), 2))
        logits = functional.pixel_shuffle(self.to_bands(grid), 2)
        shape = torch.softmax(logits.flatten(2), -1).view(logits.shape)
        return functional.conv2d(shape, self.smoothing, padding=1, groups=shape.shape[1]), self.log_flux(z)
