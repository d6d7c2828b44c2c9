"""What every section of an evaluation is made of: numbers with their errors, and the curves, tables and pictures behind them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["Curve", "Part", "Score", "bootstrap", "bootstrap_error", "robust_scatter"]

#: Resamplings of a bootstrap error: it is itself known to 1 / sqrt(2 * 200) = 5 %.
DRAWS = 200


@dataclass(frozen=True)
class Score:
    """One number of an evaluation.

    Parameters
    ----------
    section, name
        What it is of, and its name; unique together.
    value, error
        The number, and its bootstrap standard deviation over galaxies (NaN where it has none).
    perfect
        What a perfect model reaches on as many galaxies; NaN where that is not known.
    reference, against
        The same number of something else, and what that is; NaN and empty without one.
    unit
        An astropy unit string; empty for a pure number.
    """

    section: str
    name: str
    value: float
    error: float = float("nan")
    perfect: float = float("nan")
    reference: float = float("nan")
    against: str = ""
    unit: str = ""


@dataclass(frozen=True)
class Curve:
    """A figure: lines over one axis, with errors.

    Parameters
    ----------
    title, x_label, y_label
        For people.
    x
        Shape (m,).
    lines
        By label: values (m,) and their errors (m,) or None.
    perfect
        A horizontal line where a perfect model is, or None; ``"diagonal"`` for y = x.
    log_x
        Whether x varies on a logarithmic scale.
    """

    title: str
    x_label: str
    y_label: str
    x: np.ndarray
    lines: dict[str, tuple[np.ndarray, np.ndarray | None]]
    perfect: float | str | None = None
    log_x: bool = False


@dataclass
class Part:
    """What one section found: scores, curves by name, tables by title (a list of rows), pictures by caption (y, x, 3), uint8."""

    scores: list[Score] = field(default_factory=list)
    curves: dict[str, Curve] = field(default_factory=dict)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    pictures: dict[str, np.ndarray] = field(default_factory=dict)

    def add(self, other: Part) -> None:
        """Take all that ``other`` found."""
        self.scores += other.scores
        self.curves |= other.curves
        self.tables |= other.tables
        self.pictures |= other.pictures


def robust_scatter(values: np.ndarray) -> float:
    """Normalised median absolute deviation, 1.4826 median |x - median|, of the finite values; NaN without any."""
    good = values[np.isfinite(values)]
    return float(1.4826 * np.median(np.abs(good - np.median(good)))) if good.size else float("nan")


def bootstrap(statistic: Callable[..., Any], *columns: np.ndarray, seed: int = 0, draws: int = DRAWS) -> tuple[Any, Any]:
    """A statistic of rows and its bootstrap error (Efron 1979): the standard deviation over samples drawn with replacement.

    Parameters
    ----------
    statistic
        Of arrays like ``columns``; a number or an array.
    *columns
        Arrays of n rows that are resampled together.
    seed, draws
        Of the resampling, and how often.

    Returns
    -------
    value, error
        As ``statistic`` gives; NaN errors where there are fewer than two rows.
    """
    return statistic(*columns), bootstrap_error(statistic, columns, seed=seed, draws=draws)


def bootstrap_error(statistic: Callable[..., Any], columns: Sequence[np.ndarray], *, seed: int = 0, draws: int = DRAWS) -> Any:
    """The second of what `bootstrap` gives."""
    random = np.random.default_rng(seed)
    n = len(columns[0])
    if n < 2:
        return np.full_like(np.asarray(statistic(*columns), float), np.nan)[()]
    found = []
    for _ in range(draws):
        rows = random.integers(0, n, n)
        found.append(statistic(*(column[rows] for column in columns)))
    return np.nanstd(np.asarray(found, float), axis=0)[()]
