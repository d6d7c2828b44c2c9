"""What the browser asks of a widget and what it is answered: the wire.

State is traits, all of them small; no trait carries pixels. The browser pulls: it asks for a frame when it needs one, with at most two
requests in flight, and sends nothing when only the stretch changes (it has the flux and colours it itself).

Browser to kernel, as custom messages:

``{"type": "frame", "seq": 7, "state": {"seed": 3}}``
    Set these traits (they are not echoed), then send the picture of the state. With ``"draft": true``, while a slider is held, the kernel
    does the least: no attributes, and a large picture in 8 bits; the browser asks for the exact one when the hand rests or lets go.
``{"type": "strip", "seq": 8, "row": 2, "state": {}}``
    The same, for the fine steps of one row (`LatentTraversal`) or of all (`AttributeSweep`), to be scrubbed in the page.
``{"type": "exact", "seq": 8, "at": 0.25, "state": {}}``
    The same, for the place where a scrub was let go, from -1 to 1: what the strip has there may be rough, and lies between its steps.
``{"type": "code", "seq": 9, "form": "table", "state": {}}``
    Set these traits, then send the text of a cell that makes the selected galaxies again (`FrameWidget.code`).
``{"type": "where", "seq": 10, "condition": "mag_r < 19", "state": {}}``
    Set these traits, then say which galaxies fulfil the condition (`FrameWidget.select`); the browser selects them, so that it can undo it.
``{"type": "details", "seq": 11, "cell": 3, "state": {}}``
    Set these traits, then say what is known of one galaxy beside its picture (`galwidget.widgets.details`).
``{"type": "state", "state": {"selection": [1]}}``
    Set these traits; no answer.
``{"type": "halt", "state": {}}``
    Leave what is being made for the page: every request that waits, or is being answered, is answered as superseded.
``{"type": "stop", "state": {}}``, ``{"type": "resume", "state": {}}``
    Set these traits, and stop what is being made, or begin it anew (`galwidget.widgets.chore.Chores`); no answer but the traits.

Kernel to browser:

``{"type": "frame", "seq": 7, "layers": [{"name": "flux", "shape": [64, 3, 64, 64], "scale": 1.0}], "bands": ["i", "r", "g"], ...}``
    One buffer a layer, half floats (n, band, y, x) to be multiplied by ``scale``: nJy, or sigma for the layer ``residual``; or, with
    ``"encoding": "u8"``, bytes (`galwidget.widgets.wire.companded`). Beside them the grid's ``rows`` and ``columns``, ``first`` (index of
    the first cell), ``row_labels`` and ``column_labels``, ``attributes`` of the cells and ``about``, and where it is known the
    ``compass`` of each cell: the directions of north and east.
``{"type": "attributes", "seq": 7, "attributes": [...], "about": {...}}``
    Of the frame 7, which said ``"pending": true``: measuring takes longer than drawing, so the pixels go ahead. There are none where
    another request came first.
``{"type": "strip", ...}``
    A frame, of one row.
``{"type": "exact", ...}``
    A frame: a galaxy a row (`LatentTraversal`), or of each column (`AttributeSweep`).
``{"type": "code", "seq": 9, "code": "...", "model_id": "..."}``
    The text, and the name by which the notebook's outputs know this widget.
``{"type": "where", "seq": 10, "selection": [3, 5], "total": 64}``
    Indices as in the trait ``selection``, of so many galaxies.
``{"type": "details", "seq": 11, "latent": {"mean": [...], "std": [...]}, "predicted": {"mag_r": [18.5, 0.02]}}``
    Of the galaxy of that cell.
``{"type": "superseded", "seq": 7}``
    A newer request came before this one was begun, or it was halted: there will be no picture of it.
``{"type": "error", "seq": 7, "message": "..."}``
    What went wrong, in words; the widget shows it.

Every request with a ``seq`` is answered once. Answers may arrive out of order; the browser never paints one older than what it shows.
Messages may arrive on a thread beside the running cell (JupyterLab's subshells): they only set traits and queue the request. One thread a
widget does the work, holding the model's lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from galwidget.widgets.shown import in_words
from galwidget.widgets.wire import companded, compass, half_floats, hover_columns

if TYPE_CHECKING:
    from galwidget.widgets.frames import FrameWidget
    from galwidget.widgets.shown import Shown

__all__ = ["Messages"]

#: Pixels above which a draft is worth its loss.
_DRAFTED = 100_000


class Messages:
    """The half of a `FrameWidget` that hears the browser."""

    def _receive(self: FrameWidget, _: Any, content: Any, buffers: Any = None) -> None:  # type: ignore[misc]
        del buffers
        content = content if isinstance(content, dict) else {}
        kind, seq = content.get("type"), content.get("seq")
        try:
            self._check_request(kind, seq)
            self._take_state(content.get("state", {}))
        except Exception as error:  # noqa: BLE001 (whatever it is, the widget shows it; the kernel goes on)
            self.send({"type": "error", "seq": seq if isinstance(seq, int) else None, "message": in_words(error)})
            return
        if kind in self._orders:
            if kind != "state":
                getattr(self, kind)()
            return
        job = {
            "kind": kind,
            "seq": seq,
            "row": content.get("row"),
            "form": content.get("form"),
            "condition": content.get("condition"),
            "cell": content.get("cell"),
            "at": content.get("at"),
            "draft": self._drafts and content.get("draft") is True,
        }
        job |= {"wanted": self._wanted(), "display": dict(self.display)}
        if kind == "frame":
            self._worker.drop("attributes")  # they are of the picture before
        replaced = self._worker.submit(kind, job)
        if replaced is not None:
            self.send({"type": "superseded", "seq": replaced["seq"]})

    def halt(self: FrameWidget) -> None:  # type: ignore[misc]
        """Leave what is being made for the page, at its next step: a picture that takes long, or what is measured on it."""
        for job in self._worker.halt():
            self._left(job)

    def _left(self: FrameWidget, job: dict[str, Any]) -> None:  # type: ignore[misc]
        """A job will not be done; what is measured on a picture was asked for with it, which is there."""
        if job["kind"] != "attributes":
            self.send({"type": "superseded", "seq": job["seq"]})

    def _check_request(self: FrameWidget, kind: Any, seq: Any) -> None:  # type: ignore[misc]
        if kind not in self._orders and (kind not in self._request_kinds or not isinstance(seq, int)):
            raise ValueError(f"a message of type {kind!r} and seq {seq!r}; expected one of {', '.join(self._request_kinds)}, numbered")

    def _take_state(self: FrameWidget, changes: Any) -> None:  # type: ignore[misc]
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

    def _answer(self: FrameWidget, job: dict[str, Any]) -> None:  # type: ignore[misc]
        try:
            content, buffers = getattr(self, f"_answer_{job['kind']}")(job)
        except Exception as error:  # noqa: BLE001 (an error is an answer like any other)
            self._worker.settle()
            self.send({"type": "error", "seq": job["seq"], "message": in_words(error)})
            return
        self._worker.settle()
        self.send({"type": job["kind"], "seq": job["seq"], **content}, buffers)
        if content.get("pending"):
            self._worker.submit("attributes", {**job, "kind": "attributes"})

    def _answer_frame(self: FrameWidget, job: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:  # type: ignore[misc]
        shown, complete = self._pictured(job["wanted"], held=job["draft"])
        content, buffers = self._frame(shown, job["display"], draft=job["draft"])
        return {**content, "pending": not complete and not job["draft"]}, buffers

    def _answer_attributes(self: FrameWidget, job: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:  # type: ignore[misc]
        shown = self._shown(job["wanted"])
        return {"attributes": hover_columns(shown.galaxies), "about": shown.about}, []

    def _answer_strip(self: FrameWidget, job: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:  # type: ignore[misc]
        shown = self._locked(self._show_strip, job["wanted"], job["row"])
        content, buffers = self._frame(shown, job["display"], draft=False)
        return {"row": job["row"], **content}, buffers

    def _answer_exact(self: FrameWidget, job: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:  # type: ignore[misc]
        at = job["at"]
        if not isinstance(at, int | float) or isinstance(at, bool) or not -1 <= at <= 1:
            raise ValueError(f"the scrub is said to be at {at!r}; give a number from -1 to 1")
        return self._frame(self._locked(self._show_exact, job["wanted"], float(at)), job["display"], draft=False)

    def _answer_code(self: FrameWidget, job: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:  # type: ignore[misc]
        return {"code": self.code(job["form"]), "model_id": self.model_id}, []

    def _answer_where(self: FrameWidget, job: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:  # type: ignore[misc]
        if not isinstance(job["condition"], str):
            raise TypeError(f"the condition is {job['condition']!r}; give text such as mag_r < 19")
        found, total = self._fulfilling(job["condition"])
        return {"selection": found, "total": total}, []

    def _answer_details(self: FrameWidget, job: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:  # type: ignore[misc]
        cell = job["cell"]
        if not isinstance(cell, int) or isinstance(cell, bool) or not 0 <= cell < len(self._shown(job["wanted"]).galaxies):
            raise ValueError(f"details of cell {cell!r} were asked for; give one of {len(self._shown(job['wanted']).galaxies)} from 0")
        return self._locked(self._details, job["wanted"], cell), []

    def _frame(self: FrameWidget, shown: Shown, display: dict[str, Any], *, draft: bool) -> tuple[dict[str, Any], list[bytes]]:  # type: ignore[misc]
        galaxies = shown.galaxies
        flux, _ = galaxies.require_images()
        # an exact frame has every band: the page chooses among them without a message
        bands = list(dict.fromkeys(display["bands"])) if draft else list(galaxies.survey.band_names)
        pixels = flux[:, [galaxies.survey.index(band) for band in bands]] if draft else flux
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
        if any(arrows := compass(galaxies)):
            content["compass"] = arrows
        return content, buffers


def _knee(display: dict[str, Any], band: str) -> float:
    """Flux of a band, nJy a pixel, where its asinh stretch on the screen goes from linear to logarithmic."""
    scales = [scale for name, scale in zip(display["bands"], display["scale"], strict=True) if name == band and scale > 0]
    return float(display["stretch"] / (display["Q"] * max(scales, default=1.0)))
