"""Photometric redshifts: from magnitudes against a random forest, from pictures against magnitudes, and what a stored density takes.

Run with ``pytest tests/benchmarks/bench_photoz.py -s --override-ini=python_files='bench_*.py'``: five trainings of some minutes for the
SDSS sample (GALWIDGET_DATA); ``-k picture`` is the shipped model alone.
"""

import os
import time
import warnings
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import KFold

import galwidget as gw
from galwidget.evaluation.prediction import crps, ks_uniform
from galwidget.evaluation.references import regression
from galwidget.evaluation.scores import bootstrap, robust_scatter
from galwidget.recipe import spectroscopic_sample
from galwidget.science.photoz_training import PredictiveObjective
from galwidget.science.recalibration import Recalibration

warnings.filterwarnings("ignore", module="lightning")
BANDS = ("u", "g", "r", "i", "Z")


def apart(guess, truth):
    return (np.asarray(guess) - truth) / (1 + truth)


def test_redshifts_from_magnitudes_alone_against_a_forest():
    if not os.environ.get("GALWIDGET_DATA"):
        pytest.skip("GALWIDGET_DATA is not set: no spectroscopic sample")
    path = Path(os.environ["GALWIDGET_DATA"]) / "sdss_mgs" / "sdss_mgs_train.txt"
    sample = spectroscopic_sample(path, gw.Survey.named("SDSS"))
    table = sample.to_table()
    table["redshift_err"] = np.full(len(table), 1e-4)  # 30 km/s: exact ones would be blurred in training
    sample = sample.with_table(table)
    truth = sample.attribute("redshift")
    columns = np.stack([sample.attribute(name) for group in (("mag_r",), ("u_g", "g_r", "r_i", "i_z")) for name in group], 1)
    guess, forest, pit, calibrated = (np.full(len(truth), np.nan) for _ in range(4))
    fold = np.zeros(len(truth), int)
    start = time.perf_counter()
    for number, (train, test) in enumerate(KFold(5, shuffle=True, random_state=0).split(truth)):
        model = gw.fit(
            sample[train], epochs=150, latent_size=16, batch_size=256, learning_rate=5e-3, objective=PredictiveObjective(beta=0.05),
            prior_epochs=0, progress=False,
        )  # fmt: skip
        found = gw.photoz(model, sample[test], progress=False)
        guess[test], pit[test], fold[test] = found.table["z_median"], found.pit(truth[test]), number
        forest[test] = regression("forest", columns[train], truth[train], columns[test])
        each = [robust_scatter(apart(part[test], truth[test])) for part in (guess, forest)]
        print(f"fold {number}: sigma_NMAD {each[0]:.5f}, forest {each[1]:.5f}, PIT KS {ks_uniform(pit[test]):.3f}", flush=True)
    for number in range(5):  # the map of each fold is fitted to the others
        calibrated[fold == number] = Recalibration.fit(pit[fold != number])(pit[fold == number])
    ours, theirs = apart(guess, truth), apart(forest, truth)
    (ours_scatter, error), (their_scatter, their_error) = bootstrap(robust_scatter, ours), bootstrap(robust_scatter, theirs)
    ratio, ratio_error = bootstrap(lambda one, other: robust_scatter(one) / robust_scatter(other), ours, theirs)
    print(
        f"sigma_NMAD {ours_scatter:.5f} +- {error:.5f}, forest {their_scatter:.5f} +- {their_error:.5f}; "
        f"ratio {ratio:.3f} +- {ratio_error:.3f}"
    )
    print(f"bias {ours.mean():+.5f}, beyond 0.05: {np.mean(np.abs(ours) > 0.05):.3%} (forest {np.mean(np.abs(theirs) > 0.05):.3%})")
    print(
        f"PIT KS {ks_uniform(pit):.4f}, recalibrated on the other folds {ks_uniform(calibrated):.4f}; {time.perf_counter() - start:.0f} s"
    )
    assert ratio <= 1.0
    assert ks_uniform(calibrated) <= 0.03


@cache
def seen():
    """The shipped model, simulated galaxies with magnitudes measured in their own noise, and densities from each kind of evidence."""
    model = gw.load()
    galaxies = gw.simulate(1500, "KiDS", 777, bands=BANDS, flatten=0.3, measured=False, progress=False)
    truth = galaxies.attribute("redshift")
    galaxies = gw.measure(galaxies)
    ways = {"magnitudes": ["brightness", "colours"], "image": ["image"], "image and magnitudes": ["image", "brightness", "colours"]}
    return truth, {way: gw.photoz(model, galaxies, using, progress=False) for way, using in ways.items()}


def test_the_picture_adds_to_the_magnitudes():
    truth, ways = seen()
    known = ways["magnitudes"]
    print()
    scatter, logs = {}, {}
    for way, found in ways.items():
        dz = apart(found.table["z_median"], truth)
        scatter[way], error = bootstrap(robust_scatter, dz)
        logs[way] = np.log(np.maximum((found.pit(truth + 1e-4) - found.pit(np.maximum(truth - 1e-4, 0))) / 2e-4, 1e-4))
        print(
            f"{way:22s} sigma_NMAD {scatter[way]:.4f} +- {error:.4f}, beyond 0.15: {np.mean(np.abs(dz) > 0.15):.3%}, "
            f"bias {np.median(dz):+.4f}, PIT KS {ks_uniform(found.pit(truth)):.3f}, log density at the truth {logs[way].mean():.3f}"
        )
    for way in ("image", "image and magnitudes"):
        gain, error = bootstrap(np.mean, logs[way] - logs["magnitudes"])
        print(f"{way}: {ways[way].gain(known)} by entropy; at the truth {gain:.3f} +- {error:.3f} nats")
    ratio = scatter["image and magnitudes"] / scatter["magnitudes"]
    print(f"sigma_NMAD, image and magnitudes over magnitudes alone: {ratio:.3f}")
    assert ratio <= 0.85


def test_a_density_stored_as_a_latent_against_quantiles():
    """Bytes a galaxy of a stored density, and its CRPS at the true redshift; the picture's densities."""
    qp = pytest.importorskip("qp")
    truth, ways = seen()
    found = ways["image"]

    def score(samples):
        return crps(samples, truth).mean()

    levels = (np.arange(200) + 0.5) / 200
    print(f"\nlatent, float32: {8 * found.latent.mean.shape[1]} bytes, CRPS {score(found.quantile(levels)):.5f}")
    half = type(found.latent)(found.latent.mean.astype(np.float16), found.latent.std.astype(np.float16))
    short = replace(found, latent=half)
    latent_score = score(short.quantile(levels))
    print(f"latent, float16: {4 * found.latent.mean.shape[1]} bytes, CRPS {latent_score:.5f}")
    for count in (3, 5, 9, 17, 33):
        at = np.linspace(0.005, 0.995, count)
        ensemble = qp.Ensemble(qp.quant, data={"quants": at, "locs": found.quantile(at)})
        samples = np.stack([ensemble.ppf(level).ravel() for level in levels], 1)
        print(f"qp quantiles, {count} of float32: {4 * count} bytes, CRPS {score(samples):.5f}")
    assert latent_score == pytest.approx(score(found.quantile(levels)), rel=0.01)
