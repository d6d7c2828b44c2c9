"""The explorer: sample, sweep, traverse, edit, find, map and train in tabs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets

from galwidget.widgets.beside import hear_beside_cells
from galwidget.widgets.editor import GalaxyEditor
from galwidget.widgets.export import write_page
from galwidget.widgets.frames import FrameWidget
from galwidget.widgets.grid import GalaxyGrid
from galwidget.widgets.late import LateTab
from galwidget.widgets.rerun import note
from galwidget.widgets.sweep import AttributeSweep
from galwidget.widgets.traversal import LatentTraversal

if TYPE_CHECKING:
    from os import PathLike

    from astropy.table import QTable
    from matplotlib.figure import Figure

    from galwidget.galaxies import Galaxies
    from galwidget.galaxy_model import GalaxyModel, Latent
    from galwidget.science.votes import Voters
    from galwidget.widgets.find import GalaxyFinder
    from galwidget.widgets.map import LatentMap
    from galwidget.widgets.monitor import TrainingMonitor

__all__ = ["Explorer", "explore"]


class Explorer(ipywidgets.Tab):
    """Widgets of one model in tabs; what is selected is that of the open tab.

    Parameters
    ----------
    model
        The model that is explored.
    galaxies
        Galaxies of one's own, to be shown, swept, traversed and edited.
    voters
        Who says what is of one kind in the tab *Find*; see `explore`.

    Notes
    -----
    What is read (``selected``, ``latent``, ``table``) and written (``code``, ``figure``, ``to_fits``, ``to_png``) is that of the open tab;
    on the tab *Train*, which shows no galaxies, these raise a `ValueError` that says what to do.
    """

    def __init__(self, model: GalaxyModel, galaxies: Galaxies | None = None, voters: Voters | None = None) -> None:
        self.grid = GalaxyGrid(model)
        self.sweep = AttributeSweep(model, of=galaxies)
        self.traversal = LatentTraversal(model, of=galaxies)
        tabs: dict[str, FrameWidget] = {"Sample": self.grid, "Sweep": self.sweep, "Traverse": self.traversal}
        if galaxies is not None:
            self.galaxies = GalaxyGrid(galaxies=galaxies, known_to=model)
            self.editor = GalaxyEditor(model, galaxies)
            tabs |= {"Edit": self.editor, "Galaxies": self.galaxies}
        late = {} if galaxies is None else {"Find": LateTab(lambda: _finder(model, galaxies, voters))}
        late |= {"Map": LateTab(lambda: _map(model, galaxies)), "Train": LateTab(lambda: _monitor(model, galaxies))}
        super().__init__([*tabs.values(), *late.values()], titles=[*tabs, *late], selected_index=0)
        self.add_class("gw-explorer")
        self._own_layout = self.layout
        self.observe(self._opened, "selected_index")
        hear_beside_cells(self)
        note(self)

    def _opened(self, _: Any) -> None:
        child = self.children[self.selected_index or 0]
        if isinstance(child, LateTab):
            child.begin()

    @property
    def finder(self) -> GalaxyFinder:
        """The widget of the tab *Find*, which is there with galaxies of one's own."""
        return self.children[self.titles.index("Find")].content

    @property
    def map(self) -> LatentMap:
        """The widget of the tab *Map*."""
        return self.children[self.titles.index("Map")].content

    @property
    def training(self) -> TrainingMonitor:
        """The widget of the tab *Train*."""
        return self.children[self.titles.index("Train")].content

    @property
    def at_work(self) -> bool:
        """Whether a training is running in the tab *Train*."""
        made = self.children[self.titles.index("Train")].children[0]
        return getattr(made, "phase", None) in ("training", "paused", "trained")

    @property
    def widget(self) -> Any:
        """The widget of the open tab."""
        child = self.children[self.selected_index or 0]
        return child.content if isinstance(child, LateTab) else child

    @property
    def _galaxies_of(self) -> Any:
        """The widget of the open tab, if it shows galaxies."""
        if self.titles[self.selected_index or 0] == "Train":
            others = ", ".join(title for title in self.titles if title != "Train")
            raise ValueError(
                f"the tab Train is open, which shows no galaxies; open another ({others}), or take what the training made from "
                "explorer.training: its model, once it is done"
            )
        return self.widget

    @property
    def selected(self) -> Galaxies:
        """The selected galaxies of the open tab."""
        return self._galaxies_of.selected

    @property
    def latent(self) -> Latent | None:
        """Their latent, or None where they did not come from a model."""
        return self._galaxies_of.latent

    @property
    def table(self) -> QTable:
        """Their attributes."""
        return self._galaxies_of.table

    def code(self, form: str = "galaxies") -> str:
        """Text of a notebook cell that makes them again; ``form`` as in `FrameWidget.code`."""
        return self._galaxies_of.code(form)

    def figure(self, **options: Any) -> Figure:
        """A matplotlib figure of the open tab; ``options`` as in the ``figure`` of its widget."""
        return self._galaxies_of.figure(**options)

    def to_fits(self, path: str | PathLike[str], *, overwrite: bool = False) -> None:
        """Write the selected galaxies of the open tab (all, where none is) as FITS."""
        self._galaxies_of.to_fits(path, overwrite=overwrite)

    def to_png(self, path: str | PathLike[str], *, zoom: int = 1) -> None:
        """Write the sheet of the open tab, ``zoom`` pixels of the file a pixel of the galaxies; of a map its figure."""
        self._galaxies_of.to_png(path, zoom=zoom)

    def export_html(self, path: str | PathLike[str], title: str = "Galaxies that do not exist") -> None:
        """Write one offline file with the tabs of galaxies, one under the other (see `FrameWidget.export_html`).

        *Find* and *Map* are among them where they were opened, after what they were making is there: neighbours as pictures that stretch,
        the map as a picture.
        """
        parts = {name: child.made if isinstance(child, LateTab) else child for name, child in zip(self.titles, self.children, strict=True)}
        for name in ("Find", "Map"):
            if parts.get(name) is not None:
                parts[name].wait()
        write_page([part for name, part in parts.items() if part is not None and name != "Train"], path, title)

    def close(self) -> None:
        """Free every tab's thread and its browser side."""
        for child in self.children:
            child.close()
        super().close()
        self._own_layout.close()

    def _repr_mimebundle_(self, **arguments: Any) -> dict[str, Any]:
        bundle = super()._repr_mimebundle_(**arguments)
        return {**bundle, **self.grid.still()}


def _finder(model: GalaxyModel, galaxies: Galaxies, voters: Voters | None) -> GalaxyFinder:
    from galwidget.widgets.find import GalaxyFinder  # noqa: PLC0415 (the galaxies are encoded only where the tab is opened)

    return GalaxyFinder(model, galaxies, voters=voters)


def _map(model: GalaxyModel, galaxies: Galaxies | None) -> LatentMap:
    from galwidget.widgets.map import LatentMap  # noqa: PLC0415 (bqplot only where the tab is opened)

    return LatentMap(model, galaxies)


def _monitor(model: GalaxyModel, galaxies: Galaxies | None) -> TrainingMonitor:
    from galwidget.widgets.monitor import TrainingMonitor  # noqa: PLC0415 (Lightning only where the tab is opened)

    return TrainingMonitor(galaxies, model)


def explore(model: GalaxyModel | None = None, galaxies: Galaxies | None = None, *, voters: Voters | None = None) -> Explorer:
    """Explore a model in tabs: sample galaxies, sweep attributes, traverse the latent space, edit galaxies of one's own.

    Parameters
    ----------
    model
        Default: the model that ships with the package, `galwidget.load`.
    galaxies
        Galaxies of one's own in the model's bands; with them come the tabs *Edit*, *Galaxies* and *Find*.
    voters
        Who says what is of one kind, from `galwidget.fit_votes` or `galwidget.Voters.load`: where galaxies are alike in kind, *Find* then
        shows those of which people would say the same. They must have learnt from galaxies of the same survey and stamps.

    Returns
    -------
    Explorer
        A widget with ``selected``, ``latent``, ``table`` and ``code()``.

    Raises
    ------
    ValueError
        Voters were given without galaxies, or learnt from pictures of another survey or size.
    """
    if voters is not None:
        if galaxies is None:
            raise ValueError("voters were given without galaxies to be asked about; give galaxies, or leave voters out")
        voters.check(galaxies)
    if model is None:
        from galwidget.galaxy_model import load  # noqa: PLC0415 (torch only when there is a model to be run)

        model = load()
    return Explorer(model, galaxies, voters)
