"""Ways through latent space: attributes changed and the rest kept, one attribute or one latent dimension step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from galwidget.conditions import request, shape_of, values_asked
from galwidget.galaxies import Galaxies
from galwidget.latent import Latent
from galwidget.predicted import conditions_at

if TYPE_CHECKING:
    from galwidget.galaxy_model import GalaxyModel

__all__ = ["edited", "sweep_path", "traverse_path"]


def edited(model: GalaxyModel, of: Galaxies | Latent, seed: int | None, attributes: Mapping[str, Any]) -> Latent:
    """Points of `GalaxyModel.edit`."""
    latent = of if isinstance(of, Latent) else model.encode(of)
    random = np.random.default_rng(seed)
    values = values_asked(model.conditions, len(latent), attributes, random)
    if not values:
        return Latent(latent.mean)
    names = model.inputs.condition_names
    with model.lock, torch.no_grad():
        before, mask, error = _before(model, latent)
        # area goes with size and brightness: it follows them, or size follows it
        follower = "r_half" if "area" in values else "area"
        if follower in names and follower not in values:
            mask[:, names.index(follower)] = False
        if ("ellipticity" in values) != ("position_angle" in values):  # a new ellipticity keeps the angle, and the other way round
            values = shape_of(model.inputs, before) | values
        changed, which = request(model.inputs, len(latent), values, random)
        left = model.prior.inverse(torch.from_numpy(latent.mean), before, mask)
        return Latent(model.prior.transform(left, torch.where(which, changed - error, before), mask | which).numpy())


def _before(model: GalaxyModel, latent: Latent) -> tuple[torch.Tensor, ...]:
    """Attributes as the flow knows them, which there are, and what the pictures measure beyond, each (n, condition)."""
    rows, row = np.unique(latent.mean, axis=0, return_inverse=True)  # a sweep asks for the same galaxy at each of its values
    z, shown = torch.from_numpy(rows), model.prior.shown
    measured, known = conditions_at(model.mvae, model.inputs, z, model.flux(Latent(rows)) if model.stamp else None)
    before = torch.where(shown, model.prior.shows(z), measured)
    return tuple(part[row.ravel()] for part in (before, known | shown, torch.where(known, measured - before, 0.0)))


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
