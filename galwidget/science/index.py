"""The index of a catalogue's places in latent space: built once, saved, memory-mapped, appended to, searched by the posteriors' widths."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from galwidget.galaxies import Galaxies
from galwidget.latent import Latent
from galwidget.science.metric import Metric
from galwidget.science.orientation import canonical_latent
from galwidget.science.progress import Progress, steps

if TYPE_CHECKING:
    from os import PathLike

    from galwidget.galaxy_model import GalaxyModel

__all__ = ["Index"]

FORMAT = 1
#: Up to this many galaxies every one is compared: milliseconds, and exact.
EXACT = 20_000
#: Candidates of the inverted file for each neighbour wanted, and at least; lists it looks into. For a recall@10 of 0.98 against
#: comparing all of a million (tests/benchmarks/bench_similarity.py).
_CANDIDATES, _FEWEST_CANDIDATES, _PROBED = 40, 1000, 64
_BATCH = 128
_TRAINING = 100_000
_LATENTS, _LISTS, _DESCRIPTION = "latents.npy", "lists.faiss", "index.json"


class Index:
    """Where the galaxies of a catalogue are in a model's latent space, ready to be searched.

    Two galaxies are as far from each other as two observations of one galaxy usually are, times D (`galwidget.science.metric.Metric`): a
    difference in what was hardly measured counts little. Of up to 20,000 galaxies every one is compared. Beyond, an inverted file of 8-bit
    latents (faiss; Jégou et al. 2011, doi:10.1109/TPAMI.2010.57) names candidates, and D puts these in order. Latents rest as half floats,
    128 bytes a galaxy of 32 dimensions, and are memory-mapped.

    Build one with `Index.build`, read one with `Index.load`.

    Examples
    --------
    >>> import galwidget as gw
    >>> model = gw.load()
    >>> galaxies = gw.simulate(8, "KiDS", seed=1, progress=False)
    >>> index = Index.build(model, galaxies, progress=False)
    >>> index
    <Index: 8 galaxies in 32 dimensions>
    >>> index.search(index.latent([3]), 1)[0]
    array([[3]])
    """

    def __init__(self, latents: np.ndarray, model: str, metric: Metric | None = None, using: Sequence[str] | None = None) -> None:
        self._latents, self._model, self._metric, self._using = latents, model, metric, None if using is None else list(using)
        self._lists: Any = None
        self._lists_path: Path | None = None

    @classmethod
    def build(
        cls, model: GalaxyModel, galaxies: Galaxies | Iterable[Galaxies], *, using: Sequence[str] | None = None, progress: Progress = True
    ) -> Index:
        """Encode a catalogue, in batches.

        Parameters
        ----------
        model
            The model.
        galaxies
            The catalogue, or its parts one after the other (a generator of files, say): only one is held at a time.
        using
            Modalities or attributes to use, as in ``model.encode``; None takes the picture where there is one, else all attributes.
        progress
            Show a progress bar; or a function of what is done, how many galaxies are ready, and of how many.

        Raises
        ------
        ValueError
            The galaxies are not of the model's survey; bring them to it with `galwidget.observe`.
        """
        pictured = bool(model.stamp) and (using is None or "image" in using)
        metric = Metric.of_model(model, progress=progress) if pictured else None
        index = cls(np.zeros((0, 2, model.latent_size), np.float16), fingerprint(model), metric, using)
        index.add(model, galaxies, progress=progress)
        return index

    def add(self, model: GalaxyModel, galaxies: Galaxies | Iterable[Galaxies], *, progress: Progress = True) -> None:
        """Append galaxies: theirs are the next row numbers. A saved index is changed once it is saved again."""
        self.check(model)
        new = []
        total = len(galaxies) if isinstance(galaxies, Galaxies) else None
        with steps(progress, "encoding", total) as tell:
            for part in [galaxies] if isinstance(galaxies, Galaxies) else galaxies:
                for start in range(0, len(part), _BATCH):
                    latent = canonical_latent(model, part[start : start + _BATCH], self._using)
                    new.append(_pack(latent))
                    tell(len(latent))
        self.add_latents(np.concatenate(new) if new else self._latents[:0])

    def add_latents(self, latents: np.ndarray) -> None:
        """Append means and standard deviations, shape (n, 2, d)."""
        before = len(self._latents)
        self._latents = np.concatenate([self._latents, np.asarray(latents, np.float16)])
        if self._lists_path is not None:  # the mapped lists are read only: read them whole
            self._lists, self._lists_path = _read(self._lists_path, mapped=False), None
        if self._lists is None:
            if len(self) > EXACT:
                self._group()
            return
        for start in range(before, len(self), _TRAINING):
            self._lists.add(self.metric.flat(self._latents[start : start + _TRAINING, 0]))

    def _group(self) -> None:
        """Cluster the latents, and list the members of each cluster."""
        import faiss  # noqa: PLC0415 (only for a large catalogue)

        chosen = np.sort(np.random.default_rng(0).permutation(len(self))[:_TRAINING])
        sample = self.metric.flat(self._latents[chosen, 0])
        clusters = int(2 ** np.round(np.log2(np.sqrt(len(self)))))
        faiss.omp_set_num_threads(1)  # beside torch's threads: one pool of OpenMP threads is enough
        self._lists = faiss.index_factory(self.dimensions, f"IVF{clusters},SQ8")
        self._lists.train(sample)
        for start in range(0, len(self), _TRAINING):
            self._lists.add(self.metric.flat(self._latents[start : start + _TRAINING, 0]))

    @property
    def metric(self) -> Metric:
        """The distance: the model's, or for galaxies without images that of the first ones' widths."""
        if self._metric is None:
            self._metric = Metric.of_widths(np.asarray(self._latents[:_TRAINING, 1], float))
        return self._metric

    def __len__(self) -> int:
        return len(self._latents)

    dimensions = property(lambda self: self._latents.shape[2], doc="Size d of the latent.")

    @property
    def using(self) -> list[str] | None:
        """Modalities that the catalogue was encoded from; None for the picture where there is one, else all attributes."""
        return self._using

    def latent(self, rows: Any = slice(None)) -> Latent:
        """The galaxies of these rows in latent space."""
        mean, std = np.asarray(self._latents[rows], np.float32).swapaxes(0, 1)
        return Latent(mean, std)

    def check(self, model: GalaxyModel) -> None:
        """Whether ``model`` is the one that encoded the catalogue.

        Raises
        ------
        ValueError
            It is another one, or was trained further.
        """
        if fingerprint(model) != self._model:
            raise ValueError(
                "the index was built with another model; its latent space means something else: build it again with this model"
            )

    def search(self, latent: Latent, k: int = 10) -> tuple[np.ndarray, np.ndarray]:
        """The k nearest of the catalogue to each of m points: row numbers and distances D, each (m, k), nearest first.

        Raises
        ------
        ValueError
            k is not from 1 to the number of galaxies, or the latent has another size.
        """
        if not 1 <= k <= len(self):
            raise ValueError(f"k is {k}; the index has {len(self)} galaxies, so give 1 to {len(self)}")
        if latent.mean.shape[1] != self.dimensions:
            raise ValueError(f"the latent has {latent.mean.shape[1]} dimensions, the index {self.dimensions}; encode with the same model")
        index, distance = np.empty((len(latent), k), np.int64), np.empty((len(latent), k))
        for row in range(len(latent)):
            # far neighbours may be likely ones where much is left open: compare all
            candidates = None if self.metric.open(latent.std[row]) else self._candidates(latent.mean[row : row + 1], k)
            squares = self._squares(latent.mean[row], latent.std[row], candidates)
            best = np.argpartition(squares, k - 1)[:k]
            best = best[np.lexsort((best, squares[best]))]
            index[row] = best if candidates is None else candidates[best]
            distance[row] = np.sqrt(squares[best])
        return index, distance

    def distance(self, latent: Latent, rows: np.ndarray) -> np.ndarray:
        """Distance D of one point to the galaxies of these rows, shape (k,)."""
        return np.sqrt(self._squares(latent.mean[0], latent.std[0], np.asarray(rows, int)))

    def _candidates(self, mean: np.ndarray, k: int) -> np.ndarray | None:
        """Rows worth comparing, in order; None for all of them."""
        lists = self._lists_in_reach()
        wanted = max(_CANDIDATES * k, _FEWEST_CANDIDATES)
        if lists is None or wanted >= len(self):
            return None
        import faiss  # noqa: PLC0415 (only for a large catalogue)

        parameters = faiss.SearchParametersIVF()
        parameters.nprobe = _PROBED
        rows = lists.search(self.metric.flat(mean), wanted, params=parameters)[1][0]
        rows = rows[rows >= 0]
        return np.sort(rows) if len(rows) >= k else None

    def _squares(self, mean: np.ndarray, std: np.ndarray, rows: np.ndarray | None) -> np.ndarray:
        count = len(self) if rows is None else len(rows)
        squares = np.empty(count)
        for start in range(0, count, _TRAINING):  # flat memory when all are compared
            piece = slice(start, start + _TRAINING)
            part = np.asarray(self._latents[piece if rows is None else rows[piece]], np.float32)
            squares[piece] = self.metric.squares(mean, std, part[:, 0], part[:, 1])
        return squares

    def _lists_in_reach(self) -> Any:
        if self._lists is None and self._lists_path is not None:
            self._lists = _read(self._lists_path, mapped=True)
        return self._lists

    def save(self, path: str | PathLike[str]) -> None:
        """Write the index to a folder: half-float latents, the lists of a large one, and a description."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        # under another name first: the old file may be the one that is mapped
        partial = folder / f".{_LATENTS}"
        with partial.open("wb") as file:
            np.lib.format.write_array(file, np.ascontiguousarray(self._latents))
        partial.replace(folder / _LATENTS)
        if self._lists_in_reach() is not None:
            import faiss  # noqa: PLC0415 (only for a large catalogue)

            faiss.write_index(self._lists, str(folder / f".{_LISTS}"))
            (folder / f".{_LISTS}").replace(folder / _LISTS)
        description = {
            "format": FORMAT,
            "galaxies": len(self),
            "model": self._model,
            "using": self._using,
            "listed": self._lists is not None,
            "width": self.metric.width.tolist(),
            "tolerance": self.metric.tolerance.tolist(),
            "whitening": self.metric.whitening.tolist(),
        }
        (folder / _DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n")

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Index:
        """Read an index that `save` wrote; latents and lists stay on disk, memory-mapped.

        Raises
        ------
        FileNotFoundError, ValueError
            There is no index, or it is damaged or newer.
        """
        folder = Path(path)
        if not (folder / _DESCRIPTION).is_file():
            raise FileNotFoundError(f"no index in {folder}: {_DESCRIPTION} is missing; an index is a folder written by Index.save(...)")
        try:
            description = json.loads((folder / _DESCRIPTION).read_text())
            number, count, listed = int(description["format"]), int(description["galaxies"]), bool(description["listed"])
            model, using = description["model"], description["using"]
            metric = Metric(*(np.array(description[part], float) for part in ("width", "tolerance", "whitening")))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{folder / _DESCRIPTION} is damaged or not galwidget's ({error}); build the index again") from error
        if number > FORMAT:
            raise ValueError(f"{folder} has index layout {number}, this version reads up to {FORMAT}; install a newer galwidget")
        try:
            latents = np.load(folder / _LATENTS, mmap_mode="r" if count else None, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise ValueError(f"{folder / _LATENTS} is damaged or missing ({error}); build the index again") from error
        if latents.ndim != 3 or latents.shape[1] != 2 or len(latents) != count:
            raise ValueError(
                f"{folder / _LATENTS} has shape {latents.shape}, but {_DESCRIPTION} says {count} galaxies; copy all files again"
            )
        index = cls(latents, model, metric, using)
        if listed:
            index._lists_path = folder / _LISTS
            if not index._lists_path.is_file():
                raise ValueError(f"{index._lists_path} is missing; copy all files of the index again")
        return index

    def __repr__(self) -> str:
        return f"<Index: {len(self)} galaxies in {self.dimensions} dimensions>"


def fingerprint(model: GalaxyModel) -> str:
    """A digest of the networks that encode: two models with the same one have the same latent space."""
    digest = hashlib.sha256()
    for name, tensor in model.mvae.state_dict().items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(tensor.detach().cpu().numpy()).tobytes())
    return digest.hexdigest()


def _pack(latent: Latent) -> np.ndarray:
    return np.stack([latent.mean, latent.std], 1).astype(np.float16)


def _read(path: Path, *, mapped: bool) -> Any:
    import faiss  # noqa: PLC0415 (only for a large catalogue)

    try:
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP if mapped else 0)
    except RuntimeError as error:
        raise ValueError(f"{path} is damaged ({str(error).splitlines()[0]}); build the index again") from error
