"""Anomalies: injected oddities told from held-out galaxies, against chi2 and an isolation forest; and what twenty marks bring.

Run with ``pytest tests/benchmarks/bench_anomaly.py -s --override-ini=python_files='bench_*.py'``; some minutes on one core. With
GALWIDGET_DATA set, the same on real galaxies of the KiDS field that the model was not trained on.
"""

import os
from functools import cache

import numpy as np
import pytest
from oddities import KINDS, with_oddity
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

import galwidget as gw
from galwidget.evaluation import chi2_per_pixel
from galwidget.recipe import kids_field, split_by_sky

BANDS = ("u", "g", "r", "i", "Z")
NORMAL, ODD, FOLDS = 700, 100, 5


@cache
def model():
    return gw.load()


@cache
def held_out():
    """Simulated galaxies of a seed of their own: 700 normal ones, and as many of each kind as are changed."""
    return gw.measure(gw.simulate(NORMAL + ODD * len(KINDS), "KiDS", 4242, bands=BANDS, flatten=0.5, measured=False))


@cache
def changed(kind):
    start = NORMAL + ODD * list(KINDS).index(kind)
    return gw.measure(with_oddity(held_out()[start : start + ODD], kind, 1))


def pixels(galaxies):
    flux, _ = galaxies.require_images()
    return np.arcsinh(flux / (3 * galaxies.survey.sky_sigma[:, None, None])).reshape(len(flux), -1)


@cache
def forest():
    train = pixels(gw.simulate(1500, "KiDS", 4243, bands=BANDS, flatten=0.5, measured=False))
    pca = PCA(model().latent_size, svd_solver="randomized", random_state=0).fit(train)
    return pca, IsolationForest(n_estimators=300, random_state=0).fit(pca.transform(train))


def scores_of(galaxies, reference=None):
    pca, trees = forest()
    return {
        "galwidget": gw.anomalies(model(), galaxies, reference=reference).score,
        "chi2": chi2_per_pixel(galaxies, model().reconstruct(galaxies, ["image"])),
        "isolation forest on PCA": -trees.score_samples(pca.transform(pixels(galaxies))),
    }


def told_apart(normal, odd):
    """AUROC of each method for each kind, and their means, printed."""
    methods = list(normal)
    area = {
        name: {
            kind: roc_auc_score(np.r_[np.zeros(len(normal[name])), np.ones(len(odd[kind][name]))], np.r_[normal[name], odd[kind][name]])
            for kind in odd
        }
        for name in methods
    }
    print(f"\n{'AUROC':26s}" + "".join(f"{kind:>15s}" for kind in odd) + f"{'mean':>10s}")
    for name in methods:
        values = list(area[name].values())
        print(f"{name:26s}" + "".join(f"{value:15.3f}" for value in values) + f"{np.mean(values):10.3f}")
    return {name: np.array(list(values.values())) for name, values in area.items()}


def test_injected_oddities_are_told_from_held_out_galaxies():
    normal = held_out()[:NORMAL]
    scores = scores_of(normal)
    area = told_apart(scores, {kind: scores_of(changed(kind)) for kind in KINDS})
    slope = spearmanr(scores["galwidget"], normal.attribute("mag_r"), nan_policy="omit").statistic
    print(f"Spearman of score and magnitude of {NORMAL} normal galaxies: {slope:.3f}")
    ours = area.pop("galwidget")
    assert ours.mean() >= 0.95
    assert ours.min() >= 0.85
    assert all(ours.mean() > other.mean() for other in area.values())
    assert abs(slope) <= 0.2


def test_oddities_injected_into_real_galaxies_are_told_from_real_galaxies():
    if not os.environ.get("GALWIDGET_DATA"):
        pytest.skip("GALWIDGET_DATA is not set: no real survey data")
    _, unseen = split_by_sky(kids_field(os.path.join(os.environ["GALWIDGET_DATA"], "kids")))  # noqa: PTH118
    # what is normal is told by galaxies that the model was not trained on either: each fifth by the other four
    fold = np.arange(len(unseen)) % FOLDS
    fifths = [(unseen[fold == number], unseen[fold != number]) for number in range(FOLDS)]

    def told(change):
        scored = [scores_of(change(fifth), others) for fifth, others in fifths]
        return {name: np.concatenate([each[name] for each in scored]) for name in scored[0]}

    scores = told(lambda fifth: fifth)
    odd = {kind: told(lambda fifth, kind=kind: gw.measure(with_oddity(fifth[: ODD // 2 // FOLDS], kind, 2))) for kind in KINDS}
    area = told_apart(scores, odd)
    magnitude = np.concatenate([fifth.attribute("mag_r") for fifth, _ in fifths])
    slope = spearmanr(scores["galwidget"], magnitude, nan_policy="omit").statistic
    print(f"{len(unseen)} real galaxies as normals (real oddities among them); Spearman with magnitude {slope:.3f}")
    assert abs(slope) <= 0.2
    assert area["galwidget"].mean() >= 0.95
    assert area["galwidget"].min() >= 0.85
    assert area["galwidget"].mean() > max(area["chi2"].mean(), area["isolation forest on PCA"].mean())


def test_oddities_of_a_real_sample_do_not_hide_each_other():
    """Eight of one kind in a field of 125, each kind in turn: by the field's typical galaxies, by simulated ones, by the field as it is."""
    if not os.environ.get("GALWIDGET_DATA"):
        pytest.skip("GALWIDGET_DATA is not set: no real survey data")
    _, unseen = split_by_sky(kids_field(os.path.join(os.environ["GALWIDGET_DATA"], "kids")))  # noqa: PTH118
    found = {"own": [], "simulated": [], "as it is": []}
    for number, kind in enumerate(KINDS):
        odd = gw.measure(with_oddity(unseen[8 * number : 8 * number + 8], kind, 2))
        sample = gw.Galaxies.concatenate([unseen.with_table(None), odd.with_table(None)])
        there = np.arange(len(sample)) >= len(unseen)
        for name, reference in (("own", "own"), ("simulated", None), ("as it is", sample)):
            score = gw.anomalies(model(), sample, reference=reference, progress=False).score
            found[name].append([roc_auc_score(there, score), *(np.mean(score[part] >= 3) for part in (there, ~there))])
    print()
    for name, values in found.items():
        area, odd, others = np.mean(values, 0)
        print(f"{name:10s} AUROC {area:.3f}, worst {np.min(values, 0)[0]:.3f}; beyond 3: {odd:.2f} of the odd ones, {others:.2f} of others")
    area, odd, others = np.mean(found["own"], 0)
    assert area > np.mean(found["as it is"], 0)[0] + 0.1
    assert area > np.mean(found["simulated"], 0)[0] - 0.02
    assert odd >= 0.7
    assert others <= 0.1


def test_twenty_marks_lift_the_precision_of_the_first_fifty():
    """A person is shown 20 galaxies, five at a time, and marks those of the kind she looks for; each kind in turn."""
    sample = gw.Galaxies.concatenate([held_out()[:NORMAL].with_table(None)] + [changed(kind).with_table(None) for kind in KINDS])
    kinds = np.repeat(["normal", *KINDS], [NORMAL] + [ODD] * len(KINDS))
    first = gw.anomalies(model(), sample)
    lifts = []
    print()
    for wanted in KINDS:
        shown = []
        for _ in range(4):
            interesting, boring = ([row for row in shown if (kinds[row] == wanted) == liked] for liked in (True, False))
            shown += first.to_mark(5, interesting, boring)
        found = first.marked([row for row in shown if kinds[row] == wanted], [row for row in shown if kinds[row] != wanted])
        before, after = (np.mean(kinds[[row for row in each.order if row not in shown][:50]] == wanted) for each in (first, found))
        print(f"{wanted:15s} precision@50 {before:.2f}, after 20 marks {after:.2f} ({sum(kinds[shown] == wanted)} of them of this kind)")
        lifts.append(after - before)
    assert np.mean(lifts) >= 0.2
    assert min(lifts) > 0.1
