"""An attribute sweep: the same galaxies, row by row with more of one attribute, increasing downwards."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from traitlets import Dict as DictTrait
from traitlets import Float, Int, List, Unicode, validate

from galwidget.attributes import describe
from galwidget.widgets import conditions as asked
from galwidget.widgets.frames import FrameWidget, Shown, StateError, state
from galwidget.widgets.stitch import Recipe, latent_text

if TYPE_CHECKING:
    from galwidget.galaxies import Galaxies
    from galwidget.galaxy_model import GalaxyModel, Latent

__all__ = ["AttributeSweep"]

_MOST = 32
#: Values of the strip that the scrub runs through.
_FINE = 32


class AttributeSweep(FrameWidget):
    """Each column a galaxy, each row a value of one attribute, increasing downwards; everything else of the galaxy stays.

    Parameters
    ----------
    model
        The model that is asked.
    attribute
        Name of the swept attribute, one of ``model.conditions``.
    of
        The galaxies of the columns (images or latents); default: ``columns`` galaxies drawn with ``seed``.
    rows, columns
        Values of the attribute and number of galaxies, 1 to 32.
    seed
        Of the drawn galaxies.
    low, high
        First and last value in the attribute's unit; default: the range that the training data had.

    Raises
    ------
    ValueError
        The model has no such attribute.
    """

    attribute = state(Unicode())
    low = state(Float(None, allow_none=True))
    high = state(Float(None, allow_none=True))
    rows = state(Int(8, min=1, max=_MOST))
    columns = state(Int(8, min=1, max=_MOST))
    seed = state(Int(1, min=0))
    controls = List(DictTrait()).tag(sync=True)
    given = Int(0, help="number of given galaxies; 0 where they are drawn").tag(sync=True)

    def __init__(
        self,
        model: GalaxyModel,
        attribute: str = "mag_r",
        of: Galaxies | Latent | None = None,
        rows: int = 8,
        columns: int = 8,
        seed: int = 1,
        *,
        low: float | None = None,
        high: float | None = None,
    ) -> None:
        self._of = of
        self._encoded: Latent | None = None
        columns = columns if of is None else min(len(of), _MOST)
        super().__init__(
            model,
            model.survey,
            kind="sweep",
            attribute=attribute,
            rows=rows,
            columns=columns,
            seed=seed,
            low=low,
            high=high,
            controls=asked.controls(model),
            given=0 if of is None else columns,
        )

    _request_kinds: ClassVar[tuple[str, ...]] = ("frame", "code", "strip")

    @validate("attribute")
    def _known_attribute(self, proposal: Any) -> str:
        model: Any = self.model
        if proposal["value"] not in model.conditions:
            raise StateError(f"no attribute is named {proposal['value']!r}; this model sweeps {', '.join(model.conditions)}")
        return proposal["value"]

    def _values(self, wanted: dict[str, Any]) -> np.ndarray:
        condition = self.model.conditions[wanted["attribute"]]  # type: ignore[union-attr]
        if condition.categories:
            return np.array(condition.categories)
        low = condition.low if wanted["low"] is None else wanted["low"]
        high = condition.high if wanted["high"] is None else wanted["high"]
        return asked.grid_of_values(condition, min(low, high), max(low, high), wanted["rows"])

    def _start(self, columns: int, seed: int) -> Latent:
        """Latents of the columns' galaxies; those of given images are encoded once."""
        model: Any = self.model
        if self._of is None:
            return model.draw(columns, seed=seed)
        if self._encoded is None:
            self._encoded = model.encode(self._of) if hasattr(self._of, "flux") else self._of
        return self._encoded[:columns]

    def _strip_rows(self, wanted: dict[str, Any]) -> int:
        return 0 if self.model.conditions[wanted["attribute"]].categories else 1  # type: ignore[union-attr]

    def _show_strip(self, wanted: dict[str, Any], row: int) -> Shown:
        if not isinstance(row, int) or not 0 <= row < self._strip_rows(wanted):
            raise ValueError(f"strip {row!r} of {wanted['attribute']}; there are {self._strip_rows(wanted)}")
        finer = max(1, _FINE // max(1, wanted["rows"] - 1))
        return self._show({**wanted, "rows": (wanted["rows"] - 1) * finer + 1}, draft=True)

    def _figure_labels(self) -> dict[str, Any]:
        return {"row_title": describe(self.attribute).label, "values": []}

    def _show(self, wanted: dict[str, Any], *, draft: bool = False) -> Shown:
        model: Any = self.model
        values = self._values(wanted)
        arguments = {"of": self._start(wanted["columns"], wanted["seed"]), "values": values.tolist(), "seed": wanted["seed"]}
        points = functools.cache(lambda: model.sweep_latent(wanted["attribute"], **arguments))
        galaxies = model.decode(points(), attributes=False) if draft else model.sweep(wanted["attribute"], **arguments)
        labels = _labels(values, describe(wanted["attribute"]).unit)
        about = {"low": None, "high": None} if values.dtype.kind == "U" else {"low": float(values[0]), "high": float(values[-1])}
        return Shown(galaxies, len(values), len(galaxies) // len(values), points, row_labels=labels, about=about)

    def _recipe(self) -> Recipe:
        values = self._values(self._wanted()).tolist()
        start = f"model.draw({self.columns}, seed={self.seed})"
        if self._of is not None:
            start = latent_text(self._start(self.columns, self.seed))
        sweep = f"model.sweep({self.attribute!r}, of=start, values={values!r}, seed={self.seed})"
        return Recipe(f"start = {start}\nshown = {sweep}\n", "shown", self._cells(), self.model)


def _labels(values: np.ndarray, unit: str) -> list[str]:
    """Values with as many digits as tell neighbours apart, and their unit."""
    if values.dtype.kind == "U":
        return [str(value) for value in values]
    step = float(np.abs(np.diff(values)).min()) if len(values) > 1 else 0.0
    digits = max(0 if step.is_integer() else 1, 1 - math.floor(math.log10(step))) if step else 2
    return [f"{value:.{digits}f} {unit}".strip() for value in values]
