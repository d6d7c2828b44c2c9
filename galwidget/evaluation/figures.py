"""The curves of an evaluation as small multiples."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from galwidget.evaluation.scores import Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["small_multiples"]

_COLUMNS = 4


def small_multiples(curves: Sequence[Curve]) -> bytes:
    """The curves side by side, four in a row, as SVG."""
    from matplotlib import rc_context  # noqa: PLC0415 (heavy)
    from matplotlib.figure import Figure  # noqa: PLC0415 (no pyplot: it keeps every figure alive)

    columns = min(_COLUMNS, len(curves))
    rows = -(-len(curves) // columns)
    with rc_context(
        {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False, "svg.fonttype": "none", "svg.hashsalt": "galwidget"}
    ):
        figure = Figure(figsize=(2.9 * columns, 2.4 * rows), layout="constrained")
        for index, curve in enumerate(curves):
            _draw(figure.add_subplot(rows, columns, index + 1), curve)
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def _draw(axes: Axes, curve: Curve) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter  # noqa: PLC0415 (heavy)

    for color, (label, (y, error)) in zip(("C0", "C1", "C2", "C3"), curve.lines.items(), strict=False):
        if error is None:
            axes.plot(curve.x, y, "--", color=color, label=label)
        else:
            axes.errorbar(curve.x, y, error, fmt="o-", markersize=2.5, linewidth=1, elinewidth=0.8, color=color, label=label)
    if curve.perfect == "diagonal":
        ends = [float(np.min(curve.x)), float(np.max(curve.x))]
        axes.plot(ends, ends, color="0.6", linewidth=0.8, zorder=0)
    elif curve.perfect is not None:
        axes.axhline(float(curve.perfect), color="0.6", linewidth=0.8, zorder=0)
    if curve.log_x:
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.set(title=textwrap.fill(curve.title, 32), xlabel=curve.x_label, ylabel=curve.y_label)
    if len(curve.lines) > 1:
        axes.legend(frameon=False, fontsize=6)
