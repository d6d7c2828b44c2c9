"""The index of a catalogue: built once, saved, memory-mapped, appended to, and searched for the same galaxy or for the same kind."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from galwidget.galaxies import Galaxies
from galwidget.latent import Latent
from galwidget.model.checkpoint import digest
from galwidget.progress import Progress, steps
from galwidget.science.kind import Kind
from galwidget.science.metric import Metric
from galwidget.science.orientation import canonical_latent
from galwidget.science.spaces import IdentitySpace, KindSpace

if TYPE_CHECKING:
    from os import PathLike

    from galwidget.galaxy_model import GalaxyModel
    from galwidget.science.votes import Voters

__all__ = ["By", "Index"]

#: What galaxies are compared by: whether they could be one galaxy seen twice, or are of one kind.
By = Literal["identity", "kind"]
FORMAT = 2
_BATCH = 128
_DESCRIPTION = "index.json"


class Index:
    """Where the galaxies of a catalogue are in a model's latent space, and of what kind they are, ready to be searched.

    By identity, two galaxies are as far from each other as two observations of one galaxy usually are, times D
    (`galwidget.science.metric.Metric`): a difference in what was hardly measured counts little. By kind, they are as far as their colours,
    colour gradients, concentrations and flattening differ, in units of the spread among galaxies (`galwidget.science.kind.Kind`), whatever
    their brightness and size; or, where `galwidget.science.votes.Voters` are given, as the shares of people differ who would say this or
    that of them. Of up to 20,000 galaxies every one is compared. Beyond, inverted lists of 4-bit points (faiss) name
    candidates, and the distance puts these in order. Half floats rest on disk, 152 bytes a galaxy of 32 dimensions and five bands, and are
    memory-mapped; lists, 39 bytes a galaxy, are held in memory once they are asked.

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
    >>> index.search(index.kinds([3]), 1)[0]
    array([[3]])
    """

    def __init__(
        self,
        latents: np.ndarray,
        model: str,
        metric: Metric | None = None,
        using: Sequence[str] | None = None,
        kinds: np.ndarray | None = None,
        voters: Voters | None = None,
    ) -> None:
        self._model, self._using = model, None if using is None else list(using)
        self._voters, self._judge = voters, None if voters is None else voters.fingerprint
        self._identity = IdentitySpace(latents, metric)
        self._kinds = KindSpace(np.zeros((len(latents), 0), np.float16) if kinds is None else kinds)

    @classmethod
    def build(
        cls,
        model: GalaxyModel,
        galaxies: Galaxies | Iterable[Galaxies],
        *,
        using: Sequence[str] | None = None,
        voters: Voters | None = None,
        progress: Progress = True,
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
        voters
            Who says what is of one kind; default: the numbers of `galwidget.science.kind.Kind`.
        progress
            Show a progress bar; or a function of what is done, how many galaxies are ready, and of how many.

        Raises
        ------
        ValueError
            The galaxies are not of the model's survey; bring them to it with `galwidget.observe`.
        """
        pictured = bool(model.stamp) and (using is None or "image" in using)
        metric = Metric.of_model(model, progress=progress) if pictured else None
        numbers = 0 if not model.stamp else len(Kind.of_model(model).spread) if voters is None else len(voters.questions)
        none = np.zeros((0, numbers), np.float16)
        index = cls(np.zeros((0, 2, model.latent_size), np.float16), fingerprint(model), metric, using, none, voters)
        index.add(model, galaxies, progress=progress)
        return index

    def add(self, model: GalaxyModel, galaxies: Galaxies | Iterable[Galaxies], *, progress: Progress = True) -> None:
        """Append galaxies: theirs are the next row numbers. A saved index is changed once it is saved again."""
        self.check(model)
        latents, kinds = [], []
        total = len(galaxies) if isinstance(galaxies, Galaxies) else None
        with steps(progress, "encoding", total) as tell:
            for part in [galaxies] if isinstance(galaxies, Galaxies) else galaxies:
                for start in range(0, len(part), _BATCH):
                    few = part[start : start + _BATCH]
                    latent = canonical_latent(model, few, self._using)
                    latents.append(_pack(latent))
                    if self._kinds.rows.shape[1]:
                        kinds.append(self._points(model, latent, few).astype(np.float16))
                    tell(len(latent))
        if latents:
            self.add_points(np.concatenate(latents), np.concatenate(kinds) if kinds else None)

    def add_points(self, latents: np.ndarray, kinds: np.ndarray | None = None) -> None:
        """Append means and standard deviations, shape (n, 2, d), and kinds, (n, p), where the index has them."""
        kinds = np.zeros((len(latents), 0), np.float16) if kinds is None else kinds
        if kinds.shape != (len(latents), self._kinds.rows.shape[1]):
            raise ValueError(f"kinds has shape {kinds.shape}; for these latents it is {(len(latents), self._kinds.rows.shape[1])}")
        self._identity.add(latents)
        self._kinds.add(kinds)

    @property
    def metric(self) -> Metric:
        """The distance by identity: the model's, or for galaxies without images that of the first ones' widths."""
        return self._identity.metric

    def __len__(self) -> int:
        return len(self._identity)

    dimensions = property(lambda self: self._identity.rows.shape[2], doc="Size d of the latent.")

    @property
    def voters(self) -> Voters | None:
        """Who says what is of one kind; None where that is `galwidget.science.kind.Kind`, or where they were not read with the index."""
        return self._voters

    @property
    def using(self) -> list[str] | None:
        """Modalities that the catalogue was encoded from; None for the picture where there is one, else all attributes."""
        return self._using

    def latent(self, rows: Any = slice(None)) -> Latent:
        """The galaxies of these rows in latent space."""
        mean, std = np.asarray(self._identity.rows[rows], np.float32).swapaxes(0, 1)
        return Latent(mean, std)

    def kinds(self, rows: Any = slice(None)) -> np.ndarray:
        """The kinds of the galaxies of these rows, (n, p); p is 0 for a model without images, which tells no kinds."""
        return np.asarray(self._kinds.rows[rows], np.float32)

    def _points(self, model: GalaxyModel, latent: Latent, galaxies: Galaxies | None) -> np.ndarray:
        """Kinds of galaxies at these points of latent space, (n, p)."""
        if self._voters is not None:
            return self._voters.points(model, latent, galaxies)
        if self._judge is not None:
            raise ValueError("kinds of this index are what voters say; read it with them: Index.load(path, voters=Voters.load(...))")
        return Kind.of_model(model).points(model, latent)

    def query(self, model: GalaxyModel, latent: Latent, by: By = "identity", galaxies: Galaxies | None = None) -> Latent | np.ndarray:
        """What to search for to find galaxies like those at these points of latent space: the points themselves, or their kinds.

        Parameters
        ----------
        model
            The index's.
        latent
            m points.
        by
            ``"identity"`` or ``"kind"``.
        galaxies
            The galaxies that are there, where there are any: voters look at them; else at what the model draws.

        Raises
        ------
        ValueError
            ``by`` is neither, the model was trained without images and tells no kinds, or the index's voters were not read with it.
        """
        if by not in ("identity", "kind"):
            raise ValueError(f"by is {by!r}; it is 'identity' (the same galaxy) or 'kind' (the same kind of galaxy)")
        return latent if by == "identity" else self._points(model, latent, galaxies)

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

    def search(self, query: Latent | np.ndarray, k: int = 10) -> tuple[np.ndarray, np.ndarray]:
        """The k nearest of the catalogue to each of m points: row numbers and distances, each (m, k), nearest first.

        Parameters
        ----------
        query
            A `Latent` is compared by identity, kinds (m, p) by kind; see `query`.
        k
            Neighbours of each.

        Raises
        ------
        ValueError
            k is not from 1 to the number of galaxies, or the query has another size.
        """
        if not 1 <= k <= len(self):
            raise ValueError(f"k is {k}; the index has {len(self)} galaxies, so give 1 to {len(self)}")
        space, rows = self._space(query)
        index, distance = np.empty((len(rows), k), np.int64), np.empty((len(rows), k))
        for number, row in enumerate(rows):
            index[number], distance[number] = space.nearest(row, k)
        return index, distance

    def distance(self, query: Latent | np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Distance of one point, as `search` takes it, to the galaxies of these rows, shape (k,)."""
        space, points = self._space(query)
        return space.distances(points[0], np.asarray(rows, int))

    def _space(self, query: Latent | np.ndarray) -> tuple[IdentitySpace | KindSpace, np.ndarray]:
        """What compares such queries, and these as its rows."""
        space = self._identity if isinstance(query, Latent) else self._kinds
        points = np.stack([query.mean, query.std], 1) if isinstance(query, Latent) else np.asarray(query, np.float32)
        if points.shape[1:] != space.rows.shape[1:]:
            kind = "dimensions" if space is self._identity else "numbers of kind"
            raise ValueError(
                f"the query has {points.shape[-1]} {kind}, the index {space.rows.shape[-1]}; encode with the same model (Index.query)"
            )
        return space, points

    def save(self, path: str | PathLike[str]) -> None:
        """Write the index to a folder: half-float latents and kinds, the lists of a large one, and a description."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        for space in (self._identity, self._kinds):
            space.save(folder)
        description = {
            "format": FORMAT,
            "galaxies": len(self),
            "dimensions": self.dimensions,
            "kinds": self._kinds.rows.shape[1],
            "listed": [space.listed for space in (self._identity, self._kinds)],
            "model": self._model,
            "using": self._using,
            "voters": self._judge,
            "width": self.metric.width.tolist(),
            "tolerance": self.metric.tolerance.tolist(),
            "whitening": self.metric.whitening.tolist(),
        }
        (folder / _DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n")

    @classmethod
    def load(cls, path: str | PathLike[str], voters: Voters | None = None) -> Index:
        """Read an index that `save` wrote; latents and kinds stay on disk, memory-mapped, and lists until they are asked.

        Parameters
        ----------
        path
            Its folder.
        voters
            Those that it was built with, where it was: without them it is searched by identity only, and nothing is added.

        Raises
        ------
        FileNotFoundError, ValueError
            There is no index, it is damaged or of another version, or it was built with other voters.
        """
        folder = Path(path)
        if not (folder / _DESCRIPTION).is_file():
            raise FileNotFoundError(f"no index in {folder}: {_DESCRIPTION} is missing; an index is a folder written by Index.save(...)")
        try:
            description = json.loads((folder / _DESCRIPTION).read_text())
            number = int(description["format"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{folder / _DESCRIPTION} is damaged or not galwidget's ({error}); build the index again") from error
        if number != FORMAT:
            remedy = "install a newer galwidget" if number > FORMAT else "build the index again"
            raise ValueError(f"{folder} has index layout {number}, this version reads {FORMAT}; {remedy}")
        try:
            count, sizes = int(description["galaxies"]), (int(description["dimensions"]), int(description["kinds"]))
            model, using, (listed, kinds_listed) = description["model"], description["using"], description["listed"]
            judge = description.get("voters")  # there were none before
            metric = Metric(*(np.array(description[part], float) for part in ("width", "tolerance", "whitening")))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{folder / _DESCRIPTION} is damaged ({error}); build the index again") from error
        index = cls(np.zeros((0, 2, sizes[0]), np.float16), model, metric, using, voters=voters)
        if voters is not None and index._judge != judge:
            raise ValueError(
                f"{folder} was built with {'other' if judge else 'no'} voters; give those that it was built with, or build it again"
            )
        index._judge = judge
        index._identity.map(folder, count, (2, sizes[0]), listed=listed)
        index._kinds.map(folder, count, (sizes[1],), listed=kinds_listed)
        return index

    def __repr__(self) -> str:
        return f"<Index: {len(self)} galaxies in {self.dimensions} dimensions>"


def fingerprint(model: GalaxyModel) -> str:
    """A digest of the networks that encode: two models with the same one have the same latent space."""
    return digest(model.mvae)


def _pack(latent: Latent) -> np.ndarray:
    return np.stack([latent.mean, latent.std], 1).astype(np.float16)
