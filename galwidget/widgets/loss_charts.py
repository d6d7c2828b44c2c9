"""Curves of a training as it runs: one small bqplot chart for the loss and for each part of it, of bounded size however long it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bqplot
import ipywidgets
import numpy as np

__all__ = ["Curve", "LossCharts"]

#: Points a curve keeps; when there are more, neighbours are averaged.
MOST = 240
_WORDS = {"loss": "loss [nats]", "kl": "KL from the prior [nats]", "alignment": "alignment [nats]", "image": "ln p(image) [nats]"}
_MARGIN = {"top": 26, "bottom": 24, "left": 56, "right": 12}


class Curve:
    """A quantity by step, averaged over ever longer stretches of steps so that it keeps at most ``2 most`` points.

    Examples
    --------
    >>> curve = Curve(most=2)
    >>> for step in range(8):
    ...     curve.add(step, 10.0 * step)
    >>> curve.points()
    (array([1.5, 5.5]), array([15., 55.]))
    """

    def __init__(self, most: int = MOST) -> None:
        self._most, self._stretch = most, 1
        self._points: list[tuple[float, float]] = []
        self._open: list[tuple[float, float]] = []

    def add(self, step: float, value: float) -> None:
        """One more value; one that is not finite is left out."""
        if not np.isfinite(value):
            return
        self._open.append((step, value))
        if len(self._open) < self._stretch:
            return
        self._points.append(tuple(np.mean(self._open, 0)))
        self._open = []
        if len(self._points) == 2 * self._most:
            self._points = [tuple(pair) for pair in np.reshape(self._points, (self._most, 2, 2)).mean(1)]
            self._stretch *= 2

    def points(self) -> tuple[np.ndarray, np.ndarray]:
        """Steps and values, each (n,)."""
        table = np.array(self._points).reshape(-1, 2)
        return table[:, 0], table[:, 1]


class LossCharts(ipywidgets.Box):
    """Small charts side by side, one a quantity; `add` what a step logged, `draw` now and then."""

    def __init__(self) -> None:
        self._curves: dict[str, Curve] = {}
        self._lines: dict[str, bqplot.Lines] = {}
        self._axes: dict[str, list[bqplot.Axis]] = {}
        self._figures: list[bqplot.Figure] = []
        super().__init__(layout=ipywidgets.Layout(flex_flow="row wrap", width="100%"))

    def add(self, step: int, values: Mapping[str, Any]) -> None:
        """What one step logged, by name."""
        for name, value in values.items():
            self._curves.setdefault(name, Curve()).add(step, float(value))

    def draw(self) -> None:
        """Show what has been added."""
        new = [name for name in self._curves if name not in self._lines]
        if new:
            self._figures.extend(self._chart(name) for name in new)
            self.children = list(self._figures)
        for name, curve in self._curves.items():
            step, value = curve.points()
            if not len(step):
                continue
            line = self._lines[name]
            low, high = _shown(value)
            with line.hold_sync():
                line.x, line.y = step, value
            with line.scales["y"].hold_sync():
                line.scales["y"].min, line.scales["y"].max = low, high
            across, up = self._axes[name]
            across.tick_values, up.tick_values = _ticks(0, step[-1], 3), _ticks(low, high, 4)

    def clear(self) -> None:
        """Forget the curves, for another training; the charts stay."""
        self._curves = {name: Curve() for name in self._curves}

    def _chart(self, name: str) -> bqplot.Figure:
        x, y = bqplot.LinearScale(min=0), bqplot.LinearScale()
        self._lines[name] = bqplot.Lines(x=[], y=[], scales={"x": x, "y": y}, colors=["#1f77b4"], stroke_width=1.5)
        axes = [
            bqplot.Axis(scale=x, grid_lines="none", tick_format="~s"),
            bqplot.Axis(scale=y, orientation="vertical", grid_lines="solid", tick_format="~s"),
        ]
        self._axes[name] = axes
        return bqplot.Figure(
            title=_WORDS.get(name, f"ln p({name}) [nats]"), marks=[self._lines[name]], axes=axes, fig_margin=_MARGIN, padding_x=0,
            title_style={"font-size": "12px"}, display_toolbar=False, layout=ipywidgets.Layout(width="232px", height="150px"),
        )  # fmt: skip


def _shown(value: np.ndarray) -> tuple[float, float]:
    """Bounds of an axis that the first steps, orders of magnitude away, do not flatten."""
    settled = value[len(value) // 5 :]
    low, high = np.percentile(settled, [0, 98])
    margin = 0.08 * (high - low) or 1.0
    return float(low - margin), float(high + margin)


def _ticks(low: float, high: float, most: int) -> np.ndarray:
    """Round numbers within bounds; bqplot's own are as many as for a large chart."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 (matplotlib only where something is drawn)

    ticks = np.asarray(MaxNLocator(most).tick_values(low, high))
    return ticks[(ticks >= low) & (ticks <= high)]
