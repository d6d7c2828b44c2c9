"""The attributes that a model's decoders give at points of latent space, as numbers for its prior and as a table for people."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import torch
from astropy import units as u
from astropy.table import QTable
from torch import Tensor

from galwidget.attributes import MORPHOLOGIES, describe
from galwidget.model.inputs import Inputs
from galwidget.model.modalities import ImageModality
from galwidget.model.mvae import MVAE
from galwidget.model.prior import FlowPrior
from galwidget.survey import NANOJANSKY_ZERO_POINT

#: A request is corrected by at most this in one pass, in standard deviations of the attribute: what cannot be drawn is not chased.
_LARGEST_CORRECTION = 0.5
_PHOTOMETRIC = {"brightness", "colours"}
#: Magnitudes per unit of ln flux.
_MAGNITUDES = 2.5 / math.log(10)

__all__ = ["attribute_table", "conditions_at", "meet", "shape_at", "with_unit"]


def conditions_at(mvae: MVAE, inputs: Inputs, z: Tensor, offsets: Mapping[str, float]) -> Tensor:
    """The attributes at ``z`` (n, d), standardised, in the order of ``inputs.condition_names``, (n, condition).

    Brightness and colours are those of the picture that is drawn there, where the model draws; the others their decoders' most likely.

    Parameters
    ----------
    mvae, inputs, z
        The model and points of latent space.
    offsets
        By attribute: what `galwidget.measure` finds less the magnitude or colour of the whole stamp, mag.
    """
    drawn = _photometry(mvae, inputs, z, offsets)
    parts = []
    for group, names in inputs.groups.items():
        if drawn and group in _PHOTOMETRIC:
            parts.append(torch.stack([drawn[name] for name in names], 1))
            continue
        parameters = mvae.decode(z, group)
        if group == "redshift":
            logits, means, _ = parameters.chunk(3, 1)
            parameters = (logits.softmax(1) * means).sum(1, keepdim=True)
        elif group == "morphology":
            best = parameters.argmax(1, keepdim=True)
            parameters = (torch.arange(parameters.shape[1], device=z.device) == best).to(z.dtype)
        parts.append(parameters)
    return torch.cat(parts, 1) if parts else z.new_zeros(len(z), 0)


def _photometry(mvae: MVAE, inputs: Inputs, z: Tensor, offsets: Mapping[str, float]) -> dict[str, Tensor]:
    """Standardised magnitude and colours of the pictures drawn at ``z``, from the flux of each band; empty for a model without images."""
    if "image" not in mvae.modalities:
        return {}
    image = cast("ImageModality", mvae.modality("image"))
    magnitude = dict(zip(inputs.survey.band_names, (NANOJANSKY_ZERO_POINT - _MAGNITUDES * image.log_flux(z)).unbind(1), strict=True))
    found = {}
    for group in _PHOTOMETRIC & inputs.groups.keys():
        for name in inputs.groups[group]:
            blue, _, red = name.removeprefix("mag_").partition("_")
            value = magnitude[blue] - magnitude[red] if red else magnitude[blue]
            found[name] = (value + offsets.get(name, 0.0) - inputs.scalings[name].center) / inputs.scalings[name].width
    return found


def meet(
    mvae: MVAE, prior: FlowPrior, inputs: Inputs, offsets: Mapping[str, float], u: Tensor, wanted: Tensor, mask: Tensor, passes: int
) -> Tensor:
    """Z = f(u; a), with the request corrected for what came of it: what falls short is asked for again, ``passes`` times.

    Parameters
    ----------
    mvae, prior, inputs, offsets
        As in `conditions_at`, and the flow.
    u
        What the galaxies are beside their attributes, (n, d).
    wanted, mask
        Standardised attributes and which are asked for, (n, condition).
    passes
        How often the request is corrected.
    """
    z = prior.transform(u, wanted, mask)
    # what a picture shows; a redshift's decoder gives the mean of what is possible, and a category is not more or less of itself
    shown = {name for group in (*_PHOTOMETRIC, "shape") for name in inputs.groups.get(group, ())}
    numbers = mask & torch.tensor([name in shown for name in inputs.condition_names])
    asked = wanted.clone()
    for _ in range(passes if numbers.any() else 0):
        short = (wanted - conditions_at(mvae, inputs, z, offsets)).clamp(-_LARGEST_CORRECTION, _LARGEST_CORRECTION)
        asked = torch.where(numbers, asked + short, asked)
        z = prior.transform(u, asked, mask)
    return z


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
