"""The plane of a latent map: galaxies projected on it, any of its points lifted back to the latent space, its density as a picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from galwidget.attributes import MORPHOLOGIES, describe
from galwidget.galaxies import Galaxies
from galwidget.widgets.umap_process import umap_points

__all__ = ["PROJECTIONS", "Plane", "attribute_values", "colourable", "in_short", "raster"]

PROJECTIONS = ("PCA", "UMAP")
#: Neighbours whose latents are blended where a projection has no inverse.
_BLENDED = 5


class Plane:
    """A projection of a latent space on two axes, and its way back.

    Parameters
    ----------
    latent
        Means of the galaxies, shape (n, d), n at least 3.
    projection
        ``PCA``, or ``UMAP`` where umap-learn is installed.
    report
        As in `galwidget.widgets.umap_process.umap_points`.

    Raises
    ------
    ValueError
        The projection is not known or not installed, or there are fewer than three galaxies.

    Notes
    -----
    PCA is lifted by its inverse, and what the plane leaves out is taken from the nearest galaxy: z = z_i + W (p - p_i), so that the
    point of a galaxy is that galaxy and a point between galaxies is a plausible one. UMAP (McInnes et al. 2018,
    https://arxiv.org/abs/1802.03426) is lifted by the mean of the five nearest galaxies, each weighted by its inverse distance.
    """

    def __init__(self, latent: np.ndarray, projection: str = "PCA", report: Callable[[str, int, int], None] = lambda *_: None) -> None:
        if projection not in PROJECTIONS:
            raise ValueError(f"projection is {projection!r}; it is one of {', '.join(PROJECTIONS)}")
        if len(latent) < 3:
            raise ValueError(f"a map needs three galaxies or more; there are {len(latent)}")
        from scipy.spatial import KDTree  # noqa: PLC0415 (only where there is a map)

        self.latent = np.asarray(latent, np.float32)
        self._axes: np.ndarray | None = None
        if projection == "PCA":
            from sklearn.decomposition import PCA  # noqa: PLC0415 (a second to import)

            fitted = PCA(2).fit(self.latent)
            self.points = fitted.transform(self.latent).astype(np.float32)
            self._axes = fitted.components_.astype(np.float32)
            self.labels = tuple(f"PC {i + 1} ({share:.0%} of the variance)" for i, share in enumerate(fitted.explained_variance_ratio_))
        else:
            self.points = umap_points(self.latent, report)
            self.labels = ("UMAP 1", "UMAP 2")
        self._tree = KDTree(self.points)

    def nearest(self, point: tuple[float, float]) -> int:
        """Index of the galaxy that is nearest to a point of the plane."""
        return int(self._tree.query(point)[1])

    def lift(self, point: tuple[float, float]) -> np.ndarray:
        """A point of the latent space, shape (1, d), that the projection brings to ``point`` of the plane."""
        if self._axes is not None:
            near = self.nearest(point)
            return self.latent[near : near + 1] + (np.asarray(point, np.float32) - self.points[near]) @ self._axes
        distance, near = self._tree.query(point, min(_BLENDED, len(self.points)))
        weight = 1 / np.maximum(distance, 1e-6)
        return (weight[None] / weight.sum() @ self.latent[near]).astype(np.float32)

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top of the plane that is shown: the galaxies and a twentieth around them."""
        low, high = self.points.min(0), self.points.max(0)
        margin = 0.05 * np.maximum(high - low, 1e-3)
        (left, bottom), (right, top) = low - margin, high + margin
        return float(left), float(right), float(bottom), float(top)


def colourable(galaxies: Galaxies) -> list[str]:
    """Columns of the table that can colour a map: numbers and words, measured for some galaxy."""
    return [name for name in galaxies.table.colnames if np.isfinite(attribute_values(galaxies, name)[0]).any()]


def attribute_values(galaxies: Galaxies, name: str) -> tuple[np.ndarray, str, tuple[str, ...]]:
    """An attribute as numbers to be coloured.

    Parameters
    ----------
    galaxies
        n galaxies.
    name
        A column of their table.

    Returns
    -------
    values, label, categories
        Numbers (n,), NaN where not measured: the logarithm of an attribute that varies logarithmically, the place among ``categories`` of
        one with named values (Hubble types from early to late, others by the alphabet); words for the axis.
    """
    known, column = describe(name), galaxies.table[name]
    unit = str(getattr(column, "unit", None) or known.unit)
    kind = np.asarray(getattr(column, "unmasked", column)).dtype.kind
    if kind in "US":
        words = np.asarray(column, dtype=str)
        missing = np.asarray(getattr(column, "mask", np.zeros(len(words), bool)))
        found = sorted(set(words[~missing].tolist()))
        categories = tuple(MORPHOLOGIES if set(found) <= set(MORPHOLOGIES) else found)
        place = {word: float(index) for index, word in enumerate(categories)}
        return np.array([np.nan if gone else place[word] for word, gone in zip(words, missing, strict=True)]), known.label, categories
    if kind not in "fiub" or column.ndim != 1:
        return np.full(len(galaxies), np.nan), known.label, ()
    values = galaxies.attribute(name)
    if known.scale == "log":
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.where(values > 0, np.log10(values), np.nan)
        return values, f"log {known.label}" + f" / {unit}" * bool(unit), ()
    return values, known.label + f" [{unit}]" * bool(unit), ()


def raster(points: np.ndarray, colours: np.ndarray, extent: tuple[float, float, float, float], side: int = 320) -> np.ndarray:
    """All galaxies of a plane as one picture: their mean colour in each pixel, the more opaque the more there are.

    Parameters
    ----------
    points
        Shape (n, 2).
    colours
        Red, green and blue of each galaxy, 0 to 1, shape (n, 3).
    extent
        Left, right, bottom, top.
    side
        Pixels on a side.

    Returns
    -------
    numpy.ndarray
        Shape (side, side, 4), uint8, first row on top.
    """
    left, right, bottom, top = extent
    column = np.clip(((points[:, 0] - left) / (right - left) * side).astype(int), 0, side - 1)
    row = np.clip(((top - points[:, 1]) / (top - bottom) * side).astype(int), 0, side - 1)
    pixel = row * side + column
    count = np.bincount(pixel, minlength=side * side)
    mean = np.stack([np.bincount(pixel, colours[:, i], side * side) for i in range(3)], 1) / np.maximum(count, 1)[:, None]
    opacity = np.where(count > 0, 0.35 + 0.65 * np.log1p(count) / max(np.log1p(count.max()), 1e-9), 0.0)
    return np.rint(255 * np.concatenate([mean, opacity[:, None]], 1)).astype(np.uint8).reshape(side, side, 4)


def in_short(value: Any) -> str:
    """A value of a table in a few characters, with its unit."""
    if np.ma.is_masked(value) or getattr(value, "mask", False):
        return "not measured"
    unit = f" {value.unit}" if getattr(value, "unit", None) else ""
    value = getattr(value, "value", value)
    return (
        f"{value:.4g}" if isinstance(value, float | np.floating) or getattr(value, "dtype", np.dtype("O")).kind == "f" else str(value)
    ) + unit
