"""Edits: whether the attribute that is changed moves as asked, the others stay, nothing asked changes nothing, and back is back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from galwidget.attributes import describe
from galwidget.evaluation.sampling import pictures
from galwidget.evaluation.scores import Part, Score, bootstrap, robust_scatter
from galwidget.galaxies import Galaxies
from galwidget.measurement import measure
from galwidget.observation import observe

if TYPE_CHECKING:
    from galwidget.galaxy_model import GalaxyModel

__all__ = ["edits", "natural_slopes"]

_SECTION = "edits"
#: Steps of an edit, in standard deviations of the attribute over the galaxies.
_STEPS = (-0.5, 0.5)
#: An edited galaxy is measured; these cannot be, or go around a circle.
_NOT_EDITED = ("redshift", "morphology", "position_angle")


def natural_slopes(values: np.ndarray) -> np.ndarray:
    """How many standard deviations attribute j moves with one of attribute i over a population, (i, j): their correlations.

    Parameters
    ----------
    values
        Attributes of galaxies, (n, attribute), finite.
    """
    return np.atleast_2d(np.corrcoef(values, rowvar=False))


def edits(model: GalaxyModel, galaxies: Galaxies, *, seed: int = 0) -> Part:
    """Scores of ``model.edit_latent`` on galaxies that exist, measured without noise before and after.

    Each attribute that can be measured is changed by half a standard deviation, up and down. The drift of another is how far its change
    with the edit is outside of what it may be, in standard deviations for an edit of one: between nothing (kept) and what the population
    does (`natural_slopes`).

    Parameters
    ----------
    model
        The model.
    galaxies
        Galaxies with images.
    seed
        Of the bootstrap.
    """
    start = model.encode(galaxies)
    drawn = model.decode(start)
    names = [name for name in model.conditions if name not in _NOT_EDITED]
    # a colour that cannot be measured on the picture cannot be asked for again
    known = np.flatnonzero(np.isfinite([drawn.attribute(name) for name in names]).all(0))
    start, drawn = start[known], drawn[known]
    before = _measured(drawn)
    watched = [name for name in names if np.isfinite(before.attribute(name)).mean() > 0.5]
    table = np.stack([_on_scale(before, name) for name in watched], 1)
    whole = np.isfinite(table).all(1)
    spread = np.array([max(robust_scatter(column), 1e-6) for column in table.T])
    slopes = natural_slopes(table[whole])
    part = Part()
    drift = np.zeros((len(watched), len(watched)))
    for i, name in enumerate(watched):
        asked, found, identity, back = _changed(model, start, drawn, before, name, watched, float(spread[i]))
        changes = np.where(np.isfinite(found), found, np.nan) / spread
        pairs = np.isfinite(changes).all(1)
        slope, error = bootstrap(_through_zero, asked[pairs], changes[pairs], seed=seed)
        part.scores.append(Score(_SECTION, f"{name}: slope of the edited", float(slope[i]), float(np.atleast_1d(error)[i]), 1.0))
        # galaxies that are mixed up still move by what was asked on average: the scatter tells
        missed, missed_error = bootstrap(robust_scatter, (changes[:, i] - asked)[pairs], seed=seed)
        part.scores.append(Score(_SECTION, f"{name}: scatter of the edited (sigma)", float(missed), float(missed_error), 0.0))
        allowed = np.stack([np.minimum(slopes[i], 0), np.maximum(slopes[i], 0)])
        drift[i] = np.maximum(allowed[0] - slope, 0) + np.maximum(slope - allowed[1], 0)
        drift[i, i] = 0
        worst = int(drift[i].argmax())
        part.scores.append(
            Score(
                _SECTION,
                f"{name}: largest drift of others (sigma)",
                float(drift[i, worst]),
                float(np.atleast_1d(error)[worst]),
                0.0,
            )
        )
        for label, values in (("edit of nothing", identity), ("there and back", back[0])):
            value, spread_of = bootstrap(np.median, values, seed=seed)
            reference, against = (float(np.median(back[1])), "the edit itself")
            part.scores.append(
                Score(_SECTION, f"{name}: {label}, change of the picture", float(value), float(spread_of), 0.0, reference, against)
            )
    part.tables["drift of the column when the row is edited (sigma a sigma, beyond natural)"] = [
        {"edited": name, **{other: float(drift[i, j]) for j, other in enumerate(watched)}} for i, name in enumerate(watched)
    ]
    return part


def _measured(drawn: Galaxies) -> Galaxies:
    return measure(observe(drawn, noise=False), noiseless=True)


def _on_scale(galaxies: Galaxies, name: str) -> np.ndarray:
    values = galaxies.attribute(name)
    return np.log(np.where(values > 0, values, np.nan)) if describe(name).scale == "log" else values


def _through_zero(asked: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """Least-squares slopes of each column of ``changes`` (n, column) on ``asked`` (n,), both 0 where nothing is asked."""
    return (asked[:, None] * changes).sum(0) / (asked**2).sum()


def _apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Root mean square difference of pictures over the root mean square of the first, (n,)."""
    return np.sqrt(((one - other) ** 2).sum((1, 2, 3)) / np.maximum((one**2).sum((1, 2, 3)), 1e-30))


def _edit(model: GalaxyModel, of: Any, name: str, values: np.ndarray) -> Any:
    asked: dict[str, Any] = {name: values}
    return model.edit_latent(of, **asked)


def _changed(
    model: GalaxyModel, start: Any, drawn: Galaxies, before: Galaxies, name: str, watched: list[str], spread: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """What was asked (in sigma) and every change, over all steps; how far an empty edit, and an edit undone, move the picture."""
    log = describe(name).scale == "log"
    condition, own = model.conditions[name], drawn.attribute(name)
    picture = drawn.require_images()[0]
    identity = _apart(picture, pictures(model, _edit(model, start, name, own)).require_images()[0])
    # what is asked for is on the scale of measurements, and never beyond what may be asked at all
    value = before.attribute(name)
    value = np.where(np.isfinite(value), value, own)
    asked, found, back, gone = [], [], [], []
    for step in _STEPS:
        target = value * np.exp(step * spread) if log else value + step * spread
        if name == "ellipticity":
            target = np.clip(target, 0.0, condition.high)
        moved = _edit(model, start, name, target)
        drawn_moved = pictures(model, moved)
        after = _measured(drawn_moved)
        distance = np.log(target / value) if log else target - value
        asked.append(distance / spread)
        found.append(np.stack([_on_scale(after, other) - _on_scale(before, other) for other in watched], 1))
        back.append(_apart(picture, pictures(model, _edit(model, moved, name, own)).require_images()[0]))
        gone.append(_apart(picture, drawn_moved.require_images()[0]))
    return np.concatenate(asked), np.concatenate(found), identity, (np.concatenate(back), np.concatenate(gone))
