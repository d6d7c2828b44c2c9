"""The galaxies of a map beneath it: the decoded point and the selected ones, with the side panel and the tools of all views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from traitlets import Int

from galwidget.galaxies import Galaxies
from galwidget.latent import Latent
from galwidget.widgets.details import details
from galwidget.widgets.frames import FrameWidget
from galwidget.widgets.shown import Shown, state
from galwidget.widgets.wire import ORIENTATION

if TYPE_CHECKING:
    from galwidget.widgets.map import LatentMap

__all__ = ["MapSheet"]

#: Most selected galaxies that are shown, and galaxies a row.
_MOST, _COLUMNS = 31, 8


class MapSheet(FrameWidget):
    """What a `LatentMap` has decoded and selected; the map says when that is something else.

    Parameters
    ----------
    chart
        The map.
    """

    revision = state(Int(0, help="how often the galaxies of the map became others"))
    _drafts: ClassVar[bool] = False  # a few galaxies are soon sent, and their attributes belong to them

    def __init__(self, chart: LatentMap) -> None:
        self._map = chart
        super().__init__(chart.model, chart.model.survey, kind="map")

    @property
    def selected(self) -> Galaxies:
        """The selected galaxies of the map."""
        return self._map.selected

    @property
    def latent(self) -> Latent:
        """Their latent."""
        return self._map.latent

    def code(self, form: str = "galaxies") -> str:
        """The map's own `LatentMap.code`."""
        return self._map.code(form)

    def _rows(self) -> np.ndarray:
        """Rows of the catalogue that are shown, evenly chosen where there are many."""
        rows = np.array(self._map.selection, dtype=int)
        return rows[np.linspace(0, len(rows) - 1, min(_MOST, len(rows))).astype(int)]

    def _show(self, wanted: dict[str, Any], *, draft: bool = False) -> Shown:
        del wanted, draft
        model: Any = self.model
        chart, there = self._map, self._map.places  # without waiting: the map is made with the model, which is locked here
        rows, at = self._rows(), chart.at
        points, parts, titles = [], [], []
        if there is not None and at is not None:
            points.append(Latent(there[0].lift(at)))
            parts.append(self._plain(model.decode(points[0])))
            titles.append(f"decoded at ({at[0]:.2f}, {at[1]:.2f})")
        if there is not None and len(rows):
            points.append(there[1][rows])
            parts.append(self._plain(self._chosen(rows, points[-1])))
            titles += [f"galaxy {row} of {chart.count}" for row in rows]
        if not parts:
            return Shown(Galaxies(np.zeros((0, len(self.bands), 1, 1), np.float32), survey=self._survey), 1, 1, about={"titles": []})
        cells, latent = Galaxies.concatenate(parts), Latent.concatenate(points)
        about = {
            "titles": titles,
            "rows": ["decoded"] * (at is not None) + rows.tolist(),
            "decoded": int(at is not None),
            "seen": self._seen,
            "outside": self._outside(latent),
        }
        return Shown(cells, -(-len(cells) // _COLUMNS), min(_COLUMNS, len(cells)), lambda: latent, about=about)

    @property
    def _seen(self) -> bool:
        """Whether the selected galaxies are pictures that a telescope took."""
        given = self._map.given
        return given is not None and given.flux is not None

    def _chosen(self, rows: np.ndarray, latent: Latent) -> Galaxies:
        model: Any = self.model
        given = self._map.given
        if given is not None and given.flux is not None:
            return given[rows]
        drawn: Galaxies = model.decode(latent)
        return drawn if given is None else drawn.with_table(given.table[rows])

    def _plain(self, galaxies: Galaxies) -> Galaxies:
        """Pixels, and the attributes that the model knows."""
        from galwidget.predicted import with_unit  # noqa: PLC0415 (torch only when there is a model to be run)

        model: Any = self.model
        columns: dict[str, Any] = {}
        for name in galaxies.table.colnames:
            if name in model.conditions or name in ORIENTATION:
                column = galaxies.table[name]
                # a catalogue of one's own may lack the units
                bare = np.asarray(column).dtype.kind in "fiu" and getattr(column, "unit", None) is None
                columns[name] = with_unit(name, galaxies.attribute(name)) if bare else column
        table = columns or {"galaxy": np.arange(len(galaxies))}
        return Galaxies(galaxies.require_images()[0], table=table, survey=self._survey)

    def _details(self, wanted: dict[str, Any], cell: int) -> dict[str, Any]:
        shown = self._shown(wanted)
        latent = shown.latent()
        assert latent is not None  # noqa: S101 (narrows the type)
        first = shown.about["decoded"]
        seen = cell >= first and self._seen
        return details(self.model, latent[[cell]], self._map.given[self._rows()[[cell - first]]] if seen else None)  # type: ignore[index]
