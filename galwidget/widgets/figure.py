"""A matplotlib figure of a widget's galaxies, fit for a paper: labels, values, a scale bar, text as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from galwidget.attributes import describe
from galwidget.picture import rgb
from galwidget.widgets.wire import hover_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from galwidget.galaxies import Galaxies
    from galwidget.widgets.shown import Shown

__all__ = ["PaperFigure", "draw"]

#: Gap between the stamps, in stamps.
_GAP = 0.03
#: Inches of a stamp below which there is no room for values in it.
_LEGIBLE = 0.65
_TEXT = 7
_BAR_LENGTHS = np.array([0.5, 1, 2, 5, 10, 20, 30, 60])
_RESIDUAL = 5.0


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
    left = max((len(label) for label in shown.row_labels), default=0) * 0.055 + (0.22 if row_title else 0.0) + 0.1 * bool(shown.row_labels)
    stamp = (width - left) / (columns + (columns - 1) * _GAP)
    above = 0.17 * bool(captions)
    below = 0.17 * bool(column_labels) + 0.17 * bool(column_title) + 0.42 * (shown.residual is not None)
    tall = stamp * (rows * aspect + (rows - 1) * _GAP)
    figure = PaperFigure(figsize=(width, tall + above + below))
    axes = figure.add_axes((left / width, below / (tall + above + below), 1 - left / width, tall / (tall + above + below)))
    axes.set_xlim(0, columns + (columns - 1) * _GAP)
    axes.set_ylim(-(rows * aspect + (rows - 1) * _GAP), 0)
    axes.set_axis_off()

    pictures = rgb(shown.galaxies, **display)
    written = _values(shown.galaxies, values, stamp)
    for place, galaxy in enumerate(panels):
        x, y = (place % columns) * (1 + _GAP), -(place // columns) * (aspect + _GAP)
        extent = (x, x + 1, y - aspect, y)
        if galaxy is None:
            _residual(figure, axes, shown, str(display["bands"][1]), extent)
        else:
            axes.imshow(pictures[galaxy], origin="lower", extent=extent, interpolation="nearest", aspect="equal")
            axes.text(x + 0.03, y - 0.03, written[galaxy], color="white", fontsize=_TEXT - 1.5, va="top", linespacing=1.1)
        if place < len(captions):
            axes.text(x + 0.5, 0.02, captions[place], fontsize=_TEXT, ha="center", va="bottom")
    axes.set_xlim(0, columns + (columns - 1) * _GAP)  # imshow moves the limits
    axes.set_ylim(-(rows * aspect + (rows - 1) * _GAP), 0)
    for row, label in enumerate(shown.row_labels):
        axes.text(-0.05, -row * (aspect + _GAP) - aspect / 2, label, fontsize=_TEXT, ha="right", va="center")
    for column, label in enumerate(column_labels):
        axes.text(column * (1 + _GAP) + 0.5, -rows * (aspect + _GAP) + _GAP - 0.04, label, fontsize=_TEXT, ha="center", va="top")
    total = tall + above + below
    if row_title:
        figure.text(0.02 / width, (below + tall / 2) / total, row_title, fontsize=_TEXT + 1, rotation=90, ha="left", va="center")
    if column_title:
        figure.text((left + (width - left) / 2) / width, 0.02 / total, column_title, fontsize=_TEXT + 1, ha="center", va="bottom")
    _scale_bar(axes, side * shown.galaxies.survey.pixel_scale, aspect)
    return figure


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


def _residual(figure: PaperFigure, axes: Axes, shown: Shown, band: str, extent: tuple[float, float, float, float]) -> None:
    """The residual in one band, with its colour bar below."""
    assert shown.residual is not None  # noqa: S101 (narrows the type)
    plane = shown.residual[0, shown.galaxies.survey.index(band)]
    colours = mpl.colormaps["RdBu_r"].with_extremes(bad="0.6")
    drawn = axes.imshow(plane, origin="lower", extent=extent, interpolation="nearest", cmap=colours, vmin=-_RESIDUAL, vmax=_RESIDUAL)
    place = axes.inset_axes((extent[0] + 0.1, extent[2] - 0.07, 0.8, 0.04), transform=axes.transData)
    bar = figure.colorbar(drawn, cax=place, orientation="horizontal", ticks=[-_RESIDUAL, 0, _RESIDUAL])
    bar.ax.tick_params(labelsize=_TEXT - 1, length=2, pad=1)
    bar.set_label(f"residual in {band} (\N{GREEK SMALL LETTER SIGMA})", fontsize=_TEXT, labelpad=1)


def _scale_bar(axes: Axes, stamp_arcsec: float, aspect: float) -> None:
    """A bar of about a quarter of the stamp, in the corner of the first one."""
    length = float(_BAR_LENGTHS[np.argmin(np.abs(np.log(_BAR_LENGTHS / (stamp_arcsec / 4))))])
    axes.plot([0.06, 0.06 + length / stamp_arcsec], [-aspect + 0.07] * 2, color="white", linewidth=1.2, solid_capstyle="butt")
    axes.text(0.06 + length / stamp_arcsec / 2, -aspect + 0.09, f"{length:g}″", color="white", fontsize=_TEXT - 1, ha="center", va="bottom")
