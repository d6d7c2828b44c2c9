"""A grid of galaxies: sampled ones that do not exist, under any conditions, or a sample of real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from traitlets import Dict, Float, Int, List, validate

from galwidget.widgets import conditions as asked
from galwidget.widgets.details import details
from galwidget.widgets.frames import FrameWidget
from galwidget.widgets.shown import Shown, StateError, state
from galwidget.widgets.stitch import Recipe, name_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from astropy.table import QTable

    from galwidget.galaxies import Galaxies
    from galwidget.galaxy_model import GalaxyModel, Latent

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
    corners
        Seeds of the galaxies at the corners (top left, top right, bottom left, bottom right), between which the grid is mixed
        (`galwidget.mix`); none: every galaxy is a draw of its own.
    known_to
        A model that says of the given ``galaxies``, in the side panel, where they are and what it predicts of them.

    Raises
    ------
    ValueError
        Neither or both of ``model`` and ``galaxies``, a condition that the model does not know, or corners that are not four.

    Examples
    --------
    >>> grid = GalaxyGrid(model, conditions={"mag_r": (18, 20)})  # doctest: +SKIP
    >>> grid.selected.write("selected.fits")  # doctest: +SKIP
    """

    seed = state(Int(1, min=0))
    temperature = state(Float(1.0, min=0.0, max=2.0))
    conditions = state(Dict())
    corners = state(List(Int(min=0), help="four seeds to be mixed; none for a draw a cell"))
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
        corners: Sequence[int] = (),
        known_to: GalaxyModel | None = None,
    ) -> None:
        if (model is None) == (galaxies is None):
            given = "neither" if model is None else "both"
            raise ValueError(f"{given} of model and galaxies given; give a model to draw from, or galaxies to be shown")
        self._galaxies, self._known_to = galaxies, known_to
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
            corners=list(corners),
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

    @validate("corners")
    def _four_corners(self, proposal: Any) -> list[int]:
        if proposal["value"] and self.model is None:
            raise StateError("corners came without a model; give a model to mix galaxies of")
        if len(proposal["value"]) not in (0, 4):
            raise StateError(f"corners are {proposal['value']}; give four seeds (top left, top right, bottom left, bottom right) or none")
        return proposal["value"]

    def _draw(self, wanted: dict[str, Any]) -> Latent:
        from galwidget.grids import mix  # noqa: PLC0415 (torch only when there is a model to be run)

        model: Any = self.model
        given = {"temperature": wanted["temperature"], **asked.arguments(wanted["conditions"])}
        if wanted["corners"]:
            return mix(model, wanted["corners"], wanted["rows"], wanted["columns"], **given)
        return model.draw(wanted["rows"] * wanted["columns"], seed=wanted["seed"], **given)

    def _show(self, wanted: dict[str, Any], *, draft: bool = False) -> Shown:
        cells = wanted["rows"] * wanted["columns"]
        if self._galaxies is not None:
            first = min(wanted["page"], (len(self._galaxies) - 1) // cells) * cells if len(self._galaxies) else 0
            return Shown(self._galaxies[first : first + cells], wanted["rows"], wanted["columns"], first=first)
        model: Any = self.model
        latent = self._draw(wanted)
        about: dict[str, Any] = {} if draft else {"outside": self._outside(latent)}
        census = getattr(model, "census", None)  # of an older model, or one's own, there is none
        if census is not None:
            about["there"] = [census.count(**asked.arguments(wanted["conditions"])), census.total]
        return Shown(model.decode(latent, attributes=not draft), wanted["rows"], wanted["columns"], lambda: latent, about=about)

    def _details(self, wanted: dict[str, Any], cell: int) -> dict[str, Any]:
        if self._galaxies is None or self._known_to is None:
            return super()._details(wanted, cell)
        galaxy = self._galaxies[self._shown(wanted).first + cell]
        return details(self._known_to, self._known_to.encode(galaxy), galaxy)

    @property
    def selected(self) -> Galaxies:
        """The selected galaxies, in order; of given galaxies also those selected on other pages."""
        if self._galaxies is not None:
            return self._galaxies[np.array([i for i in self.selection if i < len(self._galaxies)], dtype=int)]
        return super().selected

    def _selectable(self) -> tuple[QTable, int]:
        return super()._selectable() if self._galaxies is None else (self._galaxies.table, 0)

    def _recipe(self) -> Recipe:
        if self._galaxies is not None:
            return Recipe("", name_of(self._galaxies, "galaxies"), self.selection)
        given = asked.as_arguments(self.conditions) + ("" if self.temperature == 1 else f", temperature={self.temperature!r}")
        sample = f"model.sample({self.rows * self.columns}, seed={self.seed}{given})"
        if self.corners:
            sample = f"model.decode(gw.mix(model, {self.corners}, {self.rows}, {self.columns}{given}))"
        return Recipe(f"shown = {sample}\n", "shown", self._cells(), self.model)
