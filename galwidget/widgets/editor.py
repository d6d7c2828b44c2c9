"""A galaxy of one's own: its reconstruction, the residual in sigma, and the galaxy with attributes changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from traitlets import Bool, Dict, Int, List, validate

from galwidget.galaxies import Galaxies
from galwidget.widgets import conditions as asked
from galwidget.widgets.frames import FrameWidget, Shown, StateError, state
from galwidget.widgets.stitch import Recipe, name_of

if TYPE_CHECKING:
    from galwidget.galaxy_model import GalaxyModel, Latent

__all__ = ["GalaxyEditor"]


class GalaxyEditor(FrameWidget):
    """Galaxy, reconstruction, residual and edit, side by side; a slider an attribute.

    Parameters
    ----------
    model
        The model that is asked.
    galaxies
        Galaxies with images in the model's bands; `index` says which is shown.
    index
        The galaxy that is shown first.

    Raises
    ------
    ValueError
        No galaxies, or galaxies without images.
    """

    index = state(Int(0, min=0))
    edits = state(Dict(help="attributes asked of the edited galaxy, by name"))
    telescope = state(Bool(True, help="show the edited galaxy through its own PSF, else before the telescope"))
    controls = List(Dict()).tag(sync=True)
    total = Int(0).tag(sync=True)

    _drafts: ClassVar[bool] = False  # three galaxies are soon sent, and the panel shows their attributes
    CELLS = ("galaxy", "reconstruction", "edited")

    def __init__(self, model: GalaxyModel, galaxies: Galaxies, index: int = 0) -> None:
        galaxies.require_images()
        if not len(galaxies):
            raise ValueError("no galaxies were given; give at least one with images")
        self._galaxies = galaxies
        super().__init__(
            model,
            galaxies.survey,
            kind="editor",
            index=index,
            controls=asked.controls(model),
            total=len(galaxies),
            selection=[self.CELLS.index("edited")],
        )

    @validate("index")
    def _one_of_them(self, proposal: Any) -> int:
        if proposal["value"] >= len(self._galaxies):
            raise StateError(f"galaxy {proposal['value']} was asked for, but there are {len(self._galaxies)}")
        return proposal["value"]

    @validate("edits")
    def _known_edits(self, proposal: Any) -> dict[str, Any]:
        return asked.checked(self.model, proposal["value"])  # type: ignore[arg-type]

    @property
    def edited(self) -> Galaxies:
        """The edited galaxy, noiseless and before the telescope, shape (1, band, y, x)."""
        model: Any = self.model
        latent: Any = self._shown(self._wanted()).latent()
        return model.decode(latent[self.CELLS.index("edited")])

    def _edit(self, latent: Latent, wanted: dict[str, Any]) -> Latent:
        model: Any = self.model
        return model.edit_latent(latent, seed=0, **asked.arguments(wanted["edits"])) if wanted["edits"] else latent

    def _show(self, wanted: dict[str, Any], *, draft: bool = False) -> Shown:
        from galwidget.observation import observe  # noqa: PLC0415 (scipy only when a galaxy is looked at)

        del draft
        model: Any = self.model
        galaxy = self._galaxies[wanted["index"]]
        latent = model.encode(galaxy)
        edited = self._edit(latent, wanted)
        both = type(latent).concatenate([latent, edited])
        decoded = model.decode(both)
        seen = observe(decoded, psf=galaxy.psfs[0], noise=False)
        flux, ivar = galaxy.require_images()
        residual = (flux - seen.require_images()[0][:1]) * np.sqrt(ivar)
        good = ivar > 0
        residual[~good] = np.nan  # drawn grey: nothing is known there
        chi2 = float(np.mean(residual[good] ** 2)) if good.any() else float("nan")
        last = seen[1] if wanted["telescope"] else decoded[1]
        about = {"chi2": chi2, "values": {name: _value(decoded[1], name) for name in model.conditions if name in decoded.table.colnames}}
        parts = [galaxy.with_table(galaxy.table[[name for name in galaxy.table.colnames if name in decoded.table.colnames]]), seen[0], last]
        cells = Galaxies.concatenate([Galaxies(p.flux, p.ivar, galaxy.psfs[0], p.table, survey=galaxy.survey) for p in parts])
        return Shown(cells, 1, 3, lambda: type(latent).concatenate([latent, both]), residual=residual, about=about)

    def _figure_labels(self) -> dict[str, Any]:
        return {"captions": ("galaxy", "reconstruction", "residual", "edited")}

    def _recipe(self) -> Recipe:
        edited = f"model.edit_latent(latent, seed=0{asked.as_arguments(self.edits)})" if self.edits else "latent"
        setup = (
            f"galaxy = {name_of(self._galaxies, 'galaxies')}[{self.index}]\n"
            f"latent = model.encode(galaxy)\n"
            f"edited = {edited}\n"
            f"decoded = model.decode(gw.Latent.concatenate([latent, edited]))  # before the telescope\n"
            f"seen = gw.observe(decoded, psf=galaxy.psfs[0], noise=False)\n"
            f"shown = gw.Galaxies.concatenate([\n"
            f"    gw.Galaxies(part.flux, part.ivar, galaxy.psfs[0], part.table, survey=galaxy.survey)\n"
            f"    for part in (galaxy, seen[0], {'seen' if self.telescope else 'decoded'}[1])\n"
            f"])\n"
        )
        return Recipe(setup, "shown", self._cells(), self.model)


def _value(galaxies: Galaxies, name: str) -> Any:
    """Attribute of the only galaxy, as JSON."""
    column = galaxies.table[name]
    return float(galaxies.attribute(name)[0]) if np.asarray(column).dtype.kind in "biuf" else str(column[0])
