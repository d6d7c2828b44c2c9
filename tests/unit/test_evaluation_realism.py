"""Realism scores: galaxies of the same population pass, and blurred, discoloured, copied or noiseless ones are told."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import galwidget as gw
from galwidget.evaluation.realism import memorising, nearest_training, realism, wasserstein
from galwidget.evaluation.sampling import comparable, draw_pictures, observe_like, observed_halves, sky_correlation
from galwidget.evaluation.two_sample import auc, network_auc

BANDS = ("g", "r", "i")


def simulated(n, seed, **how):
    return gw.simulate(n, "KiDS", seed=seed, bands=BANDS, stamp=32, mag_limit=21.0, flatten=1.0, progress=False, measured=False, **how)


@pytest.fixture(scope="module")
def observed():
    return simulated(120, 41)


@pytest.fixture(scope="module")
def drawn():
    """Other galaxies of the same population, before the telescope."""
    return simulated(120, 42, psf=False, noiseless=True)


def altered(drawn, flux):
    return gw.Galaxies(flux, survey=drawn.survey)


@pytest.fixture(scope="module")
def sides(observed, drawn):
    """Observed against generated galaxies: the same population, and one blurred and reddened."""
    blurred = gaussian_filter(drawn.flux, (0, 0, 2.0, 2.0)) * np.array([0.7, 1.0, 1.2])[:, None, None]
    return comparable(observed, drawn), comparable(observed, altered(drawn, blurred))


@pytest.fixture(scope="module")
def scores(sides):
    return tuple({score.name: score for score in realism(pair, "test", network=False).scores} for pair in sides)


def test_the_same_population_passes(scores):
    assert abs(scores[0]["AUC, forest on measurements"].value - 0.5) < 0.15
    mean = scores[0]["Wasserstein distance, mean of 9"]
    assert mean.value < 2 * mean.perfect


def test_a_blurred_and_reddened_population_is_told(scores):
    assert scores[1]["AUC, forest on measurements"].value > 0.9
    names = ["mean of 9", "g_r", "r_half", "concentration", "gini"]
    for name in names:
        good, bad = (part[f"Wasserstein distance, {name}"] for part in scores)
        assert bad.value > good.value + 3 * good.error, name


def test_a_network_tells_from_the_pixels(sides):
    same, blurred = (network_auc(pair, epochs=3)[0] for pair in sides)
    assert abs(same - 0.5) < 0.2
    assert blurred > 0.85


def test_pairs_stay_in_one_fold(observed, drawn):
    """Twins with opposite labels would teach the forest to be wrong: AUC far below 0.5."""
    twins = comparable(observed, drawn)
    copies = type(twins)(twins.observed, twins.observed, twins.observed_group, twins.observed_group)
    found = {score.name: score.value for score in realism(copies, "twins", network=False).scores}
    assert found["AUC, forest on measurements"] == pytest.approx(0.5, abs=0.02)


def test_a_memorised_training_set_is_found_out(observed):
    clean = simulated(120, 43, psf=False, noiseless=True)
    training = gw.observe(clean, seed=7)
    fresh = comparable(observed, simulated(120, 44, psf=False, noiseless=True))
    turned = comparable(observed, altered(clean, np.rot90(clean.flux, 1, (2, 3)).copy()))
    shares = [[score.value for score in memorising(pair, training, "test").scores] for pair in (fresh, turned)]
    assert abs(shares[0][0] - 0.5) < 0.15
    assert shares[1][0] > 0.7
    assert shares[1][1] > shares[0][1]


def test_a_galaxy_of_the_training_sample_is_at_no_distance_however_it_is_turned(observed):
    turned = gw.Galaxies(np.rot90(observed.flux[:5], 1, (2, 3)).copy(), survey=observed.survey)
    assert np.max(nearest_training(observed[:5], observed)) < 0.1
    assert np.max(nearest_training(turned, observed)) < 0.1


def test_generated_galaxies_have_the_masks_psfs_and_sky_of_those_that_lend_them(observed, drawn):
    lent = observed[:40]
    lent.ivar = lent.ivar.copy()
    lent.ivar[:, :, :8, :8] = 0
    seen = observe_like(drawn[:40], lent, seed=1)
    assert (seen.ivar[:, :, :8, :8] == 0).all()
    assert (seen.flux[:, :, :8, :8] == 0).all()
    corner = np.s_[:, 1, -6:, -6:]
    ratio = np.median(seen.ivar[corner] / lent.ivar[corner])
    assert ratio == pytest.approx(1, abs=0.1)
    np.testing.assert_array_equal(seen.psf, lent.psf)


def test_correlated_noise_is_lent_correlated_and_white_noise_white(drawn):
    rng = np.random.default_rng(2)
    white = rng.standard_normal((60, 3, 32, 32)) * drawn.survey.sky_sigma[:, None, None]
    smooth = gaussian_filter(white, (0, 0, 0.7, 0.7))
    smooth *= drawn.survey.sky_sigma[:, None, None] / smooth.std((0, 2, 3))[:, None, None]
    empty = altered(drawn[:60], np.zeros((60, 3, 32, 32)))
    for noise, neighbour in ((white, 0.0), (smooth, 0.6)):
        sky = gw.Galaxies(noise, survey=drawn.survey)
        lent = observe_like(empty, sky, seed=5)
        before, after = (sky_correlation(part)[1] for part in (sky, lent))
        middle = len(before) // 2
        assert before[middle, middle + 1] == pytest.approx(neighbour, abs=0.1)
        assert after[middle, middle + 1] == pytest.approx(before[middle, middle + 1], abs=0.03)
        assert lent.flux[:, 1].std() == pytest.approx(drawn.survey.sky_sigma[1], rel=0.03)


def test_normalised_wasserstein_distance_is_the_shift_in_standard_deviations():
    values = np.random.default_rng(1).normal(size=4000)
    value, error, by_chance = wasserstein(values, values + 0.5)
    assert value == pytest.approx(0.5 / values.std())
    assert error < 0.05
    assert by_chance < 0.05


def test_auc_is_a_half_for_the_same_scores_and_one_for_higher_ones():
    scores = np.random.default_rng(1).normal(size=200)
    assert auc(scores, scores)[0] == pytest.approx(0.5)
    assert auc(scores, scores + 10)[0] == 1


def test_nothing_to_measure_is_said(observed, drawn):
    empty = gw.Galaxies(np.zeros_like(observed.flux), survey=observed.survey)
    with pytest.raises(ValueError, match="measured mag_r"):
        comparable(empty, drawn)


def test_a_measurement_that_is_used_again_changes_nothing(observed, drawn, sides):
    fresh, again = comparable(observed, drawn, seed=3), comparable(observed, drawn, seed=3, like=sides[1])
    for one, other in ((fresh, again), (observed_halves(observed, seed=3), observed_halves(observed, seed=3, like=sides[1]))):
        assert one.observed == other.observed
        assert one.generated == other.generated
        assert np.array_equal(one.observed_group, other.observed_group)
        assert np.array_equal(one.generated_group, other.generated_group)
        assert one.limit == other.limit
        for first, second in ((one.observed_features, other.observed_features), (one.generated_features, other.generated_features)):
            assert all(np.array_equal(first[name], second[name], equal_nan=True) for name in first)


def test_pictures_without_a_table_are_those_of_a_sample():
    model = gw.load()
    drawn, sampled = draw_pictures(model, 3, seed=1, mag_r=20.0), model.sample(3, seed=1, mag_r=20.0)
    assert np.array_equal(drawn.flux, sampled.flux)
    assert drawn.survey == sampled.survey
    assert not drawn.table.colnames
