"""A latent traversal: one latent dimension a row, scrubbed in the page from strips decoded ahead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from traitlets import Bool, Dict, Float, Int, List, validate

from galwidget.attributes import describe
from galwidget.widgets.frames import FrameWidget
from galwidget.widgets.given import Given
from galwidget.widgets.shown import Shown, StateError, state
from galwidget.widgets.stitch import Recipe, latent_text

if TYPE_CHECKING:
    from galwidget.galaxies import Galaxies
    from galwidget.galaxy_model import GalaxyModel, Latent

__all__ = ["LatentTraversal"]

#: Steps of a strip between two neighbouring cells of its row: fine enough that the scrub looks continuous.
FINER = 4
#: Correlation with an attribute from which a latent dimension is called after it, and from which only partly so.
_MOSTLY, _PARTLY = 0.6, 0.3


class LatentTraversal(FrameWidget):
    """What each latent dimension does to a galaxy: a row a dimension, the galaxy where its sliders stand beside them.

    Parameters
    ----------
    model
        The model that is asked.
    of
        Galaxies (images or latents), of which one is traversed; default: one drawn with ``seed``.
    dims
        Latent dimensions; default: the eight that change the picture most.
    extent
        The rows run from ``-extent`` to ``extent`` standard deviations of the dimension over the training data.
    steps
        Cells a row.
    seed
        Of the drawn galaxy.
    galaxy
        Which of the galaxies ``of``.

    Attributes
    ----------
    drawn
        Whether the galaxy is one that is drawn with ``seed``, though there are given ones.

    Raises
    ------
    ValueError
        A dimension that the model does not have, or a galaxy that was not given.
    """

    seed = state(Int(1, min=0))
    dims = state(List(Int(min=0)))
    extent = state(Float(3.0, min=0.1, max=10.0))
    steps = state(Int(9, min=2, max=33))
    position = state(Dict(help="dimensions that were moved, and where to in standard deviations"))
    galaxy = state(Int(0, min=0, help="which of the given galaxies"))
    drawn = state(Bool(default_value=False, help="a galaxy drawn with the seed, though some were given"))
    given = Int(0, help="number of given galaxies; 0 where one is drawn").tag(sync=True)

    _request_kinds: ClassVar[tuple[str, ...]] = ("frame", "code", "where", "details", "strip", "exact")

    def __init__(
        self,
        model: GalaxyModel,
        of: Galaxies | Latent | None = None,
        dims: Sequence[int] | None = None,
        extent: float = 3.0,
        steps: int = 9,
        seed: int = 1,
        *,
        galaxy: int = 0,
    ) -> None:
        self._of = None if of is None else Given(of)
        self._unit: tuple[np.ndarray, np.ndarray] | None = None
        super().__init__(
            model,
            model.survey,
            kind="traversal",
            dims=list(model.active_dimensions[:8] if dims is None else dims),
            extent=extent,
            steps=steps,
            seed=seed,
            galaxy=galaxy,
            given=0 if of is None else len(of),
        )

    @validate("galaxy")
    def _of_the_given(self, proposal: Any) -> int:
        given = 1 if self._of is None else len(self._of)
        if proposal["value"] >= given:
            raise StateError(f"galaxy {proposal['value']} was asked for, but there are {given}, from 0")
        return proposal["value"]

    @validate("dims")
    def _known_dims(self, proposal: Any) -> list[int]:
        size = self.model.latent_size  # type: ignore[union-attr]
        wrong = [dim for dim in proposal["value"] if dim >= size]
        if wrong or not proposal["value"]:
            raise StateError(f"latent dimensions {proposal['value']}; give at least one of 0 to {size - 1}")
        return proposal["value"]

    @validate("position")
    def _whole_position(self, proposal: Any) -> dict[str, float]:
        size = self.model.latent_size  # type: ignore[union-attr]
        position = {str(int(dim)): float(value) for dim, value in proposal["value"].items()}
        if any(not 0 <= int(dim) < size for dim in position) or not np.isfinite(list(position.values())).all():
            raise StateError(f"position {proposal['value']!r}; give finite numbers for latent dimensions 0 to {size - 1}")
        return position

    def _galaxy(self, wanted: dict[str, Any]) -> Latent:
        """Latent of the one galaxy where the sliders stand."""
        model: Any = self.model
        own = None if wanted["drawn"] else self._of
        start = model.draw(1, seed=wanted["seed"]) if own is None else own.latent(model, [wanted["galaxy"]])
        mean = np.array(start.mean, dtype=np.float32)
        center, spread = self._units()
        for dim, sigma in wanted["position"].items():
            mean[0, int(dim)] = center[int(dim)] + sigma * spread[int(dim)]
        return type(start)(mean, start.std)

    def _units(self) -> tuple[np.ndarray, np.ndarray]:
        """Center and spread of each latent dimension over the training data, shape (d,), as a traversal steps through them."""
        if self._unit is None:
            model: Any = self.model
            size = model.latent_size
            steps = model.traverse_latent(range(size), of=model.draw(1, seed=0), extent=1.0, steps=3).mean.reshape(size, 3, size)
            steps = steps[np.arange(size), :, np.arange(size)]
            self._unit = steps[:, 1], steps[:, 2] - steps[:, 1]
        return self._unit

    def _name(self, dim: int) -> str:
        """A latent dimension and the attribute that it goes with most, over the galaxies that the model was calibrated on."""
        meaning = getattr(self.model, "about", {}).get("meanings", {})
        if dim >= len(meaning) or meaning[dim] is None:
            return f"z{dim}"
        name, r = meaning[dim]
        if abs(r) < _PARTLY:
            return f"z{dim}: no one attribute"
        how = "mostly" if abs(r) >= _MOSTLY else "partly"
        correlation = f"r = {r:.2f}".replace("-", "\N{MINUS SIGN}").replace(" ", "\N{NO-BREAK SPACE}")
        return f"z{dim}: {how} {describe(name).label}, {correlation}"

    def _show(self, wanted: dict[str, Any], *, draft: bool = False) -> Shown:
        model: Any = self.model
        here = self._galaxy(wanted)
        rows = model.traverse_latent(wanted["dims"], of=here, extent=wanted["extent"], steps=wanted["steps"])
        latent = type(here).concatenate([rows, here])
        labels = [self._name(dim) for dim in wanted["dims"]]
        center, spread = self._units()
        sigma = (here.mean[0] - center) / spread
        about: dict[str, Any] = {"here": [float(sigma[dim]) for dim in wanted["dims"]], "dims": wanted["dims"], "extent": wanted["extent"]}
        if not draft:
            about["outside"] = self._outside(latent)
        return Shown(
            model.decode(latent, attributes=not draft), len(wanted["dims"]), wanted["steps"], lambda: latent, row_labels=labels, about=about
        )

    def _strip_rows(self, wanted: dict[str, Any]) -> int:
        return len(wanted["dims"])

    def _show_strip(self, wanted: dict[str, Any], row: int) -> Shown:
        model: Any = self.model
        dims = wanted["dims"]
        if not isinstance(row, int) or not 0 <= row < len(dims):
            raise ValueError(f"strip of row {row!r}; there are rows 0 to {len(dims) - 1}")
        steps = (wanted["steps"] - 1) * FINER + 1
        latent = model.traverse_latent([dims[row]], of=self._galaxy(wanted), extent=wanted["extent"], steps=steps)
        return Shown(model.decode(latent, attributes=False), 1, steps, lambda: latent)

    def _show_exact(self, wanted: dict[str, Any], at: float) -> Shown:
        model: Any = self.model
        here, dims = self._galaxy(wanted), np.array(wanted["dims"])
        center, spread = self._units()
        mean = np.repeat(here.mean, len(dims), axis=0)
        mean[np.arange(len(dims)), dims] = (center + at * wanted["extent"] * spread)[dims]
        latent = type(here)(mean, np.repeat(here.std, len(dims), axis=0))
        return Shown(model.decode(latent, attributes=False), len(dims), 1, lambda: latent)

    def _figure_labels(self) -> dict[str, Any]:
        sigma = np.linspace(-self.extent, self.extent, self.steps)
        labels = [f"{value:+.3g}".replace("-", "\N{MINUS SIGN}") if value else "0" for value in sigma]
        return {"column_labels": labels, "column_title": "standard deviations of the latent dimension", "values": []}

    def _recipe(self) -> Recipe:
        here = f"model.draw(1, seed={self.seed})"
        if (self._of is not None and not self.drawn) or self.position:
            here = latent_text(self._galaxy(self._wanted()))
        setup = (
            f"here = {here}\n"
            f"rows = model.traverse_latent({self.dims}, of=here, extent={self.extent!r}, steps={self.steps})\n"
            f"shown = model.decode(gw.Latent.concatenate([rows, here]))\n"
        )
        return Recipe(setup, "shown", self._cells(), self.model)
