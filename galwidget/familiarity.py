"""Whether a model knows galaxies like these: the density of its prior there, and what of the image it cannot redraw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from galwidget.galaxies import Galaxies
from galwidget.latent import Latent

if TYPE_CHECKING:
    from galwidget.galaxy_model import GalaxyModel

__all__ = ["Familiarity", "calibrate_familiarity", "familiarity"]

#: The decoder may be wrong by this share of a pixel's flux before it counts: a bright galaxy is not strange for being bright.
_TOLERANCE = 0.05
#: Below this share of known galaxies in either respect, a galaxy is outside.
_OUTSIDE = 0.005
_LEVELS = np.linspace(0, 1, 401)


@dataclass(frozen=True, eq=False)
class Familiarity:
    """How n galaxies compare with those that the model was calibrated on.

    Parameters
    ----------
    density
        Share of known galaxies where the prior is thinner, (n,): 0.5 is usual, 0 is nowhere near any.
    residual
        Share of known galaxies whose image is redrawn worse, (n,); NaN without an image.
    """

    density: np.ndarray
    residual: np.ndarray

    @property
    def outside(self) -> np.ndarray:
        """Galaxies that the model does not know, boolean (n,): fewer than one known galaxy in 200 is as strange in one of the two."""
        return (self.density < _OUTSIDE) | (self.residual < _OUTSIDE)

    @property
    def reason(self) -> list[str]:
        """In words, one a galaxy; empty where it is known."""
        thin, left = self.density < _OUTSIDE, self.residual < _OUTSIDE
        words = {
            (True, False): "no known galaxy is like it",
            (False, True): "its image is not redrawn",
            (True, True): "no known galaxy is like it, and its image is not redrawn",
        }
        return [words.get((bool(a), bool(b)), "") for a, b in zip(thin, left, strict=True)]


def familiarity(model: GalaxyModel, galaxies: Galaxies, latent: Latent | None = None) -> Familiarity:
    """See `GalaxyModel.familiarity`.

    Raises
    ------
    ValueError
        The model was never calibrated.
    """
    known = model.about.get("familiar")
    if not known:
        raise ValueError("the model was not told what it knows; call galwidget.calibration.calibrate(model, galaxies) with 200 or more")
    density, residual = _measures(model, galaxies, latent)
    alone = galaxies.flux is None and "log_density_attributes" in known
    level = np.interp(density, known["log_density_attributes" if alone else "log_density"], _LEVELS)
    if "residual" not in known:
        return Familiarity(level, np.full(len(level), np.nan))
    return Familiarity(level, 1 - np.interp(residual, known["residual"], _LEVELS))


def calibrate_familiarity(model: GalaxyModel, galaxies: Galaxies) -> None:
    """Write into ``model.about`` how dense the prior is at galaxies that the model knows, and how well it redraws them.

    Parameters
    ----------
    model
        The model.
    galaxies
        A few hundred galaxies of the population that it was trained on, and better not those.
    """
    measures = dict(zip(("log_density", "residual"), _measures(model, galaxies, None), strict=True))
    if galaxies.flux is not None and model.inputs.groups:
        measures["log_density_attributes"] = _measures(model, Galaxies(table=galaxies.table, survey=galaxies.survey), None)[0]
    known = {}
    for name, values in measures.items():
        if np.isfinite(values).any():
            known[name] = np.round(np.quantile(values[np.isfinite(values)], _LEVELS), 4).tolist()
    model.about["familiar"] = known


def _measures(model: GalaxyModel, galaxies: Galaxies, latent: Latent | None) -> tuple[np.ndarray, np.ndarray]:
    """Log density of the prior in nats, and mean square of what is left of the image in its noise and the model's tolerance, (n,) both."""
    if latent is None:  # an image has the last word: exact attributes lead to denser places than noisy ones, or none
        latent = model.encode(galaxies, None if galaxies.flux is None or not model.stamp else ["image"])
    z = torch.from_numpy(latent.mean)
    with model.lock, torch.no_grad():
        nothing = torch.zeros(len(z), len(model.inputs.condition_names))
        density = model.prior.log_prob(z, nothing, nothing.bool()).double().numpy()
    if galaxies.flux is None or not model.stamp:
        return density, np.full(len(z), np.nan)
    flux, ivar = galaxies.require_images()
    drawn, _ = model.reconstruct(galaxies, latent=latent).require_images()
    good = ivar > 0
    weight = np.where(good, 1 / (1 / np.where(good, ivar, 1) + (_TOLERANCE * drawn) ** 2), 0)
    return density, (weight * (flux - drawn) ** 2).sum((1, 2, 3), dtype=float) / np.maximum(good.sum((1, 2, 3)), 1)
