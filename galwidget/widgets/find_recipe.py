"""The code that finds again what GalaxyFinder shows: neighbours, oddities, or the selected rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from galwidget.galaxies import Galaxies
from galwidget.widgets import conditions as asked
from galwidget.widgets.find_oddities import page_code
from galwidget.widgets.stitch import Recipe, listed, name_of

if TYPE_CHECKING:
    from galwidget.science.votes import Voters
    from galwidget.widgets.find import GalaxyFinder

__all__ = ["recipe"]


def recipe(
    finder: GalaxyFinder, galaxies: Galaxies, reference: Galaxies | str | None, voters: Voters | None, examples: Sequence[int], first: int
) -> Recipe:
    """What the finder shows of ``galaxies``: ``examples`` are no answers, ``first`` is the first oddity of the page."""
    name = name_of(galaxies, "galaxies")
    if finder.selection:
        return Recipe("", name, finder.selection, coder=finder.model)
    if finder.view == "odd":
        given = "" if reference is None else f", reference={_named(reference, galaxies, name)}"
        return _odd(finder, name, given, first)
    asked_by = "" if voters is None else f", voters={name_of(voters, 'voters')}"
    return _alike(finder, name, asked_by, examples, min(finder.k + len(examples), len(galaxies)))


def _named(reference: Galaxies | str, galaxies: Galaxies, name: str) -> str:
    if isinstance(reference, str):
        return f'"{reference}"'
    return name if reference is galaxies else name_of(reference, "reference")


def _alike(finder: GalaxyFinder, name: str, voters: str, examples: Sequence[int], k: int) -> Recipe:
    query = f"{name}[{finder.query}]"
    if finder.plus or finder.minus:
        minus = f", {name}[{listed(finder.minus)}]" if finder.minus else ""
        query = f"gw.like(model, {name}[{listed([finder.query, *finder.plus])}]{minus})"
    if finder.edits:
        query = f"model.edit_latent({query}, seed=0{asked.as_arguments(finder.edits)})"
    by = "" if finder.by == "identity" else f', by="{finder.by}"{voters}'
    setup = (
        f"found = gw.nearest(model, {query}, {name}, k={k}{by})\n"
        f"rows = [row for row in found.index[0] if row not in {listed(examples)}][:{finder.k}]  # not the examples themselves\n"
    )
    return Recipe(setup, f"{name}[rows]", [], finder.model, finder.model)


def _odd(finder: GalaxyFinder, name: str, reference: str, first: int) -> Recipe:
    page = page_code(finder.order, finder.learned, first, finder.k)
    return Recipe(f"found = gw.anomalies(model, {name}{reference})\n{page}", f"{name}[rows]", [], finder.model, finder.model)
