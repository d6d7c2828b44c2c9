"""Missing modalities in training: what the same model reaches when a part of the training attributes was never measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from galwidget.evaluation.conditions import UNSEEN, asked_and_found, coefficient_of_determination
from galwidget.evaluation.missing import SHARES, without_attributes
from galwidget.evaluation.prediction import InParts
from galwidget.evaluation.scores import Curve, Part, Score, bootstrap
from galwidget.galaxies import Galaxies
from galwidget.measurement import measured_names
from galwidget.progress import steps

if TYPE_CHECKING:
    from galwidget.galaxy_model import GalaxyModel

__all__ = ["missing_in_training"]

_SECTION = "missing modalities in training"
_DRAWS = 100
#: What was asked and what was found of each attribute, two arrays (attribute, n), by question.
_Answers = dict[str, tuple[np.ndarray, np.ndarray]]


def missing_in_training(
    fit: Callable[[Galaxies, int], GalaxyModel],
    training: Galaxies,
    test: Galaxies,
    *,
    shares: Sequence[float] = SHARES,
    seeds: Sequence[int] = (0, 1, 2),
    progress: bool = True,
) -> Part:
    """Train again and again with more of the attributes gone, each entry by itself and at random, and judge on galaxies that have them all.

    The score is the mean of three: of ``conditions``, attributes asked for all at once against those measured without noise on what was
    drawn; of ``prediction from the image`` and ``from the other attributes``, the median predicted. Each is the mean over the continuous
    attributes of R2, and what cannot be measured on a picture counts as the mean of the requests. The score kept is that over the score of
    the same seed with nothing removed.

    Parameters
    ----------
    fit
        Trains a model on galaxies with a seed.
    training, test
        Galaxies with images and attributes; from the first, attributes are removed.
    shares
        What share of the attributes is removed, increasing from 0.
    seeds
        Each removes other entries and trains from other weights.
    progress
        Whether to draw a progress bar.

    Returns
    -------
    Part
        Errors join in quadrature the bootstrap over galaxies and, with several seeds, the standard error over these.

    Raises
    ------
    ValueError
        The shares do not begin at 0.
    """
    if not shares or shares[0] != 0:
        raise ValueError(f"shares are {tuple(shares)}; begin with 0, what the others are compared with")
    found: list[list[_Answers]] = []
    with steps(progress, "training with attributes missing", len(seeds) * len(shares), unit="training") as tell:
        for seed in seeds:
            found.append([])
            for share in shares:
                found[-1].append(_answers(fit(_with_less(training, share, seed), seed), test, seed))
                tell(1)
    return _part(found, shares, seeds, len(test))


def _with_less(training: Galaxies, share: float, seed: int) -> Galaxies:
    # exactly these columns are what a model takes, or would be computed from
    return without_attributes(training, [*measured_names(training.survey), *UNSEEN], share, seed=seed) if share else training


def _answers(model: GalaxyModel, test: Galaxies, seed: int) -> _Answers:
    truth = {name: test.attribute(name) for name in model.inputs.scalings}
    known = [name for name, values in truth.items() if np.isfinite(values).all()]
    asked = [name for name in known if name not in UNSEEN]
    drawn = asked_and_found(model, test, asked, seed=seed, noise=False)
    answers = {"conditions": _stacked([drawn[name] for name in asked])}
    for question, using in (("prediction from the image", ["image"]), ("prediction from the other attributes", list(model.inputs.groups))):
        medians = [np.median(InParts(model, test, name, using, seed).samples(_DRAWS, seed), 1) for name in known]
        answers[question] = _stacked([(truth[name], median) for name, median in zip(known, medians, strict=True)])
    return answers


def _stacked(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    asked, found = (np.stack(column) for column in zip(*pairs, strict=True))
    return asked, np.where(np.isfinite(found), found, asked.mean(1, keepdims=True))


def _scores(answers: _Answers, rows: np.ndarray) -> np.ndarray:
    """Mean R2 of each question over these galaxies, (question,)."""
    return np.array(
        [
            np.mean([coefficient_of_determination(one[rows], other[rows]) for one, other in zip(asked, found, strict=True)])
            for asked, found in answers.values()
        ]
    )


def _part(found: list[list[_Answers]], shares: Sequence[float], seeds: Sequence[int], galaxies: int) -> Part:
    def of_seeds(rows: np.ndarray) -> np.ndarray:
        """R2 of each question and their mean, then the share that is kept of each, (seed, share, 2 (question + 1))."""
        each = np.array([[_scores(answers, rows) for answers in of_seed] for of_seed in found])
        each = np.concatenate([each, each.mean(2, keepdims=True)], 2)
        return np.concatenate([each, each / each[:, :1]], 2)

    def mean(rows: np.ndarray) -> np.ndarray:
        return np.asarray(of_seeds(rows).mean(0))

    value, error = bootstrap(mean, np.arange(galaxies))
    if len(seeds) > 1:
        error = np.hypot(error, of_seeds(np.arange(galaxies)).std(0, ddof=1) / np.sqrt(len(seeds)))
    questions = [*found[0][0], "mean"]
    part, x = Part(), np.asarray(shares, float)
    for k, share in enumerate(shares):
        for j, name in enumerate(questions):
            nothing = "no attribute removed" if share else ""
            label = f"{name}: R2, {share:.0%} removed"
            part.scores.append(Score(_SECTION, label, value[k, j], error[k, j], np.nan, value[0, j] if share else np.nan, nothing))
        if share:
            label = f"score kept, {share:.0%} of the training attributes removed"
            part.scores.append(Score(_SECTION, label, value[k, -1], error[k, -1], 1.0))
    where = "share of the training attributes removed"
    part.curves["R2"] = Curve("R2", where, "mean R2", x, {name: (value[:, j], error[:, j]) for j, name in enumerate(questions)})
    kept = {name: (value[:, j], error[:, j]) for j, name in enumerate(questions, len(questions))}
    part.curves["score kept"] = Curve("score kept", where, "R2 over that with nothing removed", x, kept, 1.0)
    rows = of_seeds(np.arange(galaxies))[..., -1]
    part.tables["score kept, by seed"] = [
        {"seed": str(seed), **{f"{share:.0%} removed": float(rows[i, k]) for k, share in enumerate(shares)}} for i, seed in enumerate(seeds)
    ]
    return part
