"""What the training data had: the attributes of its galaxies, kept beside the weights, and how many of them fit a condition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from galwidget.attributes import MORPHOLOGIES, ellipticity_and_angle
from galwidget.galaxies import Galaxies
from galwidget.model.inputs import Inputs

__all__ = ["Census"]

#: Galaxies whose attributes are kept: 32 bytes each.
_KEPT = 16_384
#: A single value stands for those within so much of it: a quarter of the attribute's usual spread; ellipticity; degrees.
_NEAR, _NEAR_ELLIPTICITY, _NEAR_ANGLE = 0.25, 0.05, 10.0


class Census:
    """Attributes of galaxies that a model was trained on.

    Parameters
    ----------
    inputs
        The model's inputs.
    values
        Their attributes as `Inputs.conditions` gives them, NaN where one is not known, shape (n, condition).
    total
        How many galaxies there were, of which ``values`` are a fair sample.
    """

    def __init__(self, inputs: Inputs, values: Tensor, total: int) -> None:
        if values.ndim != 2 or values.shape[1] != len(inputs.condition_names):
            raise ValueError(f"values have shape {tuple(values.shape)}; give (n, {len(inputs.condition_names)})")
        self.inputs, self.values, self.total = inputs, values.half(), total

    @classmethod
    def of(cls, samples: Sequence[Galaxies], inputs: Inputs, seed: int = 0) -> Census:
        """Of the galaxies of all samples, each counted once."""
        parts = [inputs.conditions(sample) for sample in samples]
        values = torch.cat([value.masked_fill(~mask, torch.nan) for value, mask in parts])
        chosen = np.sort(np.random.default_rng(seed).permutation(len(values))[:_KEPT])
        return cls(inputs, values[torch.from_numpy(chosen)], len(values))

    def count(self, **conditions: Any) -> int:
        """How many galaxies of the training data are there, by the sample that is kept.

        Parameters
        ----------
        **conditions
            As `galwidget.GalaxyModel.sample` takes them: a range ``(low, high)``, categories, or a value, which stands for those within a
            quarter of the attribute's usual spread (half of what lies between its 16th and 84th percentile), within 0.05 of an
            ellipticity, within 10 degrees of an angle. A galaxy of which an attribute that is asked for is not known does not count.

        Raises
        ------
        ValueError
            A condition is not known, or neither value, range nor category.
        """
        there = np.ones(len(self.values), bool)
        for name, asked in conditions.items():
            if asked is not None:
                there &= self._fits(name, asked)
        return round(self.total * float(there.mean())) if len(there) else 0

    def _fits(self, name: str, asked: Any) -> np.ndarray:
        if name == "morphology" and f"{name}={MORPHOLOGIES[0]}" in self.inputs.condition_names:
            kinds = [asked] if isinstance(asked, str) else list(asked)
            return np.any([self._column(f"morphology={kind}") > 0.5 for kind in kinds], axis=0)
        low, high = _ends(name, asked)
        if name in ("ellipticity", "position_angle"):
            scalings = self.inputs.scalings
            e1, e2 = (scalings[part].inverse(self._column(part)) if part in scalings else self._column(part) for part in ("e1", "e2"))
            ellipticity, angle = ellipticity_and_angle(e1, e2)
            if name == "ellipticity":
                return _between(ellipticity, low, high, _NEAR_ELLIPTICITY)
            # half a turn is the same galaxy
            near = _NEAR_ANGLE if low == high else 0.0
            return (angle - low + near) % 180 <= high - low + 2 * near
        column = self._column(name)
        low, high = self.inputs.scalings[name].forward(np.array([low, high]))[0]
        return _between(column, low, high, _NEAR)

    def _column(self, name: str) -> np.ndarray:
        if name not in self.inputs.condition_names:
            raise ValueError(f"the training data had no {name!r}; it had {', '.join(self.inputs.condition_names)}")
        return self.values[:, self.inputs.condition_names.index(name)].numpy().astype(np.float32)

    def __len__(self) -> int:
        return self.total

    def __repr__(self) -> str:
        return f"<Census: {self.total} galaxies, {', '.join(self.inputs.condition_names)}>"


def _ends(name: str, asked: Any) -> tuple[float, float]:
    numbers = np.atleast_1d(np.asarray(getattr(asked, "value", asked), dtype=float))
    if numbers.shape not in ((1,), (2,)) or not np.isfinite(numbers).all():
        raise ValueError(f"{name} is {asked!r}; give a value or a range (low, high)")
    return float(numbers[0]), float(numbers[-1])


def _between(values: np.ndarray, low: float, high: float, near: float) -> np.ndarray:
    """Which values are in the range, or near to its one end; NaN is nowhere."""
    near = near if low == high else 0.0
    return (values >= low - near) & (values <= high + near)
