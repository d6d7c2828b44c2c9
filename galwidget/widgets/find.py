"""Galaxies found in a sample: those that look like one, from neighbour to neighbour, and the odd ones, in an order that marks teach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from astropy.table import QTable, hstack
from traitlets import Bool, Dict, Enum, Int, List, Unicode, validate

from galwidget.galaxies import Galaxies
from galwidget.latent import Latent
from galwidget.science.anomaly import Anomalies, anomalies
from galwidget.science.classification import Classification, classify
from galwidget.science.index import Index
from galwidget.science.orientation import canonical_latent
from galwidget.science.similarity import Neighbours, like, nearest
from galwidget.widgets import conditions as asked
from galwidget.widgets.chore import Chore, Chores
from galwidget.widgets.details import details
from galwidget.widgets.find_oddities import checked_marks, ordered, page_of
from galwidget.widgets.find_recipe import recipe
from galwidget.widgets.frames import FrameWidget
from galwidget.widgets.shown import Shown, StateError, state
from galwidget.widgets.wire import ORIENTATION

if TYPE_CHECKING:
    from galwidget.galaxy_model import GalaxyModel
    from galwidget.science.votes import Voters
    from galwidget.widgets.stitch import Recipe

__all__ = ["GalaxyFinder"]

#: Most galaxies on the right, and the columns of a still picture.
_MOST, _COLUMNS = 120, 6
#: From so many galaxies on, the sample itself says what is normal; fewer are compared with simulated ones.
_OWN_REFERENCE = 200
#: Seconds that showing the widget waits for the first search, so that the saved notebook has a picture of it.
_PATIENCE = 2.0


class GalaxyFinder(Chores, FrameWidget):
    """Look-alikes and oddities of a sample of galaxies.

    *Look-alikes*: a galaxy, and the galaxies of the sample that are nearest to it, whichever way they lie (`galwidget.nearest`): in all
    that was seen of them, or in the kind of galaxy alone. Walk on from one to its own neighbours and back; ask for an edit of it ("like
    this, but redder") or for what several have in common ("like these, unlike those"). *Oddities*: the sample in the order of its anomaly
    score, each with the reason (`galwidget.anomalies`); mark some as interesting or boring and the order follows. What to mark next is
    another order: odd galaxies unlike each other until one is interesting, then those like it (`Anomalies.to_mark`).

    With ``types`` the side panel tells the Hubble types of each galaxy and their probabilities (`galwidget.classify`).

    The sample is encoded on a thread, oddities and types are judged when they are first asked for; the widget is there at once, says how
    far they are, and can be told to stop.

    Parameters
    ----------
    model
        The model that says what looks alike and what is odd.
    galaxies
        The sample, with images in the model's bands.
    query
        The galaxy whose neighbours are shown first.
    index
        An `Index` of the sample, where there is one; default: it is built.
    voters
        Who says what is of one kind, as in `galwidget.nearest`, for galaxies like those they learnt from; an index has its own.
    reference
        What is normal, as in `galwidget.anomalies`; default: ``"own"`` (the typical ones of the sample) from 200 galaxies on, else
        simulated ones.
    k
        How many galaxies are shown at once.

    Attributes
    ----------
    view, query, by, types, edits, plus, minus, trail, order, page, k
        The state: ``alike`` or ``odd``; row of the galaxy; alike in ``identity`` or ``kind`` (`galwidget.nearest`); whether types are told;
        attributes asked of the galaxy; rows of more examples of what is wanted and of what is not; rows that were walked through; whether
        oddities are by ``score`` and marks or those for ``marking`` next; page of them; galaxies shown.
    interesting, boring
        Rows that were marked; the order of the oddities is of `learned`, the marks as they were when ``learn`` was last called.
    selection
        Rows of the selected galaxies in the sample: they stay selected while one walks on.
    ready, stopped, progress
        What is there of ``neighbours``, ``oddities`` and ``types``, what was stopped of them, and how far the one is that is being made.

    Raises
    ------
    ValueError
        Fewer than two galaxies, galaxies without images or of another survey, an index of other galaxies, or voters of other pictures.

    Examples
    --------
    >>> finder = GalaxyFinder(model, galaxies, query=12)  # doctest: +SKIP
    >>> finder.neighbours.table["index", "distance"]  # doctest: +SKIP
    """

    view = state(Enum(("alike", "odd"), "alike"))
    query = state(Int(0, min=0))
    by = state(Enum(("identity", "kind"), "identity"))
    types = state(Bool(default_value=False, help="whether Hubble types are told"))
    edits = state(Dict(help="attributes asked of the galaxy, by name"))
    plus = state(List(Int(min=0), help="rows of more galaxies that the neighbours shall be like"))
    minus = state(List(Int(min=0), help="rows of galaxies that the neighbours shall be unlike"))
    trail = state(List(Int(min=0), help="rows that were walked through"))
    k = state(Int(12, min=1, max=_MOST))
    order = state(Enum(("score", "marking"), "score"))
    page = state(Int(0, min=0))
    interesting = state(List(Int(min=0)))
    boring = state(List(Int(min=0)))
    learned = state(Dict(help="marks that the order follows: rows by interesting and boring"))
    controls = List(Dict()).tag(sync=True)
    total = Int(0).tag(sync=True)
    questions = List(Unicode(), help="what the voters were asked, if they say what is of one kind").tag(sync=True)
    types_known = Bool(default_value=False, help="whether the model tells types").tag(sync=True)

    _orders: ClassVar[tuple[str, ...]] = ("state", "halt", "stop", "resume")
    _drafts: ClassVar[bool] = False  # a dozen galaxies are soon sent, and their attributes belong to them

    def __init__(
        self,
        model: GalaxyModel,
        galaxies: Galaxies,
        query: int = 0,
        *,
        index: Index | None = None,
        voters: Voters | None = None,
        reference: Galaxies | Literal["own"] | None = None,
        k: int = 12,
    ) -> None:
        galaxies.require_images()
        if len(galaxies) < 2:
            raise ValueError(f"there is nothing to find among {len(galaxies)} galaxies; give two or more")
        if index is not None:
            index.check(model)
            if len(index) != len(galaxies):
                raise ValueError(f"the index has {len(index)} galaxies, the sample {len(galaxies)}; give the index of this sample, or none")
            if voters is not None:
                raise ValueError(
                    "an index has its own voters, or none; leave voters out, or build it with them: Index.build(..., voters=...)"
                )
            voters = index.voters
        if voters is not None:
            voters.check(galaxies)
        self._galaxies, self._voters = galaxies, voters
        self._reference = "own" if reference is None and len(galaxies) >= _OWN_REFERENCE else reference
        self._index: Chore[Index] = self._chore(
            "neighbours",
            (lambda _: index) if index is not None else lambda report: Index.build(model, galaxies, voters=voters, progress=report),
        )
        self._judged: Chore[Anomalies] = self._chore(
            "oddities", lambda report: anomalies(model, galaxies, reference=self._reference, progress=report)
        )
        self._classified: Chore[Classification] = self._chore("types", lambda report: classify(model, galaxies, progress=report))
        super().__init__(
            model,
            galaxies.survey,
            kind="finder",
            query=query,
            k=k,
            controls=asked.controls(model),
            types_known="morphology" in model.conditions,
            total=len(galaxies),
            questions=[] if voters is None else list(voters.questions),
            selection=[],
        )
        self._index.begin()

    @validate("query", "plus", "minus", "trail", "interesting", "boring")
    def _of_the_sample(self, proposal: Any) -> Any:
        self._check_rows(proposal["value"])
        return proposal["value"]

    @validate("selection")
    def _sorted_selection(self, proposal: Any) -> list[int]:
        self._check_rows(proposal["value"])
        return sorted(set(proposal["value"]))

    def _check_rows(self, rows: int | Sequence[int]) -> None:
        beyond = [row for row in np.atleast_1d(rows).tolist() if row >= len(self._galaxies)]
        if beyond:
            raise StateError(f"galaxy {int(beyond[0])} was asked for, but there are {len(self._galaxies)}, from 0")

    @validate("edits")
    def _known_edits(self, proposal: Any) -> dict[str, Any]:
        return asked.checked(self.model, proposal["value"])  # type: ignore[arg-type]

    @validate("learned")
    def _known_marks(self, proposal: Any) -> dict[str, list[int]]:
        return checked_marks(proposal["value"], len(self._galaxies))

    # ---- what people read

    @property
    def neighbours(self) -> Neighbours:
        """The nearest galaxies to what is asked for, without the examples themselves, shape (1, k); waits for the index."""
        self._index.result()  # not while the model is locked: the index is made with it
        return self._locked(self._nearest, self._wanted())

    @property
    def oddities(self) -> Anomalies:
        """How odd each galaxy of the sample is, in the order that the marks taught; waits for the judgement."""
        return ordered(self._judged.result(), self.learned)

    @property
    def classification(self) -> Classification:
        """Types of the galaxies of the sample; waits for them, a minute or so for a model that was not asked before."""
        return self._classified.result()

    @property
    def sought(self) -> Latent | None:
        """The point that is looked for, where it is not just the galaxy itself: an edit, or what examples have in common."""
        return self._locked(self._asked_for, self._wanted())

    @property
    def selected(self) -> Galaxies:
        """The selected galaxies of the sample, wherever on the walk they were selected."""
        return self._galaxies[np.array(self.selection, dtype=int)]

    def _selectable(self) -> tuple[QTable, int]:
        return self._galaxies.table, 0

    @property
    def latent(self) -> Latent:
        """Their latent, from the pictures as they lie."""
        model: Any = self.model
        return model.encode(self.selected)

    @property
    def table(self) -> QTable:
        """Their rows in the sample, distances to what is looked for, scores and reasons where they were judged, and attributes."""
        rows = np.array(self.selection, dtype=int)
        found = QTable({"index": rows})
        if self._index.here:
            index, point = self._index.result(), self._locked(self._point, self._wanted())
            looked_at = self._galaxies[self.query] if self.sought is None else None
            found["distance"] = index.distance(index.query(self.model, point, self.by, looked_at), rows)  # type: ignore[arg-type]
        if self._judged.here:
            judged = self._judged.result()
            found["score"], found["reason"] = judged.score[rows], np.array(judged.reason, dtype=str)[rows]
        if self.types and self._classified.wait(0):
            found = hstack([found, self._classified.result()[rows].table])
        table = self.selected.table
        return hstack([found, table], table_names=["", "catalogue"], uniq_col_name="{table_name}{col_name}") if table.colnames else found

    def learn(self) -> None:
        """Let the order of the oddities follow the marks."""
        self.learned = {"interesting": list(self.interesting), "boring": list(self.boring)}
        self.page = 0

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until what the present view needs is there, at most ``timeout`` seconds; whether it is there."""
        return self._needed().wait(timeout)

    # ---- what is looked for, and what is found

    def _needed(self) -> Chore[Any]:
        return self._index if self.view == "alike" else self._judged

    def _wanted(self) -> dict[str, Any]:
        return {**super()._wanted(), "ready": list(self.ready)}

    def _asked_for(self, wanted: dict[str, Any]) -> Latent | None:
        model: Any = self.model
        point: Latent | None = None
        if wanted["plus"] or wanted["minus"]:
            minus = np.array(wanted["minus"], dtype=int)
            point = like(model, self._galaxies[[wanted["query"], *wanted["plus"]]], self._galaxies[minus])
        if not wanted["edits"]:
            return point
        query = self._galaxies[wanted["query"]] if point is None else point
        return model.edit_latent(query, seed=0, **asked.arguments(wanted["edits"]))

    def _point(self, wanted: dict[str, Any]) -> Latent:
        """What is looked for, turned as all galaxies of the index are."""
        sought = self._asked_for(wanted)
        return canonical_latent(self.model, self._galaxies[wanted["query"]] if sought is None else sought)  # type: ignore[arg-type]

    def _examples(self, wanted: dict[str, Any]) -> list[int]:
        return list(dict.fromkeys([wanted["query"], *wanted["plus"], *wanted["minus"]]))

    def _nearest(self, wanted: dict[str, Any], sought: Latent | None = None) -> Neighbours:
        model: Any = self.model
        sought = self._asked_for(wanted) if sought is None else sought
        examples = self._examples(wanted)
        k = min(wanted["k"] + len(examples), len(self._galaxies))
        found = nearest(model, self._galaxies[wanted["query"]] if sought is None else sought, self._index.result(), k, by=wanted["by"])
        others = ~np.isin(found.index[0], examples)
        rows, distance = (values[0][others][: wanted["k"]][None] for values in (found.index, found.distance))
        return Neighbours(rows, distance, self._galaxies)

    def _show(self, wanted: dict[str, Any], *, draft: bool = False) -> Shown:
        del draft
        return self._show_odd(wanted) if wanted["view"] == "odd" else self._show_alike(wanted)

    def _show_alike(self, wanted: dict[str, Any]) -> Shown:
        from galwidget.observation import observe  # noqa: PLC0415 (scipy only when a galaxy is looked at)

        model: Any = self.model
        galaxy = self._galaxies[wanted["query"]]
        sought = self._asked_for(wanted)
        decoded = model.decode(model.encode(galaxy) if sought is None else sought)
        parts, rows = [self._cells_of([wanted["query"]])], [wanted["query"]]
        if sought is not None:
            seen = observe(decoded, psf=galaxy.psfs[0], noise=False)
            parts.append(Galaxies(seen.flux, seen.ivar, galaxy.psfs[0], _known(decoded.table, model), survey=galaxy.survey))
            rows.append(-1)
        distance: list[float | None] = [None] * len(rows)
        if self._index.here:
            found = self._nearest(wanted, sought)
            parts.append(self._cells_of(found.index[0], distance=found.distance[0]))
            rows += found.index[0].tolist()
            distance += [round(float(value), 3) for value in found.distance[0]]
        cells = Galaxies.concatenate(parts)
        about = {"rows": rows, "distance": distance, "sought": sought is not None, "waiting": not self._index.here}
        about["values"] = {name: _value(decoded, name) for name in model.conditions if name in decoded.table.colnames}
        about |= self._types_of(rows, wanted)
        return Shown(cells, -(-len(cells) // _COLUMNS), min(_COLUMNS, len(cells)), about=about)

    def _show_odd(self, wanted: dict[str, Any]) -> Shown:
        self._judged.begin()
        if not self._judged.here:
            return Shown(self._galaxies[:0], 1, 1, about={"rows": [], "waiting": True})
        found = self._judged.result()
        page = page_of(found, wanted)
        rows = page.rows
        about = {
            "rows": rows,
            "page_first": page.first,
            "total": page.total,
            "score": [round(float(found.score[row]), 2) for row in rows],
            "reason": [found.reason[row] for row in rows],
            "waiting": False,
            **self._types_of(rows, wanted),
        }
        cells = self._cells_of(rows, score=found.score[np.array(rows, dtype=int)])
        return Shown(cells, max(1, -(-len(rows) // _COLUMNS)), max(1, min(_COLUMNS, len(rows))), about=about)

    def _types_of(self, rows: Sequence[int], wanted: dict[str, Any]) -> dict[str, Any]:
        """Types of these rows of the sample, for the side panel: empty before they are there, null for what is no row."""
        if not wanted["types"]:
            return {}
        self._classified.begin()
        if not self._classified.wait(0):
            return {}
        found = self._classified.result()
        told = [[round(float(share), 3) for share in found.probabilities[row]] if row >= 0 else None for row in rows]
        return {"types": {"names": list(found.types), "probabilities": told}}

    def _cells_of(self, rows: Sequence[int] | np.ndarray, **numbers: np.ndarray) -> Galaxies:
        """Galaxies of the sample with the attributes that the model knows, and numbers beside them."""
        galaxies = self._galaxies[np.asarray(rows, dtype=int)]
        table = QTable(numbers)
        for name, column in _known(galaxies.table, self.model).items():
            table[name] = column
        return galaxies.with_table(table)

    def _details(self, wanted: dict[str, Any], cell: int) -> dict[str, Any]:
        model: Any = self.model
        row = self._shown(wanted).about["rows"][cell]
        if row < 0:
            return details(model, self._asked_for(wanted))
        galaxy = self._galaxies[row]
        return details(model, model.encode(galaxy), galaxy)

    def _figure_labels(self) -> dict[str, Any]:
        about = self._shown(self._wanted()).about
        if self.view == "odd":
            return {"captions": [f"{row}: {score:.1f}" for row, score in zip(about["rows"], about["score"], strict=True)]}
        words = [f"galaxy {row}" if row >= 0 else "looked for" for row in about["rows"]]
        pairs = zip(words, about["distance"], strict=True)
        return {"captions": [word if far is None else f"{word}, D {far:.2f}" for word, far in pairs]}

    def still(self) -> dict[str, str]:
        """What a reader without a kernel sees; waits a moment for what is being made."""
        self._needed().wait(_PATIENCE)
        return super().still()

    def _recipe(self) -> Recipe:
        first = self._shown(self._wanted()).about.get("page_first", 0) if self.view == "odd" else 0
        return recipe(self, self._galaxies, self._reference, self._voters, self._examples(self._wanted()), first)

    def close(self) -> None:
        """Stop what is being made, and free the widget."""
        self._drop_chores()
        super().close()


def _known(table: QTable, model: Any) -> QTable:
    """The columns that the model knows, and how the pictures lie."""
    return table[[name for name in table.colnames if name in model.conditions or name in ORIENTATION]]


def _value(galaxies: Galaxies, name: str) -> Any:
    """Attribute of the only galaxy, as JSON."""
    column = galaxies.table[name]
    return float(galaxies.attribute(name)[0]) if np.asarray(column).dtype.kind in "biuf" else str(column[0])
