"""What the side panel says of one galaxy beside its picture: where it is in latent space, and what the model predicts of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from galwidget.galaxies import Galaxies
    from galwidget.galaxy_model import GalaxyModel, Latent

__all__ = ["details"]

#: Points of a posterior that a prediction averages over.
_DRAWS = 32
#: Quantiles of a redshift between which its density is drawn, and through which.
_LEVELS = np.linspace(0.002, 0.998, 48)


def details(model: GalaxyModel | None, latent: Latent | None, galaxy: Galaxies | None = None) -> dict[str, Any]:
    """Latent and predictions of one galaxy, as JSON.

    Parameters
    ----------
    model
        The model; None, or one of one's own without decoders of attributes, predicts nothing.
    latent
        Where the galaxy is, (1, d), or None.
    galaxy
        The galaxy itself, where it was seen and not drawn: each attribute is predicted without looking at its column.

    Returns
    -------
    dict
        ``latent``: ``mean`` and ``std``, or None; ``predicted``: by attribute ``[value, error]``, or ``[category, probability]``;
        ``redshift``, where the model predicts it: values ``z`` and their ``density``.
    """
    told: dict[str, Any] = {"latent": None, "predicted": {}}
    if latent is not None and len(latent):
        told["latent"] = {name: [round(float(number), 4) for number in getattr(latent, name)[0]] for name in ("mean", "std")}
    if latent is None or not hasattr(model, "mvae"):
        return told
    assert model is not None  # noqa: S101 (narrows the type)
    from galwidget.prediction import CategoryPrediction, Prediction  # noqa: PLC0415 (torch only where there is a model)
    from galwidget.science.densities import Density  # noqa: PLC0415

    found = _at(model, latent) if galaxy is None else {name: model.predict(galaxy, name) for name in _names(model)}
    for name, prediction in found.items():
        if isinstance(prediction, CategoryPrediction):
            best = prediction.probabilities[0].argmax()
            told["predicted"][name] = [prediction.categories[best], float(prediction.probabilities[0, best])]
        else:
            told["predicted"][name] = [float(prediction.mean[0]), float(prediction.std[0])]
    if isinstance(redshift := found.get("redshift"), Prediction):
        density = Density(redshift)
        at = density.quantile(_LEVELS)[0]
        z = np.sort(np.r_[at, np.linspace(at[0], at[-1], len(at))]).round(5)  # dense where the density is, and no gaps elsewhere
        told["redshift"] = {"z": z.tolist(), "density": density.pdf(z)[0].round(4).tolist()}
    return told


def _names(model: GalaxyModel) -> list[str]:
    return [name for names in model.inputs.groups.values() for name in names]


def _at(model: GalaxyModel, latent: Latent) -> dict[str, Any]:
    """What the decoders say over a posterior."""
    import torch  # noqa: PLC0415 (only where there is a model to be asked)

    from galwidget.prediction import predict  # noqa: PLC0415

    noise = torch.randn(_DRAWS, 1, latent.mean.shape[1], generator=torch.Generator().manual_seed(0))
    with model.lock, torch.no_grad():
        z = torch.from_numpy(latent.mean) + torch.from_numpy(latent.std) * noise
        groups = model.inputs.groups
        names = [(group, name) for group in groups for name in groups[group]]
        return {name: predict(name, model.mvae.modality(group), z, model.inputs, group, seen=True) for group, name in names}
