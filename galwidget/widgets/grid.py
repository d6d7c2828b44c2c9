"""A grid of galaxies: sampled ones that do not exist, under any conditions, or a sample of real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from traitlets import Dict, Float, Int, List, validate

from galwidget.widgets import conditions as asked
from galwidget.widgets.frames import FrameWidget, Shown, StateError, state
from galwidget.widgets.stitch import Recipe, name_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from galwidget.galaxies import Galaxies
    from galwidget.galaxy_model import GalaxyModel

__all__ = ["GalaxyGrid"]

_MOST = 32


class GalaxyGrid(FrameWidget):
    """Galaxies on a grid, live: conditions, seed and temperature decode new ones; without a model, the given galaxies by the page.

    Parameters
    ----------
    model
        The model that draws the galaxies; None shows ``galaxies``.
    rows, columns
        Size of the grid, 1 to 32 each.
    seed
        The same seed, model and conditions give the same pixels.
    conditions
        What is asked of the galaxies: a number, a range ``(low, high)``, or names of categories, by attribute; others are free.
    galaxies
        Galaxies with images, to be shown when ``model`` is None.
    temperature
        Spread of the draw: 1 as the data, below 1 towards the typical.

    Raises
    ------
    ValueError
        Neither or both of ``model`` and ``galaxies``, or a condition that the model does not know.

    Examples
    --------
    >>> grid = GalaxyGrid(model, conditions={"mag_r": (18, 20)})  # doctest: +SKIP
    >>> grid.selected.write("selected.fits")  # doctest: +SKIP
    """

    seed = state(Int(1, min=0))
    temperature = state(Float(1.0, min=0.0, max=2.0))
    conditions = state(Dict())
    rows = state(Int(8, min=1, max=_MOST))
    columns = state(Int(8, min=1, max=_MOST))
    page = state(Int(0, min=0, help="which page of the given galaxies"))
    controls = List(Dict()).tag(sync=True)
    total = Int(0, help="number of given galaxies").tag(sync=True)

    def __init__(
        self,
        model: GalaxyModel | None = None,
        rows: int = 8,
        columns: int = 8,
        seed: int = 1,
        conditions: Mapping[str, Any] | None = None,
        galaxies: Galaxies | None = None,
        *,
        temperature: float = 1.0,
    ) -> None:
        if (model is None) == (galaxies is None):
            given = "neither" if model is None else "both"
            raise ValueError(f"{given} of model and galaxies given; give a model to draw from, or galaxies to be shown")
        self._galaxies = galaxies
        if galaxies is not None:
            galaxies.require_images()
            columns = min(columns, max(1, len(galaxies)))
            rows = min(rows, -(-len(galaxies) // columns)) or 1
        super().__init__(
            model,
            galaxies.survey if galaxies is not None else model.survey,  # type: ignore[union-attr]
            kind="grid",
            rows=rows,
            columns=columns,
            seed=seed,
            temperature=temperature,
            conditions=dict(conditions or {}),
            controls=asked.controls(model) if model is not None else [],
            total=len(galaxies) if galaxies is not None else 0,
        )

    @validate("conditions")
    def _known_conditions(self, proposal: Any) -> dict[str, Any]:
        if self.model is None:
            if proposal["value"]:
                raise StateError("conditions came without a model; give a model to draw galaxies from")
            return {}
        return asked.checked(self.model, proposal["value"])

    def _show(self, wanted: dict[str, Any], *, draft: bool = False) -> Shown:
        cells = wanted["rows"] * wanted["columns"]
        if self._galaxies is not None:
            first = min(wanted["page"], (len(self._galaxies) - 1) // cells) * cells if len(self._galaxies) else 0
            return Shown(self._galaxies[first : first + cells], wanted["rows"], wanted["columns"], first=first)
        model: Any = self.model
        latent = model.draw(cells, seed=wanted["seed"], temperature=wanted["temperature"], **asked.arguments(wanted["conditions"]))
        return Shown(model.decode(latent, attributes=not draft), wanted["rows"], wanted["columns"], lambda: latent)

    @property
    def selected(self) -> Galaxies:
        """The selected galaxies, in order; of given galaxies also those selected on other pages."""
        if self._galaxies is not None:
            return self._galaxies[np.array([i for i in self.selection if i < len(self._galaxies)], dtype=int)]
        return super().selected

    def _recipe(self) -> Recipe:
        if self._galaxies is not None:
            return Recipe("", name_of(self._galaxies, "galaxies"), self.selection)
        given = asked.as_arguments(self.conditions) + ("" if self.temperature == 1 else f", temperature={self.temperature!r}")
        sample = f"model.sample({self.rows * self.columns}, seed={self.seed}{given})"
        return Recipe(f"shown = {sample}\n", "shown", self._cells(), self.model)
