"""The picture of a comparison of models: the same galaxies redrawn, what is left of them, and samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from galwidget.measurement import reference_band
from galwidget.picture import rgb

if TYPE_CHECKING:
    from astropy.table import Row
    from matplotlib.figure import Figure

    from galwidget.comparison import Comparison

__all__ = ["draw"]

_RESIDUAL = 4.0


def draw(comparison: Comparison, called: Mapping[str, str]) -> Figure:
    """See `galwidget.comparison.Comparison.figure`; ``called`` has the models' names for people."""
    from matplotlib.figure import Figure  # noqa: PLC0415 (heavy; no pyplot: a figure of its own draws in any thread)
    from matplotlib.layout_engine import ConstrainedLayoutEngine  # noqa: PLC0415

    galaxies, names = comparison.galaxies, list(comparison.models)
    figure = Figure(
        figsize=(13.5, 1.0 + 0.68 * (len(names) + 1)), layout=ConstrainedLayoutEngine(wspace=0.01, hspace=0.0, w_pad=0.02, h_pad=0.02)
    )
    axes = figure.subplots(len(names) + 1, 3, squeeze=False)
    band = galaxies.survey.index(reference_band(galaxies.survey))
    mappable = None
    for row, name in enumerate(["data", *names]):
        redrawn = galaxies if name == "data" else comparison.redrawn.get(name)
        if redrawn is not None:
            axes[row, 0].imshow(_strip(rgb(redrawn)))
        if redrawn is not None and name != "data":
            flux, ivar = galaxies.require_images()
            left = (flux - redrawn.require_images()[0]) * np.sqrt(ivar)
            mappable = axes[row, 1].imshow(_strip(left[:, band]), cmap="RdBu_r", vmin=-_RESIDUAL, vmax=_RESIDUAL)
        axes[row, 2].imshow(_strip(rgb(comparison.samples[name])))
        axes[row, 0].set_ylabel(_label(comparison.table[row], called), rotation=0, ha="right", va="center", fontsize=8)
        for axis in axes[row]:
            axis.set_xticks([])
            axis.set_yticks([])
            axis.spines[:].set_visible(False)
    for axis, title in zip(
        axes[0], ("held-out galaxies, redrawn", f"(data - model) / noise, {galaxies.survey.band_names[band]}", "samples"), strict=True
    ):
        axis.set_title(title, fontsize=10)
    if mappable is not None:
        figure.colorbar(mappable, ax=axes[:, 1], location="bottom", shrink=0.6, aspect=40)
    return figure


def _label(row: Row, called: Mapping[str, str]) -> str:
    """A model's name, and how well it redraws and samples."""
    numbers = [f"{words} {row[name]:.3f}" for name, words in (("chi2", "chi2"), ("auc", "AUC")) if np.isfinite(row[name])]
    return f"{called.get(row['model'], row['model'])}\n{'  '.join(numbers)}"


def _strip(pictures: np.ndarray) -> np.ndarray:
    """Pictures (n, y, x, ...) side by side, (y, n x, ...)."""
    return np.concatenate(list(pictures), axis=1)
