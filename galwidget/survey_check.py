"""The one refusal that every tool shares: galaxies of a survey that the model does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galwidget.galaxies import Galaxies

if TYPE_CHECKING:
    from galwidget.galaxy_model import GalaxyModel

__all__ = ["refuse_another_survey"]


def refuse_another_survey(model: GalaxyModel, galaxies: Galaxies) -> None:
    """Whether the model can take these galaxies; `Inputs.check` with the remedy for another telescope's.

    Raises
    ------
    ValueError
        Their bands, pixel scale or size are not those of the model.
    """
    theirs, ours = galaxies.survey, model.survey
    differs = theirs.band_names != ours.band_names or abs(theirs.pixel_scale / ours.pixel_scale - 1) > 0.01
    if galaxies.flux is not None and theirs.name != ours.name and differs:
        raise ValueError(
            f"the galaxies are of {theirs.name} ({', '.join(theirs.band_names)}) and the model knows {ours.name} "
            f"({', '.join(ours.band_names)}); noiseless ones are brought to it by galwidget.observe(galaxies, model.survey), "
            f"observed ones need a model of {theirs.name} (galwidget.fit)"
        )
    model.inputs.check(galaxies)
