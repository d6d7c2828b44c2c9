"""What a model says of itself: predictions as wide as they come true, and galaxies that it does not know."""

import warnings

import numpy as np
import pytest
import torch
from scipy.stats import norm

import galwidget as gw
from galwidget.calibration import calibrate
from galwidget.evaluation.prediction import ks_uniform
from galwidget.model.inputs import Scaling
from galwidget.prediction import EVIDENCE, Prediction, evidence
from galwidget.widening import Widening, _Standard, calibrated, learnt

warnings.filterwarnings("ignore", module="lightning")

SCALE = Scaling("mag_r", "linear", 0.0, 1.0, -5.0, 5.0, 0.0)
CHANCE = 1.6  # Kolmogorov's distance is below this / sqrt(n) 99 times in 100


@pytest.fixture(scope="module")
def galaxies():
    return gw.simulate(480, "KiDS", seed=3, stamp=32, bands=["g", "r"], mag_limit=20.5, flatten=0.5, progress=False)


@pytest.fixture(scope="module")
def model(galaxies):
    model = gw.fit(galaxies[:128], epochs=8, latent_size=6, prior_epochs=3, progress=False, seed=1)
    calibrate(model, galaxies[128:400])
    return model


def gaussian(means, width):
    return Prediction("mag_r", np.ones((len(means), 1)), means[:, None], np.full((len(means), 1), width), SCALE)


def test_a_widening_stretches_and_moves_every_component():
    widened = Widening(np.array([0.25, 0.75]), np.array([1.0, 0.0]), np.array([2.0, 1.0]))(gaussian(np.array([3.0, 5.0]), 0.5))
    np.testing.assert_allclose(widened.weights, [[0.25, 0.75]] * 2)
    np.testing.assert_allclose(widened.means, [[3.5, 3.0], [5.5, 5.0]])
    np.testing.assert_allclose(widened.scatters, [[1.0, 0.5]] * 2)


def test_each_galaxy_is_widened_by_what_its_prediction_rests_on():
    def of(stretch):
        return {"widths": [0.0], "magnitudes": [0.0], "shares": [[1.0]], "shifts": [[0.0]], "stretches": [[stretch]]}

    about = {"calibration": {"mag_r": {"image": of(2.0), "image and attributes": of(4.0)}}}
    found = calibrated(gaussian(np.zeros(3), 1.0), np.array([0, 1, 2]), np.zeros(3), about)
    np.testing.assert_allclose(found.std, [2.0, 1.0, 4.0])
    assert calibrated(gaussian(np.zeros(3), 1.0), np.zeros(3, int), np.zeros(3), {}).std[0] == 1


def test_predictions_are_widened_by_their_width_and_by_the_magnitude():
    nodes = {"widths": [0.0, 2.0], "magnitudes": [-1.0, 1.0]}
    known = nodes | {"shares": [[1.0]] * 4, "shifts": [[0.0]] * 4, "stretches": np.exp([[0.0], [1.0], [2.0], [3.0]]).tolist()}
    about = {"calibration": {"mag_r": {"image": known}}}
    widths, magnitudes = np.exp([-1.0, 0.0, 1.0, 2.0, 3.0, 1.0]), np.array([-2.0, 1.0, -1.0, -1.0, 5.0, 0.0])
    raw = Prediction("mag_r", np.ones((6, 1)), np.zeros((6, 1)), widths[:, None], SCALE)
    found = calibrated(raw, np.zeros(6, int), magnitudes, about).std / widths
    np.testing.assert_allclose(found, np.exp([0.0, 1.0, 1.0, 2.0, 3.0, 1.5]))


def test_what_is_wrong_at_some_widths_and_some_magnitudes_is_learnt():
    random = np.random.default_rng(1)
    count = 6000
    width, magnitude = np.exp(random.uniform(-2, 0, count)), random.uniform(-1, 1, count)
    narrow, faint = np.log(width) < -1, magnitude > 0
    # narrow predictions are three times too narrow, and faint galaxies are one width off
    truth = width * ((1 + 2 * narrow) * random.standard_normal(count) + faint)
    raw = Prediction("mag_r", np.ones((count, 1)), np.zeros((count, 1)), width[:, None], SCALE)
    one = {part: value.tolist() for part, value in vars(learnt(raw, truth, magnitude)).items()}
    assert np.shape(one["shares"]) == (15, 3)
    found = calibrated(raw, np.zeros(count, int), magnitude, {"calibration": {"mag_r": {"image": one}}})
    assert ks_uniform(found.cdf(truth)) < CHANCE / np.sqrt(count)
    well = np.abs(np.log(width) + 1) > 0.3  # nothing between nodes can be as sudden as this
    for rows in (narrow & faint & well, ~narrow & faint & well, narrow & ~faint & well, ~narrow & ~faint & well):
        assert ks_uniform(found.cdf(truth)[rows]) < 0.08
        assert ks_uniform(raw.cdf(truth)[rows]) > 0.15 or (~narrow & ~faint)[rows].all()


def test_a_tabulated_distribution_is_the_distribution():
    random = np.random.default_rng(3)
    raw = Prediction("mag_r", random.dirichlet(np.ones(5), 40), random.normal(20, 2, (40, 5)), random.uniform(0.5, 3, (40, 5)), SCALE)
    center, width = raw.moments
    at = random.normal(0, 2, (40, 1))
    below, density = (found.numpy()[:, 0] for found in _Standard.of(raw)(torch.from_numpy(at)))
    apart = ((at * width[:, None] + center[:, None]) - raw.means) / raw.scatters
    np.testing.assert_allclose(below, (raw.weights * norm.cdf(apart)).sum(1), atol=1e-4)
    np.testing.assert_allclose(density, (raw.weights / raw.scatters * norm.pdf(apart)).sum(1) * width, atol=1e-3)


def test_few_galaxies_have_one_widening_for_all():
    random = np.random.default_rng(2)
    truth = 2 * random.standard_normal(300)
    found = learnt(gaussian(np.zeros(300), 1.0), truth, random.standard_normal(300))
    assert found.shares.shape == (1, 3)
    assert 1.7 < found(np.ones(300), np.zeros(300))(gaussian(np.zeros(300), 1.0)).std.mean() < 2.3


def test_attributes_measured_with_errors_are_another_evidence_than_exact_ones(model, galaxies):
    exact, measured = galaxies[400:410], gw.measure(galaxies[400:410])
    kinds = [
        EVIDENCE[kind]
        for sample in (exact, measured)
        for using in (["image"], ["brightness", "shape"], ["image", "shape"], ["brightness"], ["image", "brightness"])
        for kind in set(evidence(model.inputs.tensors(sample, using)))
    ]
    exactly = ["image", "attributes", "image and attributes", "attributes", "image and attributes"]
    assert kinds == [*exactly, "image", *EVIDENCE[3:]]
    assert set(model.about["calibration"]["redshift"]) == set(EVIDENCE)


def test_calibrated_predictions_come_true_where_they_did_not(model, galaxies):
    fresh = galaxies[400:]
    known = model.about["calibration"]
    distance = {}
    for state in ("calibrated", "raw"):
        model.about["calibration"] = known if state == "calibrated" else {}
        distance[state] = [
            ks_uniform(model.predict(fresh, name, using).cdf(fresh.attribute(name)))
            for name in ("mag_r", "g_r", "r_half", "redshift")
            for using in (["image"], None)
        ]
    model.about["calibration"] = known
    assert max(distance["calibrated"]) < max(distance["raw"])
    # the map itself is known from 272 galaxies only, and 80 judge it
    assert np.mean(distance["calibrated"]) < CHANCE * np.sqrt(1 / 272 + 1 / 80)


def test_an_image_that_the_model_cannot_redraw_is_outside(model, galaxies):
    fresh = galaxies[400:]
    assert model.familiarity(fresh).outside.mean() < 0.1
    odd = fresh[:8].flux.copy()
    odd[:, :, 4:8, :] += 50 * fresh.survey.sky_sigma[:, None, None]  # a trail
    strange = model.familiarity(gw.Galaxies(odd, fresh[:8].ivar, fresh[:8].psf, fresh[:8].table, survey=fresh.survey))
    assert strange.outside.all()
    assert all("redrawn" in words for words in strange.reason)


def test_attributes_alone_are_judged_by_the_prior(model, galaxies):
    alone = gw.Galaxies(table=galaxies.table[:5], survey=galaxies.survey)
    found = model.familiarity(alone)
    assert np.isnan(found.residual).all()
    assert ((found.density >= 0) & (found.density <= 1)).all()


def test_a_model_that_was_never_calibrated_says_so(galaxies):
    model = gw.fit(galaxies[:64], epochs=1, latent_size=4, prior_epochs=1, progress=False)
    with pytest.raises(ValueError, match="calibrate"):
        model.familiarity(galaxies[:2])
