"""An attribute sweep: galaxies row by row with more of one attribute; or one galaxy, with more of another from column to column."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from traitlets import Bool, Float, Int, List, Unicode, validate
from traitlets import Dict as DictTrait

from galwidget.attributes import describe
from galwidget.widgets import conditions as asked
from galwidget.widgets.frames import FrameWidget
from galwidget.widgets.given import Given
from galwidget.widgets.shown import Shown, StateError, state
from galwidget.widgets.stitch import Recipe, latent_text

if TYPE_CHECKING:
    from galwidget.galaxies import Galaxies
    from galwidget.galaxy_model import GalaxyModel, Latent

__all__ = ["AttributeSweep"]

_MOST = 32
#: Values of the strip that the scrub runs through.
_FINE = 32


class AttributeSweep(FrameWidget):
    """Each row a value of one attribute, increasing downwards, each column a galaxy, or a value of a second attribute of one galaxy.

    Everything else of a galaxy stays.

    Parameters
    ----------
    model
        The model that is asked.
    attribute
        Name of the swept attribute, one of ``model.conditions``.
    of
        The galaxies of the columns (images or latents); default: ``columns`` galaxies drawn with ``seed``.
    rows, columns
        Values of the attribute, and number of galaxies (at most those that are given) or values of ``across``, 1 to 32.
    seed
        Of the drawn galaxies.
    low, high
        First and last value in the attribute's unit; default: the range that the training data had.
    across
        Name of a second attribute, which increases to the right: the galaxy ``of[galaxy]``, or the first one drawn, is swept in both.
    across_low, across_high
        As ``low`` and ``high``, of the second attribute.
    galaxy
        Which of the galaxies ``of`` is swept in both, or stands in the first column.

    Attributes
    ----------
    drawn
        Whether the galaxies are drawn with ``seed``, though there are given ones.

    Raises
    ------
    ValueError
        The model has no such attribute, both are the same, or there is no such galaxy.
    """

    attribute = state(Unicode())
    low = state(Float(None, allow_none=True))
    high = state(Float(None, allow_none=True))
    rows = state(Int(8, min=1, max=_MOST))
    columns = state(Int(8, min=1, max=_MOST))
    across = state(Unicode("", help="a second attribute, to the right; empty for a galaxy a column"))
    across_low = state(Float(None, allow_none=True))
    across_high = state(Float(None, allow_none=True))
    galaxy = state(Int(0, min=0, help="which of the given galaxies is swept in two attributes, or stands first"))
    drawn = state(Bool(default_value=False, help="galaxies drawn with the seed, though some were given"))
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
        across: str = "",
        across_low: float | None = None,
        across_high: float | None = None,
        galaxy: int = 0,
    ) -> None:
        self._of = None if of is None else Given(of)
        given = 0 if of is None else len(of)
        columns = min(given, columns) if given and not across else columns
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
            across=across,
            across_low=across_low,
            across_high=across_high,
            galaxy=galaxy,
            controls=asked.controls(model),
            given=given,
        )

    _request_kinds: ClassVar[tuple[str, ...]] = ("frame", "code", "where", "details", "strip", "exact")
    _rough: ClassVar[bool] = True
    #: The newest state whose points are known, and they.
    _placed: tuple[str, Latent] | None = None

    @validate("attribute", "across")
    def _known_attribute(self, proposal: Any) -> str:
        model: Any = self.model
        name = proposal["value"]
        if name not in model.conditions and (name or proposal["trait"].name == "attribute"):
            raise StateError(f"no attribute is named {name!r}; this model sweeps {', '.join(model.conditions)}")
        return name

    def _values(self, wanted: dict[str, Any]) -> np.ndarray:
        return self._steps(wanted["attribute"], wanted["low"], wanted["high"], wanted["rows"])

    def _steps(self, name: str, low: float | None, high: float | None, count: int) -> np.ndarray:
        condition = self.model.conditions[name]  # type: ignore[union-attr]
        if condition.categories:
            return np.array(condition.categories)
        low = condition.low if low is None else low
        high = condition.high if high is None else high
        return asked.grid_of_values(condition, min(low, high), max(low, high), count)

    def _start(self, wanted: dict[str, Any]) -> Latent:
        """Latents of the columns' galaxies, or of the one that is swept in two attributes; those of given images are encoded once."""
        model: Any = self.model
        if self._of is None or wanted["drawn"]:
            return model.draw(1 if wanted["across"] else wanted["columns"], seed=wanted["seed"])
        first, given = wanted["galaxy"], len(self._of)
        if first >= given:
            raise StateError(f"galaxy {first} was asked for, but there are {given}, from 0")
        return self._of.latent(model, range(first, first + 1 if wanted["across"] else min(first + wanted["columns"], given)))

    def _strip_rows(self, wanted: dict[str, Any]) -> int:
        return 0 if self.model.conditions[wanted["attribute"]].categories else 1  # type: ignore[union-attr]

    def _show_strip(self, wanted: dict[str, Any], row: int) -> Shown:
        if not isinstance(row, int) or not 0 <= row < self._strip_rows(wanted):
            raise ValueError(f"strip {row!r} of {wanted['attribute']}; there are {self._strip_rows(wanted)}")
        finer = max(1, _FINE // max(1, wanted["rows"] - 1))
        return self._show_rough({**wanted, "rows": (wanted["rows"] - 1) * finer + 1})

    def _show_exact(self, wanted: dict[str, Any], at: float) -> Shown:
        if not self._strip_rows(wanted):
            raise ValueError(f"{wanted['attribute']} has no values between its names")
        ends = self._values(wanted)[[0, -1]]
        part = (at + 1) / 2
        log = self.model.conditions[wanted["attribute"]].log and ends[0] > 0  # type: ignore[union-attr]
        value = float(ends[0] * (ends[1] / ends[0]) ** part if log else ends[0] + (ends[1] - ends[0]) * part)
        there = {**wanted, "rows": 1, "low": value, "high": value}
        return self._swept(there, self._points(there), draft=True)

    def _figure_labels(self) -> dict[str, Any]:
        labels: dict[str, Any] = {"row_title": describe(self.attribute).label, "values": []}
        if self.across:
            known = describe(self.across)
            title = f"{known.label} ({known.unit})" if known.unit else known.label
            labels |= {"column_labels": self._shown(self._wanted()).column_labels, "column_title": title}
        return labels

    def _show(self, wanted: dict[str, Any], *, draft: bool = False) -> Shown:
        key = json.dumps(wanted, sort_keys=True)
        if self._placed is None or self._placed[0] != key:  # the pixels and then the attributes of one state are asked for
            self._placed = key, self._points(wanted)
        return self._swept(wanted, self._placed[1], draft=draft)

    def _show_rough(self, wanted: dict[str, Any]) -> Shown:
        return self._swept(wanted, self._points(wanted, rough=True), draft=True)

    def _swept(self, wanted: dict[str, Any], points: Latent, *, draft: bool) -> Shown:
        from galwidget.predicted import with_unit  # noqa: PLC0415 (torch only when there is a model to be run)

        model: Any = self.model
        galaxies = model.decode(points, attributes=not draft)
        values = self._values(wanted)
        columns = len(points) // len(values)
        steps = {wanted["attribute"]: np.repeat(values, columns)}
        labels: list[str] = []
        if wanted["across"]:
            across = self._across(wanted)
            steps[wanted["across"]], labels = np.tile(across, len(values)), _labels(across, "")
        ends: tuple[Any, Any] = (None, None) if values.dtype.kind == "U" else (float(values[0]), float(values[-1]))
        about: dict[str, Any] = dict(zip(("low", "high"), ends, strict=True))
        if not draft:
            for name, asks in steps.items():
                galaxies.table[f"requested_{name}"] = with_unit(name, asks)
            about["outside"] = self._outside(points)
        names = _labels(values, describe(wanted["attribute"]).unit)
        return Shown(galaxies, len(values), columns, lambda: points, row_labels=names, column_labels=labels, about=about)

    def _points(self, wanted: dict[str, Any], *, rough: bool = False) -> Latent:
        from galwidget.grids import plane_latent  # noqa: PLC0415 (torch only when there is a model to be run)

        model: Any = self.model
        asks: dict[str, Any] = {"of": self._start(wanted), "seed": wanted["seed"], "draft": rough}
        values = self._values(wanted).tolist()
        if not wanted["across"]:
            return model.sweep_latent(wanted["attribute"], values=values, **asks)
        return plane_latent(model, wanted["attribute"], wanted["across"], rows=values, columns=self._across(wanted).tolist(), **asks)

    def _across(self, wanted: dict[str, Any]) -> np.ndarray:
        return self._steps(wanted["across"], wanted["across_low"], wanted["across_high"], wanted["columns"])

    def _recipe(self) -> Recipe:
        wanted = self._wanted()
        values = self._values(wanted).tolist()
        start = f"model.draw({1 if self.across else self.columns}, seed={self.seed})"
        if self._of is not None and not self.drawn:
            start = latent_text(self._start(wanted))
        sweep = f"model.sweep({self.attribute!r}, of=start, values={values!r}, seed={self.seed})"
        if self.across:
            columns = self._across(wanted).tolist()
            sweep = (
                f"gw.sweep_plane(\n    model, {self.attribute!r}, {self.across!r}, of=start, seed={self.seed},\n"
                f"    rows={values!r},\n    columns={columns!r},\n)"
            )
        return Recipe(f"start = {start}\nshown = {sweep}\n", "shown", self._cells(), self.model)


def _labels(values: np.ndarray, unit: str) -> list[str]:
    """Values with as many digits as tell neighbours apart, and their unit."""
    if values.dtype.kind == "U":
        return [str(value) for value in values]
    step = float(np.abs(np.diff(values)).min()) if len(values) > 1 else 0.0
    digits = max(0 if step.is_integer() else 1, 1 - math.floor(math.log10(step))) if step else 2
    return [f"{value:.{digits}f} {unit}".strip() for value in values]
