"""The picture of a photometric redshift: one galaxy's joint density of redshift, colours and type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from galwidget.attributes import MORPHOLOGIES, describe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from galwidget.science.photoz import PhotoZ

__all__ = ["draw"]

_DRAWS = 2000
#: From early (red) to late (blue) types; Okabe & Ito's colours, which the colour-blind tell apart.
_COLOURS = dict(zip(MORPHOLOGIES, ("#d55e00", "#e69f00", "#009e73", "#56b4e9", "#0072b2"), strict=True))
_PLAIN, _BEFORE = "#1b1f24", "#8c959f"


def draw(found: PhotoZ, row: int, before: PhotoZ | None) -> Figure:
    """Density of the redshift above, colours against redshift below, types by colour and as bars; see `PhotoZ.figure`."""
    from matplotlib import rc_context  # noqa: PLC0415 (heavy)
    from matplotlib.figure import Figure  # noqa: PLC0415 (no pyplot: it keeps every figure alive)

    if not -len(found) <= row < len(found):
        raise IndexError(f"galaxy {row} was asked for, but there are {len(found)}")
    row %= len(found)
    one, other = found[row], None if before is None else before[row]
    draws = one.joint(_DRAWS)
    redshift = np.asarray(draws["redshift"])[0]
    colours = [name for name in draws.colnames if describe(name).modality == "colours"]
    kinds = np.asarray(draws["morphology"])[0] if "morphology" in draws.colnames else None
    shown = [one, other] if other is not None else [one]
    ends = np.concatenate([each.quantile([1e-3, 1 - 1e-3])[0] for each in shown])
    grid = np.linspace(max(ends.min() - 0.05 * np.ptp(ends), 0), ends.max() + 0.05 * np.ptp(ends), 400)
    style: Any = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    columns = max(len(colours), 1)
    with rc_context(style):
        figure = Figure(figsize=(2.3 * columns + 0.6, 4.9), layout="constrained")
        rows = figure.add_gridspec(2, columns, height_ratios=(1, 1.15))
        split = max(columns - 1, 1) if kinds is not None else columns
        top = figure.add_subplot(rows[0, :split])
        top.fill_between(grid, one.pdf(grid)[0], color=_COLOURS["Im"], alpha=0.25, lw=0)
        top.plot(grid, one.pdf(grid)[0], color=_COLOURS["Im"], label=_words(found))
        if before is not None and other is not None:
            top.plot(grid, other.pdf(grid)[0], "--", color=_BEFORE, label=_words(before))
            nats = float(other.table["entropy"][0] - one.table["entropy"][0])
            top.set_title(f"{nats:+.2f} nats of information", fontsize=9, loc="right")
        top.set(xlabel="redshift", ylabel="p(z)", xlim=(grid[0], grid[-1]), ylim=(0, None))
        top.legend(frameon=False, fontsize=8)
        for index, name in enumerate(colours):
            axes = figure.add_subplot(rows[1, index])
            values = np.asarray(draws[name])[0]
            tint = [_COLOURS[kind] for kind in kinds] if kinds is not None else _PLAIN
            axes.scatter(redshift, values, s=3, c=tint, alpha=0.35, lw=0, rasterized=True)
            low, high = np.percentile(values, [0.5, 99.5])
            axes.set(xlabel="redshift", ylabel=f"{describe(name).label} / mag", xlim=(grid[0], grid[-1]), ylim=(low, high))
        if kinds is not None and columns > 1:
            bars = figure.add_subplot(rows[0, -1])
            share = [float((kinds == kind).mean()) for kind in MORPHOLOGIES]
            bars.bar(MORPHOLOGIES, share, color=[_COLOURS[kind] for kind in MORPHOLOGIES])
            bars.set(ylabel="probability", ylim=(0, 1))
            bars.set_title("Hubble type", fontsize=9)
        figure.align_labels()
    return figure


def _words(found: PhotoZ) -> str:
    return "from all that was measured" if found.using is None else f"from {' and '.join(found.using)}"
