"""What a model learns of its own pictures after training: which latent dimensions change them most."""

from __future__ import annotations

import numpy as np

from galwidget.galaxies import Galaxies
from galwidget.galaxy_model import GalaxyModel
from galwidget.latent import Latent

__all__ = ["calibrate"]


def calibrate(model: GalaxyModel, galaxies: Galaxies | None) -> None:
    """Write ``active_dimensions`` into ``model.about``.

    Parameters
    ----------
    model
        The model; one without images is left as it is.
    galaxies
        Galaxies with images, of which 64 are used; None leaves the model as it is.
    """
    if galaxies is None or not model.stamp:
        return
    start = model.encode(galaxies[:64])
    scale = model.survey.sky_sigma[:, None, None]
    change = []
    for dim in range(model.latent_size):
        step = np.zeros(model.latent_size, np.float32)
        step[dim] = model.prior.spread[dim].item()
        low, high = (model.flux(Latent(start.mean + sign * step)) for sign in (-1, 1))
        change.append(float(np.median(np.abs(np.arcsinh(high / scale) - np.arcsinh(low / scale)).mean((1, 2, 3)))))
    model.about["active_dimensions"] = [int(dim) for dim in np.argsort(change)[::-1]]
