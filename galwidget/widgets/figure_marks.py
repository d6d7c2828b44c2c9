"""What a figure draws over and under its galaxies: scale bar, compass, residual with its colours, and the galaxy as surveys see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np

from galwidget.picture import rgb
from galwidget.widgets.wire import compass

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from galwidget.galaxies import Galaxies
    from galwidget.widgets.shown import Shown

__all__ = ["GAP", "SEEN_ROW", "TEXT", "draw_compasses", "draw_residual", "draw_scale_bar", "draw_seen"]

#: Gap between the stamps, in stamps, and size of the text in points.
GAP, TEXT = 0.03, 7
#: Height of a row of `draw_seen`, with the words over and under it, in stamps.
SEEN_ROW = 1.3
_BAR_LENGTHS = np.array([0.5, 1, 2, 5, 10, 20, 30, 60])
_RESIDUAL = 5.0
#: Length of a compass's arrows in stamps, and degrees that stamps may differ and still share one.
_ARROW, _ALIKE = 0.13, 1.0


def draw_residual(figure: Figure, axes: Axes, shown: Shown, band: str, extent: tuple[float, float, float, float]) -> None:
    """The residual in one band, with its colour bar below."""
    assert shown.residual is not None  # noqa: S101 (narrows the type)
    plane = shown.residual[0, shown.galaxies.survey.index(band)]
    colours = mpl.colormaps["RdBu_r"].with_extremes(bad="0.6")
    drawn = axes.imshow(plane, origin="lower", extent=extent, interpolation="nearest", cmap=colours, vmin=-_RESIDUAL, vmax=_RESIDUAL)
    place = axes.inset_axes((extent[0] + 0.1, extent[2] - 0.07, 0.8, 0.04), transform=axes.transData)
    bar = figure.colorbar(drawn, cax=place, orientation="horizontal", ticks=[-_RESIDUAL, 0, _RESIDUAL])
    bar.ax.tick_params(labelsize=TEXT - 1, length=2, pad=1)
    bar.set_label(f"residual in {band} (\N{GREEK SMALL LETTER SIGMA})", fontsize=TEXT, labelpad=1)


def draw_scale_bar(axes: Axes, stamp_arcsec: float, aspect: float) -> None:
    """A bar of about a quarter of the stamp, in the corner of the first one."""
    length = float(_BAR_LENGTHS[np.argmin(np.abs(np.log(_BAR_LENGTHS / (stamp_arcsec / 4))))])
    axes.plot([0.06, 0.06 + length / stamp_arcsec], [-aspect + 0.07] * 2, color="white", linewidth=1.2, solid_capstyle="butt")
    axes.text(0.06 + length / stamp_arcsec / 2, -aspect + 0.09, f"{length:g}″", color="white", fontsize=TEXT - 1, ha="center", va="bottom")


def draw_compasses(axes: Axes, galaxies: Galaxies, places: Sequence[tuple[float, float]]) -> None:
    """Arrows to north and east in the corner of the first stamp, or of each where they differ; ``places`` are their upper right corners."""
    known = compass(galaxies)[: len(places)]
    if not known or not any(known):
        return
    if all(known):
        off = np.abs((np.array(known, float) - np.array(known[0], float) + 180) % 360 - 180)
        known = known[:1] if off.max() < _ALIKE else known
    for angles, (right, top) in zip(known, places, strict=False):
        if angles is None:
            continue
        ways = [np.array([-np.sin(turn), np.cos(turn)]) for turn in np.radians(angles)]
        # the arrows' common start, so that the middle of the drawing stays in the corner
        start = np.array([right - 0.16, top - 0.16]) - _ARROW * (ways[0] + ways[1]) / 2
        for way, letter in zip(ways, "NE", strict=True):
            style = {"arrowstyle": "->,head_width=0.12,head_length=0.2", "color": "white", "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0}
            axes.annotate("", xy=start + _ARROW * way, xytext=start, arrowprops=style)
            x, y = start + (_ARROW + 0.05) * way
            axes.text(x, y, letter, color="white", fontsize=TEXT - 2, ha="center", va="center")


def draw_seen(axes: Axes, shown: Shown, display: dict[str, Any], columns: int) -> None:
    """The galaxy as other surveys see it, ``columns`` a row, each stamp as wide as its part of the sky is beside the galaxies above.

    Its colours are the bands nearest to those of the display, and its stretch shows the same surface brightness.
    """
    own = shown.galaxies.survey.pixel_scale
    side = shown.galaxies.require_images()[0].shape[-1] * own
    said = [about for about in shown.about["seen"] if about["bands"]]
    for place, (galaxies, about) in enumerate(zip(shown.seen, said, strict=True)):
        x, y = (place % columns) * (1 + GAP), -(place // columns) * SEEN_ROW
        look = {**display, "stretch": display["stretch"] * (about["pixel_scale"] / own) ** 2}
        look["bands"] = [about["nearest"][band] for band in display["bands"]]
        if len(about["bands"]) == 1:
            look["scale"] = (1.0, 1.0, 1.0)
        # cut to a whole number of pixels: up to one of them less, or more, than the stamps above
        width = galaxies.require_images()[0].shape[-1] * about["pixel_scale"] / side
        left, top = x + (1 - width) / 2, y - (1 - width) / 2
        axes.imshow(rgb(galaxies, **look)[0], origin="lower", extent=(left, left + width, top - width, top), interpolation="nearest")
        axes.text(x + 0.5, y + 0.03, f"seen by {about['name'].replace('_', ' ')}", fontsize=TEXT, ha="center", va="bottom")
        axes.text(x + 0.5, y - 1.04, about["words"].split("; not")[0], fontsize=TEXT - 2, ha="center", va="top")
