"""What may be asked of a model, and how a request becomes numbers for its prior."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from galwidget.attributes import MORPHOLOGIES, describe, ellipticity_and_angle, ellipticity_components
from galwidget.model.inputs import Inputs

__all__ = ["Condition", "conditions_of", "request", "shape_of", "values_asked"]


@dataclass(frozen=True)
class Condition:
    """One attribute that may be asked for.

    Parameters
    ----------
    name, label, unit
        Column name, words for people, astropy unit string.
    low, high, default
        1st and 99th percentile and median of the training data.
    categories
        The values of a categorical attribute; None for a number.
    log
        Whether it varies on a logarithmic scale.
    """

    name: str
    label: str
    unit: str
    low: float
    high: float
    default: float | str
    categories: tuple[str, ...] | None = None
    log: bool = False


def conditions_of(inputs: Inputs) -> dict[str, Condition]:
    """The conditions of a model: its attributes, with e1 and e2 as ellipticity and position angle."""
    found = {}
    for name, scaling in inputs.scalings.items():
        known = describe(name)
        if name not in ("e1", "e2"):
            found[name] = Condition(name, known.label, known.unit, scaling.low, scaling.high, scaling.typical, log=known.scale == "log")
    if {"e1", "e2"} <= inputs.scalings.keys():
        largest = max(abs(bound) for name in ("e1", "e2") for bound in (inputs.scalings[name].low, inputs.scalings[name].high))
        for name, high, typical in (("ellipticity", min(largest, 0.9), 0.2), ("position_angle", 180.0, 90.0)):
            known = describe(name)
            found[name] = Condition(name, known.label, known.unit, 0.0, float(high), typical)
    if "morphology" in inputs.groups:
        known = describe("morphology")
        found["morphology"] = Condition("morphology", known.label, "", 0.0, len(MORPHOLOGIES) - 1.0, MORPHOLOGIES[2], MORPHOLOGIES)
    return found


def values_asked(
    conditions: Mapping[str, Condition], n: int, asked: Mapping[str, Any], random: np.random.Generator
) -> dict[str, np.ndarray]:
    """A value of each attribute asked for, for each galaxy, shape (n,).

    Parameters
    ----------
    conditions
        What the model knows.
    n
        Number of galaxies.
    asked
        By attribute: a value, a range ``(low, high)`` (drawn evenly), n values, a category, several categories; None = not asked.
    random
        Draws within ranges.

    Raises
    ------
    ValueError
        An attribute is not known, a value is not finite or has the wrong shape, a range is upside down, a category does not exist.
    """
    values = {}
    for name, value in asked.items():
        if name not in conditions:
            raise ValueError(f"the model cannot be asked for {name!r}; it knows {', '.join(conditions)}")
        if value is None:
            continue
        values[name] = (_category if conditions[name].categories else _number)(conditions[name], n, value, random)
    return values


def _number(condition: Condition, n: int, value: Any, random: np.random.Generator) -> np.ndarray:
    value = getattr(value, "to_value", lambda _: value)(condition.unit)  # a Quantity in any fitting unit
    try:
        numbers = np.asarray(value, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{condition.name} is {value!r}; give a number, a range (low, high) or an array of {n}") from error
    if not np.isfinite(numbers).all():
        raise ValueError(f"{condition.name} has a value that is not finite; leave the attribute out to let it be free")
    if isinstance(value, tuple) and numbers.shape == (2,):
        low, high = numbers
        if low > high:
            raise ValueError(f"{condition.name} has the range ({low:g}, {high:g}); give the lower end first")
        return random.uniform(low, high, n)
    if numbers.ndim > 1 or (numbers.ndim == 1 and len(numbers) not in (1, n)):
        raise ValueError(f"{condition.name} has shape {numbers.shape}; give a number, a range (low, high) as a tuple, or {n} values")
    return np.broadcast_to(numbers, n).copy()


def _category(condition: Condition, n: int, value: Any, random: np.random.Generator) -> np.ndarray:
    names = [value] if isinstance(value, str) else [str(name) for name in value]
    categories = condition.categories or ()
    unknown = [name for name in names if name not in categories]
    if unknown or not names:
        raise ValueError(f"{condition.name} is {', '.join(map(repr, unknown)) or 'empty'}; it is one of {', '.join(categories)}")
    return np.array(names) if len(names) == n else random.choice(names, n)


def request(inputs: Inputs, n: int, values: Mapping[str, np.ndarray], random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Values asked for as the flow takes them: standardised value and mask, shape (n, condition).

    An ellipticity without an angle gets a random one, an angle without an ellipticity the ellipticity of the typical disc.
    """
    names = inputs.condition_names
    value = np.zeros((n, len(names)), np.float32)
    mask = np.zeros((n, len(names)), bool)

    def put(column: str, numbers: np.ndarray) -> None:
        index = names.index(column)
        standardised, _ = inputs.scalings[column].forward(numbers)
        if not np.isfinite(standardised).all():
            raise ValueError(f"{column} must be above 0; got {np.min(numbers):g}")
        value[:, index], mask[:, index] = standardised, True

    shape = {name: values[name] for name in ("ellipticity", "position_angle") if name in values}
    if shape:
        if np.any((shape.get("ellipticity", np.zeros(1)) < 0) | (shape.get("ellipticity", np.zeros(1)) >= 1)):
            raise ValueError("ellipticity is (a - b)/(a + b): at least 0 and below 1")
        angle = shape.get("position_angle", random.uniform(0, 180, n))
        for name, component in zip(("e1", "e2"), ellipticity_components(shape.get("ellipticity", np.full(n, 0.25)), angle), strict=True):
            put(name, component)
    for name, numbers in values.items():
        if name == "morphology":
            columns = [names.index(f"morphology={kind}") for kind in MORPHOLOGIES]
            value[:, columns] = numbers[:, None] == np.array(MORPHOLOGIES)
            mask[:, columns] = True
        elif name not in shape:
            put(name, numbers)
    return torch.from_numpy(value), torch.from_numpy(mask)


def shape_of(inputs: Inputs, value: Tensor) -> dict[str, np.ndarray]:
    """Ellipticity and position angle (deg), each (n,), of standardised attributes ``value`` (n, condition)."""
    e1, e2 = (inputs.scalings[name].inverse(value[:, inputs.condition_names.index(name)].numpy()) for name in ("e1", "e2"))
    return dict(zip(("ellipticity", "position_angle"), ellipticity_and_angle(e1, e2), strict=True))
