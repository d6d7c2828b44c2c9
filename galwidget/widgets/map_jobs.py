"""What a latent map does on its thread: place the galaxies, colour them, and draw those that are pointed at, clicked or selected."""

from __future__ import annotations

import html
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from galwidget.attributes import describe
from galwidget.galaxies import Galaxies
from galwidget.latent import Latent
from galwidget.picture import mosaic, png, rgb
from galwidget.widgets.chore import StoppedError
from galwidget.widgets.plane import Plane, attribute_values, colourable, in_short
from galwidget.widgets.shown import in_words
from galwidget.widgets.wire import shown_names

if TYPE_CHECKING:
    from galwidget.widgets.map import LatentMap

__all__ = ["MapJobs"]

#: Galaxies that are encoded between two reports of progress.
_CHUNK = 512
#: Galaxies on the sheet of selected ones, and its columns.
_SHEET, _COLUMNS = 24, 6


class MapJobs:
    """The jobs of a `LatentMap`, each the latest of its kind (`galwidget.widgets.worker.LatestWorker`)."""

    count: int
    ready: Any
    attribute: Any
    _latent: Latent | None
    _rows: Galaxies | None
    _plane: Plane | None
    _names: list[str]
    _parts: list[Any]
    _done: threading.Event
    _halted: threading.Event
    _gone: threading.Event

    def _submit(self: LatentMap, kind: str, value: Any = None) -> None:  # type: ignore[misc]
        self._worker.submit(kind, (kind, value))

    def _work(self: LatentMap, job: Any) -> None:  # type: ignore[misc]
        kind, value = job
        try:
            getattr(self, f"_do_{kind}")(value)
        except Exception as error:  # noqa: BLE001 (whatever it is, the widget says it; the kernel goes on)
            self._status.value = in_words(error)
            if kind == "build":
                self._done.set()

    def _do_build(self: LatentMap, _: Any) -> None:  # type: ignore[misc]
        self._offer("Stop")
        try:
            self._latent = self._locate() if self._latent is None else self._latent
            if self._gone.is_set():
                return
            self._status.value = f"{self.projection} of {self.count:,} galaxies"
            self._plane = Plane(self._latent.mean, self.projection, self._report)
            names = self._names = colourable(self._catalogue())
            if self._asked:
                self._check_column(self._asked)
            self._colour.options = [("one colour", ""), *((describe(name).label, name) for name in names)]
            best = [self.attribute, self._asked, "redshift", "mag_r", *(name for name in names if name.startswith("mag_")), *names]
            self._chart.place(self._plane)
            self.ready = True
            self.attribute = next((name for name in best if name in names), "")
            self._colour.value = self.attribute
            self._do_colour(None)
            if self.selection:
                self._submit("sheet")
            self._past.forget()
        except StoppedError:
            self._plane = None
            if self._latent is None:
                self._status.value = f"stopped: {sum(map(len, self._parts)):,} of {self.count:,} galaxies are there"
        except Exception:
            self._plane = None
            raise
        finally:
            self._offer("Go on" if self._halted.is_set() and self._latent is None else "")
            self._done.set()
            if self._halted.is_set() and self._latent is not None and self._plane is None:
                self.projection = "PCA"  # which takes no time, where UMAP was stopped

    def _locate(self: LatentMap) -> Latent:  # type: ignore[misc]
        """Latents of the catalogue, and of drawn galaxies also the attributes, with progress."""
        drawn = None if self._galaxies is not None else self.model.draw(self.count, seed=self.seed)
        for start in range(sum(map(len, self._parts)), self.count, _CHUNK):  # it goes on where it was stopped
            self._report("decoded" if drawn is not None else "encoded", start, self.count)
            part = slice(start, start + _CHUNK)
            if drawn is not None:
                decoded = self.model.decode(drawn[part])
                self._parts.append(Galaxies(table=decoded.table, survey=decoded.survey))
            else:
                self._parts.append(self.model.encode(self._galaxies[part]))  # type: ignore[index]
        parts, self._parts = self._parts, []
        if drawn is None:
            return Latent.concatenate(parts)
        self._rows = Galaxies.concatenate(parts)
        return drawn

    def _report(self: LatentMap, what: str, ready: int, total: int) -> None:  # type: ignore[misc]
        """Say how far it is; raises `StoppedError` where it is to go no further."""
        if self._gone.is_set() or self._halted.is_set():
            raise StoppedError
        self._status.value = f"{what}: {ready:,} %" if what == "UMAP" else f"{what} {ready:,} of {total:,} galaxies"

    def _offer(self: LatentMap, what: str) -> None:  # type: ignore[misc]
        """The button beside the words: *Stop*, *Go on*, or none."""
        self._halt.description = what or "Stop"
        self._halt.disabled = False
        self._halt.layout.display = None if what else "none"

    def _catalogue(self: LatentMap) -> Galaxies:  # type: ignore[misc]
        assert self._rows is not None  # noqa: S101 (narrows the type)
        return self._rows

    def _do_colour(self: LatentMap, _: Any) -> None:  # type: ignore[misc]
        if self._plane is None:
            return
        values, label, categories = (
            attribute_values(self._catalogue(), self.attribute) if self.attribute else (np.full(self.count, np.nan), "", ())
        )
        shown = self._chart.colour(values, label, categories)
        every = "" if shown == self.count else f"; {shown:,} of them as points, all of them in the picture behind and in the lasso"
        # not beside the colour bar, which has room for "r magnitude" and none for "log half-light radius / arcsec"
        coloured = f", coloured by {label}" * bool(label)
        self._status.value = f"{self.count:,} galaxies{coloured}{every}"
        self._chart.emphasise(self._chosen_rows())

    def _images(self: LatentMap, rows: np.ndarray) -> np.ndarray:  # type: ignore[misc]
        """Pictures of galaxies of the catalogue, (n, y, x, 3): their images, or what the model makes of those without."""
        if self._galaxies is not None and self._galaxies.flux is not None:
            return rgb(self._galaxies[rows])
        return rgb(self.model.decode(self._placed()[rows], attributes=False))

    def _do_hover(self: LatentMap, index: int) -> None:  # type: ignore[misc]
        row = np.array([index])
        self._chart.thumbnail.show(png(np.ascontiguousarray(self._images(row)[0, ::-1])), f"galaxy {index}")
        name = self.attribute
        words = f"{describe(name).label} {in_short(self._catalogue().table[name][index])}" if name else ""
        self._chart.caption.value = f"galaxy {index}   {words}"

    def _do_decode(self: LatentMap, _: Any) -> None:  # type: ignore[misc]
        at = self.at
        self._chart.mark(at)
        if at is None or self._plane is None:
            self._renew_galaxies()
            return
        decoded = self.model.decode(Latent(self._plane.lift(at)))
        known = [(describe(name).label, in_short(decoded.table[name][0])) for name in shown_names(decoded)]
        rows = "".join(f"<tr><td>{html.escape(label)}</td><td>{html.escape(value)}</td></tr>" for label, value in known)
        where = f"Decoded at ({at[0]:.2f}, {at[1]:.2f}), next to galaxy {self._plane.nearest(at)}"
        self._values.value = f'<div style="line-height:1.5"><b>{where}</b><table>{rows}</table></div>'
        self._renew_galaxies()

    def _do_sheet(self: LatentMap, _: Any) -> None:  # type: ignore[misc]
        rows = self._chosen_rows()
        self._chart.emphasise(rows)
        self._clear.disabled = not len(rows)
        self._chosen.value = f"<b>{len(rows):,} selected</b>" if len(rows) else "None selected"
        self._renew_galaxies()

    def _renew_galaxies(self: LatentMap) -> None:  # type: ignore[misc]
        """The galaxies beneath the map are others now, or none."""
        self._beneath.layout.display = None if self.selection or self.at is not None else "none"
        self._beneath.revision += 1

    def sheet(self: LatentMap, rows: np.ndarray) -> tuple[bytes, int]:  # type: ignore[misc]
        """A PNG of galaxies of the catalogue, evenly chosen where there are many, and how many it shows."""
        some = rows[np.linspace(0, len(rows) - 1, min(_SHEET, len(rows))).astype(int)]
        return png(mosaic(self._images(some), min(_COLUMNS, len(some)))), len(some)
