"""Classification: probabilities and errors that come true, the same in any batch; pictures that are no flux, and their voters."""

import warnings

import numpy as np
import pytest

import galwidget as gw
from galwidget.science import classification as module
from galwidget.science.calibrated_head import CategoryHead, NumberHead
from galwidget.science.classification import TYPES, Classifier, hubble_types
from galwidget.science.classification_scores import expected_calibration_error, log_score

warnings.filterwarnings("ignore", module="lightning")


def attributes(n, seed):
    """Types that are redder and more concentrated the earlier they are, with overlap; no images, nothing simulated."""
    random = np.random.default_rng(seed)
    kind = random.integers(5, size=n)
    table = {
        "morphology": np.array(gw.attributes.MORPHOLOGIES)[kind],
        "mag_r": random.uniform(18, 22, n),
        "g_r": 1.0 - 0.17 * kind + random.normal(0, 0.1, n),
        "r_i": 0.5 - 0.08 * kind + random.normal(0, 0.05, n),
        "concentration": 3.8 - 0.25 * kind + random.normal(0, 0.2, n),
        "bulge_fraction": np.clip(1 - kind / 4 + random.normal(0, 0.05, n), 0, 1),
    }
    return gw.Galaxies(table=table, survey=gw.Survey.named("KiDS").select("gri"))


@pytest.fixture(scope="module")
def model():
    return gw.fit(attributes(1500, 1), epochs=8, latent_size=4, batch_size=128, learning_rate=5e-3, prior_epochs=0, progress=False)


@pytest.fixture(scope="module")
def classifier(model):
    return Classifier(model, attributes(1200, 2), progress=False)


@pytest.fixture(scope="module")
def held_out():
    return attributes(1500, 3)


@pytest.fixture(scope="module")
def found(classifier, held_out):
    return classifier(held_out, progress=False)


def test_probabilities_are_probabilities_and_the_best_is_the_most_probable(found):
    assert found.probabilities.shape == (1500, 4)
    assert found.probabilities.sum(1) == pytest.approx(1)
    assert (found.probabilities >= 0).all()
    table = found.table
    best = np.array([row[f"p_{row['best']}"] for row in table])
    np.testing.assert_array_equal(best, found.probabilities.max(1))
    assert set(table["best"]) == set(TYPES)


def test_probabilities_come_true_on_held_out_galaxies(found, held_out):
    truth = hubble_types(held_out)
    error = expected_calibration_error(found.probabilities, found.types, truth)
    assert error < 0.04  # by chance, ten bins of 150 galaxies: 0.02
    for column, name in enumerate(found.types):
        expected, there = found.probabilities[:, column].sum(), (truth == name).sum()
        assert abs(expected - there) < 4 * np.sqrt(len(truth)) * 0.4


def test_they_say_more_than_the_shares_of_the_sample(found, held_out):
    truth = hubble_types(held_out)
    shares = np.array([(truth == name).mean() for name in found.types])
    usual = log_score(np.broadcast_to(shares, found.probabilities.shape), found.types, truth).mean()
    assert log_score(found.probabilities, found.types, truth).mean() > usual + 0.5


def test_errors_of_the_bulge_fraction_come_true(found, held_out):
    missed = (found.bulge_fraction - held_out.attribute("bulge_fraction")) / found.bulge_fraction_error
    assert np.sqrt(np.mean(missed**2)) == pytest.approx(1, abs=0.15)
    assert ((found.bulge_fraction >= 0) & (found.bulge_fraction <= 1)).all()


def test_the_type_in_the_table_is_not_looked_at(classifier, found, held_out):
    blind = held_out.to_table()[:50]
    blind.remove_columns(["morphology", "bulge_fraction"])
    again = classifier(gw.Galaxies(table=blind, survey=held_out.survey), progress=False)
    np.testing.assert_allclose(again.probabilities, found[:50].probabilities, atol=1e-5)


def test_a_galaxy_is_classified_the_same_alone_and_in_any_batch(classifier, found, held_out, monkeypatch):
    monkeypatch.setattr(module, "_BATCH", 7)
    np.testing.assert_allclose(classifier(held_out[:40], progress=False).probabilities, found[:40].probabilities, atol=1e-5)
    np.testing.assert_allclose(classifier(held_out[33], progress=False).probabilities, found[33].probabilities, atol=1e-5)


def test_no_galaxies_have_no_types(classifier, held_out):
    none = classifier(held_out[:0], progress=False)
    assert none.probabilities.shape == (0, 4)
    assert len(none.table) == 0


def test_without_known_bulges_there_is_no_bulge_fraction(model, held_out):
    table = held_out.to_table()[:300]
    table.remove_column("bulge_fraction")
    found = gw.classify(model, held_out[300:310], reference=held_out[:300].with_table(table), progress=False)
    assert np.isnan(found.bulge_fraction).all()
    assert np.isfinite(found.probabilities).all()


def test_a_reference_may_name_the_classes_and_leave_some_open(model, held_out):
    table = held_out[:400].to_table()
    words = hubble_types(held_out[:400])
    words[:50] = ""
    table["morphology"] = words
    reference = held_out[:400].with_table(table)
    assert (hubble_types(reference)[50:] == words[50:]).all()
    assert len(gw.classify(model, held_out[400:405], reference=reference, progress=False)) == 5


def test_what_cannot_be_learnt_from_is_refused_in_words(model, held_out):
    with pytest.raises(ValueError, match="60 galaxies of the reference have a morphology; give at least 100"):
        Classifier(model, held_out[:60], progress=False)
    table = held_out[:200].to_table()
    table["morphology"] = ["peculiar"] * 200
    with pytest.raises(ValueError, match="morphology has 'peculiar'"):
        Classifier(model, held_out[:200].with_table(table), progress=False)
    table.remove_column("morphology")
    blind = gw.fit(held_out[:200].with_table(table), epochs=1, latent_size=2, prior_epochs=0, progress=False)
    with pytest.raises(ValueError, match="trained without types"):
        gw.classify(blind, held_out[:2], progress=False)


def test_types_of_simulated_pictures_are_found():
    shipped = gw.load()
    sample = gw.simulate(320, shipped.survey, 5, stamp=shipped.stamp, mag_limit=21, flatten=0.7, measured=False, progress=False)
    known, unknown = sample[:220], sample[220:]
    found = gw.classify(shipped, unknown, reference=known, progress=False)
    truth = hubble_types(unknown)
    commonest = max((truth == name).mean() for name in TYPES)
    assert (found.best == truth).mean() > commonest + 0.1
    assert np.corrcoef(found.bulge_fraction, unknown.attribute("bulge_fraction"))[0, 1] > 0.6


def test_a_head_is_as_sure_as_it_is_right():
    random = np.random.default_rng(0)
    inputs, labels = random.normal(size=(1200, 20)), random.integers(2, size=1200)
    inputs[:, 0] += labels  # one number of twenty says something
    head = CategoryHead(inputs[:600], labels[:600], 5)
    probabilities = head.probabilities(inputs[600:])
    assert expected_calibration_error(probabilities, head.classes, labels[600:]) < 0.07
    with pytest.raises(ValueError, match="at least 4 of each"):
        CategoryHead(inputs, np.r_[0, np.ones(1199, int)], 5)


def test_a_head_knows_where_it_errs_more():
    random = np.random.default_rng(0)
    inputs = random.normal(size=(2400, 4))
    values = inputs[:, 0] + np.where(inputs[:, 1] > 0, 1.0, 0.1) * random.normal(size=2400)
    mean, error = NumberHead(inputs[:1200], values[:1200], 4)(inputs[1200:])
    noisy = inputs[1200:, 1] > 0
    assert np.sqrt(np.mean(((mean - values[1200:]) / error) ** 2)) == pytest.approx(1, abs=0.15)
    assert np.median(error[noisy]) > 2 * np.median(error[~noisy])


def test_scores_are_those_worked_out_by_hand():
    probabilities = np.array([[0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.1, 0.9]])
    truth = np.array(["a", "b", "b", "b"])
    np.testing.assert_allclose(log_score(probabilities, ("a", "b"), truth), np.log([0.8, 0.4, 0.7, 0.9]))
    # each alone in its bin of 0.1: |1 - 0.8|, |0 - 0.6|, |1 - 0.7|, |1 - 0.9|
    assert expected_calibration_error(probabilities, ("a", "b"), truth) == pytest.approx((0.2 + 0.6 + 0.3 + 0.1) / 4)
