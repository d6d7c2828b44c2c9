"""What a latent map draws with bqplot: points or a density picture, a colour bar, the tools, the thumbnail at the pointer."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable
from typing import Any

import bqplot
import ipywidgets
import numpy as np

from galwidget.widgets.beside import hear_beside_cells
from galwidget.widgets.parts import close_parts
from galwidget.widgets.pictured import Pictured
from galwidget.widgets.plane import Plane, raster

__all__ = ["Chart"]

#: Points of a bqplot scatter are elements of the page: with more of them than this, panning is no longer fluid.
POINTS = 3000
_MARGIN = {"top": 12, "bottom": 44, "left": 52, "right": 96}
_COLOURS = "viridis"
_UNMEASURED = "#8a8a8a"
#: Of the axes' labels: to be read on light and on dark, where bqplot's own are orange.
_INK = "#7a7a7a"


class Chart:
    """The bqplot figure of a map.

    Above `POINTS` galaxies the page has that many as points, to be pointed at, over a picture of all of them. The lasso sees all: bqplot
    tests every vertex of a line, so a line that is never drawn carries the whole catalogue, and is there only while the lasso is.

    Parameters
    ----------
    hovered, clicked, lassoed
        Called with the index of the galaxy under the pointer, the point of the plane that was clicked, the indices inside the lasso.
    """

    def __init__(
        self, hovered: Callable[[int], None], clicked: Callable[[float, float], None], lassoed: Callable[[np.ndarray], None]
    ) -> None:
        self._plane: Plane | None = None
        self._rows = np.zeros(0, int)
        #: Of `_rows`, those in the colours of the attribute, and the others.
        self._coloured = self._grey = np.zeros(0, int)
        self._colours = np.zeros((0, 3))
        self._label = ""
        self._under = -1
        self.thumbnail = Pictured(112)
        self.caption = ipywidgets.Label()
        x, y, self._scale = bqplot.LinearScale(), bqplot.LinearScale(), bqplot.ColorScale(scheme=_COLOURS)
        plane = {"x": x, "y": y}
        self._behind = bqplot.Image(image=ipywidgets.Image(value=_encoded(np.zeros((1, 1, 4), np.uint8))), scales=plane, pixelated=False)
        looks = {
            "x": [], "y": [], "default_size": 22, "stroke_width": 0, "colors": [_UNMEASURED], "unselected_style": {"opacity": "0.12"},
            "interactions": {"hover": "tooltip", "click": "select"}, "tooltip_style": {"opacity": 1},
            "tooltip": ipywidgets.VBox([self.thumbnail, self.caption]),
        }  # fmt: skip
        self._points = bqplot.Scatter(scales={**plane, "color": self._scale}, **looks)
        # a colour that is not a number would be black
        self._unmeasured = bqplot.Scatter(scales=plane, **looks)
        self._cross = bqplot.Scatter(x=[], y=[], scales=plane, marker="cross", colors=["#e53935"], default_size=120, enable_hover=False)
        self._all = bqplot.Lines(x=[], y=[], scales=plane, visible=False)
        self._axes = [
            bqplot.Axis(scale=x, grid_lines="none", tick_format="~g", label_offset="30px", label_color=_INK),
            bqplot.Axis(scale=y, orientation="vertical", grid_lines="none", tick_format="~g", label_offset="36px", label_color=_INK),
        ]
        self._bar = bqplot.ColorAxis(scale=self._scale, orientation="vertical", side="right", tick_format="~g", visible=False)
        self._scales = plane
        self.figure = bqplot.Figure(
            marks=self._marks, axes=[*self._axes, self._bar], fig_margin=_MARGIN, padding_x=0, padding_y=0,
            display_toolbar=False,
            layout=ipywidgets.Layout(width="640px", max_width="100%", height="520px"),
        )  # fmt: skip
        for mark in (self._points, self._unmeasured):
            mark.on_hover(lambda _, content: self._pointed(content, hovered))
            mark.on_element_click(lambda _, content: clicked(float(content["data"]["x"]), float(content["data"]["y"])))
        self._behind.on_element_click(lambda _, content: clicked(float(content["data"]["click_x"]), float(content["data"]["click_y"])))
        self._all.observe(lambda change: lassoed(np.asarray([] if change["new"] is None else change["new"], dtype=int)), "selected")
        hear_beside_cells(self._all)  # of no figure before there is a lasso

    @property
    def _marks(self) -> list[Any]:
        return [self._behind, self._unmeasured, self._points, self._cross]

    def _pointed(self, content: dict[str, Any], hovered: Callable[[int], None]) -> None:
        """Look at a galaxy once; bqplot says twice that the pointer came, and that it went."""
        point = content.get("point") or content.get("data") or {}
        if self._plane is None or not {"x", "y"} <= point.keys():
            return
        index = self._plane.nearest((point["x"], point["y"]))
        if index != self._under:
            self._under = index
            hovered(index)

    def whole(self) -> None:
        """Show the whole plane."""
        if self._plane is None:
            return
        left, right, bottom, top = self._plane.extent
        for scale, low, high in ((self._scales["x"], left, right), (self._scales["y"], bottom, top)):
            with scale.hold_sync():
                scale.min, scale.max = low, high

    def use(self, tool: str) -> None:
        """Give the pointer a tool: ``look``, ``lasso`` or ``pan``."""
        before = self.figure.interaction
        marks = self._marks
        if tool == "lasso":
            self.figure.marks = [*marks, self._all]
            self.figure.interaction = bqplot.interacts.LassoSelector(marks=[self._all], color="#e53935")
        else:
            x, y = self._scales["x"], self._scales["y"]
            self.figure.interaction = bqplot.PanZoom(scales={"x": [x], "y": [y]}) if tool == "pan" else None
            self.figure.marks = marks
        if before is not None:
            before.close()

    def place(self, plane: Plane) -> None:
        """Put the galaxies of ``plane`` on the map."""
        self._plane, self._under = plane, -1
        n = len(plane.points)
        self._rows = np.sort(np.random.default_rng(0).choice(n, POINTS, replace=False)) if n > POINTS else np.arange(n)
        left, right, bottom, top = plane.extent
        self.whole()
        with self._behind.hold_sync():
            self._behind.x, self._behind.y = np.array([left, right]), np.array([bottom, top])
        with self._all.hold_sync():
            self._all.x, self._all.y = plane.points.T.copy()
        for axis, label in zip(self._axes, plane.labels, strict=True):
            axis.label = label

    def colour(self, values: np.ndarray, label: str, categories: tuple[str, ...]) -> int:
        """Colour the galaxies by ``values`` (n,), grey where NaN, and return how many are points."""
        import matplotlib as mpl  # noqa: PLC0415 (colour maps only when there is a map)

        assert self._plane is not None  # noqa: S101 (narrows the type)
        known = np.isfinite(values)
        low, high = (0.0, max(len(categories) - 1.0, 1.0)) if categories else _span(values[known])
        colours = mpl.colormaps[_COLOURS](np.clip((values - low) / (high - low), 0, 1))[:, :3]
        colours[~known] = mpl.colors.to_rgb(_UNMEASURED)
        self._colours, self._label = colours, label
        dense = len(values) > POINTS
        with self._scale.hold_sync():
            self._scale.min, self._scale.max = low, high
        with self._bar.hold_sync():
            self._bar.visible = bool(known.any())
            self._bar.tick_values = np.arange(len(categories), dtype=float) if categories else None
            self._bar.tick_labels = {str(i): word for i, word in enumerate(categories)} if categories else None
        there = known[self._rows] if known.any() else np.ones(len(self._rows), bool)
        self._coloured, self._grey = self._rows[there], self._rows[~there]
        for mark, rows in ((self._points, self._coloured), (self._unmeasured, self._grey)):
            with mark.hold_sync():
                mark.x, mark.y = self._plane.points[rows].T.copy()
                mark.default_size = 9 if dense else 22
                if mark is self._points:
                    mark.color = np.clip(values[rows], low, high).astype(np.float32) if known.any() else None
        picture = raster(self._plane.points, colours, self._plane.extent) if dense else np.zeros((1, 1, 4), np.uint8)
        before, self._behind.image = self._behind.image, ipywidgets.Image(value=_encoded(picture))
        close_parts(before)
        before.close()
        return len(self._rows)

    def emphasise(self, rows: np.ndarray) -> None:
        """Dim every point but those of the galaxies ``rows``; none of them dims none."""
        for mark, here in ((self._points, self._coloured), (self._unmeasured, self._grey)):
            # none of its own: all of them are dimmed, which an index that is not there does
            chosen = np.flatnonzero(np.isin(here, rows)).astype(np.uint32)
            mark.selected = None if not len(rows) else chosen if len(chosen) else np.array([len(here)], np.uint32)

    def mark(self, point: tuple[float, float] | None) -> None:
        """Put the cross at a point of the plane, or take it away."""
        with self._cross.hold_sync():
            self._cross.x, self._cross.y = ([], []) if point is None else ([point[0]], [point[1]])

    def drawn(self) -> Any:
        """The map as a matplotlib figure."""
        from matplotlib.figure import Figure  # noqa: PLC0415 (only for paper; no pyplot: this may be any thread)

        assert self._plane is not None  # noqa: S101 (narrows the type)
        figure = Figure(figsize=(5, 4), layout="constrained")
        axes = figure.add_subplot()
        x, y = self._plane.points.T
        axes.scatter(x, y, c=self._colours, s=4, linewidths=0, rasterized=True)
        axes.set(xlabel=self._plane.labels[0], ylabel=self._plane.labels[1])
        if self._bar.visible:
            from matplotlib.cm import ScalarMappable  # noqa: PLC0415 (as above)
            from matplotlib.colors import Normalize  # noqa: PLC0415 (as above)

            bar = figure.colorbar(ScalarMappable(Normalize(self._scale.min, self._scale.max), _COLOURS), ax=axes, label=self._label)
            if self._bar.tick_labels:
                bar.set_ticks([float(at) for at in self._bar.tick_labels], labels=list(self._bar.tick_labels.values()))
        return figure

    def still(self, title: str) -> dict[str, str]:
        """The map for a notebook that is read without a kernel: ``image/png`` and ``text/html``."""
        buffer = io.BytesIO()
        self.drawn().savefig(buffer, format="png", dpi=72)
        data = base64.b64encode(buffer.getvalue()).decode()
        words = html.escape(title)
        note = "A still picture; run the cell for the live map."
        page = f'<figure style="margin:0"><img alt="{words}" src="data:image/png;base64,{data}"><figcaption><small>{words}. {note}'
        return {"image/png": data, "text/html": page + "</small></figcaption></figure>"}

    def close(self) -> None:
        """Free what the figure does not refer to: the line of the lasso, the thumbnail."""
        for mark in (self._all, self._points.tooltip):
            close_parts(mark)
            mark.close()


def _span(values: np.ndarray) -> tuple[float, float]:
    """2nd and 98th percentile, so that one odd galaxy does not take all the colours."""
    if not len(values):
        return 0.0, 1.0
    low, high = np.percentile(values, [2, 98])
    return float(low), float(high) if high > low else float(low) + 1.0


def _encoded(picture: np.ndarray) -> bytes:
    """A picture with an alpha channel, (y, x, 4) uint8, as a PNG file."""
    from PIL import Image  # noqa: PLC0415 (only when shown)

    buffer = io.BytesIO()
    Image.fromarray(picture, "RGBA").save(buffer, format="PNG")
    return buffer.getvalue()
