"""Paths through latent space: one attribute, or one latent dimension, changed step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from galwidget.galaxies import Galaxies
from galwidget.latent import Latent

if TYPE_CHECKING:
    from galwidget.galaxy_model import GalaxyModel

__all__ = ["sweep_path", "traverse_path"]


def sweep_path(
    model: GalaxyModel, attribute: str, of: Galaxies | Latent | None, values: int | Sequence[Any], columns: int, seed: int | None
) -> tuple[Latent, np.ndarray]:
    """Points of `GalaxyModel.sweep`, row after row, and the value that each was asked for."""
    if attribute not in model.conditions:
        raise ValueError(f"the model cannot sweep {attribute!r}; it knows {', '.join(model.conditions)}")
    start = model.draw(columns, seed=seed) if of is None else of if isinstance(of, Latent) else model.encode(of)
    condition = model.conditions[attribute]
    if isinstance(values, (int, np.integer)):
        space = np.geomspace if condition.log else np.linspace
        whole_turn = attribute == "position_angle"
        steps = np.asarray(condition.categories or space(condition.low, condition.high, int(values), endpoint=not whole_turn))
    else:
        steps = np.asarray(list(values))
    asked = np.repeat(steps, len(start))
    repeated = Latent(np.tile(start.mean, (len(steps), 1)))
    return model.edit_latent(repeated, seed=seed, **{attribute: asked}), asked


def traverse_path(
    model: GalaxyModel, dims: Sequence[int] | None, of: Galaxies | Latent | None, extent: float, steps: int, seed: int | None
) -> Latent:
    """Points of `GalaxyModel.traverse`, row after row."""
    dims = list(model.active_dimensions[:8] if dims is None else dims)
    if not dims or not all(0 <= dim < model.latent_size for dim in dims):
        raise ValueError(f"dims is {dims}; give latent dimensions from 0 to {model.latent_size - 1}")
    start = model.draw(1, seed=seed) if of is None else of if isinstance(of, Latent) else model.encode(of)
    z = np.tile(start.mean[:1], (len(dims) * steps, 1))
    offsets = np.linspace(-extent, extent, steps)
    for row, dim in enumerate(dims):
        z[row * steps : (row + 1) * steps, dim] = model.prior.center[dim].item() + offsets * model.prior.spread[dim].item()
    return Latent(z)
