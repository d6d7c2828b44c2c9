"""Galaxies that change along both sides of a grid: mixtures of the four at its corners, and planes of two attributes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from galwidget.conditions import request, values_asked
from galwidget.galaxies import Galaxies
from galwidget.latent import Latent
from galwidget.predicted import with_unit

if TYPE_CHECKING:
    from galwidget.galaxy_model import GalaxyModel

__all__ = ["mix", "plane_latent", "sweep_plane"]


def mix(
    model: GalaxyModel, seeds: Sequence[int], rows: int = 8, columns: int = 8, *, temperature: float = 1.0, **conditions: Any
) -> Latent:
    """Points of latent space between four draws, which stand at the corners of a grid.

    What is mixed is the standard normal before the prior's flow, z = f(u; a), along great circles: the length of a mixture is that of a
    draw, as a straight line's is not (White 2016, https://arxiv.org/abs/1609.04468), so that galaxies between typical ones are typical.
    Attributes asked for as a range differ from corner to corner and are mixed too, each on its own scale.

    Parameters
    ----------
    model
        The model.
    seeds
        Of the corners: top left, top right, bottom left, bottom right. The galaxy of a corner is ``model.draw(1, seed=..., ...)``.
    rows, columns
        Size of the grid.
    temperature, **conditions
        As in ``model.draw``, of all corners.

    Returns
    -------
    Latent
        ``rows * columns`` points, row by row.

    Raises
    ------
    ValueError
        There are not four seeds, the grid has no cells, or a condition is none of the model's.

    Examples
    --------
    >>> import galwidget as gw
    >>> model = gw.load()
    >>> len(gw.mix(model, [1, 2, 3, 4], 3, 5, mag_r=19))
    15
    """
    if len(seeds) != 4:
        raise ValueError(f"{len(seeds)} seeds were given; a mixture needs four: top left, top right, bottom left, bottom right")
    if rows < 1 or columns < 1:
        raise ValueError(f"the grid has {rows} rows and {columns} columns; it needs at least one of each")
    if not temperature >= 0:
        raise ValueError(f"temperature is {temperature}; it may not be negative")
    down, right = (np.linspace(0, 1, side)[:, None] if side > 1 else np.zeros((1, 1)) for side in (rows, columns))
    normals, values, known = zip(*(_corner(model, seed, temperature, conditions) for seed in seeds), strict=True)
    top, bottom = _arc(normals[0], normals[1], right), _arc(normals[2], normals[3], right)
    # a row of the grid after the other: (rows, columns, d)
    u = np.stack([_arc(top, bottom, at) for at in down])
    upper, lower = (values[i] + right * (values[i + 1] - values[i]) for i in (0, 2))
    value = np.stack([upper + at * (lower - upper) for at in down])
    cells = rows * columns
    given = torch.from_numpy(value.reshape(cells, value.shape[-1]).astype(np.float32))
    mask = torch.from_numpy(np.repeat(known[0], cells, axis=0))
    with model.lock, torch.no_grad():
        return Latent(model.prior.transform(torch.from_numpy(u.reshape(cells, -1).astype(np.float32)), given, mask).numpy())


def _corner(model: GalaxyModel, seed: int, temperature: float, conditions: dict[str, Any]) -> tuple[np.ndarray, ...]:
    """Standard normal (1, d), standardised attributes and their mask (1, condition), as ``model.draw`` makes them of the seed."""
    random = np.random.default_rng(seed)
    u = temperature * random.standard_normal((1, model.latent_size))
    value, mask = request(model.inputs, 1, values_asked(model.conditions, 1, conditions, random), random)
    return u, value.numpy().astype(float), mask.numpy()


def _arc(start: np.ndarray, end: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Points ``at`` 0 to 1 from ``start`` to ``end``, each (n, d) or (1, d), along the great circle (Shoemake 1985)."""
    lengths = np.linalg.norm(start, axis=1, keepdims=True) * np.linalg.norm(end, axis=1, keepdims=True)
    angle = np.arccos(np.clip((start * end).sum(1, keepdims=True) / np.where(lengths > 0, lengths, 1), -1, 1))
    straight = (lengths == 0) | (np.sin(angle) < 1e-6)
    sine = np.where(straight, 1, np.sin(angle))
    before = np.where(straight, 1 - at, np.sin((1 - at) * angle) / sine)
    after = np.where(straight, at, np.sin(at * angle) / sine)
    return before * start + after * end


def plane_latent(
    model: GalaxyModel,
    down: str,
    right: str,
    *,
    of: Galaxies | Latent,
    rows: Sequence[Any],
    columns: Sequence[Any],
    seed: int | None = None,
    draft: bool = False,
) -> Latent:
    """Points of `sweep_plane`; a ``draft`` as in `galwidget.galaxy_model.GalaxyModel.edit_latent`."""
    if down == right:
        raise ValueError(f"{down!r} was asked for down and to the right; a plane needs two attributes")
    start = of if isinstance(of, Latent) else model.encode(of)
    if len(start) != 1:
        raise ValueError(f"{len(start)} galaxies were given; a plane is of one")
    asked = dict(zip((down, right), _on_grid(rows, columns), strict=True))
    return model.edit_latent(Latent(np.repeat(start.mean, len(rows) * len(columns), axis=0)), seed=seed, draft=draft, **asked)


def sweep_plane(
    model: GalaxyModel,
    down: str,
    right: str,
    *,
    of: Galaxies | Latent,
    rows: Sequence[Any],
    columns: Sequence[Any],
    seed: int | None = None,
) -> Galaxies:
    """One galaxy with two attributes changed step by step: a row a value of the one, a column a value of the other.

    Parameters
    ----------
    model
        The model.
    down, right
        Names of the attributes.
    of
        The galaxy, or its point in latent space.
    rows, columns
        Values of ``down`` and of ``right``.
    seed
        As in ``model.edit``.

    Returns
    -------
    Galaxies
        Before the telescope, row after row; the table has what was asked for in ``requested_<attribute>`` of both.

    Raises
    ------
    ValueError
        The attributes are the same, one is none of the model's, or ``of`` is not one galaxy.

    Examples
    --------
    >>> import galwidget as gw
    >>> model = gw.load()
    >>> plane = gw.sweep_plane(model, "mag_r", "r_half", of=model.draw(1, seed=1), rows=[18, 19], columns=[0.5, 1, 2])
    >>> plane.flux.shape
    (6, 5, 64, 64)
    """
    galaxies = model.decode(plane_latent(model, down, right, of=of, rows=rows, columns=columns, seed=seed))
    for name, values in zip((down, right), _on_grid(rows, columns), strict=True):
        galaxies.table[f"requested_{name}"] = with_unit(name, values)
    return galaxies


def _on_grid(rows: Sequence[Any], columns: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """The value of each of both attributes in each cell, row by row, as floats or names."""
    down, right = (np.asarray(list(values)) for values in (rows, columns))
    down, right = (values if values.dtype.kind in "US" else values.astype(float) for values in (down, right))
    return np.repeat(down, len(right)), np.tile(right, len(down))
