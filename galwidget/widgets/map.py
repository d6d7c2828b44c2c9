"""A map of the latent space: galaxies on a plane, coloured by an attribute, lassoed, looked at, and any point of the plane decoded."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
from traitlets import Bool, Enum, Int, List, Tuple, Unicode, observe, validate
from traitlets import Float as Number

from galwidget.galaxies import Galaxies
from galwidget.latent import Latent
from galwidget.where import where
from galwidget.widgets.beside import hear_beside_cells
from galwidget.widgets.map_chart import Chart
from galwidget.widgets.map_exports import MapExports
from galwidget.widgets.map_jobs import MapJobs
from galwidget.widgets.map_sheet import MapSheet
from galwidget.widgets.parts import close_parts
from galwidget.widgets.past import Past
from galwidget.widgets.plane import PROJECTIONS, Plane
from galwidget.widgets.rerun import note
from galwidget.widgets.shown import StateError, in_words
from galwidget.widgets.stitch import Recipe, cell, latent_text, name_of
from galwidget.widgets.worker import LatestWorker

if TYPE_CHECKING:
    from astropy.table import QTable

    from galwidget.galaxy_model import GalaxyModel

__all__ = ["LatentMap"]

#: Seconds that showing the widget waits for a small map, so that the saved notebook has a picture of it.
_PATIENCE = 2.0
_TOOLS = {"look": "Look", "lasso": "Lasso", "pan": "Pan, zoom"}


class LatentMap(MapJobs, MapExports, ipywidgets.VBox):
    """The latent space of a catalogue as a map.

    Pointing at a galaxy shows it, a click anywhere decodes that point of the plane, a lasso selects every galaxy inside. The galaxies are
    encoded on a thread: the widget is there at once, and `ready` when the map is.

    Parameters
    ----------
    model
        The model whose latent space it is.
    galaxies
        The catalogue, with images or without; default: galaxies drawn from the model.
    latent
        Where the galaxies are, where it is known (``model.encode(galaxies)``); default: they are encoded.
    attribute
        The column that colours them; default: the redshift, or the r or first magnitude, or the first column there is.
    projection
        ``PCA``, or ``UMAP`` where umap-learn is installed.
    n, seed
        How many galaxies are drawn, and with which seed, where none are given.

    Attributes
    ----------
    attribute, projection, tool, selection, at, seed
        The state: column, projection, ``look``, ``lasso`` or ``pan``, indices of the selected galaxies, the decoded point of the plane (or
        None), the seed of drawn galaxies.
    ready
        Whether the map is there.

    Raises
    ------
    ValueError
        Fewer than three galaxies, or a latent that is not theirs.

    Examples
    --------
    >>> chart = LatentMap(model, galaxies, attribute="g_r")  # doctest: +SKIP
    >>> chart.selected.write("lassoed.fits")  # doctest: +SKIP
    """

    attribute = Unicode("", help="the column that colours; empty for none")
    projection = Enum(PROJECTIONS, "PCA")
    tool = Enum(tuple(_TOOLS), "look")
    selection = List(Int(min=0), help="indices of the selected galaxies")
    at = Tuple(Number(), Number(), default_value=None, allow_none=True, help="the point of the plane that is decoded")
    seed = Int(1, min=0)
    ready = Bool(False)

    def __init__(
        self,
        model: GalaxyModel,
        galaxies: Galaxies | None = None,
        *,
        latent: Latent | None = None,
        attribute: str | None = None,
        projection: str = "PCA",
        n: int = 2000,
        seed: int = 1,
    ) -> None:
        self.model = model
        self._galaxies, self._latent, self.count = galaxies, latent, n if galaxies is None else len(galaxies)
        self._asked = attribute
        if self.count < 3:
            raise ValueError(f"a map needs three galaxies or more; there are {self.count}")
        if latent is not None and (galaxies is None or len(latent) != len(galaxies)):
            raise ValueError(f"latent has {len(latent)} rows; give it with galaxies, one row each ({self.count} here)")
        if attribute and galaxies is not None and attribute not in galaxies.table.colnames:
            raise ValueError(f"the galaxies have no column {attribute!r}; they have {', '.join(galaxies.table.colnames) or 'none'}")
        self._rows = galaxies
        self._names: list[str] = []
        self._plane: Plane | None = None
        self._parts: list[Any] = []
        self._telling = False
        self._done, self._halted, self._gone = threading.Event(), threading.Event(), threading.Event()
        self._worker = LatestWorker(self._work, ("build", "colour", "decode", "hover", "sheet"), name="galwidget LatentMap")
        self._make_controls()
        self._past = Past(self, ("selection", "at", "attribute"), self._remembered)
        wraps = ipywidgets.Layout(flex_flow="row wrap")
        body = ipywidgets.HBox([self._chart.figure, self._panel], layout=wraps)
        super().__init__([self._bar, ipywidgets.HBox([self._status, self._halt]), body, self._beneath], projection=projection, seed=seed)
        self._status.value = f"{self.count:,} galaxies to be {'placed' if latent is not None else 'encoded' if galaxies else 'drawn'}"
        hear_beside_cells(self)
        self._submit("build")
        note(self)

    def _make_controls(self) -> None:
        wide = ipywidgets.Layout(width="230px")
        self._chart = Chart(self._hovered, self._clicked, self._lassoed)
        self._colour = ipywidgets.Dropdown(options=[], description="Colour", layout=wide)
        self._tool = ipywidgets.ToggleButtons(
            options=[(words, name) for name, words in _TOOLS.items()], style=ipywidgets.ToggleButtonsStyle(button_width="96px")
        )
        self._project = ipywidgets.Dropdown(options=PROJECTIONS, description="Projection", layout=ipywidgets.Layout(width="180px"))
        self._clear = ipywidgets.Button(description="Clear selection", disabled=True, layout=ipywidgets.Layout(width="120px"))
        self._undo = ipywidgets.Button(icon="undo", tooltip="undo", disabled=True, layout=ipywidgets.Layout(width="40px"))
        self._redo = ipywidgets.Button(icon="repeat", tooltip="redo", disabled=True, layout=ipywidgets.Layout(width="40px"))
        whole = ipywidgets.Button(description="Whole map", layout=ipywidgets.Layout(width="100px"))
        self._status = ipywidgets.Label()
        self._halt = ipywidgets.Button(description="Stop", layout=ipywidgets.Layout(width="80px", display="none"))
        self._values = ipywidgets.HTML("<i>Click on the map: the galaxy there is decoded.</i>")
        self._chosen = ipywidgets.HTML("<i>Draw a lasso, or type a condition: its galaxies are selected.</i>")
        short = {"layout": ipywidgets.Layout(width="130px"), "style": {"description_width": "20px"}, "continuous_update": False}
        # what a click does, for keys
        self._place = tuple(ipywidgets.FloatText(description=axis, tooltip=f"{axis} of the decoded point", **short) for axis in "xy")
        self._where = ipywidgets.Text(
            placeholder='mag_r < 19 and morphology == "Sc"',
            description="Select",
            tooltip="select by attribute: a condition, and Enter",
            continuous_update=False,
            layout=ipywidgets.Layout(width="264px"),
            style={"description_width": "48px"},
        )
        self._beneath = MapSheet(self)
        self._beneath.layout.display = "none"
        self._bar = ipywidgets.HBox(
            [self._colour, self._tool, whole, self._clear, self._undo, self._redo, self._project],
            layout=ipywidgets.Layout(flex_flow="row wrap", align_items="center"),
        )
        beside = ipywidgets.Layout(width="290px", flex="0 0 auto", padding="0 0 0 12px")
        self._panel = ipywidgets.VBox([self._values, ipywidgets.HBox(self._place), self._where, self._chosen], layout=beside)
        self._colour.observe(lambda change: self.set_trait("attribute", change["new"] or ""), "value")
        self._tool.observe(lambda change: self.set_trait("tool", change["new"]), "value")
        self._project.observe(lambda change: self.set_trait("projection", change["new"]), "value")
        for field in self._place:
            field.observe(self._typed_place, "value")
        self._where.observe(lambda change: self._typed_condition(change["new"]), "value")
        whole.on_click(lambda _: self._chart.whole())
        self._clear.on_click(lambda _: self.set_trait("selection", []))
        self._undo.on_click(lambda _: self._past.undo())
        self._redo.on_click(lambda _: self._past.redo())
        self._halt.on_click(lambda _: self.resume() if self._done.is_set() else self.stop())

    # ---- what people read

    @property
    def selected(self) -> Galaxies:
        """The selected galaxies: those of the catalogue, or drawn ones as they are before the telescope."""
        if self._galaxies is not None:
            return self._galaxies[self._chosen_rows()]
        return self.model.decode(self._placed()[self._chosen_rows()])

    @property
    def catalogue(self) -> Galaxies:
        """All galaxies of the map; drawn ones are decoded."""
        return self.model.decode(self._placed()) if self._galaxies is None else self._galaxies

    @property
    def latent(self) -> Latent:
        """Latent of the selected galaxies."""
        return self._placed()[self._chosen_rows()]

    @property
    def table(self) -> QTable:
        """Attributes of the selected galaxies."""
        return self.selected.table

    @property
    def decoded_latent(self) -> Latent | None:
        """The point of the latent space that was clicked at; None before."""
        return None if self.at is None else Latent(self._mapped().lift(self.at))

    @property
    def decoded(self) -> Galaxies | None:
        """The galaxy at the point that was clicked, before the telescope; None before."""
        latent = self.decoded_latent
        return None if latent is None else self.model.decode(latent)

    @property
    def given(self) -> Galaxies | None:
        """The catalogue that was given; None where the galaxies are drawn."""
        return self._galaxies

    @property
    def places(self) -> tuple[Plane, Latent] | None:
        """The plane and the latents of all galaxies; None, without waiting, while there is no map."""
        plane, latent = self._plane, self._latent
        return None if plane is None or latent is None or not self.ready else (plane, latent)

    def select(self, condition: str) -> None:
        """Select the galaxies that fulfil a condition on their attributes, such as ``mag_r < 19``, as `galwidget.where.where` reads it."""
        self._mapped()
        self.selection = np.flatnonzero(where(self._catalogue().table, condition)).tolist()

    def stop(self) -> None:
        """Stop placing the galaxies, at the next step; those that are there are kept for `resume`. In place of UMAP comes PCA."""
        if not self._done.is_set():
            self._halted.set()
            self._halt.disabled = True

    def resume(self) -> None:
        """Go on placing the galaxies, where that was stopped."""
        if self._done.is_set() and self._latent is None:
            self._rebuild(anew=False)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the map is there (or cannot be made), at most ``timeout`` seconds; whether it is there."""
        self._done.wait(timeout)
        return self.ready

    def code(self, form: str = "galaxies") -> str:
        """Text of a notebook cell that makes the selected galaxies again, and the decoded one; ``form`` as in `FrameWidget.code`."""
        decoded = "" if self.decoded_latent is None else f"decoded = model.decode({latent_text(self.decoded_latent)})\n"
        if self._galaxies is not None:
            return cell(Recipe(decoded, name_of(self._galaxies, "galaxies"), self.selection, self.model if decoded else None), form)
        draw = f"model.draw({self.count}, seed={self.seed})"
        if self.selection:
            draw += f"[{self.selection}]"
        return cell(Recipe(f"{decoded}latent = {draw}\n", "model.decode(latent)", range(len(self.selection)), self.model), form)

    def _chosen_rows(self) -> np.ndarray:
        return np.array(self.selection, dtype=int)

    def _placed(self) -> Latent:
        self._mapped()
        assert self._latent is not None  # noqa: S101 (narrows the type)
        return self._latent

    def _mapped(self) -> Plane:
        self._done.wait()
        if self._plane is None:
            raise ValueError(f"there is no map: {self._status.value}")
        return self._plane

    # ---- state

    @validate("selection")
    def _within(self, proposal: Any) -> list[int]:
        chosen = sorted(set(proposal["value"]))
        if chosen and chosen[-1] >= self.count:
            raise StateError(f"galaxy {chosen[-1]} was selected, but there are {self.count}, from 0")
        return chosen

    @validate("attribute")
    def _known(self, proposal: Any) -> str:
        if proposal["value"] and self.ready:
            self._check_column(proposal["value"])
        return proposal["value"]

    def _check_column(self, name: str) -> None:
        if name not in self._names:
            raise StateError(f"no column {name!r} can colour the map; these can: {', '.join(self._names) or 'none'}")

    @observe("attribute", "tool", "projection", "selection", "at", "seed")
    def _changed(self, change: Any) -> None:
        name = change["name"]
        if name == "tool":
            self._tool.value = self.tool
            self._chart.use(self.tool)
        elif name in ("projection", "seed"):
            self._project.value = self.projection
            if self._done.is_set() and (name == "projection" or self._galaxies is None):
                self._rebuild(anew=name == "seed")
        elif self.ready:
            if name == "at" and self.at is not None:
                self._show_place(self.at)
            if name == "attribute":
                self._colour.value = self.attribute
            self._submit({"attribute": "colour", "at": "decode", "selection": "sheet"}[name])

    def _rebuild(self, *, anew: bool) -> None:
        if anew:
            self._latent = self._rows = None
            self._parts = []
        self._halted.clear()
        self._done.clear()
        self.ready = False
        self.set_trait("at", None)
        if anew:  # they are other galaxies; another projection has the same ones
            self.selection = []
        self._submit("build")

    def _remembered(self) -> None:
        self._undo.disabled, self._redo.disabled = not self._past.can_undo, not self._past.can_redo

    # ---- what the browser says

    def _hovered(self, index: int) -> None:
        self._submit("hover", index)

    def _clicked(self, x: float, y: float) -> None:
        self.at = (x, y)

    def _show_place(self, at: tuple[float, float]) -> None:
        """The fields say where the decoded point is; that is no order to decode it."""
        self._telling = True
        for field, value in zip(self._place, at, strict=True):
            field.value = round(value, 3)
        self._telling = False

    def _typed_place(self, _: Any) -> None:
        typed = (float(self._place[0].value), float(self._place[1].value))
        if self.ready and not self._telling:
            self.at = typed

    def _typed_condition(self, condition: str) -> None:
        if not condition.strip() or not self.ready:
            return
        try:
            self.select(condition)
        except ValueError as error:
            self._status.value = in_words(error)

    def _lassoed(self, rows: np.ndarray) -> None:
        self.selection = rows.tolist()

    # ---- life

    def close(self) -> None:
        """End the thread, and free every part of the map in the kernel and in the page."""
        if hasattr(self, "_worker"):
            self._gone.set()
            self._worker.close()
            self._chart.close()
            close_parts(self)
        super().close()

    def _repr_mimebundle_(self, **arguments: Any) -> dict[str, Any]:
        bundle = super()._repr_mimebundle_(**arguments)
        return {**bundle, **self.still()}

    def still(self) -> dict[str, str]:
        """What a reader without a kernel sees: ``image/png`` and ``text/html`` of the map, where it is ready in time."""
        return self._chart.still(f"LatentMap: {self.count:,} galaxies") if self.wait(_PATIENCE) else {}
