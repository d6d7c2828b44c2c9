"""Prediction: each attribute from the image, from the other attributes and from both, as a number and as a distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from galwidget.attributes import describe
from galwidget.evaluation.references import regression
from galwidget.evaluation.scores import Curve, Part, Score, bootstrap, robust_scatter
from galwidget.galaxies import Galaxies
from galwidget.measurement import measure, measured_names

if TYPE_CHECKING:
    from galwidget.galaxy_model import GalaxyModel

__all__ = ["InParts", "crps", "ks_uniform", "log_density", "prediction"]

_SAMPLES = 200
_CHUNK = 256
#: A density below this times 1 / (spread of the attribute) counts as this: a single galaxy must not decide a mean logarithm.
_LEAST_DENSITY = 1e-4
#: Catastrophic photometric redshifts: beyond these |dz| / (1 + z).
_OUTLIERS = (0.05, 0.15)


def ks_uniform(pit: np.ndarray) -> float:
    """Kolmogorov-Smirnov distance of probability integral transforms (n,) from uniform; by chance 0.87 / sqrt(n)."""
    ordered, n = np.sort(pit), len(pit)
    steps = np.arange(n + 1) / n
    return float(max((steps[1:] - ordered).max(), (ordered - steps[:-1]).max())) if n else float("nan")


def crps(samples: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Continuous ranked probability score E|X - y| - E|X - X'| / 2 of draws (n, draw) at the truth (n,), shape (n,), in its unit."""
    ordered = np.sort(samples, 1)
    draws = samples.shape[1]
    weight = 2 * np.arange(1, draws + 1) - draws - 1
    return np.abs(samples - truth[:, None]).mean(1) - (ordered * weight).sum(1) / (draws * (draws - 1))


def log_density(predicted: Any, truth: np.ndarray) -> np.ndarray:
    """Natural logarithm of the predicted density at the truth, (n,): the slope of the distribution function there."""
    width = np.std(truth)
    step = 1e-3 * width
    density = (predicted.cdf(truth + step) - predicted.cdf(truth - step)) / (2 * step)
    return np.log(np.maximum(density, _LEAST_DENSITY / width))


class InParts:
    """The predictive distributions of many galaxies, asked of the model a few hundred at a time: an encoder's memory is that of its batch.

    Parameters
    ----------
    model, galaxies, name, using, seed
        As ``model.predict`` takes them.
    """

    def __init__(self, model: GalaxyModel, galaxies: Galaxies, name: str, using: Sequence[str] | None, seed: int) -> None:
        starts = range(0, len(galaxies), _CHUNK)
        self._parts: list[Any] = [model.predict(galaxies[start : start + _CHUNK], name, using=using, seed=seed) for start in starts]

    def cdf(self, values: np.ndarray) -> np.ndarray:
        """Probability of less than ``values`` (n,), shape (n,)."""
        return np.concatenate([part.cdf(values[k * _CHUNK : (k + 1) * _CHUNK]) for k, part in enumerate(self._parts)])

    def samples(self, count: int, seed: int) -> np.ndarray:
        """Draws, shape (n, count)."""
        return np.concatenate([part.samples(count, seed=seed + k) for k, part in enumerate(self._parts)])


def prediction(
    model: GalaxyModel, galaxies: Galaxies, *, training: Galaxies | None = None, seed: int = 0, only: Sequence[str] | None = None
) -> Part:
    """Scores of ``model.predict`` for every number it knows; the truth is the galaxies' own table.

    Parameters
    ----------
    model
        The model.
    galaxies
        Galaxies with images and attributes.
    training
        What the reference, a random forest, learns from; without, ``galaxies`` themselves in 5 folds. It is given the same: for the image,
        what `galwidget.measure` finds in its noisy pixels.
    seed
        Of the draws and of the bootstrap.
    only
        Names of attributes; default: all.
    """
    names = [name for names in model.inputs.groups.values() for name in names if name != "morphology" and (only is None or name in only)]
    groups = list(model.inputs.groups)
    ways: dict[str, list[str] | None] = {"image": ["image"], "attributes": groups, "image and attributes": None}
    columns = _reference_inputs(model, galaxies)
    learnt = None if training is None else _reference_inputs(model, training)
    part, rows = Part(), []
    for name in names:
        truth = galaxies.attribute(name)
        there = np.flatnonzero(np.isfinite(truth))
        if len(there) < 30:
            continue
        for way, using in ways.items():
            predicted = InParts(model, galaxies[there], name, using, seed)
            inputs = {label: values[there] for label, values in columns[way].items() if label != name}
            past = None
            if learnt is not None and training is not None:
                target = training.attribute(name)
                known = np.isfinite(target)
                past = ({label: values[known] for label, values in learnt[way].items() if label != name}, target[known])
            scored = _scored(name, way, predicted, truth[there], inputs, past, seed)
            part.add(scored)
            rows.append({"attribute": name, "from": way, **{score.name.split(": ")[1]: score.value for score in scored.scores}})
        if name == "redshift":
            part.add(_from_catalogue(model, galaxies[there], training, columns["image"], learnt, there, seed))
    part.tables["prediction"] = rows
    return part


def _from_catalogue(
    model: GalaxyModel,
    galaxies: Galaxies,
    training: Galaxies | None,
    measured: dict[str, np.ndarray],
    learnt: dict[str, dict[str, np.ndarray]] | None,
    rows: np.ndarray,
    seed: int,
) -> Part:
    """Redshift from what a catalogue has: magnitudes and colours measured on the image itself, with their errors; and with the image."""
    groups = [name for name in model.inputs.groups if name in ("brightness", "colours")]
    names = [f"measured {name}" for group in groups for name in model.inputs.groups[group]]
    seen = measure(galaxies)
    past = None
    if learnt is not None and training is not None:
        target = training.attribute("redshift")
        known = np.isfinite(target)
        past = ({name: learnt["image"][name][known] for name in names}, target[known])
    part = Part()
    for way, using in {"measured photometry": groups, "image and measured photometry": ["image", *groups]}.items():
        predicted = InParts(model, seen, "redshift", using, seed)
        inputs = {name: measured[name][rows] for name in names}
        part.add(_scored("redshift", way, predicted, galaxies.attribute("redshift"), inputs, past, seed))
    return part


def _reference_inputs(model: GalaxyModel, galaxies: Galaxies) -> dict[str, dict[str, np.ndarray]]:
    """Columns that a forest learns from, by way, by name."""
    seen = measure(galaxies)
    image = {f"measured {name}": seen.attribute(name) for name in measured_names(galaxies.survey)}
    known = {name: galaxies.attribute(name) for name in model.inputs.scalings}
    return {"image": image, "attributes": known, "image and attributes": image | known}


def _scored(
    name: str,
    way: str,
    predicted: Any,
    truth: np.ndarray,
    inputs: dict[str, np.ndarray],
    past: tuple[dict[str, np.ndarray], np.ndarray] | None,
    seed: int,
) -> Part:
    part, unit = Part(), describe(name).unit
    section = f"prediction of {name}"
    table = np.stack(list(inputs.values()), 1)
    if past is None:
        forest = regression("forest", table, truth, seed=seed)
    else:
        forest = regression("forest", np.stack(list(past[0].values()), 1), past[1], table, seed=seed)
    pit, samples = predicted.cdf(truth), predicted.samples(_SAMPLES, seed=seed)
    # the median, as a forest's mean is of little use where a distribution is wide on a logarithmic scale
    point = np.median(samples, 1)

    def add(label: str, statistic: Any, values: np.ndarray, perfect: float, reference: float, against: str, its_unit: str = "") -> None:
        value, error = bootstrap(statistic, values, seed=seed)
        part.scores.append(Score(section, f"from {way}: {label}", float(value), float(error), perfect, reference, against, its_unit))

    add("scatter", robust_scatter, point - truth, np.nan, robust_scatter(forest - truth), "random forest", unit)
    usual = np.random.default_rng(seed).permutation(truth)[:_SAMPLES]
    climate = crps(np.broadcast_to(usual, (len(truth), len(usual))), truth).mean()
    add("CRPS", np.mean, crps(samples, truth), np.nan, float(climate), "the sample's own distribution", unit)
    add("log score", np.mean, log_density(predicted, truth), np.nan, _usual_log_density(truth), "the sample's own distribution")
    add("PIT, KS distance", ks_uniform, pit, 0.8687 / np.sqrt(len(pit)), np.nan, "")
    for share in (0.68, 0.95):
        inside = (np.abs(pit - 0.5) < share / 2).astype(float)
        add(f"coverage of {share:.0%}", np.mean, inside, share, np.nan, "")
    edges = np.linspace(0, 1, 11)
    count = np.histogram(pit, edges)[0].astype(float)
    scale = len(pit) / 10
    part.curves[f"PIT of {name} from {way}"] = Curve(
        f"PIT of {name} from {way}", "PIT", "density", (edges[1:] + edges[:-1]) / 2, {"model": (count / scale, np.sqrt(count) / scale)}, 1.0
    )
    if name == "redshift":
        neighbours = regression("neighbours", table, truth, seed=seed) if past is None else None
        _photometric_redshift(part, section, way, point, truth, forest, neighbours, seed)
    return part


def _usual_log_density(truth: np.ndarray) -> float:
    from scipy.stats import gaussian_kde  # noqa: PLC0415 (not at import)

    return float(np.mean(np.log(gaussian_kde(truth)(truth)))) if np.std(truth) > 0 else float("nan")


def _photometric_redshift(
    part: Part, section: str, way: str, point: np.ndarray, truth: np.ndarray, forest: np.ndarray, neighbours: np.ndarray | None, seed: int
) -> None:
    """Bias, scatter and outliers of dz / (1 + z), as Pasquet et al. (2019) and the Rubin requirements count them."""
    apart, other = ((guess - truth) / (1 + truth) for guess in (point, forest))
    kinds: list[tuple[str, Any, float]] = [("bias", np.mean, 0.0), ("sigma_NMAD", robust_scatter, np.nan)]
    kinds += [(f"outliers beyond {limit}", lambda dz, limit=limit: float((np.abs(dz) > limit).mean()), np.nan) for limit in _OUTLIERS]
    for label, statistic, perfect in kinds:
        value, error = bootstrap(statistic, apart, seed=seed)
        part.scores.append(
            Score(section, f"from {way}: photo-z {label}", float(value), float(error), perfect, float(statistic(other)), "random forest")
        )
    if neighbours is not None:
        value, error = bootstrap(robust_scatter, apart, seed=seed)
        reached = robust_scatter((neighbours - truth) / (1 + truth))
        part.scores.append(
            Score(section, f"from {way}: photo-z sigma_NMAD against kNN", value, float(error), np.nan, reached, "10 nearest neighbours")
        )
