"""Similarity search: who finds itself among 10,000, whose neighbours are of its type, and what a million galaxies cost.

Run with ``pytest tests/benchmarks/bench_similarity.py -s --override-ini=python_files='bench_*.py'``; half an hour on one core. With
GALWIDGET_DATA set, also galaxies of Galaxy Zoo, for which a model is trained.
"""

import time
from functools import cache

import numpy as np
import pytest
from galaxy_zoo import folds, galaxy_zoo, said_by_voters
from scipy import ndimage
from sklearn.decomposition import PCA

import galwidget as gw
from galwidget.latent import Latent
from galwidget.measurement import measure
from galwidget.science.index import Index
from galwidget.science.kind import Kind
from galwidget.science.metric import Metric
from galwidget.science.orientation import canonical_latent, orientation, turned
from galwidget.science.structure import StructureVotes

pytestmark = pytest.mark.timeout(3600)
BANDS = ("u", "g", "r", "i", "Z")
CATALOGUE, QUERIES, K = 10_000, 600, 10


@cache
def clean():
    """Galaxies without noise, half way between the counts of the sky and as many of each magnitude."""
    return gw.simulate(CATALOGUE, "KiDS", 7001, bands=BANDS, flatten=0.5, noiseless=True, measured=False)


def seen(flux, psf, survey, seed):
    variance = survey.sky_sigma[:, None, None] ** 2 + np.maximum(flux, 0) / survey.gain[:, None, None]
    noise = np.random.default_rng(seed).standard_normal(flux.shape, dtype=np.float32)
    return gw.Galaxies(flux + np.sqrt(variance, dtype=np.float32) * noise, 1 / variance, psf, survey=survey)


@cache
def catalogue():
    return seen(clean().flux, clean().psf, clean().survey, 11)


def signal_to_noise(galaxies):
    """Of the Kron magnitude in r."""
    return 2.5 / np.log(10) / np.nan_to_num(measure(galaxies).attribute("mag_r_err"), nan=99.0)


def seen_again(rows):
    """The same galaxies turned by any angle, mirrored or not, moved by up to half a pixel, with their PSF, and with new noise."""
    rng = np.random.default_rng(5)
    flux, psf = [], []
    for row in rows:
        angle = rng.uniform(0, 2 * np.pi)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ np.diag([1, rng.choice([-1, 1])])
        shift = rng.uniform(-0.5, 0.5, 2)
        for planes, target, move in ((clean().flux[row], flux, shift), (clean().psf[row], psf, np.zeros(2))):
            middle = (np.array(planes.shape[1:]) - 1) / 2
            target.append([ndimage.affine_transform(plane, turn, middle - turn @ (middle + move), order=3) for plane in planes])
    psf = np.maximum(psf, 0)
    return seen(np.array(flux, np.float32), psf / psf.sum((-2, -1), keepdims=True), clean().survey, 12)


def rank_of_own(queries, latents, own, distance):
    ranks = []
    for row, mine in enumerate(own):
        squares = distance(queries.mean[row], queries.std[row], latents)
        ranks.append((squares < squares[mine]).sum())
    return np.array(ranks)


def ranked_by(metric):
    return lambda mean, std, latents: metric.squares(mean, std, latents.mean, latents.std)


def posterior(mean, std, latents):
    return ((latents.mean - mean) ** 2 / (latents.std**2 + std**2)).sum(1)


@cache
def encoded():
    """Model, canonical latents of the catalogue from images alone, and which rows are queries: S/N above 20."""
    model = gw.load()
    rows = np.sort(np.random.default_rng(3).permutation(CATALOGUE)[: 2 * QUERIES])
    rows = rows[signal_to_noise(catalogue()[rows]) > 20][:QUERIES]
    return model, canonical_latent(model, catalogue(), ["image"]), rows


def test_a_galaxy_turned_mirrored_and_seen_again_finds_itself():
    model, latents, rows = encoded()
    again = seen_again(rows)
    strength = signal_to_noise(again)
    queries, spread = canonical_latent(model, again, ["image"]), model.prior.spread.numpy()
    plain, plain_queries = model.encode(catalogue(), ["image"]), model.encode(again, ["image"])
    ways = {
        "canonical, twice observed": rank_of_own(queries, latents, rows, ranked_by(Metric.of_model(model))),
        "canonical, posterior widths": rank_of_own(queries, latents, rows, posterior),
        "canonical, prior's widths": rank_of_own(queries, latents, rows, lambda m, _, c: (((c.mean - m) / spread) ** 2).sum(1)),
        "as it lies, posterior widths": rank_of_own(plain_queries, plain, rows, posterior),
    }
    bins = ((20, 40), (40, 80), (80, 200), (200, np.inf))
    print(f"\n{len(rows)} queries among {CATALOGUE}; S/N " + ", ".join(f"{a:g}-{b:g}" for a, b in bins))
    for name, ranks in ways.items():
        by_strength = " ".join(f"{np.mean(ranks[(strength > a) & (strength <= b)] == 0):.3f}" for a, b in bins)
        print(f"{name:30s} rank 1: {np.mean(ranks == 0):.3f}, within 10: {np.mean(ranks < 10):.3f}; by S/N {by_strength}")
    assert np.mean(ways["canonical, twice observed"] == 0) >= 0.95


def precision(neighbours, rows, kinds):
    return np.mean([np.mean(kinds[found[found != row][:K]] == kinds[row]) for found, row in zip(neighbours, rows, strict=True)])


def by_distance(points, rows):
    return [np.argsort(((points - points[row]) ** 2).sum(1))[: K + 1] for row in rows]


def test_neighbours_are_of_the_same_type_more_often_than_by_pca_or_colours():
    model, latents, rows = encoded()
    kinds = np.asarray(clean().table["morphology"])
    distance = ranked_by(Metric.of_model(model))
    found = {
        "kind": by_distance(Kind.of_model(model).points(model, latents), rows),
        "identity": [np.argsort(distance(latents.mean[row], latents.std[row], latents))[: K + 1] for row in rows],
    }
    level = turned(catalogue(), *orientation(catalogue()))
    for name, sample in (("PCA", catalogue()), ("PCA, turned", level)):
        pixels = np.arcsinh(sample.flux / (3 * sample.survey.sky_sigma[:, None, None])).reshape(CATALOGUE, -1)
        found[name] = by_distance(PCA(model.latent_size, svd_solver="randomized", random_state=0).fit_transform(pixels), rows)
    light = np.maximum(catalogue().flux[..., 20:44, 20:44].sum((2, 3)), 1)
    colours = -2.5 * np.diff(np.log10(light), axis=1)
    found["colours"] = by_distance(colours / colours.std(0), rows)
    scores = {name: precision(neighbours, rows, kinds) for name, neighbours in found.items()}
    print(f"\nprecision@{K} on type: " + ", ".join(f"{name} {score:.3f}" for name, score in scores.items()))
    chance = np.mean([np.mean(kinds == kinds[row]) for row in rows])
    print(f"by chance {chance:.3f}")
    assert scores.pop("kind") > max(scores.values())


def test_a_million_galaxies(tmp_path):
    model, latents, _ = encoded()
    rng = np.random.default_rng(0)
    kinds = Kind.of_model(model).points(model, latents)
    among = np.sort(kinds, 0)
    width = np.median([among[-len(among) // 6] - among[len(among) // 6]]) / 4
    index = Index(
        np.zeros((0, 2, latents.mean.shape[1]), np.float16), "a million", Metric.of_model(model), kinds=np.zeros((0, kinds.shape[1]))
    )
    start = time.process_time()
    copies = 1_000_000 // len(latents)
    points = np.concatenate([
        np.stack([latents.mean + latents.std * rng.standard_normal(latents.mean.shape), latents.std], 1).astype(np.float16)
        for _ in range(copies)
    ])  # fmt: skip
    of_kinds = np.concatenate([(kinds + width * rng.standard_normal(kinds.shape)).astype(np.float16) for _ in range(copies)])
    drawn = time.process_time()
    index.add_points(points, of_kinds)
    del points, of_kinds
    print(f"\n{len(index)} galaxies; drawn in {drawn - start:.0f} s, grouped in {time.process_time() - drawn:.1f} s")
    rows = rng.permutation(len(latents))[:100]
    noise = rng.standard_normal((len(rows), latents.mean.shape[1]))
    queries = {
        "identity": Latent(latents.mean[rows] + latents.std[rows] * noise, latents.std[rows]),
        "kind": kinds[rows] + width * rng.standard_normal((len(rows), kinds.shape[1])),
    }
    everyone = np.arange(len(index))
    truth = {by: [np.argsort(index.distance(query[[row]], everyone))[:K] for row in range(100)] for by, query in queries.items()}
    index.save(tmp_path)
    del index
    before = resident()
    index = Index.load(tmp_path)
    disk = sum(path.stat().st_size for path in tmp_path.iterdir()) / 1e6
    for by, query in queries.items():
        index.search(query[:1])
        start = time.process_time()
        found = [index.search(query[[row]])[0][0] for row in range(len(rows))]
        each = (time.process_time() - start) / len(rows)
        recall = np.mean([np.isin(one, other).mean() for one, other in zip(truth[by], found, strict=True)])
        memory = (resident() - before) / 1e6
        print(f"by {by}: {1e3 * each:.2f} ms a query of one core, recall@{K} {recall:.4f}; {disk:.0f} MB on disk, {memory:.0f} MB resident")
        assert recall >= 0.98
        assert each <= 5e-3
        assert max(disk, memory) <= 300


def resident():
    """Bytes of this process in memory."""
    with open("/proc/self/statm") as file:  # noqa: PTH123 (a file of Linux, not of ours)
        return int(file.read().split()[1]) * 4096


def test_neighbours_among_pictures_are_of_the_same_class_in_galaxy_zoo():
    """A model of its own, trained on the pictures without their classes: elliptical, spiral, edge-on, merger. PCA does better."""
    pictures, _, kinds = galaxy_zoo()
    rows = np.arange(len(pictures))
    mirrors = [(x, y) for x in (1.0, -1.0) for y in (1.0, -1.0)]
    level = gw.Galaxies.concatenate([turned(pictures, *orientation(pictures), mirror) for mirror in mirrors]).with_table(None)
    model = gw.fit(level, epochs=20, latent_size=16, prior_epochs=0, progress=False, seed=1)
    latents = canonical_latent(model, pictures, ["image"])
    metric = Metric.of_model(model)
    found = {
        "kind": by_distance(Kind.of_model(model).points(model, latents), rows),
        "identity": [np.argsort(ranked_by(metric)(latents.mean[row], latents.std[row], latents))[: K + 1] for row in rows],
    }
    found["latents"] = by_distance(latents.mean / latents.mean.std(0), rows)
    for name, seen in (("PCA", pictures), ("PCA, turned", level[: len(pictures)])):
        pixels = np.arcsinh(seen.flux / 0.1).reshape(len(pictures), -1)
        found[name] = by_distance(PCA(16, svd_solver="randomized", random_state=0).fit_transform(pixels), rows)
    light = np.maximum(pictures.flux[..., 20:44, 20:44].sum((2, 3)), 1e-3)
    colours = -2.5 * np.diff(np.log10(light), axis=1)
    found["colours"] = by_distance(colours / colours.std(0), rows)
    scores = {name: precision(neighbours, rows, kinds) for name, neighbours in found.items()}
    chance = np.mean([np.mean(kinds == kinds[row]) for row in rows])
    print(f"\nprecision@{K} on Galaxy Zoo's class: " + ", ".join(f"{name} {score:.3f}" for name, score in scores.items()))
    print(f"by chance {chance:.3f} of {len(set(kinds))} classes, {dict(zip(*np.unique(kinds, return_counts=True), strict=True))}")
    assert scores["kind"] > scores["colours"]


def test_neighbours_of_whom_people_would_say_the_same_are_of_the_same_class_in_galaxy_zoo():
    """By what voters say who saw neither the query's votes nor those of the pictures that are searched: a fold, by the other four.

    PCA of as many numbers as the model of pictures has, as it is and turned, and taught the same votes by the same regression.
    """
    pictures, votes, kinds = galaxy_zoo()
    pixels = {"PCA": pictures, "PCA, turned": turned(pictures, *orientation(pictures))}
    points = {
        name: PCA(16, random_state=0).fit_transform(np.arcsinh(seen.flux / 0.1).reshape(len(kinds), -1)) for name, seen in pixels.items()
    }
    colours = -2.5 * np.diff(np.log10(np.maximum(pictures.flux[..., 20:44, 20:44].sum((2, 3)), 1e-3)), axis=1)
    points["colours"] = colours / colours.std(0)
    points |= {name: np.zeros_like(votes) for name in ("voters", "PCA, taught the votes", "PCA, turned and taught")}
    for number, (train, test) in enumerate(folds()):
        points["voters"][test] = said_by_voters(number)
        for taught, plain in (("PCA, taught the votes", "PCA"), ("PCA, turned and taught", "PCA, turned")):
            regression, _ = StructureVotes.fit(points[plain][train], votes[train])
            points[taught][test] = 1 / (1 + np.exp(-regression(points[plain][test])))
    print(f"\nprecision@{K} on Galaxy Zoo's class: within each fold, error of the mean of five; and among all, for comparison")
    right = {name: np.array([shared(where[test], kinds[test]).mean() for _, test in folds()]) for name, where in points.items()}
    for name, each in right.items():
        print(f"{name:24s} {each.mean():.3f} +- {each.std(ddof=1) / np.sqrt(len(each)):.3f}; {shared(points[name], kinds).mean():.3f}")
    for name, each in right.items():
        ahead = right["voters"] - each
        assert name == "voters" or ahead.mean() > 3 * ahead.std(ddof=1) / np.sqrt(len(ahead))


def shared(points, kinds):
    """Share of each one's ten nearest that are of its class, (n,)."""
    rows = np.arange(len(kinds))
    return np.array(
        [np.mean(kinds[found[found != row][:K]] == kinds[row]) for row, found in zip(rows, by_distance(points, rows), strict=True)]
    )
