"""Photometric redshifts: densities that are densities, the same in any batch, and true once recalibrated."""

import sys
import warnings

import numpy as np
import pytest
from astropy.table import QTable

import galwidget as gw
from galwidget.evaluation.prediction import ks_uniform
from galwidget.model.inputs import Scaling
from galwidget.prediction import Prediction
from galwidget.science import photoz as module
from galwidget.science.densities import Density
from galwidget.science.photoz_training import PredictiveObjective
from galwidget.science.recalibration import Recalibration

warnings.filterwarnings("ignore", module="lightning")
GRID = np.linspace(0, 3, 3001)


def attributes(n, seed):
    """Redshifts that redden g - r and r - i and dim r, with scatter: no images, nothing simulated."""
    random = np.random.default_rng(seed)
    z = random.gamma(6, 0.05, n)
    table = QTable(
        {
            "redshift": z,
            "redshift_err": np.full(n, 1e-4),
            "mag_r": 17 + 6 * z + random.normal(0, 0.3, n),
            "g_r": 0.5 + 1.2 * z + random.normal(0, 0.05, n),
            "r_i": 0.2 + 0.6 * z + random.normal(0, 0.05, n),
        }
    )
    return gw.Galaxies(table=table, survey=gw.Survey.named("KiDS").select("gri"))


@pytest.fixture(scope="module")
def model():
    objective = PredictiveObjective(beta=0.05, generative=0.05, subsets=0)
    return gw.fit(
        attributes(1500, 1),
        epochs=25,
        latent_size=6,
        batch_size=128,
        learning_rate=5e-3,
        objective=objective,
        prior_epochs=0,
        progress=False,
    )


def test_a_component_without_weight_does_not_stretch_the_density():
    weights, means, scatters = (np.array([row]) for row in ([1 - 1e-30, 1e-30], [0.2, 0.5], [0.3, 1e7]))
    scaling = Scaling("redshift", "log1p", 0.3, 0.2, 0.0, 1.0, 0.3)
    one, both = (Density(Prediction("redshift", *parts, scaling)) for parts in (
        (np.ones((1, 1)), means[:, :1], scatters[:, :1]), (weights, means, scatters),
    ))  # fmt: skip
    levels = np.array([0.001, 0.16, 0.5, 0.84, 0.999])
    np.testing.assert_allclose(both.quantile(levels), one.quantile(levels), rtol=1e-6)
    np.testing.assert_allclose(both.std, one.std, rtol=1e-6)


@pytest.fixture(scope="module")
def test_sample():
    return attributes(1200, 2)


@pytest.fixture(scope="module")
def found(model, test_sample):
    return gw.photoz(model, test_sample, progress=False)


def test_a_density_integrates_to_one_and_none_is_below_redshift_0(found):
    assert np.trapezoid(found[:40].pdf(GRID), GRID, axis=1) == pytest.approx(1, abs=2e-3)
    assert (found[:40].pdf(np.linspace(-1, -0.01, 5)) == 0).all()
    assert (found[:40].samples(50) >= 0).all()
    assert (np.asarray(found[:40].joint(50)["redshift"]) >= 0).all()


def test_estimates_are_those_of_the_density(found):
    some = found[:40]
    density, table = some.pdf(GRID), some.table
    mean = np.trapezoid(density * GRID, GRID, axis=1)
    np.testing.assert_allclose(table["z_mean"], mean, atol=2e-3)
    np.testing.assert_allclose(table["z_std"], np.sqrt(np.trapezoid(density * (GRID - mean[:, None]) ** 2, GRID, axis=1)), rtol=0.03)
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.trapezoid(np.where(density > 0, density * np.log(density), 0), GRID, axis=1)
    np.testing.assert_allclose(table["entropy"], entropy, atol=0.02)
    highest = density[np.arange(40), np.searchsorted(GRID, table["z_mode"])]
    assert (highest > 0.95 * density.max(1)).all()
    within = np.abs(GRID - table["z_mode"][:, None]) < 0.06 * (1 + table["z_mode"][:, None])
    np.testing.assert_allclose(table["odds"], np.trapezoid(density * within, GRID, axis=1), atol=0.03)
    np.testing.assert_allclose(some.pit(table["z_low"]), 0.16, atol=5e-3)
    np.testing.assert_allclose(some.pit(table["z_high"]), 0.84, atol=5e-3)


def test_redshifts_are_found(found, test_sample):
    apart = np.asarray(found.table["z_median"]) - test_sample.attribute("redshift")
    assert np.std(apart) < 0.5 * np.std(test_sample.attribute("redshift"))


def test_the_redshift_of_the_table_is_not_looked_at(model, test_sample):
    shifted = test_sample.to_table()
    shifted["redshift"] = shifted["redshift"] + 1
    with_it, without = (gw.photoz(model, sample[:20], progress=False) for sample in (test_sample, test_sample.with_table(shifted)))
    assert with_it.latent == without.latent


def test_a_galaxy_has_the_same_density_alone_and_in_any_batch(model, test_sample, found, monkeypatch):
    monkeypatch.setattr(module, "_BATCH", 7)
    in_sevens = gw.photoz(model, test_sample[:40], progress=False)
    alone = gw.photoz(model, test_sample[33], progress=False)
    for name in ("z_median", "z_mode", "odds", "entropy"):
        np.testing.assert_allclose(in_sevens.table[name], found[:40].table[name], atol=1e-3)
        np.testing.assert_allclose(alone.table[name], found[33].table[name], atol=1e-3)
    np.testing.assert_allclose(in_sevens.samples(9), found[:40].samples(9), atol=1e-3)


def test_recalibration_makes_the_pit_of_a_held_out_half_uniform(model, test_sample):
    from dataclasses import replace

    validation, held_out = test_sample[::2], test_sample[1::2]
    # a density that is wrong in a known way: shifted and too narrow
    wrong = Recalibration(np.linspace(0, 1, 9), np.linspace(0, 1, 9) ** 2)
    before = gw.photoz(model, held_out, progress=False)
    truth = held_out.attribute("redshift")
    crooked = replace(before, recalibration=wrong)
    assert ks_uniform(crooked.pit(truth)) > 0.15
    after = before.calibrated(on=validation)
    chance = 1.63 / np.sqrt(len(truth)) + 0.87 / np.sqrt(len(validation))  # 1 % by chance, and the scatter of the map itself
    assert ks_uniform(after.pit(truth)) < chance
    assert np.trapezoid(after[:40].pdf(GRID), GRID, axis=1) == pytest.approx(1, abs=1e-2)


def test_a_map_undoes_a_known_distortion():
    random = np.random.default_rng(0)
    fitted = Recalibration.fit(random.beta(0.5, 0.5, 4000))
    fresh = random.beta(0.5, 0.5, 4000)
    assert ks_uniform(fresh) > 0.08
    assert ks_uniform(fitted(fresh)) < 0.035
    assert (fitted.slope(np.linspace(0, 1, 200)) > 0).all()


def test_recalibration_refuses_a_handful(found, test_sample):
    with pytest.raises(ValueError, match="60 galaxies have a known redshift; recalibration needs at least 100"):
        found.calibrated(on=test_sample[:60])


def test_more_that_is_seen_is_more_information(model, test_sample, found):
    magnitude = gw.photoz(model, test_sample, ["brightness"], progress=False)
    gain = found.gain(magnitude)
    assert gain.median > 10 * gain.error > 0
    assert found.gain(found).median == 0
    with pytest.raises(ValueError, match="give the same galaxies"):
        found.gain(magnitude[:5])


def test_joint_draws_hold_redshift_and_colour_together(model, test_sample):
    joint = gw.photoz(model, test_sample[:30], ["mag_r"], progress=False).joint(500)
    assert joint["g_r"].shape == (30, 500)
    together = [np.corrcoef(z, colour)[0, 1] for z, colour in zip(joint["redshift"], np.asarray(joint["g_r"]), strict=True)]
    assert np.median(together) > 0.3


def test_qp_reads_the_densities(found):
    pytest.importorskip("qp", reason="qp-prob is not installed")
    some = found[:20]
    ensemble = some.to_qp()
    np.testing.assert_allclose(ensemble.median().ravel(), some.table["z_median"], atol=5e-3)
    assert set(some.table.colnames) == set(ensemble.ancil)


def test_without_qp_the_command_to_install_it_is_named(found, monkeypatch):
    monkeypatch.setitem(sys.modules, "qp", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'galwidget\[photoz\]'"):
        found[:2].to_qp()


def test_a_model_without_redshifts_says_so(test_sample):
    table = test_sample.to_table()[:64]
    table.remove_columns(["redshift", "redshift_err"])
    blind = gw.fit(test_sample[:64].with_table(table), epochs=1, latent_size=2, prior_epochs=0, progress=False)
    with pytest.raises(ValueError, match="trained without redshifts"):
        gw.photoz(blind, test_sample[:2], progress=False)


def test_the_picture_names_what_was_seen(model, found, test_sample):
    figure = found.figure(3, gw.photoz(model, test_sample, ["brightness"], progress=False))
    words = " ".join(
        text.get_text()
        for axes in figure.axes
        for text in (*axes.texts, *(axes.get_legend() or axes).findobj(lambda a: hasattr(a, "get_text")))
    )
    assert "from all that was measured" in words
    assert "from brightness" in words
    assert {axes.get_ylabel() for axes in figure.axes} >= {"p(z)", "g - r / mag", "r - i / mag"}
    with pytest.raises(IndexError, match="there are 1200"):
        found.figure(5000)


def test_no_galaxies_have_no_densities(model, test_sample):
    none = gw.photoz(model, test_sample[:0], progress=False)
    assert none.pdf(GRID).shape == (0, len(GRID))
    assert len(none.table) == 0
