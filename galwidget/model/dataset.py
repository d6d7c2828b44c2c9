"""Training batches: samples with different modalities side by side, augmented, in an order that only the seed decides."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from galwidget.galaxies import Galaxies
from galwidget.model.inputs import Inputs
from galwidget.model.modalities import Columns, Images

__all__ = ["Batches", "noisier", "turn"]

#: Largest factor on the noise of a training image.
_NOISIEST = 3.0


class Batches(IterableDataset):
    """Batches of one epoch: shuffled, turned and mirrored, each a dict of modalities.

    Parameters
    ----------
    samples
        Galaxies of any modalities; each batch is drawn from all of them together.
    inputs
        The model's inputs.
    batch_size
        Galaxies a batch.
    seed
        With the epoch, decides order and augmentation: an interrupted run that resumes sees the same batches.
    repeats
        How often each sample is seen in an epoch; default once.
    rank, world
        This process among those that share the training: each takes every ``world``-th batch.
    """

    def __init__(
        self,
        samples: Sequence[Galaxies],
        inputs: Inputs,
        batch_size: int,
        seed: int,
        repeats: Sequence[int] | None = None,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        super().__init__()
        self.inputs, self.batch_size, self.seed, self.epoch = inputs, batch_size, seed, 0
        self.rank, self.world = rank, world
        self.parts = [inputs.tensors(sample) for sample in samples]
        sizes = [len(sample) for sample in samples]
        repeats = [1] * len(sizes) if repeats is None else list(repeats)
        rows = [
            np.tile(np.stack([np.full(n, part), np.arange(n)], 1), (r, 1)) for part, (n, r) in enumerate(zip(sizes, repeats, strict=True))
        ]
        self.rows = np.concatenate(rows)

    def __len__(self) -> int:
        return len(self.rows) // self.batch_size // self.world if len(self.rows) >= self.batch_size * self.world else 1

    def __iter__(self) -> Iterator[dict[str, Any]]:
        random = np.random.default_rng([self.seed, self.epoch])
        order = random.permutation(len(self.rows))
        for step in range(len(self) * self.world):
            chosen = order[step * self.batch_size : (step + 1) * self.batch_size]
            operation, noise = int(random.integers(8)), random.integers(2**31)
            if step % self.world == self.rank:
                yield self._batch(self.rows[chosen], operation, int(noise))

    def _batch(self, rows: np.ndarray, operation: int, noise: int) -> dict[str, Any]:
        batch: dict[str, Any] = {}
        for name in self.inputs.modalities:
            pieces, places = [], []
            for part in np.unique(rows[:, 0]):
                here = np.flatnonzero(rows[:, 0] == part)
                if name in self.parts[part]:
                    index = torch.from_numpy(rows[here, 1])
                    pieces.append(type(self.parts[part][name])(*(tensor[index] for tensor in self.parts[part][name])))
                    places.append(torch.from_numpy(here))
            if pieces:
                batch[name] = _spread(pieces, torch.cat(places), len(rows))
        batch = turn(batch, operation, self.inputs)
        return self._imperfect(batch, noise)

    def _imperfect(self, batch: dict[str, Any], seed: int) -> dict[str, Any]:
        """Half of the exact attributes get an error, a third of the galaxies lack columns, half of the images more noise.

        So experts learn what errors, gaps and depth mean.
        """
        generator = torch.Generator().manual_seed(seed)
        if "image" in batch:
            batch["image"] = noisier(batch["image"], generator)
        for name, part in batch.items():
            if isinstance(part, Columns) and name != "morphology":
                blurred = (torch.rand(len(part.value), 1, generator=generator) < 0.5) & (part.error == 0) & part.mask
                error = 10 ** (torch.rand(part.value.shape, generator=generator) * 2 - 2)
                noise = error * torch.randn(part.value.shape, generator=generator)
                gappy = torch.rand(len(part.value), 1, generator=generator) < (1 / 3 if part.value.shape[1] > 1 else 0)
                lost = gappy & (torch.rand(part.value.shape, generator=generator) < 0.5)
                batch[name] = Columns(
                    torch.where(blurred, part.value + noise, part.value), torch.where(blurred, error, part.error), part.mask & ~lost
                )
        return batch


def _spread(pieces: list[Any], places: Tensor, n: int) -> Any:
    """Pieces of one modality, from several samples, at their places in a batch of ``n``; zeros (absent) elsewhere."""
    tensors = []
    for column in zip(*pieces, strict=True):
        side = max(tensor.shape[-1] for tensor in column)
        together = torch.cat([_pad(tensor, side) if isinstance(pieces[0], Images) else tensor for tensor in column])
        whole = together.new_zeros(n, *together.shape[1:])
        whole[places] = together
        tensors.append(whole)
    return type(pieces[0])(*tensors)


def _pad(tensor: Tensor, side: int) -> Tensor:
    """PSFs of different sizes in the middle of the largest."""
    margin = (side - tensor.shape[-1]) // 2
    return torch.nn.functional.pad(tensor, (margin,) * 4) if margin else tensor


def noisier(images: Images, generator: torch.Generator) -> Images:
    """Half of the images through up to `_NOISIEST` times their noise, evenly in its logarithm: fields are not of one depth."""
    n = len(images.flux)
    more = torch.rand(n, 1, 1, 1, generator=generator).mul(math.log(_NOISIEST)).exp()
    more = torch.where(torch.rand(n, 1, 1, 1, generator=generator) < 0.5, more, 1.0)
    good = images.ivar > 0
    sigma = torch.where(good, images.ivar.clamp(min=torch.finfo(images.ivar.dtype).tiny).rsqrt(), 0.0)
    noise = torch.randn(images.flux.shape, generator=generator)
    return images._replace(flux=images.flux + (more.square() - 1).sqrt() * sigma * noise, ivar=images.ivar / more.square())


def turn(batch: dict[str, Any], operation: int, inputs: Inputs) -> dict[str, Any]:
    """Turn by a multiple of 90 degrees and mirror, about the stamp's middle: pixels, PSFs and ellipticities together.

    Parameters
    ----------
    batch
        Modalities by name.
    operation
        0 to 7: ``operation % 4`` quarter turns, after a mirror of x if it is 4 or more.
    inputs
        The model's inputs (which column is e1).
    """
    quarters, mirror = operation % 4, operation >= 4
    turned = dict(batch)
    if "image" in batch:
        turned["image"] = Images(*((tensor.flip(-1) if mirror else tensor).rot90(quarters, (-2, -1)) for tensor in batch["image"]))
    if "shape" in batch:
        value = batch["shape"].value.clone()
        for name, sign in (("e1", (-1) ** quarters), ("e2", (-1) ** (quarters + mirror))):
            if name in inputs.groups["shape"] and sign < 0:
                column, scaling = inputs.groups["shape"].index(name), inputs.scalings[name]
                value[:, column] = -value[:, column] - 2 * scaling.center / scaling.width
        turned["shape"] = batch["shape"]._replace(value=value)
    return turned
