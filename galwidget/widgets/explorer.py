"""The explorer: sample, sweep, traverse and edit in tabs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets

from galwidget.widgets.editor import GalaxyEditor
from galwidget.widgets.frames import FrameWidget
from galwidget.widgets.grid import GalaxyGrid
from galwidget.widgets.sweep import AttributeSweep
from galwidget.widgets.traversal import LatentTraversal

if TYPE_CHECKING:
    from astropy.table import QTable

    from galwidget.galaxies import Galaxies
    from galwidget.galaxy_model import GalaxyModel, Latent

__all__ = ["Explorer", "explore"]

#: Galaxies that are swept side by side; the grid and the editor have all of them.
_SWEPT = 8


class Explorer(ipywidgets.Tab):
    """Widgets of one model in tabs; what is selected is that of the open tab.

    Parameters
    ----------
    model
        The model that is explored.
    galaxies
        Galaxies of one's own, to be shown, swept, traversed and edited.
    """

    def __init__(self, model: GalaxyModel, galaxies: Galaxies | None = None) -> None:
        self.grid = GalaxyGrid(model)
        self.sweep = AttributeSweep(model, of=None if galaxies is None else galaxies[:_SWEPT])
        self.traversal = LatentTraversal(model, of=None if galaxies is None else galaxies[0])
        tabs: dict[str, FrameWidget] = {"Sample": self.grid, "Sweep": self.sweep, "Traverse": self.traversal}
        if galaxies is not None:
            self.galaxies = GalaxyGrid(galaxies=galaxies)
            self.editor = GalaxyEditor(model, galaxies)
            tabs |= {"Edit": self.editor, "Galaxies": self.galaxies}
        super().__init__(list(tabs.values()), titles=list(tabs), selected_index=0)
        self._own_layout = self.layout

    @property
    def widget(self) -> FrameWidget:
        """The widget of the open tab."""
        return self.children[self.selected_index or 0]

    @property
    def selected(self) -> Galaxies:
        """The selected galaxies of the open tab."""
        return self.widget.selected

    @property
    def latent(self) -> Latent | None:
        """Their latent, or None where they did not come from a model."""
        return self.widget.latent

    @property
    def table(self) -> QTable:
        """Their attributes."""
        return self.widget.table

    def code(self) -> str:
        """Text of a notebook cell that makes them again."""
        return self.widget.code()

    def close(self) -> None:
        """Free every tab's thread and its browser side."""
        for child in self.children:
            child.close()
        super().close()
        self._own_layout.close()

    def _repr_mimebundle_(self, **arguments: Any) -> dict[str, Any]:
        bundle = super()._repr_mimebundle_(**arguments)
        return {**bundle, **self.grid.still()}


def explore(model: GalaxyModel | None = None, galaxies: Galaxies | None = None) -> Explorer:
    """Explore a model in tabs: sample galaxies, sweep attributes, traverse the latent space, edit galaxies of one's own.

    Parameters
    ----------
    model
        Default: the model that ships with the package, `galwidget.load`.
    galaxies
        Galaxies of one's own in the model's bands; with them come the tabs *Edit* and *Galaxies*.

    Returns
    -------
    Explorer
        A widget with ``selected``, ``latent``, ``table`` and ``code()``.
    """
    if model is None:
        from galwidget.galaxy_model import load  # noqa: PLC0415 (torch only when there is a model to be run)

        model = load()
    return Explorer(model, galaxies)
