"""Joint draws of redshift, colours and Hubble type: what one posterior holds together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from galwidget.attributes import MORPHOLOGIES
from galwidget.latent import Latent
from galwidget.prediction import PHOTOMETRY, Prediction, predict
from galwidget.science.densities import Density

if TYPE_CHECKING:
    from galwidget.galaxy_model import GalaxyModel

__all__ = ["joint_draws"]


def joint_draws(
    model: GalaxyModel, latent: Latent, density: Density, count: int, randoms: Sequence[np.random.Generator]
) -> dict[str, np.ndarray]:
    """Draws from p(redshift, brightness, colours, type | what was seen), each (n, count), by attribute.

    A point of the posterior is drawn first, then each attribute from its decoder there.

    Parameters
    ----------
    model
        The model.
    latent
        The posteriors of n galaxies.
    density
        The densities of their redshifts: draws of redshift follow its recalibration, and none is below 0.
    count
        Draws of each galaxy.
    randoms
        A stream of each galaxy.
    """
    n, size = latent.mean.shape
    names = [(group, name) for group, each in model.inputs.groups.items() if group in PHOTOMETRY for name in each]
    normal = np.stack([random.standard_normal((count, size + 1 + len(names))) for random in randoms])
    even = np.stack([random.random((count, 3)) for random in randoms])
    points = torch.from_numpy((latent.mean[:, None] + latent.std[:, None] * normal[..., :size]).astype(np.float32).reshape(n * count, size))
    found: dict[str, np.ndarray] = {}
    with model.lock, torch.no_grad():
        for column, (group, name) in enumerate([("redshift", "redshift"), *names]):
            # magnitudes and colours are most often what was seen
            here = predict(name, model.mvae.modalities[group], points[None], model.inputs, group, seen=group in PHOTOMETRY)
            assert isinstance(here, Prediction)  # noqa: S101 (narrows the type)
            found[name] = _draw(here, even[..., 0].ravel(), normal[..., size + column].ravel()).reshape(n, count)
        if "morphology" in model.inputs.groups:
            share = model.mvae.decode(points, "morphology").softmax(1).double().numpy().cumsum(1)
            found["morphology"] = np.array(MORPHOLOGIES)[_category(share, even[..., 1].ravel())].reshape(n, count)
    redshift = found["redshift"]
    if density.recalibration is not None or density.drawn is not None:  # the same rank, in the calibrated distribution
        redshift = density.quantile(Density(density.drawn or density.mixture).at(redshift))
    found["redshift"] = np.where(redshift < 0, density.quantile(even[..., 2]), redshift)
    return found


def _draw(predicted: Prediction, even: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """One draw of each mixture (n, k), from uniform and standard normal numbers (n,)."""
    rows, chosen = np.arange(len(even)), _category(predicted.weights.cumsum(1), even)
    return predicted.scaling.inverse(predicted.means[rows, chosen] + predicted.scatters[rows, chosen] * normal)


def _category(cumulative: np.ndarray, even: np.ndarray) -> np.ndarray:
    """Which category of (n, k) cumulative probabilities each uniform number (n,) falls in."""
    return (even[:, None] > cumulative).sum(1).clip(max=cumulative.shape[1] - 1)
