"""How good probabilities of classes are: their logarithm at the truth, and whether they come true."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["confusion", "expected_calibration_error", "log_score"]

#: A probability of nothing counts as this: one galaxy must not decide a mean logarithm.
_LEAST = 1e-4


def log_score(probabilities: np.ndarray, classes: Sequence[Any], truth: np.ndarray) -> np.ndarray:
    """Natural logarithm of the probability (n, class) of the true class (n,), shape (n,); larger is better."""
    column = _columns(classes, truth)
    return np.log(np.maximum(probabilities[np.arange(len(column)), column], _LEAST))


def expected_calibration_error(probabilities: np.ndarray, classes: Sequence[Any], truth: np.ndarray, bins: int = 10) -> float:
    """Mean distance of how sure from how often right, in bins of the largest probability (Guo et al. 2017, arXiv 1706.04599)."""
    sure = probabilities.max(1)
    right = probabilities.argmax(1) == _columns(classes, truth)
    number = np.minimum((sure * bins).astype(int), bins - 1)
    apart = [abs(float((right[number == one] - sure[number == one]).sum())) for one in np.unique(number)]
    return float(sum(apart) / max(len(sure), 1))


def confusion(probabilities: np.ndarray, classes: Sequence[Any], truth: np.ndarray) -> np.ndarray:
    """How many galaxies of each true class (row) were most probably each class (column), shape (class, class)."""
    counts = np.zeros((len(classes), len(classes)), int)
    np.add.at(counts, (_columns(classes, truth), probabilities.argmax(1)), 1)
    return counts


def _columns(classes: Sequence[Any], truth: np.ndarray) -> np.ndarray:
    places = {name: column for column, name in enumerate(classes)}
    return np.array([places[name] for name in truth], dtype=int)
