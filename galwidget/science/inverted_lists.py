"""Inverted lists of many points: which few are worth comparing with one, from memory or from a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["InvertedLists"]

#: Candidates for each neighbour wanted, and at least; lists that are looked into. For a recall@10 of 0.99 against comparing all of a
#: million (tests/benchmarks/bench_similarity.py).
_CANDIDATES, _FEWEST_CANDIDATES, _PROBED = 40, 2500, 96
#: Points that the clusters are found from, and that are held as single floats at once.
_TRAINING = 100_000


class InvertedLists:
    """Clusters of points with 4 bits a number (faiss; Jégou et al. 2011, doi:10.1109/TPAMI.2010.57), for points as many as millions.

    Each number's 16 levels are looked up in the registers of the processor for many points at once (fast scan; André et al. 2015,
    doi:10.14778/2856318.2856324). They are in blocks, which are held in memory. Build the lists with `InvertedLists.of`, take them from
    a file with `InvertedLists.saved`.
    """

    def __init__(self, lists: Any = None, path: Path | None = None) -> None:
        self._lists, self._path = lists, path

    @classmethod
    def of(cls, count: int, points: Callable[[Any], np.ndarray]) -> InvertedLists:
        """Cluster ``count`` points; ``points(rows)`` gives those of these rows or this slice, (n, d) float32."""
        import faiss  # noqa: PLC0415 (only for a large catalogue)

        chosen = np.sort(np.random.default_rng(0).permutation(count)[:_TRAINING])
        sample = points(chosen)
        faiss.omp_set_num_threads(1)  # beside torch's threads: one pool of OpenMP threads is enough
        made = cls(faiss.index_factory(sample.shape[1], _recipe(count, sample.shape[1])))
        made._lists.train(sample)
        made.add(0, count, points)
        return made

    @classmethod
    def saved(cls, path: Path) -> InvertedLists:
        """Those that `save` wrote, left on disk until they are asked or added to.

        Raises
        ------
        ValueError
            There are none.
        """
        if not path.is_file():
            raise ValueError(f"{path} is missing; copy all files of the index again")
        return cls(path=path)

    def add(self, start: int, stop: int, points: Callable[[Any], np.ndarray]) -> None:
        """Append the points of rows ``start`` to ``stop``."""
        lists = self._here()
        for first in range(start, stop, _TRAINING):
            lists.add(points(slice(first, min(first + _TRAINING, stop))))

    def candidates(self, point: np.ndarray, k: int, count: int) -> np.ndarray | None:
        """Rows worth comparing with one point, (1, d), for its k nearest of ``count``, in order; None for all of them."""
        wanted = max(_CANDIDATES * k, _FEWEST_CANDIDATES)
        if wanted >= count:
            return None
        import faiss  # noqa: PLC0415 (only for a large catalogue)

        parameters = faiss.SearchParametersIVF()
        parameters.nprobe = _PROBED
        rows = self._here().search(point, wanted, params=parameters)[1][0]
        rows = rows[rows >= 0]
        return np.sort(rows) if len(rows) >= k else None

    def save(self, path: Path) -> None:
        """Write the lists to a file."""
        import faiss  # noqa: PLC0415 (only for a large catalogue)

        # under another name first: whoever reads meanwhile finds the old ones whole
        partial = path.with_name(f".{path.name}")
        faiss.write_index(self._here(), str(partial))
        partial.replace(path)

    def _here(self) -> Any:
        if self._lists is None and self._path is not None:
            self._lists = _read(self._path)
        return self._lists


def _recipe(count: int, dimensions: int) -> str:
    """Of faiss's factory: as many lists as each is long, to a power of two; 16 levels a number, from its list's middle."""
    return f"IVF{int(2 ** np.round(np.log2(np.sqrt(count))))},PQ{dimensions}x4fsr"


def _read(path: Path) -> Any:
    import faiss  # noqa: PLC0415 (only for a large catalogue)

    try:
        return faiss.read_index(str(path))
    except RuntimeError as error:
        raise ValueError(f"{path} is damaged ({str(error).splitlines()[0]}); build the index again") from error
