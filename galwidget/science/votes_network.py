"""The network that looks at a picture's pixels for what people would say, beside what measured structure says; and how it learns."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from galwidget.progress import Progress, steps

__all__ = ["BATCH", "VotesNetwork", "quarter_turned", "train"]

BATCH = 32
_RATE, _DECAY, _DROPOUT = 4e-3, 1e-2, 0.3
_WIDTHS = (24, 48, 64, 96)
#: How much larger or smaller, and how far off the middle (in half sides), a picture is seen while learning.
_ZOOM, _SHIFT = 0.15, 0.05
#: How far the network believes the structure before it has learnt how far to.
_TRUST = 0.5


class VotesNetwork(nn.Module):
    """Logits of shares of votes: a small convolutional network's, plus a linear mixture of those that the structure gives.

    Parameters
    ----------
    bands
        Of the pictures.
    questions
        How many are asked.
    """

    def __init__(self, bands: int, questions: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(bands, _WIDTHS[0], 5, stride=2, padding=2), nn.BatchNorm2d(_WIDTHS[0]), nn.ReLU()]
        for before, after in pairwise(_WIDTHS):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
        self.pixels = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(_DROPOUT), nn.Linear(_WIDTHS[-1], questions))
        self.structure = nn.Linear(questions, questions, bias=False)
        self.structure.weight.data = _TRUST * torch.eye(questions)

    def forward(self, image: Tensor, structure: Tensor) -> Tensor:
        """Logits (n, question) of pictures (n, band, y, x) whose structure gives logits (n, question)."""
        return self.pixels(image.contiguous(memory_format=torch.channels_last)) + self.structure(structure)


def quarter_turned(image: Tensor, turn: int) -> Tensor:
    """One of the eight turns and mirrors that leave the pixels as they are."""
    return (image.flip(-1) if turn >= 4 else image).rot90(turn % 4, (-2, -1))


def _seen_anew(image: Tensor, random: np.random.Generator) -> Tensor:
    """Each picture turned by any angle, mirrored or not, a little larger or smaller, and a little off the middle."""
    count = len(image)
    angle, zoom = random.uniform(0, 2 * np.pi, count), np.exp(random.uniform(-_ZOOM, _ZOOM, count))
    mirror, shift = random.choice([-1.0, 1.0], count), random.uniform(-_SHIFT, _SHIFT, (count, 2))
    rows = [
        np.stack([mirror * zoom * np.cos(angle), -zoom * np.sin(angle), shift[:, 0]], 1),
        np.stack([mirror * zoom * np.sin(angle), zoom * np.cos(angle), shift[:, 1]], 1),
    ]
    places = functional.affine_grid(torch.from_numpy(np.stack(rows, 1)).float(), list(image.shape), align_corners=False)
    return functional.grid_sample(image, places, align_corners=False)


def train(
    network: VotesNetwork, image: Tensor, structure: Tensor, votes: Tensor, *, epochs: int, seed: int, progress: Progress = True
) -> None:
    """Learn shares of votes (n, question), soft targets of a cross-entropy, from n pictures and the logits of their structure.

    These must be of a regression that did not know the picture's own votes, or the network believes it too much.
    """
    random = np.random.default_rng(seed)
    batches = len(image) // BATCH
    optimizer = torch.optim.AdamW(network.parameters(), _RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=epochs * batches)
    network.train()
    with steps(progress, "learning votes", epochs, unit="epoch") as tell:
        for _ in range(epochs):
            order = random.permutation(len(image))
            for step in range(batches):
                rows = order[step * BATCH : (step + 1) * BATCH]
                said = network(_seen_anew(image[rows], random), structure[rows])
                loss = functional.binary_cross_entropy_with_logits(said, votes[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
            tell(1)
    network.eval()
