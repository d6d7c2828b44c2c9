"""A matplotlib figure of a widget's galaxies, fit for a paper: labels, values, a scale bar, text as text."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from galwidget.attributes import describe
from galwidget.picture import rgb
from galwidget.widgets.figure_marks import GAP, SEEN_ROW, TEXT, draw_compasses, draw_residual, draw_scale_bar, draw_seen
from galwidget.widgets.wire import hover_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from galwidget.galaxies import Galaxies
    from galwidget.widgets.shown import Shown

__all__ = ["PaperFigure", "draw"]

#: Inches of a stamp below which there is no room for values in it.
_LEGIBLE = 0.65
#: Letters of a row's label to a line.
_WIDEST = 22


class PaperFigure(Figure):
    """A figure whose text stays text in PDF (TrueType, as journals ask) and SVG, and that a notebook shows without pyplot."""

    def savefig(self, fname: Any, **options: Any) -> None:
        """Write the figure, 300 dots an inch unless said otherwise; arguments are matplotlib's."""
        with mpl.rc_context({"pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "none"}):
            super().savefig(fname, **{"dpi": 300, **options})

    def _repr_png_(self) -> bytes:
        import io  # noqa: PLC0415 (only in a notebook)

        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=150)
        return buffer.getvalue()


def draw(
    shown: Shown,
    display: dict[str, Any],
    *,
    width: float = 7.1,
    values: Sequence[str] | None = None,
    captions: Sequence[str] = (),
    row_title: str = "",
    column_labels: Sequence[str] = (),
    column_title: str = "",
) -> PaperFigure:
    """The galaxies as they are laid out on the screen, in the same colours.

    Parameters
    ----------
    shown
        The galaxies, row by row; those after ``rows * columns`` are left out.
    display
        As `galwidget.picture.default_display`.
    width
        Of the figure in inches: 7.1 spans both columns of a journal's page, 3.5 one.
    values
        Attributes written into each picture; default: the first two that the screen shows, where there is room for them.
    captions
        Words over each picture.
    row_title, column_labels, column_title
        What the rows are, and the columns.
    """
    # a residual is a panel of its own between the reconstruction and the edited galaxy, as on the screen
    panels: list[int | None] = list(range(min(len(shown.galaxies), shown.rows * shown.columns)))
    if shown.residual is not None:
        panels.insert(2, None)
    columns = shown.columns + (shown.residual is not None)
    rows = -(-len(panels) // columns)
    _, _, height, side = shown.galaxies.require_images()[0].shape
    aspect = height / side
    row_labels = [fill(label, _WIDEST) for label in shown.row_labels]
    left = _width(row_labels) + (0.22 if row_title else 0.0)
    stamp = (width - left) / (columns + (columns - 1) * GAP)
    above = 0.17 * bool(captions)
    below = 0.17 * bool(column_labels) + 0.17 * bool(column_title) + 0.42 * (shown.residual is not None)
    tall = stamp * (rows * aspect + (rows - 1) * GAP)
    beneath = stamp * SEEN_ROW * -(-len(shown.seen) // columns)
    total = above + tall + below + beneath
    figure = PaperFigure(figsize=(width, total))
    axes = figure.add_axes((left / width, (below + beneath) / total, 1 - left / width, tall / total))
    axes.set_xlim(0, columns + (columns - 1) * GAP)
    axes.set_ylim(-(rows * aspect + (rows - 1) * GAP), 0)
    axes.set_axis_off()

    pictures = rgb(shown.galaxies, **display)
    written = _values(shown.galaxies, values, stamp)
    corners = []
    for place, galaxy in enumerate(panels):
        x, y = (place % columns) * (1 + GAP), -(place // columns) * (aspect + GAP)
        extent = (x, x + 1, y - aspect, y)
        if galaxy is None:
            draw_residual(figure, axes, shown, str(display["bands"][1]), extent)
        else:
            axes.imshow(pictures[galaxy], origin="lower", extent=extent, interpolation="nearest", aspect="equal")
            corners.append((x + 1, y))
            axes.text(x + 0.03, y - 0.03, written[galaxy], color="white", fontsize=TEXT - 1.5, va="top", linespacing=1.1)
        if place < len(captions):
            axes.text(x + 0.5, 0.02, captions[place], fontsize=TEXT, ha="center", va="bottom")
    axes.set_xlim(0, columns + (columns - 1) * GAP)  # imshow moves the limits
    axes.set_ylim(-(rows * aspect + (rows - 1) * GAP), 0)
    for row, label in enumerate(row_labels):
        axes.text(-0.05, -row * (aspect + GAP) - aspect / 2, label, fontsize=TEXT, ha="right", va="center")
    for column, label in enumerate(column_labels):
        axes.text(column * (1 + GAP) + 0.5, -rows * (aspect + GAP) + GAP - 0.04, label, fontsize=TEXT, ha="center", va="top")
    if row_title:
        figure.text(0.02 / width, (beneath + below + tall / 2) / total, row_title, fontsize=TEXT + 1, rotation=90, ha="left", va="center")
    if column_title:
        figure.text(
            (left + (width - left) / 2) / width, (beneath + 0.02) / total, column_title, fontsize=TEXT + 1, ha="center", va="bottom"
        )
    draw_scale_bar(axes, side * shown.galaxies.survey.pixel_scale, aspect)
    draw_compasses(axes, shown.galaxies, corners)
    if shown.seen:
        under = figure.add_axes((left / width, 0, 1 - left / width, beneath / total))
        draw_seen(under, shown, display, columns)
        under.set_axis_off()
        under.set_xlim(0, columns + (columns - 1) * GAP)
        under.set_ylim(0.2 - beneath / stamp, 0.2)
    return figure


def _width(labels: Sequence[str]) -> float:
    """Inches that labels of several lines take beside the pictures."""
    longest = max((len(line) for label in labels for line in label.splitlines()), default=0)
    return longest * 0.055 + 0.1 * bool(labels)


def _values(galaxies: Galaxies, names: Sequence[str] | None, stamp: float) -> list[str]:
    """Text of each picture: a line a value."""
    columns = {column["name"]: column for column in hover_columns(galaxies)}
    if names is None:
        names = list(columns)[:2] if stamp >= _LEGIBLE else []
    unknown = [name for name in names if name not in galaxies.table.colnames]
    if unknown:
        raise ValueError(f"no attribute is named {unknown[0]!r}; these galaxies have {', '.join(galaxies.table.colnames) or 'none'}")
    lines = [[_value(galaxies, name, row) for name in names] for row in range(len(galaxies))]
    return ["\n".join(filter(None, line)) for line in lines]


def _value(galaxies: Galaxies, name: str, row: int) -> str:
    asked = name.startswith("requested_")
    name_of_it = name.removeprefix("requested_")
    known = describe(name_of_it)
    column = galaxies.table[name]
    short = _SYMBOLS.get(name_of_it, known.label.removesuffix(" magnitude").replace(" - ", " \N{MINUS SIGN} "))
    if np.asarray(column).dtype.kind not in "biuf":
        hidden = np.broadcast_to(np.asarray(getattr(column, "mask", False)), len(galaxies))[row]
        return "" if hidden else f"{column[row]}"
    value = galaxies.attribute(name)[row]
    if not np.isfinite(value):
        return ""
    unit = {"arcsec": "″", "arcsec2": " arcsec²", "deg": "°", "mag": ""}.get(known.unit, f" {known.unit}".rstrip())
    text = f"{value:.3g}" if known.scale in ("log", "log1p") else f"{value:.2f}"
    return f"{short} = {text}{unit}" + (" asked" if asked else "")


_SYMBOLS = {
    "r_half": "$r_{50}$",
    "redshift": "z",
    "ellipticity": "|e|",
    "position_angle": "PA",
    "area": "A",
    "concentration": "C",
    "axis_ratio": "b/a",
}
