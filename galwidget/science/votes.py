"""What people would say of a picture: a small network on the pixels beside measured structure, learnt from the votes of Galaxy Zoo."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from galwidget.evaluation.morphology import nonparametric
from galwidget.galaxies import Galaxies
from galwidget.measurement import measure, measured_names
from galwidget.progress import steps

__all__ = ["QUESTIONS", "Voters", "fit_votes", "galaxy_zoo_votes", "structure"]

#: What is asked: how many of all voters would say so.
QUESTIONS = ("smooth", "edge-on", "spiral arms", "merger")
_BATCH, _RATE, _DECAY, _DROPOUT = 32, 4e-3, 1e-2, 0.3
_WIDTHS = (24, 48, 64, 96)
#: Annuli of `structure`, in sides of the stamp.
_ANNULI = (0.0, 0.05, 0.1, 0.16, 0.25, 0.44)


def galaxy_zoo_votes(table: Any) -> np.ndarray:
    """Fractions of all voters for each of `QUESTIONS`, (n, question), from the columns of a table of Galaxy Zoo 2.

    The weighted fractions of Willett et al. (2013, doi:10.1093/mnras/stt1458), not the debiased ones: those say what would be seen nearer,
    these what was seen in this picture. A question that was put to some is multiplied by the fractions on its path down the tree.
    """

    def share(name: str) -> np.ndarray:
        return np.nan_to_num(np.asarray(table[f"{name}_weighted_fraction"], float))

    disc = share("t01_smooth_or_features_a02_features_or_disk")
    arms = disc * share("t02_edgeon_a05_no") * share("t04_spiral_a08_spiral")
    merger = share("t06_odd_a14_yes") * share("t08_odd_feature_a24_merger")
    return np.stack([share("t01_smooth_or_features_a01_smooth"), disc * share("t02_edgeon_a04_yes"), arms, merger], 1)


def structure(pictures: Galaxies) -> np.ndarray:
    """Numbers that no turn or mirror changes, (n, column), NaN where one cannot be measured.

    What `galwidget.measure` finds less the direction, Gini, M20 and asymmetry; and in annuli, for each band, the mean of the stretched
    image, its scatter, and how much it differs from itself turned by half a circle: companions show there.
    """
    seen = measure(pictures)
    names = [name for name in measured_names(seen.survey) if name not in ("e1", "e2", "position_angle")]
    numbers = [seen.attribute(name) for name in names] + list(nonparametric(seen).values())
    image = _stretched(pictures)
    turned = np.abs(image - image[..., ::-1, ::-1])
    middle = (image.shape[-1] - 1) / 2
    radius = np.hypot(*(np.indices(image.shape[-2:]) - middle)) / image.shape[-1]
    parts = []
    for inner, outer in pairwise(_ANNULI):
        ring = (radius >= inner) & (radius < outer)
        parts += [image[..., ring].mean(-1), turned[..., ring].mean(-1), image[..., ring].std(-1)]
    return np.concatenate([np.stack(numbers, 1), *parts], 1)


def _stretched(pictures: Galaxies) -> np.ndarray:
    flux, ivar = pictures.require_images()
    return np.arcsinh(np.where(ivar > 0, flux, 0) / (3 * pictures.survey.sky_sigma[:, None, None]))


class _Network(nn.Module):
    def __init__(self, bands: int, numbers: int, questions: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(bands, _WIDTHS[0], 5, stride=2, padding=2), nn.BatchNorm2d(_WIDTHS[0]), nn.ReLU()]
        for before, after in pairwise(_WIDTHS):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
        self.pixels = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(_DROPOUT))
        self.numbers = nn.Sequential(nn.Linear(numbers, 64), nn.ReLU(), nn.Dropout(_DROPOUT)) if numbers else None
        self.votes = nn.Linear(_WIDTHS[-1] + (64 if numbers else 0), questions)

    def forward(self, image: Tensor, numbers: Tensor) -> Tensor:
        seen = self.pixels(image.contiguous(memory_format=torch.channels_last))
        return self.votes(seen if self.numbers is None else torch.cat([seen, self.numbers(numbers)], 1))


class Voters:
    """A trained network; called with pictures, it says what share of voters would say yes to each question, (n, question).

    Every picture is seen in its eight turns and mirrors, and the answers averaged.
    """

    def __init__(self, network: _Network, scales: tuple[Tensor, ...], questions: tuple[str, ...], survey: Any, side: int) -> None:
        self.questions = questions
        self._network, self._scales, self._survey, self._side = network.eval(), scales, survey, side

    def __call__(self, pictures: Galaxies) -> np.ndarray:
        """Fractions (n, question) for n pictures.

        Raises
        ------
        ValueError
            They are of another survey or size than those that were learnt from.
        """
        flux, _ = pictures.require_images()
        if pictures.survey != self._survey or flux.shape[-1] != self._side:
            raise ValueError(
                f"the pictures are {flux.shape[-1]} pixels wide, of {pictures.survey.name}; the voters saw "
                f"{self._side} of {self._survey.name}: read them the same way (galwidget.io.pictures.read_pictures)"
            )
        found = [self._answer(pictures[start : start + 128]) for start in range(0, len(pictures), 128)]
        return np.concatenate(found) if found else np.zeros((0, len(self.questions)))

    def _answer(self, pictures: Galaxies) -> np.ndarray:
        image, numbers = _scaled(pictures, self._scales, structured=self._network.numbers is not None)
        with torch.no_grad():
            answers = [self._network(_turned(image, turn), numbers).sigmoid() for turn in range(8)]
        return torch.stack(answers).mean(0).double().numpy()


def fit_votes(
    pictures: Galaxies,
    votes: np.ndarray,
    *,
    questions: tuple[str, ...] = QUESTIONS,
    structured: bool = True,
    epochs: int = 40,
    seed: int = 0,
    progress: bool = True,
) -> Voters:
    """Learn what people say of pictures from the shares of their votes.

    Parameters
    ----------
    pictures
        n pictures, as `galwidget.io.pictures.read_pictures` reads them.
    votes
        Shares from 0 to 1, (n, question): soft targets of a cross-entropy.
    questions
        Their names.
    structured
        Whether measured structure (`structure`) joins the pixels; without it this is a small convolutional network and no more.
        On 780 pictures of Galaxy Zoo the network alone did as well within its errors: the structure helps with mergers only.
    epochs, seed
        Passes over the pictures, each turned and mirrored at random; what decides weights, order and turns.
    progress
        Show a progress bar.

    Raises
    ------
    ValueError
        There are not as many votes as pictures, or too few pictures for a batch.
    """
    votes = np.asarray(votes, np.float32)
    if votes.shape != (len(pictures), len(questions)) or not ((votes >= 0) & (votes <= 1)).all():
        raise ValueError(
            f"votes has shape {votes.shape}; give shares from 0 to 1 for {len(pictures)} pictures and {len(questions)} questions"
        )
    if len(pictures) < _BATCH:
        raise ValueError(f"there are {len(pictures)} pictures; learning needs at least {_BATCH}")
    flux, _ = pictures.require_images()
    numbers = structure(pictures) if structured else np.zeros((len(pictures), 0))
    scales = tuple(
        torch.from_numpy(np.asarray(part, np.float32))
        for part in (
            flux.mean((0, 2, 3))[:, None, None], flux.std((0, 2, 3))[:, None, None], _quantile(numbers, 50),
            np.maximum((_quantile(numbers, 84) - _quantile(numbers, 16)) / 2, 1e-3),
        )
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _Network(flux.shape[1], numbers.shape[1], len(questions))
        image, standard = _scaled(pictures, scales, structured=structured, numbers=numbers)
        _train(network, image, standard, torch.from_numpy(votes), epochs, seed, progress)
    return Voters(network, scales, tuple(questions), pictures.survey, flux.shape[-1])


def _quantile(numbers: np.ndarray, percent: float) -> np.ndarray:
    return np.nanpercentile(numbers, percent, axis=0) if numbers.size else np.zeros(numbers.shape[1])


def _scaled(
    pictures: Galaxies, scales: tuple[Tensor, ...], *, structured: bool, numbers: np.ndarray | None = None
) -> tuple[Tensor, Tensor]:
    """Pixels and numbers of order one; a number that is missing is the median."""
    image = (torch.from_numpy(np.ascontiguousarray(pictures.require_images()[0])) - scales[0]) / scales[1]
    if not structured:
        return image, torch.zeros(len(image), 0)
    found = torch.from_numpy(np.asarray(structure(pictures) if numbers is None else numbers, np.float32))
    return image, ((found - scales[2]) / scales[3]).nan_to_num(nan=0.0).clamp(-5, 5)


def _turned(image: Tensor, turn: int) -> Tensor:
    return (image.flip(-1) if turn >= 4 else image).rot90(turn % 4, (-2, -1))


def _train(network: _Network, image: Tensor, numbers: Tensor, votes: Tensor, epochs: int, seed: int, progress: bool) -> None:
    random = np.random.default_rng(seed)
    batches = len(image) // _BATCH
    optimizer = torch.optim.AdamW(network.parameters(), _RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=epochs * batches)
    network.train()
    with steps(progress, "learning votes", epochs, unit="epoch") as tell:
        for _ in range(epochs):
            order = random.permutation(len(image))
            for step in range(batches):
                rows = order[step * _BATCH : (step + 1) * _BATCH]
                seen = torch.stack(
                    [_turned(image[row], int(turn)) for row, turn in zip(rows, random.integers(8, size=len(rows)), strict=True)]
                )
                loss = functional.binary_cross_entropy_with_logits(network(seen, numbers[rows]), votes[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
            tell(1)
