"""Active learning: what a person marks as interesting or boring changes the order of what is odd, as Astronomaly does it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.distance import cdist

if TYPE_CHECKING:
    from galwidget.science.anomaly import Anomalies

__all__ = ["interest", "odd_and_unlike"]

#: How fast an opinion fades with the distance to what was marked: slowly, as in many dimensions all distances are much the same.
_FADING = 0.2
_TREES, _SEED, _DIRECTIONS = 200, 0, 5
#: Weights in the distance: of a share, from 0 to 1; of an amount and of a direction of latent space, both of unit scatter.
_SHARES, _AMOUNTS, _PLACE = 3.0, 0.2, 0.25


def interest(found: Anomalies, interesting: Collection[int], boring: Collection[int]) -> np.ndarray:
    r"""How interesting each galaxy is in the light of marks, 0 to 1, shape (n,).

    A random forest learns from the marks how interesting a galaxy is, U, from its place in latent space and its kinds of evidence. Near
    to what was marked, U decides; far from it, the rank S of the raw score:

    .. math:: \hat S = S \tanh\left(\delta - 1 + \operatorname{artanh} U\right), \qquad \delta = \exp(0.2\, d / d_0)

    with d the distance to the nearest mark and :math:`d_0` its mean (Lochner & Bassett 2021, *Astronomaly*, arXiv 2010.11202).

    Parameters
    ----------
    found
        n galaxies with their evidence.
    interesting, boring
        Rows that were marked.

    Raises
    ------
    ValueError
        There is no mark, a row does not exist, or one is marked both ways.
    """
    rows = np.array([*interesting, *boring], dtype=int)
    if not len(rows):
        raise ValueError("no galaxy is marked; give rows that are interesting, rows that are boring, or both")
    if rows.min() < -len(found) or rows.max() >= len(found):
        raise ValueError(f"row {rows[np.abs(rows).argmax()]} was marked, but there are {len(found)} galaxies")
    rows %= len(found)
    both = set(rows[: len(interesting)]) & set(rows[len(interesting) :])
    if both:
        raise ValueError(f"row {min(both)} is marked interesting and boring; mark it once")
    from sklearn.ensemble import RandomForestRegressor  # noqa: PLC0415 (heavy, and only for marks)

    features = _features(found)
    opinion = np.r_[np.ones(len(interesting)), np.zeros(len(boring))]
    forest = RandomForestRegressor(_TREES, random_state=_SEED).fit(features[rows], opinion)
    # the paper's U runs over the person's scale of 0 to 5, mapped inside of 0 and 1
    relevance = 0.01 + 0.98 * forest.predict(features)
    distance = cdist(features, features[rows]).min(1)
    fading = np.exp(_FADING * distance / max(distance.mean(), 1e-9))
    raw = (np.argsort(np.argsort(found.score, kind="stable")) + 1) / len(found)
    return raw * np.tanh(fading - 1 + np.arctanh(relevance))


def odd_and_unlike(found: Anomalies, shown: Collection[int], count: int) -> list[int]:
    r"""Rows that are odd, and unlike those that were shown and each other: what a person has not seen the like of.

    The oddest are often of one kind, and a kind that is less odd never comes to her eyes. Each row is the one with the greatest rank of
    the raw score times distance to the nearest that was shown, the rows before it among them (farthest-first traversal, Gonzalez 1985,
    doi:10.1016/0304-3975(85)90224-5, weighed by the score).

    Parameters
    ----------
    found
        n galaxies with their evidence.
    shown
        Rows that were shown; with none, the oddest comes first.
    count
        How many rows; fewer come where there are no more.
    """
    features = _features(found)
    raw = (np.argsort(np.argsort(found.score, kind="stable")) + 1) / len(found)
    seen = np.zeros(len(found), bool)
    seen[list(shown)] = True
    distance = cdist(features, features[seen]).min(1) if seen.any() else np.ones(len(found))
    rows: list[int] = []
    for _ in range(min(count, int((~seen).sum()))):
        row = int(np.argmax(np.where(seen, -1, raw * distance)))
        near = cdist(features, features[[row]])[:, 0]
        distance = near if not seen.any() else np.minimum(distance, near)
        seen[row] = True
        rows.append(row)
    return rows


def _features(found: Anomalies) -> np.ndarray:
    """What tells kinds of oddities apart: the share of each kind of evidence in all; less so its amount, and the place in latent space.

    A faint ring and a bright one are both rings: the shares say so where the amounts, which go over decades, do not. Amounts have their
    heavy tails drawn in; of latent space the main directions are enough, as few marks teach little.
    """
    amounts = np.stack(list(found.parts.values()), 1)
    above = np.maximum(amounts, 0)
    shares = above / np.maximum(above.sum(1, keepdims=True), 1)
    tamed = np.arcsinh(amounts)
    tamed = (tamed - tamed.mean(0)) / np.maximum(tamed.std(0), 1e-6)
    latent = (found.latent.mean - found.latent.mean.mean(0)) / np.maximum(found.latent.mean.std(0), 1e-6)
    directions = np.linalg.svd(latent, full_matrices=False)[0][:, :_DIRECTIONS] * np.sqrt(len(latent))
    return np.concatenate([_SHARES * shares, _AMOUNTS * tamed, _PLACE * directions], 1)
