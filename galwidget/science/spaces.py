"""Where the galaxies of a catalogue lie, row by row, and which are nearest to a point: by identity, and by kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from galwidget.science.inverted_lists import InvertedLists
from galwidget.science.metric import Metric

__all__ = ["EXACT", "IdentitySpace", "KindSpace", "Space"]

#: Up to this many galaxies every one is compared: milliseconds, and exact.
EXACT = 20_000
#: Rows that are compared, or held as single floats, at once: flat memory when all are compared.
_PIECE = 100_000


class Space(ABC):
    """Half-float rows, memory-mapped where they were read from a file, and inverted lists of them where they are many.

    Parameters
    ----------
    rows
        Shape (n, ...).
    """

    #: Name of its files.
    name: ClassVar[str]

    def __init__(self, rows: np.ndarray) -> None:
        self.rows = np.asarray(rows, np.float16)
        self._lists: InvertedLists | None = None

    @abstractmethod
    def flat(self, rows: np.ndarray) -> np.ndarray:
        """Points whose plain distance is nearly that of these rows, (n, d), float32."""

    @abstractmethod
    def squares(self, query: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Squared distances of one query, shaped as a row, to n rows, (n,)."""

    def open(self, query: np.ndarray) -> bool:
        """Whether a query leaves so much open that far galaxies may be its neighbours."""
        del query
        return False

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def listed(self) -> bool:
        """Whether there are lists: for more than 20,000."""
        return self._lists is not None

    def add(self, rows: np.ndarray) -> None:
        """Append rows."""
        before = len(self)
        self.rows = np.concatenate([self.rows, np.asarray(rows, np.float16)])
        if self._lists is not None:
            self._lists.add(before, len(self), self._flat)
        elif len(self) > EXACT and self.rows.size:
            self._lists = InvertedLists.of(len(self), self._flat)

    def _flat(self, rows: Any) -> np.ndarray:
        return self.flat(np.asarray(self.rows[rows], np.float32))

    def nearest(self, query: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The k nearest rows to one query, and how far, nearest first; the earlier of two as near."""
        few = None if self._lists is None or self.open(query) else self._lists.candidates(self.flat(query[None]), k, len(self))
        squares = self._squares(query, few)
        best = np.argpartition(squares, k - 1)[:k]
        best = best[np.lexsort((best, squares[best]))]
        return best if few is None else few[best], np.sqrt(squares[best])

    def distances(self, query: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Distances of one query to these rows."""
        return np.sqrt(self._squares(query, rows))

    def _squares(self, query: np.ndarray, rows: np.ndarray | None) -> np.ndarray:
        count = len(self) if rows is None else len(rows)
        squares = np.empty(count)
        for start in range(0, count, _PIECE):
            piece = slice(start, start + _PIECE)
            squares[piece] = self.squares(query, np.asarray(self.rows[piece if rows is None else rows[piece]], np.float32))
        return squares

    def save(self, folder: Path) -> None:
        """Write rows and lists."""
        # under another name first: the old file may be the one that is mapped
        partial = folder / f".{self.name}.npy"
        with partial.open("wb") as file:
            np.lib.format.write_array(file, np.ascontiguousarray(self.rows))
        partial.replace(folder / f"{self.name}.npy")
        if self._lists is not None:
            self._lists.save(folder / f"{self.name}.faiss")

    def map(self, folder: Path, count: int, shape: tuple[int, ...], *, listed: bool) -> None:
        """Take rows and lists from the files that `save` wrote; rows stay on disk, lists until they are asked.

        Raises
        ------
        ValueError
            They are damaged, missing, or not of this many galaxies.
        """
        path = folder / f"{self.name}.npy"
        try:
            self.rows = np.load(path, mmap_mode="r" if count else None, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise ValueError(f"{path} is damaged or missing ({error}); build the index again") from error
        if self.rows.shape != (count, *shape):
            raise ValueError(f"{path} has shape {self.rows.shape}, but index.json says {count} galaxies; copy all files again")
        if listed:
            self._lists = InvertedLists.saved(folder / f"{self.name}.faiss")


class IdentitySpace(Space):
    """Posteriors: means and standard deviations, (n, 2, d), compared by `Metric`.

    Parameters
    ----------
    rows
        Shape (n, 2, d).
    metric
        The distance; None: that of the first ones' widths.
    """

    name = "latents"

    def __init__(self, rows: np.ndarray, metric: Metric | None = None) -> None:
        super().__init__(rows)
        self._metric = metric

    @property
    def metric(self) -> Metric:
        """The distance: the model's, or for galaxies without images that of the first ones' widths."""
        if self._metric is None:
            self._metric = Metric.of_widths(np.asarray(self.rows[:_PIECE, 1], float))
        return self._metric

    def flat(self, rows: np.ndarray) -> np.ndarray:
        """Means, flattened by the metric."""
        return self.metric.flat(rows[:, 0])

    def squares(self, query: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """D squared."""
        return self.metric.squares(query[0], query[1], rows[:, 0], rows[:, 1])

    def open(self, query: np.ndarray) -> bool:
        """Whether a posterior is wider than an observed galaxy's: far neighbours may be likely ones."""
        return self.metric.open(query[1])


class KindSpace(Space):
    """Kinds, (n, p), as `galwidget.science.kind.Kind` makes them: their plain distance."""

    name = "kinds"

    def flat(self, rows: np.ndarray) -> np.ndarray:
        """As they are."""
        return np.ascontiguousarray(rows, np.float32)

    def squares(self, query: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Sum of squares."""
        return np.square(rows - query, dtype=float).sum(1)
