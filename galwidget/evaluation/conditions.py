"""Conditions: galaxies asked for by their attributes, and what measuring those that come finds, jointly and one attribute at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from galwidget.attributes import MORPHOLOGIES, describe
from galwidget.evaluation.sampling import draw_pictures
from galwidget.evaluation.scores import Curve, Part, Score, bootstrap, robust_scatter
from galwidget.galaxies import Galaxies
from galwidget.measurement import measure
from galwidget.observation import observe

if TYPE_CHECKING:
    from galwidget.galaxy_model import GalaxyModel

__all__ = [
    "UNSEEN",
    "ConditionScore",
    "asked_and_found",
    "coefficient_of_determination",
    "condition_scores",
    "conditions",
    "requests_of",
]

_SECTION = "conditions"
#: Attributes that no image of a generated galaxy can be measured for.
UNSEEN = ("redshift", "morphology")


def coefficient_of_determination(asked: np.ndarray, found: np.ndarray) -> float:
    """R2 = 1 - sum (found - asked)^2 / sum (asked - mean)^2 over the finite pairs: 1 is perfect, 0 no better than the mean."""
    both = np.isfinite(asked) & np.isfinite(found)
    if both.sum() < 2:
        return float("nan")
    asked, found = asked[both], found[both]
    return float(1 - ((found - asked) ** 2).sum() / ((asked - asked.mean()) ** 2).sum())


@dataclass(frozen=True)
class ConditionScore:
    """Requested against measured, for one attribute.

    Parameters
    ----------
    name
        The attribute.
    r2, slope, bias, scatter
        Of measured against requested: coefficient of determination, least-squares slope, median and normalised median absolute
        deviation of measured - requested.
    permuted_r2
        R2 against requests of other galaxies: the control, at most 0.
    perfect_r2
        R2 of a perfect model: what measuring the requested galaxies' own noisy images gives; NaN where they have none.
    measured
        Share of the galaxies on which it could be measured.
    """

    name: str
    r2: float
    slope: float
    bias: float
    scatter: float
    permuted_r2: float
    perfect_r2: float
    measured: float


def requests_of(model: GalaxyModel, galaxies: Galaxies, names: Sequence[str]) -> dict[str, Any]:
    """The attributes ``names`` of galaxies that exist as arguments of ``model.sample``, each of shape (n,).

    Entries that were not measured are asked for as the training median; e1 and e2 become ellipticity and position angle.
    """
    scalings = model.inputs.scalings
    asked = {name: np.nan_to_num(galaxies.attribute(name), nan=scalings[name].typical) for name in names if name in scalings}
    found: dict[str, Any] = {name: value for name, value in asked.items() if name not in ("e1", "e2")}
    if {"e1", "e2"} <= asked.keys():
        found["ellipticity"] = np.clip(np.hypot(asked["e1"], asked["e2"]), 0, 0.99)
        found["position_angle"] = np.degrees(np.arctan2(asked["e2"], asked["e1"])) / 2 % 180
    if "morphology" in names and "morphology" in model.conditions and "morphology" in galaxies.table.colnames:
        column = galaxies.table["morphology"]
        words = np.asarray(column.filled("") if hasattr(column, "filled") else column).astype(str)
        if np.isin(words, MORPHOLOGIES).all():
            found["morphology"] = words
    return found


def asked_and_found(
    model: GalaxyModel, requests: Galaxies, names: Sequence[str], *, seed: int, noise: bool
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Requested and measured values of each name, (n,) each, NaN where one of them is not there."""
    drawn = draw_pictures(model, len(requests), seed=seed, **requests_of(model, requests, names))
    found = measure(observe(drawn, seed=seed + 1, noise=noise), noiseless=not noise)
    return {name: (requests.attribute(name), found.attribute(name)) for name in names}


def _paired(request: np.ndarray, answer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    both = np.isfinite(request) & np.isfinite(answer)
    return request[both], answer[both]


def _slope(request: np.ndarray, answer: np.ndarray) -> float:
    return float(np.polyfit(request, answer, 1)[0]) if len(request) > 2 and np.ptp(request) > 0 else float("nan")


def _bias(request: np.ndarray, answer: np.ndarray) -> float:
    return float(np.median(answer - request)) if len(request) else float("nan")


def _scatter(request: np.ndarray, answer: np.ndarray) -> float:
    return robust_scatter(answer - request)


def condition_scores(
    model: GalaxyModel, requests: Galaxies, *, seed: int = 0, only: Sequence[str] | None = None, noise: bool = True
) -> list[ConditionScore]:
    """Ask for the attributes of galaxies that exist, observe what comes with PSF and noise, measure it, and compare.

    Parameters
    ----------
    model
        The model.
    requests
        Galaxies whose attributes are asked for, all at once; entries that were not measured are asked for as the training median.
    seed
        Of the draws and the noise.
    only
        Ask for these attributes only and leave the others free.
    noise
        Whether the observation has noise; without, what is judged is the model alone.

    Returns
    -------
    list of ConditionScore
        One for each attribute that was asked for and can be measured on an image.
    """
    names = [name for name in model.inputs.scalings if name not in UNSEEN and (only is None or name in only)]
    pairs = asked_and_found(model, requests, names, seed=seed, noise=noise)
    own = measure(requests) if noise and requests.flux is not None else requests.with_table(None)
    order = np.random.default_rng(seed).permutation(len(requests))
    scores = []
    for name, (request, answer) in pairs.items():
        chosen = _paired(request, answer)
        scores.append(
            ConditionScore(
                name,
                coefficient_of_determination(request, answer),
                _slope(*chosen),
                _bias(*chosen),
                _scatter(*chosen),
                coefficient_of_determination(request[order], answer),
                coefficient_of_determination(request, own.attribute(name)),
                len(chosen[0]) / max(int(np.isfinite(request).sum()), 1),
            )
        )
    return scores


def conditions(model: GalaxyModel, requests: Galaxies, *, seed: int = 0) -> Part:
    """Scores of `condition_scores` without noise, with errors: all attributes asked for at once, and each alone.

    A request is of a noiseless measurement (`galwidget.measure`), so a perfect model meets it exactly; the reference is the control, the
    same galaxies held against requests of others.

    Parameters
    ----------
    model
        The model.
    requests
        Galaxies whose attributes are asked for.
    seed
        Of the draws and of the bootstrap.
    """
    known = [name for name in model.inputs.scalings if name not in UNSEEN]
    names = [name for name in known if np.isfinite(requests.attribute(name)).sum() > 10]
    part = Part()
    # one component of an ellipticity means nothing without the other
    alone = [("e1", "e2") if name == "e1" and "e2" in names else (name,) for name in names if name != "e2" or "e1" not in names]
    together = asked_and_found(model, requests, names, seed=seed, noise=False)
    apart: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for some in alone:
        apart |= asked_and_found(model, requests, some, seed=seed, noise=False)
    order = np.random.default_rng(seed).permutation(len(requests))
    for how, pairs in (("jointly", together), ("alone", apart)):
        for name, (request, answer) in pairs.items():
            chosen, others = _paired(request, answer), _paired(request[order], answer)
            if len(chosen[0]) < 3:
                continue
            unit = describe(name).unit
            for kind, statistic, perfect, its_unit in (
                ("R2", coefficient_of_determination, 1.0, ""),
                ("slope", _slope, 1.0, ""),
                ("bias", _bias, 0.0, unit),
                ("scatter", _scatter, 0.0, unit),
            ):
                value, error = bootstrap(statistic, *chosen, seed=seed)
                control = statistic(*others)
                part.scores.append(
                    Score(_SECTION, f"{name} {how}: {kind}", value, float(error), perfect, control, "permuted requests", its_unit)
                )
            if how == "jointly":
                part.curves[f"{name} requested and measured"] = _running(name, *chosen)
    return part


def _running(name: str, request: np.ndarray, answer: np.ndarray) -> Curve:
    """Median and scatter of what was found in ten bins of what was asked for."""
    known = describe(name)
    groups = [group for group in np.array_split(np.argsort(request), 10) if len(group)]
    x = np.array([np.median(request[group]) for group in groups])
    y = np.array([np.median(answer[group]) for group in groups])
    spread = np.array([robust_scatter((answer - request)[group]) for group in groups])
    unit = f" / {known.unit}" if known.unit else ""
    return Curve(f"{known.label}", f"requested{unit}", f"measured{unit}", x, {"model": (y, spread)}, "diagonal", log_x=False)
