"""Classifier two-sample tests (Lopez-Paz & Oquab 2017): whether a forest, or a network, tells generated galaxies from observed ones."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from galwidget.evaluation.morphology import nonparametric
from galwidget.evaluation.scores import DRAWS
from galwidget.galaxies import Galaxies
from galwidget.measurement import measured_names

if TYPE_CHECKING:
    from galwidget.evaluation.sampling import Comparable

__all__ = ["auc", "features", "forest_auc", "network_auc"]

#: What other columns say already, or an angle, which has no place on a line.
_REDUNDANT = ("axis_ratio", "position_angle")
_EPOCHS, _BATCH, _RATE = 8, 64, 3e-3


def features(galaxies: Galaxies) -> dict[str, np.ndarray]:
    """What is measured of each galaxy, by name, (n,): columns of `galwidget.measure`, and Gini, M20 and asymmetry."""
    names = [name for name in measured_names(galaxies.survey) if name not in _REDUNDANT]
    return {name: galaxies.attribute(name) for name in names} | nonparametric(galaxies)


def auc(observed: np.ndarray, generated: np.ndarray, *, seed: int = 0) -> tuple[float, float]:
    """Area under the ROC curve of scores of observed (n,) against generated galaxies (m,), and its bootstrap error; 0.5: no telling."""
    random = np.random.default_rng(seed)
    draws = [
        _area(random.choice(observed, len(observed)), random.choice(generated, len(generated))) for _ in range(DRAWS)
    ]  # each side by itself: how many there are of each is no part of the question
    return _area(observed, generated), float(np.std(draws))


def _area(low: np.ndarray, high: np.ndarray) -> float:
    from scipy.stats import rankdata  # noqa: PLC0415 (not at import)

    ranks = rankdata(np.concatenate([low, high]))[len(low) :]
    return float((ranks.mean() - (len(high) + 1) / 2) / len(low))


def forest_auc(sides: Comparable, *, seed: int = 0) -> tuple[float, float]:
    """Cross-validated AUC of a random forest on the `features` of both sides, and its bootstrap error.

    200 trees, 5 galaxies a leaf, 5 folds that keep pairs together, classes weighed alike; NaN (not measured) is a value like any other.
    """
    from sklearn.ensemble import RandomForestClassifier  # noqa: PLC0415 (heavy)
    from sklearn.model_selection import PredefinedSplit, cross_val_predict  # noqa: PLC0415

    first, second = (np.stack(list(sample.values()), 1) for sample in (sides.observed_features, sides.generated_features))
    _enough(len(first), len(second))
    inputs, label = np.concatenate([first, second]), np.repeat([0, 1], [len(first), len(second)])
    forest = RandomForestClassifier(200, min_samples_leaf=5, class_weight="balanced", random_state=seed)
    chance = cross_val_predict(forest, inputs, label, cv=PredefinedSplit(_folds(sides, 5, seed)), method="predict_proba")[:, 1]
    return auc(chance[label == 0], chance[label == 1], seed=seed)


def network_auc(sides: Comparable, *, seed: int = 0, epochs: int = _EPOCHS) -> tuple[float, float]:
    """Cross-validated AUC of a small convolutional network on the pixels, asinh(flux / 2 sky sigma), and its bootstrap error.

    Four convolutions of stride 2, mean and maximum over the stamp; random turns and flips; two folds that keep pairs together; ``epochs``
    passes over 1000 galaxies or more, so that small samples are not trained less. Colours, textures, noise and profiles are all there to be
    told apart.
    """
    import torch  # noqa: PLC0415 (not at import)

    _enough(len(sides.observed), len(sides.generated))
    images = torch.from_numpy(np.concatenate([_stretched(sides.observed), _stretched(sides.generated)]))
    label = torch.from_numpy(np.repeat([0.0, 1.0], [len(sides.observed), len(sides.generated)]).astype(np.float32))
    fold = _folds(sides, 2, seed)
    areas, errors = [], []
    for held_out in (0, 1):
        train, test = np.flatnonzero(fold != held_out), np.flatnonzero(fold == held_out)
        score = _trained(images[train], label[train], images[test], epochs, seed + held_out)
        generated = label[test].numpy() > 0
        # each fold's network has a scale of its own: only the order within a fold is compared
        area, error = auc(score[~generated], score[generated], seed=seed)
        areas.append(area)
        errors.append(error)
    return float(np.mean(areas)), float(np.hypot(errors[0], errors[1]) / 2)


def _folds(sides: Comparable, count: int, seed: int) -> np.ndarray:
    """The fold of each galaxy, observed ones first; both of a pair are in the same."""
    group = np.concatenate([sides.observed_group, sides.generated_group])
    known, index = np.unique(group, return_inverse=True)
    return (np.random.default_rng(seed).permutation(len(known)) % count)[index]


def _enough(*counts: int) -> None:
    if min(counts) < 10:
        raise ValueError(f"{counts[0]} observed and {counts[1]} generated galaxies are left to tell apart; give at least 10 of each")


def _stretched(galaxies: Galaxies) -> np.ndarray:
    flux, _ = galaxies.require_images()
    return np.arcsinh(flux / (2 * galaxies.survey.sky_sigma[:, None, None])).astype(np.float32)


def _trained(images, label, wanted, epochs: int, seed: int) -> np.ndarray:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Scores of ``wanted`` by a network that has learnt to tell ``images`` of label 1 from those of label 0."""
    import torch  # noqa: PLC0415 (not at import)
    from torch import nn  # noqa: PLC0415

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers: list[nn.Module] = []
        channels = [images.shape[1], 16, 32, 48, 64]
        for before, after in pairwise(channels):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.BatchNorm2d(after), nn.LeakyReLU(0.1)]
        body, head = nn.Sequential(*layers), nn.Linear(2 * channels[-1], 1)
        parameters = [*body.parameters(), *head.parameters()]
        passes = max(epochs, round(epochs * 1000 / len(images)))
        steps = passes * -(-len(images) // _BATCH)
        optimizer = torch.optim.AdamW(parameters, weight_decay=1e-2)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps)
        # as many votes for each class, however many galaxies it has
        loss = nn.BCEWithLogitsLoss(pos_weight=(label == 0).sum() / (label == 1).sum())

        def score(batch: torch.Tensor) -> torch.Tensor:
            maps = body(batch)
            return head(torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], 1))[:, 0]

        for _ in range(passes):
            for rows in torch.randperm(len(images)).split(_BATCH):
                if len(rows) < 2:  # one galaxy has no batch statistics
                    continue
                turns, flip = int(torch.randint(4, ())), bool(torch.randint(2, ()))
                batch = torch.rot90(images[rows], turns, (2, 3))
                optimizer.zero_grad()
                loss(score(batch.flip(3) if flip else batch), label[rows]).backward()
                optimizer.step()
                schedule.step()
        body.eval()
        with torch.no_grad():
            return torch.cat([score(batch) for batch in wanted.split(256)]).double().numpy()
