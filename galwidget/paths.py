"""Ways through latent space: attributes changed and the rest kept, one attribute or one latent dimension step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from galwidget.conditions import request, shape_of, values_asked
from galwidget.galaxies import Galaxies
from galwidget.latent import Latent
from galwidget.predicted import conditions_at

if TYPE_CHECKING:
    from galwidget.galaxy_model import GalaxyModel

__all__ = ["edited", "sweep_path", "traverse_path"]


#: Corrections of an edit at most; standard deviations that are near enough, that none may ask for beyond the first, and from which on
#: what was asked is out of the galaxy's reach: a picture that is driven there is none of a galaxy. What a step may bring of its length.
_ROUNDS, _NEAR, _LONGEST, _REACH, _GAIN = 4, 0.02, 0.75, 0.75, (0.3, 1.5)


def edited(model: GalaxyModel, of: Galaxies | Latent, seed: int | None, attributes: Mapping[str, Any], *, draft: bool = False) -> Latent:
    """Points of `GalaxyModel.edit`; a ``draft`` is not corrected."""
    latent = of if isinstance(of, Latent) else model.encode(of)
    random = np.random.default_rng(seed)
    values = values_asked(model.conditions, len(latent), attributes, random)
    if not values:
        return Latent(latent.mean)
    with model.lock, torch.no_grad():
        before, mask, error = _before(model, latent)
        let_go = [index for index, name in enumerate(model.inputs.condition_names) if name in _followers(model, values)]
        mask[:, let_go] = False
        if ("ellipticity" in values) != ("position_angle" in values):  # a new ellipticity keeps the angle, and the other way round
            values = shape_of(model.inputs, before) | values
        changed, which = request(model.inputs, len(latent), values, random)
        left = model.prior.inverse(torch.from_numpy(latent.mean), before, mask)
        asked, held = torch.where(which, changed - error, before), mask | which
        z = model.prior.transform(left, asked, held, which)
        if not draft:
            _correct(model, z, left, asked, held, torch.where(which, changed, before + error), which)
        return Latent(z.numpy())


def _followers(model: GalaxyModel, values: Mapping[str, Any]) -> set[str]:
    """What an edit of ``values`` does not hold: an area is that of a brightness, a size and a concentration, and goes with them."""
    makers = {*model.inputs.groups.get("brightness", ()), "r_half", "concentration"}
    return (makers if "area" in values else {"area"}) - values.keys()


def _correct(model: GalaxyModel, z: Tensor, left: Tensor, asked: Tensor, held: Tensor, wanted: Tensor, edited: Tensor) -> None:
    """Ask anew where the picture at ``z`` (n, d) is not measured to have what is ``wanted`` (n, condition), by what it lacks; in place.

    What is of the modality of an ``edited`` attribute (n, condition) is asked for anew once only, and then gives way: a bright galaxy of
    another r - i has another u - g.
    """
    chased, yields = held & model.prior.shown, _of_their_modality(model, edited) & ~edited
    rows, step, last, first = torch.arange(len(z)), torch.zeros_like(asked), torch.zeros_like(asked), asked.clone()
    for _ in range(_ROUNDS if model.stamp and model.prior.shown.any() else 0):
        shows, known, error = _before(model, Latent(z[rows].numpy()))
        over = torch.where(known & chased[rows], shows + error - wanted[rows], 0.0)
        far = (over.abs().amax(1) > _NEAR) & (over.abs().amax(1) < _REACH)
        rows, over, step, last = rows[far], over[far], step[far], last[far]
        if not len(rows):
            return
        # a secant: what the last step brought of what it asked for
        brought = torch.where(step.abs() > _NEAR, (over - last) / step, 1.0).clamp(*_GAIN)
        again = first[rows] + (asked[rows] - over / brought - first[rows]).clamp(-_LONGEST, _LONGEST)
        step, last, asked[rows] = again - asked[rows], over, again
        z[rows] = model.prior.transform(left[rows], asked[rows], held[rows], edited[rows])
        chased = chased & ~yields


def _of_their_modality(model: GalaxyModel, which: Tensor) -> Tensor:
    """The attributes that share a modality with some of ``which``, both (n, condition)."""
    names = model.inputs.condition_names
    shared = torch.zeros_like(which)
    for group in model.inputs.groups.values():
        columns = [index for index, name in enumerate(names) if name.partition("=")[0] in group]
        shared[:, columns] = which[:, columns].any(1, keepdim=True)
    return shared


def _before(model: GalaxyModel, latent: Latent) -> tuple[Tensor, ...]:
    """Attributes as the flow knows them, which there are, and what the pictures measure beyond, each (n, condition)."""
    rows, row = np.unique(latent.mean, axis=0, return_inverse=True)  # a sweep asks for the same galaxy at each of its values
    z, shown = torch.from_numpy(rows), model.prior.shown
    measured, known = conditions_at(model.mvae, model.inputs, z, model.flux(Latent(rows)) if model.stamp else None)
    before = torch.where(shown, model.prior.shows(z), measured)
    return tuple(part[row.ravel()] for part in (before, known | shown, torch.where(known, measured - before, 0.0)))


def sweep_path(
    model: GalaxyModel,
    attribute: str,
    of: Galaxies | Latent | None,
    *,
    values: int | Sequence[Any] = 8,
    columns: int = 8,
    seed: int | None = None,
    draft: bool = False,
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
    return model.edit_latent(repeated, seed=seed, draft=draft, **{attribute: asked}), asked


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
