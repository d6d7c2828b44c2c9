"""What every widget shares: state as small traits, pixels by binary messages, selection, and a still picture for saved notebooks.

The wire
--------
State is traits, all of them small; no trait carries pixels. The browser pulls: it asks for a frame when it needs one, with at most two
requests in flight, and sends nothing when only the stretch changes (it has the flux and colours it itself).

Browser to kernel, as custom messages:

``{"type": "frame", "seq": 7, "state": {"seed": 3}}``
    Set these traits (they are not echoed), then send the picture of the state. With ``"draft": true``, while a slider is held, the kernel
    does the least: no attributes, and a large picture in 8 bits; the browser asks for the exact one when the hand rests or lets go.
``{"type": "strip", "seq": 8, "row": 2, "state": {}}``
    The same, for the fine steps of one row (`LatentTraversal`) or of all (`AttributeSweep`), to be scrubbed in the page.
``{"type": "code", "seq": 9, "form": "table", "state": {}}``
    Set these traits, then send the text of a cell that makes the selected galaxies again (`FrameWidget.code`).
``{"type": "state", "state": {"selection": [1]}}``
    Set these traits; no answer.

Kernel to browser:

``{"type": "frame", "seq": 7, "layers": [{"name": "flux", "shape": [64, 3, 64, 64], "scale": 1.0}], "bands": ["i", "r", "g"], ...}``
    One buffer a layer, half floats (n, band, y, x) to be multiplied by ``scale``: nJy, or sigma for the layer ``residual``; or, with
    ``"encoding": "u8"``, bytes (`galwidget.widgets.wire.companded`). Beside them the grid's ``rows`` and ``columns``, ``first`` (index of
    the first cell), ``row_labels`` and ``column_labels``, ``attributes`` of the cells and ``about``.
``{"type": "strip", ...}``
    A frame, of one row.
``{"type": "code", "seq": 9, "code": "...", "model_id": "..."}``
    The text, and the name by which the notebook's outputs know this widget.
``{"type": "superseded", "seq": 7}``
    A newer request came before this one was begun: there will be no picture of it.
``{"type": "error", "seq": 7, "message": "..."}``
    What went wrong, in words; the widget shows it.

Every request with a ``seq`` is answered once. Answers may arrive out of order; the browser never paints one older than what it shows.
Messages may arrive on a thread beside the running cell (JupyterLab's subshells): they only set traits and queue the request. One thread a
widget does the work, holding the model's lock.
"""

from __future__ import annotations

import json
import math
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import anywidget
import numpy as np
from traitlets import Dict, Float, Int, List, TraitError, Unicode, validate

from galwidget.picture import default_display
from galwidget.widgets.export import Exports
from galwidget.widgets.rerun import note
from galwidget.widgets.still import still
from galwidget.widgets.stitch import Recipe, cell, listed
from galwidget.widgets.wire import companded, half_floats, hover_columns
from galwidget.widgets.worker import LatestWorker

if TYPE_CHECKING:
    from astropy.table import QTable

    from galwidget.galaxies import Galaxies
    from galwidget.galaxy_model import GalaxyModel, Latent
    from galwidget.survey import Survey

__all__ = ["FrameWidget", "Shown", "StateError", "in_words", "listed", "state"]

#: Pixels above which a draft is worth its loss.
_DRAFTED = 100_000
_STATIC = Path(__file__).parent.parent / "static"


def state(trait: Any) -> Any:
    """A trait of a widget's state: the same state gives the same picture. The browser's own changes are not echoed to it."""
    return trait.tag(sync=True, echo_update=False, state=True)


class StateError(TraitError, ValueError):
    """A state that a widget cannot have; a `TraitError`, so that traitlets takes back what was set with it."""


@dataclass(frozen=True)
class Shown:
    """The galaxies that a state of a widget shows, row by row, and how they are laid out."""

    galaxies: Galaxies
    rows: int
    columns: int
    latent: Callable[[], Latent | None] = lambda: None
    first: int = 0
    row_labels: list[str] = field(default_factory=list)
    column_labels: list[str] = field(default_factory=list)
    residual: np.ndarray | None = None
    seen: list[Galaxies] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)


class FrameWidget(Exports, anywidget.AnyWidget):
    """A widget that shows the galaxies of its state; subclasses say which by `_show`.

    Parameters
    ----------
    model
        The model that is asked, or None where the widget only shows given galaxies.
    survey
        Whose bands the pictures have.
    """

    _esm = _STATIC / "widget.js"
    _css = _STATIC / "widget.css"

    kind = Unicode().tag(sync=True)
    bands = List(Unicode(), read_only=True).tag(sync=True)
    pixel_scale = Float(1.0, help="arcsec").tag(sync=True)
    display = Dict(help="bands and scale for red, green and blue; stretch in nJy a pixel; Q").tag(sync=True, echo_update=False)
    selection = List(Int(min=0), help="indices of the selected cells").tag(sync=True, echo_update=False)

    _request_kinds: ClassVar[tuple[str, ...]] = ("frame", "code")
    #: Whether its pictures are large enough that a draft of them is worth a second request.
    _drafts: ClassVar[bool] = True

    def __init__(self, model: GalaxyModel | None, survey: Survey, **traits: Any) -> None:
        self.model = model
        self._survey = survey
        self._cache: tuple[str, Shown] | None = None
        self._cache_lock = threading.Lock()
        self._worker = LatestWorker(self._answer, self._request_kinds, name=f"galwidget {type(self).__name__}")
        if not os.environ.get("ANYWIDGET_HMR"):
            # anywidget would have the files tell each widget of changes, and so keep it, closed or not, for ever
            self.__dict__.update(_esm=str(self._esm), _css=str(self._css))
        display: dict[str, Any] = default_display(survey)
        super().__init__(display={**display, "bands": list(display["bands"]), "scale": list(display["scale"])}, **traits)
        self.set_trait("bands", list(survey.band_names))
        self.pixel_scale = survey.pixel_scale
        self._own_layout = self.layout
        self.on_msg(self._receive)
        note(self)

    # ---- what a subclass says

    def _show(self, wanted: dict[str, Any], *, draft: bool = False) -> Shown:
        """The galaxies of the state ``wanted`` (names and values of the traits marked `state`); those of a draft need no attributes."""
        raise NotImplementedError

    def _show_strip(self, wanted: dict[str, Any], row: int) -> Shown:
        """The fine steps of one row of that state, where ``strip`` is among the requests."""
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

    def code(self, form: str = "galaxies") -> str:
        """Text of a notebook cell that makes the selected galaxies (all, where none is) again, from scratch.

        Parameters
        ----------
        form
            What the cell ends with: ``galaxies``, ``table``, ``arrays`` or ``fits``.
        """
        return cell(self._locked(self._recipe), form)

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
        key = json.dumps(wanted, sort_keys=True)
        with self._cache_lock:
            if self._cache is not None and self._cache[0] == key:
                return self._cache[1]
        shown = self._locked(self._show, wanted)
        with self._cache_lock:
            self._cache = (key, shown)
        return shown

    def _drafted(self, wanted: dict[str, Any]) -> Shown:
        """Galaxies for a picture only: what Python reads (`_shown`) never comes from here."""
        with self._cache_lock:
            if self._cache is not None and self._cache[0] == json.dumps(wanted, sort_keys=True):
                return self._cache[1]
        return self._locked(self._show, wanted, draft=True)

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

    # ---- messages

    def _receive(self, _: Any, content: Any, buffers: Any = None) -> None:
        del buffers
        content = content if isinstance(content, dict) else {}
        kind, seq = content.get("type"), content.get("seq")
        try:
            self._check_request(kind, seq)
            self._take_state(content.get("state", {}))
        except Exception as error:  # noqa: BLE001 (whatever it is, the widget shows it; the kernel goes on)
            self.send({"type": "error", "seq": seq if isinstance(seq, int) else None, "message": in_words(error)})
            return
        if kind == "state":
            return
        job = {
            "kind": kind,
            "seq": seq,
            "row": content.get("row"),
            "form": content.get("form"),
            "draft": self._drafts and content.get("draft") is True,
        }
        job |= {"wanted": self._wanted(), "display": dict(self.display)}
        replaced = self._worker.submit(kind, job)
        if replaced is not None:
            self.send({"type": "superseded", "seq": replaced["seq"]})

    def _check_request(self, kind: Any, seq: Any) -> None:
        if kind != "state" and (kind not in self._request_kinds or not isinstance(seq, int)):
            raise ValueError(f"a message of type {kind!r} and seq {seq!r}; expected one of {', '.join(self._request_kinds)}, numbered")

    def _take_state(self, changes: Any) -> None:
        allowed = {*self.traits(state=True), "display", "selection"}
        if not isinstance(changes, dict) or not set(changes) <= allowed:
            raise ValueError(f"state {changes!r} was sent; this widget's state is {', '.join(sorted(allowed))}")
        before = {name: getattr(self, name) for name in changes}
        try:
            self.set_state(changes)
        except Exception:
            # traitlets takes back what a TraitError refused, and only that
            for name, value in before.items():
                self.set_trait(name, value)
            raise

    def _answer(self, job: dict[str, Any]) -> None:
        begun = time.perf_counter()
        try:
            if job["kind"] == "code":
                self.send({"type": "code", "seq": job["seq"], "code": self.code(job["form"]), "model_id": self.model_id})
                return
            if job["kind"] == "strip":
                shown = self._locked(self._show_strip, job["wanted"], job["row"])
            else:
                shown = (self._drafted if job["draft"] else self._shown)(job["wanted"])
            content, buffers = self._frame(shown, job["display"], draft=job["draft"])
        except Exception as error:  # noqa: BLE001 (an error is an answer like any other)
            self.send({"type": "error", "seq": job["seq"], "message": in_words(error)})
            return
        head = {"type": job["kind"], "seq": job["seq"], "row": job["row"], "kernel_ms": round(1e3 * (time.perf_counter() - begun), 2)}
        self.send({**head, **content}, buffers)

    def _frame(self, shown: Shown, display: dict[str, Any], *, draft: bool) -> tuple[dict[str, Any], list[bytes]]:
        galaxies = shown.galaxies
        flux, _ = galaxies.require_images()
        # an exact frame has every band: the page chooses among them without a message
        bands = list(dict.fromkeys(display["bands"])) if draft else list(galaxies.survey.band_names)
        pixels = flux[:, [galaxies.survey.index(band) for band in bands]]
        if draft and pixels.size > _DRAFTED and pixels.min() >= 0:
            layer, data = companded(pixels, [_knee(display, band) for band in bands])
        else:
            layer, data = half_floats(pixels)
        layers, buffers = [{"name": "flux", **layer}], [data]
        if shown.residual is not None:
            layer, data = half_floats(shown.residual)
            layers.append({"name": "residual", **layer})
            buffers.append(data)
        for other in shown.seen:
            layer, data = half_floats(other.require_images()[0])
            layers.append({"name": "seen", **layer})
            buffers.append(data)
        content = {
            "layers": layers,
            "bands": bands,
            "rows": shown.rows,
            "columns": shown.columns,
            "first": shown.first,
            "row_labels": shown.row_labels,
            "column_labels": shown.column_labels,
            "attributes": [] if draft else hover_columns(galaxies),
            "about": shown.about,
            "draft": draft,
        }
        return content, buffers

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
        shown = self._shown(self._wanted())
        return still(shown.galaxies, shown.columns, self.display, type(self).__name__)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self.selection)} selected>"


def _knee(display: dict[str, Any], band: str) -> float:
    """Flux of a band, nJy a pixel, where its asinh stretch on the screen goes from linear to logarithmic."""
    scales = [scale for name, scale in zip(display["bands"], display["scale"], strict=True) if name == band and scale > 0]
    return float(display["stretch"] / (display["Q"] * max(scales, default=1.0)))


def _nothing(n: int, survey: Survey) -> Galaxies:
    """``n`` galaxies of which nothing is known."""
    from galwidget.galaxies import Galaxies  # noqa: PLC0415 (only where a picture is made)

    return Galaxies(table={"galaxy": np.arange(n)}, survey=survey)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def in_words(error: BaseException) -> str:
    """An error as a sentence for the widget: its own words where it has them."""
    words = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    ours = isinstance(error, (ValueError, TypeError, KeyError, TraitError)) and words
    return words if ours else f"{type(error).__name__}: {words or 'no message'}"
