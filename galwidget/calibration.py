"""What a model learns of its own pictures after training: how they measure, and which latent dimensions change them most."""

from __future__ import annotations

import numpy as np

from galwidget.galaxies import Galaxies
from galwidget.galaxy_model import GalaxyModel
from galwidget.latent import Latent
from galwidget.measurement import measure
from galwidget.observation import observe

__all__ = ["calibrate"]


def calibrate(model: GalaxyModel, galaxies: Galaxies | None) -> None:
    """Write ``photometric_offsets`` and ``active_dimensions`` into ``model.about``.

    Parameters
    ----------
    model
        The model; one without images is left as it is.
    galaxies
        Galaxies with images, of which 512 are used; None leaves the model as it is.
    """
    if galaxies is None or not model.stamp:
        return
    start = model.encode(galaxies[:512])
    model.about["photometric_offsets"] = {}
    drawn = model.decode(start)
    found = measure(observe(drawn, noise=False), noiseless=True)
    names = [name for group in ("brightness", "colours") for name in model.inputs.groups.get(group, ())]
    differences = {name: found.attribute(name) - drawn.attribute(name) for name in names}
    offsets = {name: float(np.median(values[np.isfinite(values)])) for name, values in differences.items() if np.isfinite(values).any()}
    model.about["photometric_offsets"] = offsets
    scale = model.survey.sky_sigma[:, None, None]
    change = []
    for dim in range(model.latent_size):
        step = np.zeros(model.latent_size, np.float32)
        step[dim] = model.prior.spread[dim].item()
        low, high = (model.flux(Latent(start.mean[:64] + sign * step)) for sign in (-1, 1))
        change.append(float(np.median(np.abs(np.arcsinh(high / scale) - np.arcsinh(low / scale)).mean((1, 2, 3)))))
    model.about["active_dimensions"] = [int(dim) for dim in np.argsort(change)[::-1]]
