"""What every widget of galaxies shares: state as small traits, selection, what Python reads, and a still picture for saved notebooks."""

from __future__ import annotations

import json
import math
import os
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import anywidget
import numpy as np
from traitlets import Dict, Float, Int, List, Unicode, validate

from galwidget.picture import default_display
from galwidget.where import where
from galwidget.widgets.beside import hear_beside_cells
from galwidget.widgets.details import details
from galwidget.widgets.export import Exports
from galwidget.widgets.messages import Messages
from galwidget.widgets.rerun import note
from galwidget.widgets.shown import Shown, StateError
from galwidget.widgets.still import still
from galwidget.widgets.stitch import Recipe, cell
from galwidget.widgets.worker import LatestWorker

if TYPE_CHECKING:
    from astropy.table import QTable

    from galwidget.galaxies import Galaxies
    from galwidget.galaxy_model import GalaxyModel, Latent
    from galwidget.survey import Survey

__all__ = ["FrameWidget"]

_STATIC = Path(__file__).parent.parent / "static"
#: anywidget's live reload, for whoever works on the front end.
_LIVE = bool(os.environ.get("ANYWIDGET_HMR"))


@cache
def _front_end() -> str:
    return (_STATIC / "widget.js").read_text()


class FrameWidget(Messages, Exports, anywidget.AnyWidget):
    """A widget that shows the galaxies of its state; subclasses say which by `_show`.

    Parameters
    ----------
    model
        The model that is asked, or None where the widget only shows given galaxies.
    survey
        Whose bands the pictures have.
    """

    _esm = _STATIC / ("widget.js" if _LIVE else "loader.js")
    _css = _STATIC / "widget.css"

    _bundle = Unicode(help="the front end, which the loader starts in a page that has not got it").tag(sync=True)
    kind = Unicode().tag(sync=True)
    bands = List(Unicode(), read_only=True).tag(sync=True)
    pixel_scale = Float(1.0, help="arcsec").tag(sync=True)
    display = Dict(help="bands and scale for red, green and blue; stretch in nJy a pixel; Q").tag(sync=True, echo_update=False)
    selection = List(Int(min=0), help="indices of the selected cells").tag(sync=True, echo_update=False)

    _request_kinds: ClassVar[tuple[str, ...]] = ("frame", "code", "where", "details")
    #: What the browser may say without an answer: new state, and methods without arguments.
    _orders: ClassVar[tuple[str, ...]] = ("state", "halt")
    #: Whether its pictures are large enough that a draft of them is worth a second request, and their pixels go ahead of their attributes.
    _drafts: ClassVar[bool] = True
    #: Whether the pictures of a held slider are `_show_rough`'s.
    _rough: ClassVar[bool] = False

    def __init__(self, model: GalaxyModel | None, survey: Survey, **traits: Any) -> None:
        self.model = model
        self._survey = survey
        #: State, what it shows, and whether with its attributes.
        self._cache: tuple[str, Shown, bool] | None = None
        self._cache_lock = threading.Lock()
        kinds = (*self._request_kinds, "attributes")
        self._worker = LatestWorker(self._answer, kinds, name=f"galwidget {type(self).__name__}", halted=self._left)
        if not _LIVE:
            # anywidget would have the files tell each widget of changes, and so keep it, closed or not, for ever
            self.__dict__.update(_esm=str(self._esm), _css=str(self._css))
            traits["_bundle"] = _front_end()
        display: dict[str, Any] = default_display(survey)
        super().__init__(display={**display, "bands": list(display["bands"]), "scale": list(display["scale"])}, **traits)
        self.set_trait("bands", list(survey.band_names))
        self.pixel_scale = survey.pixel_scale
        self._own_layout = self.layout
        self.on_msg(self._receive)
        hear_beside_cells(self)
        note(self)

    # ---- what a subclass says

    def _show(self, wanted: dict[str, Any], *, draft: bool = False) -> Shown:
        """The galaxies of the state ``wanted`` (names and values of the traits marked `state`); those of a draft need no attributes."""
        raise NotImplementedError

    def _show_rough(self, wanted: dict[str, Any]) -> Shown:
        """The galaxies of a state without attributes, and nearly as they will be, where the exact ones take long."""
        raise NotImplementedError

    def _show_strip(self, wanted: dict[str, Any], row: int) -> Shown:
        """The fine steps of one row of that state, where ``strip`` is among the requests."""
        raise NotImplementedError

    def _show_exact(self, wanted: dict[str, Any], at: float) -> Shown:
        """What the strips of that state have at a place from -1 to 1, decoded for it, where ``exact`` is among the requests."""
        raise NotImplementedError

    def _strip_rows(self, wanted: dict[str, Any]) -> int:
        """How many strips that state has."""
        raise NotImplementedError

    def _recipe(self) -> Recipe:
        """How the shown galaxies are made, and which of them are selected."""
        raise NotImplementedError

    # ---- what people read

    @property
    def shown(self) -> Galaxies:
        """All galaxies that the widget shows, row by row."""
        return self._shown(self._wanted()).galaxies

    @property
    def selected(self) -> Galaxies:
        """The selected galaxies, in the order of the cells; none selected gives `Galaxies` of length 0."""
        return self.shown[self._cells()]

    @property
    def latent(self) -> Latent | None:
        """Latent of the selected galaxies, or None where the galaxies did not come from a model."""
        latent = self._shown(self._wanted()).latent()
        return None if latent is None else latent[self._cells().tolist()]

    @property
    def table(self) -> QTable:
        """Attributes of the selected galaxies, one row a galaxy."""
        return self.selected.table

    def select(self, condition: str) -> None:
        """Select the galaxies that fulfil a condition on their attributes, such as ``mag_r < 19 and morphology == "Sc"``.

        Parameters
        ----------
        condition
            As `galwidget.where.where` reads it. Of given galaxies also those on other pages are found.
        """
        self.selection = self._fulfilling(condition)[0]

    def code(self, form: str = "galaxies") -> str:
        """Text of a notebook cell that makes the selected galaxies (all, where none is) again, from scratch.

        Parameters
        ----------
        form
            What the cell ends with: ``galaxies``, ``table``, ``arrays``, ``fits`` or, of galaxies that were seen, ``compressed``.
        """
        return cell(self._locked(self._recipe), form)

    def _fulfilling(self, condition: str) -> tuple[list[int], int]:
        """Indices, as ``selection`` has them, of the galaxies that fulfil a condition, and how many galaxies there are."""
        table, first = self._selectable()
        return [first + int(index) for index in np.flatnonzero(where(table, condition))], len(table)

    def _details(self, wanted: dict[str, Any], cell: int) -> dict[str, Any]:
        """What is known of the galaxy of a cell beside its picture."""
        latent = self._shown(wanted).latent()
        return details(self.model, None if latent is None or cell >= len(latent) else latent[[cell]])

    def _selectable(self) -> tuple[QTable, int]:
        """Attributes of the galaxies that may be selected, and the index of the first."""
        shown = self._shown(self._wanted())
        return shown.galaxies.table[: shown.rows * shown.columns], shown.first

    def _cells(self) -> np.ndarray:
        """Selected indices into `shown`, as an array that also indexes when it is empty."""
        shown = self._shown(self._wanted())
        cells = [index - shown.first for index in self.selection]
        return np.array([cell for cell in cells if 0 <= cell < len(shown.galaxies)], dtype=int)

    @validate("selection")
    def _sorted_selection(self, proposal: Any) -> list[int]:
        return sorted(set(proposal["value"]))

    @validate("display")
    def _whole_display(self, proposal: Any) -> dict[str, Any]:
        display = dict(proposal["value"])
        if set(display) != {"bands", "scale", "stretch", "Q"}:
            raise StateError(f"display has {', '.join(map(str, display))}; it needs bands, scale, stretch and Q, as default_display gives")
        if len(display["bands"]) != 3 or len(display["scale"]) != 3:
            raise StateError("display needs three bands and three scales, for red, green and blue")
        unknown = [band for band in display["bands"] if band not in self._survey.band_names]
        if unknown:
            raise StateError(f"survey {self._survey.name} has no band {unknown[0]!r}; it has {', '.join(self._survey.band_names)}")
        if not all(_is_number(value) and value > 0 for value in (display["stretch"], display["Q"])):
            raise StateError(f"display has stretch {display['stretch']!r} and Q {display['Q']!r}; both must be finite and above 0")
        if not all(_is_number(scale) and scale >= 0 for scale in display["scale"]):
            raise StateError(f"display has scales {display['scale']!r}; each must be a finite number, at least 0")
        return display

    # ---- state to galaxies

    def _wanted(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.traits(state=True)}

    def _shown(self, wanted: dict[str, Any]) -> Shown:
        """What a state shows, whole: what Python reads."""
        key = json.dumps(wanted, sort_keys=True)
        with self._cache_lock:
            if self._cache is not None and self._cache[0] == key and self._cache[2]:
                return self._cache[1]
        shown = self._locked(self._show, wanted)
        with self._cache_lock:
            self._cache = (key, shown, True)
        return shown

    def _pictured(self, wanted: dict[str, Any], *, held: bool = False) -> tuple[Shown, bool]:
        """What a state shows, for a picture: perhaps without attributes, which take longer than the pixels; and whether it has them."""
        if self.model is None or not self._drafts:
            return self._shown(wanted), True
        if held and self._rough:
            return self._locked(self._show_rough, wanted), False
        key = json.dumps(wanted, sort_keys=True)
        with self._cache_lock:
            if self._cache is not None and self._cache[0] == key:
                return self._cache[1:]
        shown = self._locked(self._show, wanted, draft=True)
        with self._cache_lock:
            self._cache = (key, shown, False)
        return shown, False

    def _outside(self, latent: Latent, galaxies: Galaxies | None = None) -> list[str]:
        """Why the model does not know galaxies at these points (these images, where given), one a galaxy; empty where it knows them."""
        judge = getattr(self.model, "familiarity", None)  # a model of one's own may not have it
        try:
            return (
                judge(_nothing(len(latent), self._survey) if galaxies is None else galaxies, latent).reason if judge else [""] * len(latent)
            )
        except ValueError:  # it was never calibrated
            return [""] * len(latent)

    def _locked(self, verb: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        if self.model is None:
            return verb(*arguments, **options)
        with self.model.lock:
            return verb(*arguments, **options)

    # ---- life

    def close(self) -> None:
        """Free the thread, the galaxies held, and the browser's side of the widget and of its layout."""
        if hasattr(self, "_worker"):  # not where the arguments were refused
            self._worker.close()
            self._cache = None
        super().close()
        if hasattr(self, "_own_layout"):  # ipywidgets leaves it open, for it might be shared
            self._own_layout.close()

    def _repr_mimebundle_(self, **arguments: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**arguments)
        if bundle is None:
            return None
        data, metadata = bundle
        return {**data, **self.still()}, metadata

    def still(self) -> dict[str, str]:
        """What a reader without a kernel sees: ``image/png`` and ``text/html`` of the galaxies shown."""
        shown, _ = self._pictured(self._wanted())
        return still(shown.galaxies, shown.columns, self.display, type(self).__name__)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self.selection)} selected>"


def _nothing(n: int, survey: Survey) -> Galaxies:
    """``n`` galaxies of which nothing is known."""
    from galwidget.galaxies import Galaxies  # noqa: PLC0415 (only where a picture is made)

    return Galaxies(table={"galaxy": np.arange(n)}, survey=survey)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
