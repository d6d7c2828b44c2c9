"""The attributes that a model's decoders give at points of latent space, as numbers for its prior and as a table for people."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from astropy import units as u
from astropy.table import QTable
from torch import Tensor

from galwidget.attributes import MORPHOLOGIES, describe
from galwidget.model.inputs import Inputs
from galwidget.model.mvae import MVAE
from galwidget.model.prior import FlowPrior
from galwidget.model.projection import project

__all__ = ["attribute_table", "conditions_at", "nearest", "shape_at", "with_unit"]


def conditions_at(mvae: MVAE, inputs: Inputs, z: Tensor) -> Tensor:
    """The most likely attributes at ``z`` (n, d), standardised, in the order of ``inputs.condition_names``, (n, condition)."""
    parts = []
    for group in inputs.groups:
        parameters = mvae.decode(z, group)
        if group == "redshift":
            logits, means, _ = parameters.chunk(3, 1)
            parameters = (logits.softmax(1) * means).sum(1, keepdim=True)
        elif group == "morphology":
            best = parameters.argmax(1, keepdim=True)
            parameters = (torch.arange(parameters.shape[1], device=z.device) == best).to(z.dtype)
        parts.append(parameters)
    return torch.cat(parts, 1) if parts else z.new_zeros(len(z), 0)


def nearest(mvae: MVAE, prior: FlowPrior, inputs: Inputs, z: Tensor, wanted: Tensor, mask: Tensor) -> Tensor:
    """The nearest points to ``z`` (n, d) where the decoders give the continuous attributes ``wanted`` (n, condition) where ``mask``."""
    continuous = len(inputs.scalings)
    if not mask[:, :continuous].any():
        return z

    def attributes(points: Tensor) -> Tensor:
        return conditions_at(mvae, inputs, points)[:, :continuous]

    return project(z, wanted[:, :continuous], mask[:, :continuous], attributes, prior.spread)


def _values(inputs: Inputs, at: Tensor, name: str) -> np.ndarray:
    return inputs.scalings[name].inverse(at[:, inputs.condition_names.index(name)].numpy())


def shape_at(inputs: Inputs, at: Tensor) -> dict[str, np.ndarray]:
    """Ellipticity and position angle (deg) of standardised attributes ``at`` (n, condition)."""
    e1, e2 = (_values(inputs, at, name) for name in ("e1", "e2"))
    return {"ellipticity": np.clip(np.hypot(e1, e2), 0, 0.99), "position_angle": np.degrees(np.arctan2(e2, e1)) / 2 % 180}


def attribute_table(inputs: Inputs, at: Tensor) -> QTable:
    """Standardised attributes ``at`` (n, condition) in their units, with ellipticity, axis ratio and angle; one row a galaxy."""
    table = QTable({name: with_unit(name, _values(inputs, at, name)) for name in inputs.scalings})
    if {"e1", "e2"} <= inputs.scalings.keys():
        shape = shape_at(inputs, at)
        shape["axis_ratio"] = (1 - shape["ellipticity"]) / (1 + shape["ellipticity"])
        for name, values in shape.items():
            table[name] = with_unit(name, values)
    if "morphology" in inputs.groups:
        first = inputs.condition_names.index(f"morphology={MORPHOLOGIES[0]}")
        table["morphology"] = np.array(MORPHOLOGIES)[at[:, first : first + len(MORPHOLOGIES)].argmax(1).numpy()]
    return table


def with_unit(name: str, values: np.ndarray) -> Any:
    """Values of attribute ``name`` as a quantity, where it has a unit."""
    unit = describe(name).unit
    return values * u.Unit(unit) if unit and values.dtype.kind == "f" else values
