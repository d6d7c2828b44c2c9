"""Realism: whether generated galaxies are told from observed ones, how their statistics are distributed, and whether they are copies."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from galwidget.attributes import describe
from galwidget.evaluation.sampling import Comparable
from galwidget.evaluation.scores import Curve, Part, Score, bootstrap
from galwidget.evaluation.two_sample import forest_auc, network_auc
from galwidget.galaxies import Galaxies
from galwidget.measurement import reference_band

__all__ = ["memorising", "nearest_training", "realism", "statistics_of", "wasserstein"]

#: Resamplings for the error of a distance and for what it is by chance.
_REPEATS = 50
#: Pixels that are averaged along each axis before galaxies are compared with the training sample: finer ones hold mostly noise.
_BINNING = 4
_COMPONENTS = 32


def statistics_of(galaxies: Galaxies, measured: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The nine statistics of the mean Wasserstein distance, out of `features`: magnitude, two colours, size, shape, structure.

    The colours are those of the reference band with its neighbours; a survey of fewer bands has fewer statistics.
    """
    bands, reference = galaxies.survey.band_names, reference_band(galaxies.survey)
    colours = [f"{blue}_{red}" for blue, red in pairwise(bands) if reference in (blue, red)]
    names = (f"mag_{reference}", *colours, "r_half", "ellipticity", "concentration", "asymmetry", "gini", "m20")
    return {name: measured.get(name, galaxies.attribute(name)) for name in names}


def wasserstein(observed: np.ndarray, generated: np.ndarray, *, seed: int = 0) -> tuple[float, float, float]:
    """Wasserstein-1 distance over the standard deviation of the observed values, as Holzschuh et al. (2022) normalise it.

    Returns
    -------
    value, error, by_chance
        The distance, its bootstrap error, and the mean distance of two samples of these sizes drawn from the observed values. NaN where
        a side has fewer than two finite values.
    """
    from scipy.stats import wasserstein_distance  # noqa: PLC0415 (not at import)

    one, other = (values[np.isfinite(values)] for values in (observed, generated))
    if min(len(one), len(other)) < 2 or not np.std(one) > 0:
        return float("nan"), float("nan"), float("nan")
    random, width = np.random.default_rng(seed), float(np.std(one))

    def drawn(sample: np.ndarray, n: int) -> np.ndarray:
        return random.choice(sample, n)

    spread = [wasserstein_distance(drawn(one, len(one)), drawn(other, len(other))) for _ in range(_REPEATS)]
    chance = [wasserstein_distance(drawn(one, len(one)), drawn(one, len(other))) for _ in range(_REPEATS)]
    return float(wasserstein_distance(one, other)) / width, float(np.std(spread)) / width, float(np.mean(chance)) / width


def nearest_training(galaxies: Galaxies, training: Galaxies) -> np.ndarray:
    """Distance of each galaxy to the nearest of the training sample over that to the tenth nearest, shape (n,): near 0 for a copy.

    Euclidean, over asinh(flux / sky sigma) of pixels binned 4 x 4 in every band, in the leading 32 principal components of the training
    sample (the others hold mostly noise), to each training galaxy in the best of its eight turns and flips. The ratio, because bright
    galaxies have few neighbours and faint ones many.
    """
    library = _binned(training).reshape(len(training), -1)
    mean = library.mean(0)
    axes = np.linalg.svd(library - mean, full_matrices=False)[2][:_COMPONENTS].T
    library = (library - mean) @ axes
    squared = (library**2).sum(1)
    best = np.full((len(galaxies), len(training)), np.inf, np.float32)
    images = _binned(galaxies)
    for turns in range(4):
        for flip in (1, -1):
            seen = (np.rot90(images, turns, (2, 3))[..., ::flip].reshape(len(images), -1) - mean) @ axes
            best = np.minimum(best, (seen**2).sum(1)[:, None] + squared - 2 * seen @ library.T)
    tenth = min(9, len(training) - 1)
    ordered = np.sqrt(np.maximum(np.partition(best, (0, tenth), axis=1), 0))
    return ordered[:, 0] / np.maximum(ordered[:, tenth], 1e-12)


def _binned(galaxies: Galaxies) -> np.ndarray:
    flux, ivar = galaxies.require_images()
    n, bands, height, width = flux.shape
    rows, columns = height // _BINNING, width // _BINNING
    cut = np.where(ivar > 0, flux, 0)[..., : rows * _BINNING, : columns * _BINNING]
    total = cut.reshape(n, bands, rows, _BINNING, columns, _BINNING).sum((3, 5))
    return np.arcsinh(total / (_BINNING * galaxies.survey.sky_sigma[:, None, None])).astype(np.float32)


def realism(
    sides: Comparable, how: str, *, network: bool = True, seed: int = 0, reference: Comparable | None = None, against: str = ""
) -> Part:
    """Scores of generated against observed galaxies under the same noise, masks and selection.

    Parameters
    ----------
    sides
        Both, measured.
    how
        How they were drawn, for the names of the scores.
    network
        Whether to train the network on the pixels, too.
    seed
        Of the classifiers and of the bootstrap.
    reference, against
        Other samples to be told apart by forest and distances, beside, and what they are.
    """
    section = f"realism, {how}"
    part = Part()
    forest = forest_auc(reference, seed=seed)[0] if reference is not None else float("nan")
    part.scores.append(Score(section, "AUC, forest on measurements", *forest_auc(sides, seed=seed), 0.5, forest, against))
    if network:
        part.scores.append(Score(section, "AUC, network on pixels", *network_auc(sides, seed=seed), 0.5))
    statistics = _statistics(sides)
    distances = {name: wasserstein(statistics[0][name], statistics[1][name], seed=seed) for name in statistics[0]}
    beside: dict[str, float] = {}
    if reference is not None:
        pair = _statistics(reference)
        beside = {name: wasserstein(pair[0][name], pair[1][name], seed=seed)[0] for name in pair[0]}
    known = np.array([value for value in distances.values() if np.isfinite(value[0])])
    mean_beside = float(np.nanmean(list(beside.values()))) if beside else float("nan")
    if len(known):
        # errors of the statistics are taken as independent
        error = float(np.sqrt((known[:, 1] ** 2).sum()) / len(known))
        part.scores.append(
            Score(
                section,
                f"Wasserstein distance, mean of {len(known)}",
                float(known[:, 0].mean()),
                error,
                float(known[:, 2].mean()),
                mean_beside,
                against,
            )
        )
    for name, (value, error, chance) in distances.items():
        part.scores.append(Score(section, f"Wasserstein distance, {name}", value, error, chance, beside.get(name, float("nan")), against))
        part.curves[f"{section}: {name}"] = _distribution(name, statistics[0][name], statistics[1][name])
    return part


def _statistics(sides: Comparable) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    return statistics_of(sides.observed, sides.observed_features), statistics_of(sides.generated, sides.generated_features)


def _distribution(name: str, observed: np.ndarray, generated: np.ndarray) -> Curve:
    one, other = (values[np.isfinite(values)] for values in (observed, generated))
    both = np.concatenate([one, other]) if len(one) + len(other) else np.zeros(2)
    low, high = np.percentile(both, [0.5, 99.5])
    edges = np.linspace(low, max(high, low + 1e-6), 21)
    lines: dict[str, tuple[np.ndarray, np.ndarray | None]] = {}
    for label, values in (("observed", one), ("generated", other)):
        count = np.histogram(values, edges)[0].astype(float)
        scale = max(len(values), 1) * (edges[1] - edges[0])
        lines[label] = (count / scale, np.sqrt(count) / scale)
    known = describe(name)
    return Curve(known.label, known.unit, "density", (edges[1:] + edges[:-1]) / 2, lines)


def memorising(sides: Comparable, training: Galaxies, how: str, *, seed: int = 0) -> Part:
    """Whether generated galaxies are nearer to the training sample than galaxies that it never held (`nearest_training`).

    On what is brighter than the median of the observed galaxies: noise hides copies of fainter ones.
    """
    section = f"realism, {how}"
    name = f"mag_{reference_band(training.survey)}"
    limit = np.median(sides.observed.attribute(name))
    held_out, generated = (
        nearest_training(sample[sample.attribute(name) <= limit], training) for sample in (sides.observed, sides.generated)
    )
    n = min(len(held_out), len(generated))
    random = np.random.default_rng(seed)
    held_out, generated = (random.choice(values, n, replace=False) for values in (held_out, generated))

    def nearer(one: np.ndarray, other: np.ndarray) -> float:
        return float((one[:, None] > other).mean()) if len(one) else float("nan")

    def copies(one: np.ndarray, other: np.ndarray) -> float:
        return float((other < np.percentile(one, 1)).mean()) if len(one) else float("nan")

    part = Part()
    for label, statistic, perfect in (
        ("nearer to the training sample than a held-out galaxy, share", nearer, 0.5),
        ("nearer than 99% of held-out galaxies, share", copies, 0.01),
    ):
        value, error = bootstrap(statistic, held_out, generated, seed=seed, draws=_REPEATS)
        part.scores.append(Score(section, label, value, float(error), perfect))
    return part
