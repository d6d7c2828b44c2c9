"""Conditions as they cross the wire (a number, a pair, names of categories) and as the model's verbs take them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from galwidget.widgets.shown import StateError

if TYPE_CHECKING:
    from galwidget.conditions import Condition
    from galwidget.galaxy_model import GalaxyModel

__all__ = ["arguments", "as_arguments", "checked", "controls", "grid_of_values"]


def controls(model: GalaxyModel) -> list[dict[str, Any]]:
    """The model's conditions for the browser: what may be asked for, and in which range."""
    return [
        {
            "name": condition.name,
            "label": condition.label,
            "unit": condition.unit,
            "low": float(condition.low),
            "high": float(condition.high),
            "default": None if condition.categories else float(condition.default),
            "categories": list(condition.categories) if condition.categories else None,
            "log": bool(condition.log),
        }
        for condition in model.conditions.values()
    ]


def checked(model: GalaxyModel, conditions: Mapping[str, Any]) -> dict[str, Any]:
    """Conditions as plain JSON: a number, ``[low, high]``, or a list of category names.

    Raises
    ------
    StateError
        A name that the model does not know, or a value that is none of these.
    """
    plain = {}
    for name, value in conditions.items():
        if name not in model.conditions:
            raise StateError(f"no condition is named {name!r}; this model knows {', '.join(model.conditions)}")
        plain[name] = _plain(model.conditions[name], value)
    return plain


def _plain(condition: Condition, value: Any) -> Any:
    if condition.categories:
        names = [value] if isinstance(value, str) else list(value)
        unknown = [name for name in names if name not in condition.categories]
        if unknown or not names:
            raise StateError(f"{condition.name} is {value!r}; give one or more of {', '.join(condition.categories)}")
        return names
    numbers = np.atleast_1d(np.asarray(value, dtype=float))
    if numbers.shape not in ((1,), (2,)) or not np.isfinite(numbers).all():
        raise StateError(f"{condition.name} is {value!r}; give a number, or a range (low, high); for an array use model.sample")
    return float(numbers[0]) if np.ndim(value) == 0 else sorted(float(number) for number in numbers)


def arguments(conditions: Mapping[str, Any]) -> dict[str, Any]:
    """Checked conditions as keyword arguments of the model's verbs."""
    return {name: _argument(value) for name, value in conditions.items()}


def _argument(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    if value and isinstance(value[0], str):
        return value[0] if len(value) == 1 else value
    return tuple(value)


def as_arguments(conditions: Mapping[str, Any]) -> str:
    """Checked conditions as source text: ``, mag_r=18.5, g_r=(0.4, 0.6)``."""
    return "".join(f", {name}={value!r}" for name, value in arguments(conditions).items())


def grid_of_values(condition: Condition, low: float, high: float, count: int) -> np.ndarray:
    """``count`` values from ``low`` to ``high``, even on the condition's own scale, shape (count,)."""
    whole_turn = condition.name == "position_angle" and high - low >= 180  # whose ends are the same galaxy
    return np.geomspace(low, high, count) if condition.log and low > 0 else np.linspace(low, high, count, endpoint=not whole_turn)
