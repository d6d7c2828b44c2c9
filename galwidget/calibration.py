"""What a model learns of itself after training: which latent dimensions change its pictures, how sure it may be, what it knows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from galwidget.even_draws import balanced_draws
from galwidget.familiarity import calibrate_familiarity
from galwidget.galaxies import Galaxies
from galwidget.galaxy_model import GalaxyModel
from galwidget.latent import Latent
from galwidget.measurement import measure
from galwidget.model.gaussian import Gaussian
from galwidget.model.modalities import CategoryModality
from galwidget.predicted import SHOWN
from galwidget.prediction import EVIDENCE, PHOTOMETRY, Prediction, brightness_at, predict, tempered
from galwidget.progress import Progress, steps
from galwidget.widening import learnt

__all__ = ["calibrate", "calibrate_predictions"]

#: Galaxies that a calibration needs, and may have.
_LEAST, _MOST = 200, 10_000
_BATCH, _DRAWS = 128, 32
#: Galaxies that tell which attribute a latent dimension goes with.
_MEANT = 2000
#: Powers that the experts of attributes beside an image are tried at.
_TRUSTS = (1.0, 0.5, 0.25, 0.1, 0.03)


def calibrate(model: GalaxyModel, galaxies: Galaxies | None, progress: Progress = False) -> None:
    """Write into ``model.about`` what the model should know of itself.

    Which latent dimensions change its pictures most (``active_dimensions``), which attribute each goes with (``meanings``: its name and the
    correlation), how wide its predictions must be (`calibrate_predictions`) and which galaxies it knows
    (`galwidget.familiarity.calibrate_familiarity`).

    Parameters
    ----------
    model
        The model.
    galaxies
        Galaxies with images, of the population and noise that the model is for, best such as it was not trained on; the first 10,000 are
        used, and 200 are the least for the last two. None leaves the model as it is.
    progress
        As in `galwidget.fit`.
    """
    if galaxies is None:
        return
    # the quick parts first: what is left out is missed the less
    with steps(progress, "calibrating", 3, unit="part", partial=True) as tell:
        if model.stamp:
            model.about["active_dimensions"] = _active_dimensions(model, galaxies[:64])
            model.about["meanings"] = _meanings(model, galaxies[:_MEANT])
        tell(1)
        if len(galaxies) < _LEAST:
            return
        calibrate_familiarity(model, galaxies[:_MOST])
        tell(1)
        calibrate_predictions(model, galaxies[:_MOST])
        tell(1)


def _active_dimensions(model: GalaxyModel, galaxies: Galaxies) -> list[int]:
    start = model.encode(galaxies)
    scale = model.survey.sky_sigma[:, None, None]
    change = []
    for dim in range(model.latent_size):
        step = np.zeros(model.latent_size, np.float32)
        step[dim] = model.prior.spread[dim].item()
        low, high = (model.flux(Latent(start.mean + sign * step)) for sign in (-1, 1))
        change.append(float(np.median(np.abs(np.arcsinh(high / scale) - np.arcsinh(low / scale)).mean((1, 2, 3)))))
    return [int(dim) for dim in np.argsort(change)[::-1]]


def _meanings(model: GalaxyModel, galaxies: Galaxies) -> list[tuple[str, float] | None]:
    """The attribute that each latent dimension goes with most, and Pearson's r of the two; None where nothing is known of any."""
    where = model.encode(galaxies, ["image"]).mean
    value, mask = (part.numpy() for part in model.inputs.conditions(galaxies))
    columns = [index for index, name in enumerate(model.inputs.condition_names) if name in model.inputs.scalings]
    found: list[tuple[str, float] | None] = []
    for z in where.T:
        r = {index: _correlation(z[mask[:, index]], value[mask[:, index], index]) for index in columns}
        most = max(r, key=lambda index: abs(r[index]), default=None)
        found.append(None if most is None else (model.inputs.condition_names[most], round(r[most], 3)))
    return found


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    constant = len(one) < 2 or not one.std() or not other.std()
    return 0.0 if constant else float(np.corrcoef(one, other)[0, 1])


def calibrate_predictions(model: GalaxyModel, galaxies: Galaxies) -> None:
    """Write into ``model.about`` how much wider its predictions must be to come true on galaxies that it was not trained on.

    A product of experts takes what each of them says for independent; magnitudes and pixels of one exposure share their noise, so that
    the product is too sure. For each attribute and each kind of evidence (`galwidget.prediction.EVIDENCE`) a map is fitted
    (`galwidget.widening.learnt`), after how far the attributes beside an image are to be trusted
    (`galwidget.prediction.trusted_posterior`); `GalaxyModel.predict` applies both.

    Parameters
    ----------
    model
        The model.
    galaxies
        Galaxies with images and attributes, of the population and noise that predictions are wanted for; an attribute that fewer than 200
        of them have stays as it is.
    """
    known = [(group, name) for group, names in model.inputs.groups.items() for name in names if name in galaxies.table.colnames]
    image = _image_experts(model, galaxies)
    # what a catalogue has of them: no redshift, no type, the rest with the errors of these very pixels
    catalogue = None if galaxies.flux is None else measure(galaxies)
    shown = [name for name in model.inputs.groups if name in SHOWN]
    found: dict[str, dict[str, dict[str, list[float]]]] = {}
    trusts: dict[str, dict[str, float]] = {}
    for group, name in known:
        if isinstance(model.mvae.modality(group), CategoryModality):
            continue
        truth = galaxies.attribute(name)
        if np.isfinite(truth).sum() < _LEAST:
            continue
        there = torch.from_numpy(np.flatnonzero(np.isfinite(truth)))
        with model.lock, torch.no_grad():
            others, noted = (
                {} if sample is None else model.mvae.experts(model.inputs.tensors(sample[there.numpy()], groups, without=name))
                for sample, groups in ((galaxies, tuple(model.inputs.groups)), (catalogue, shown))
            )
            seen = {part: (Gaussian(one.mean[there], one.precision[there]), here[there]) for part, (one, here) in image.items()}
            photometry = {part: expert for part, expert in noted.items() if part in PHOTOMETRY}
            kinds = seen, others, seen | others, noted, seen | noted, photometry, seen | photometry
            for kind, experts in zip(EVIDENCE, kinds, strict=True):
                if not experts or not all(here.any() for _, here in experts.values()):
                    continue
                wanted = model.inputs.scalings[name].forward(truth[there.numpy()])[0]
                predicted, trust, magnitude = _nearest(model, group, name, experts, wanted)
                if trust != 1:
                    trusts.setdefault(name, {})[kind] = trust
                widening = learnt(predicted, truth[there.numpy()], magnitude)
                found.setdefault(name, {})[kind] = {part: np.round(value, 4).tolist() for part, value in vars(widening).items()}
    model.about["trust"] = trusts
    model.about["calibration"] = found


def _nearest(
    model: GalaxyModel, group: str, name: str, experts: Mapping[str, tuple[Gaussian, torch.Tensor]], wanted: np.ndarray
) -> tuple[Prediction, float, np.ndarray]:
    """Predictions with the trust in attributes beside an image that brings them nearest to ``wanted``, standardised; it; magnitudes."""
    tried = []
    noise = balanced_draws(model.latent_size, 0, at_least=_DRAWS)[:, None]
    for trust in _TRUSTS if "image" in experts and len(experts) > 1 else (1.0,):
        where = model.mvae.combine(tempered(experts, torch.full((len(wanted),), trust)))
        z = where.mean + where.std * noise  # the draws of `GalaxyModel.predict`
        predicted = predict(name, model.mvae.modality(group), z, model.inputs, group)
        assert isinstance(predicted, Prediction)  # noqa: S101 (narrows the type)
        tried.append((float(np.nanmean(np.abs(predicted.moments[0] - wanted))), predicted, trust, where.mean))
    _, predicted, trust, mean = min(tried, key=lambda one: one[0])
    return predicted, trust, brightness_at(model.mvae, mean)


def _image_experts(model: GalaxyModel, galaxies: Galaxies) -> dict[str, tuple[Gaussian, torch.Tensor]]:
    """What the image alone says, in batches; empty where there are no images."""
    if galaxies.flux is None:
        return {}
    with model.lock, torch.no_grad():
        starts = range(0, len(galaxies), _BATCH)
        parts = [model.mvae.experts(model.inputs.tensors(galaxies[start : start + _BATCH], ["image"]))["image"] for start in starts]
    mean, precision = (torch.cat([getattr(one, name) for one, _ in parts]) for name in ("mean", "precision"))
    return {"image": (Gaussian(mean, precision), torch.cat([here for _, here in parts]))}
