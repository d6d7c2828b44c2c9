"""Anomalies: what stands out, why in words, and how marks change the order."""

from dataclasses import replace

import numpy as np
import pytest
from oddities import with_oddity

import galwidget as gw
from galwidget.latent import Latent
from galwidget.science import anomaly
from galwidget.science.anomaly import Anomalies
from galwidget.science.normal import Normal


@pytest.fixture(scope="module")
def model():
    """The shipped one: oddities are told from what a model has learnt, and a model of a minute has learnt little."""
    return gw.load()


@pytest.fixture(scope="module")
def sample(model):
    return gw.simulate(96, model.survey, seed=3, stamp=model.stamp, mag_limit=21, flatten=0.7, progress=False)


@pytest.fixture(scope="module")
def judged(model, sample):
    return gw.anomalies(model, sample, reference=sample, progress=False)


def test_half_of_the_reference_is_below_zero_and_its_p_values_are_even(judged, sample):
    assert len(judged) == len(sample)
    assert abs((judged.score < 0).mean() - 0.5) < 0.1
    assert abs((judged.p_value < 0.5).mean() - 0.5) < 0.05


def test_the_order_has_the_oddest_first_and_the_table_a_row_each(judged):
    assert (np.diff(judged.score[judged.order]) <= 0).all()
    table = judged.table
    assert len(table) == len(judged)
    assert {"score", "p_value", "reason", "density", "blob", "line", "colours"} <= set(table.colnames)


def test_a_trail_stands_out_and_is_called_one(model, sample):
    crossed = sample[:30].with_table(None)
    crossed.flux = crossed.flux.copy()
    crossed.flux[:, 2, 10:13] += 15 * sample.survey.sky_sigma[2]
    found = gw.anomalies(model, crossed, reference=sample, progress=False)
    assert (found.p_value < 0.05).mean() > 0.8
    assert sum("trail" in words for words in found.reason) > 20
    told = next(words for words in found.reason if "trail" in words)
    assert "down of the centre" in told
    assert "most in r" in told


def test_a_second_source_is_seen_where_it_is(model, sample):
    plain = sample[:30].with_table(None)
    doubled = plain[:]
    doubled.flux = plain.flux.copy()
    psf = sample.psfs[:30]
    doubled.flux[:, :, 11:22, 43:54] += 30_000 * psf[:, :, 7:18, 7:18]  # its middle at row 16, column 48
    before, after = (gw.anomalies(model, galaxies, reference=sample, progress=False) for galaxies in (plain, doubled))
    assert np.median(after.parts["blob"] - before.parts["blob"]) > 5
    assert sum("extra source" in words and "right" in words and "down" in words for words in after.reason) > 20


@pytest.mark.parametrize("kind", ["swapped_bands", "trail", "star"])
def test_injected_oddities_score_above_the_galaxies_they_were_put_into(model, sample, kind):
    before = gw.anomalies(model, sample[:40].with_table(None), reference=sample, progress=False).score
    after = gw.anomalies(model, with_oddity(sample[:40], kind, 1), reference=sample, progress=False).score
    assert (after > before).mean() > 0.9


def test_an_attribute_that_contradicts_the_picture_is_named(model, sample):
    table = sample[:20].to_table()
    table["redshift"] = 3.0
    found = gw.anomalies(model, sample[:20].with_table(table), reference=sample, progress=False)
    assert (found.parts["redshift"] > 3).mean() > 0.8
    assert sum("redshift does not fit" in words for words in found.reason) > 10


def test_what_is_too_faint_to_be_measured_is_judged_among_the_faint(model, sample):
    noise = np.random.default_rng(0).standard_normal(sample.flux[:8].shape) / np.sqrt(sample.ivar[:8])
    empty = gw.Galaxies(noise.astype(np.float32), sample.ivar[:8], sample.psfs[:8], survey=sample.survey)
    assert np.isnan(model.decode(model.encode(empty, ["image"])).attribute("mag_r")).all()
    assert (anomaly._judge(model, empty, 0).brightness < -24).all()


def test_a_score_is_the_same_in_any_batch(model, sample, judged):
    alone = gw.anomalies(model, sample[7], reference=sample, progress=False)
    np.testing.assert_allclose(alone.score, judged.score[7], rtol=1e-3, atol=1e-3)
    assert alone.reason == judged.reason[7:8]


def test_galaxies_without_images_are_judged_by_their_attributes(model, sample):
    table = gw.Galaxies(table=sample.table, survey=sample.survey)
    odd = table.to_table()[:10]
    odd["g_r"] = odd["g_r"] + 3 * odd["g_r"].unit
    found = gw.anomalies(model, gw.Galaxies(table=odd, survey=sample.survey), reference=table, progress=False)
    assert "blob" not in found.parts
    assert (found.p_value < 0.2).mean() > 0.7


def test_masked_pixels_hide_what_they_hold(model, sample):
    hidden = sample[:20].with_table(None)
    hidden.flux, hidden.ivar = hidden.flux.copy(), hidden.ivar.copy()
    hidden.flux[:, :, 4:7, 4:7], hidden.ivar[:, :, 4:7, 4:7] = 1e6, 0
    found = gw.anomalies(model, hidden, reference=sample, progress=False)
    assert np.median(found.p_value) > 0.1


def test_a_sample_is_its_own_reference_less_the_fifth_that_is_oddest_for_simulated_galaxies(model, sample, monkeypatch):
    monkeypatch.setattr(anomaly, "_REFERENCE", 120)
    odd = [with_oddity(sample[start : start + 8], kind, 1) for start, kind in ((0, "blend"), (8, "trail"))]
    mixed = gw.Galaxies.concatenate([sample.with_table(None), *(galaxies.with_table(None) for galaxies in odd)])  # 112, one in seven odd
    own = gw.anomalies(model, mixed, reference="own", progress=False)
    typical = gw.anomalies(model, mixed, progress=False).order[::-1][:89]
    assert np.isin(typical, np.arange(96)).mean() > 0.95
    clean = gw.anomalies(model, mixed, reference=mixed[np.sort(typical)], progress=False)
    np.testing.assert_allclose(own.score, clean.score, rtol=1e-3, atol=1e-3)
    hidden = gw.anomalies(model, mixed, reference=mixed, progress=False)
    assert (hidden.score[96:] >= 3).mean() < 0.5
    assert (own.score[96:] >= 3).mean() > 0.75
    assert (own.score[:96] >= 3).mean() < 0.2


def test_a_reference_that_is_none_is_refused(model, sample):
    with pytest.raises(ValueError, match="reference is 'mine'; it is galaxies, 'own'"):
        gw.anomalies(model, sample, reference="mine")
    with pytest.raises(ValueError, match="12 galaxies are too few to be their own reference; give 63"):
        gw.anomalies(model, sample[:12], reference="own", progress=False)


def test_a_small_reference_and_another_survey_are_refused(model, sample):
    with pytest.raises(ValueError, match="the reference has 9 galaxies; give at least 50"):
        gw.anomalies(model, sample[:2], reference=sample[:9])
    foreign = gw.simulate(1, "LSST", seed=1, stamp=64, progress=False, measured=False)
    with pytest.raises(ValueError, match=r"galwidget\.observe"):
        gw.anomalies(model, foreign, reference=sample)


def test_normal_follows_brightness():
    rng = np.random.default_rng(0)
    brightness = rng.uniform(0, 10, 2000)
    values = 3 * brightness + (1 + brightness) * rng.normal(size=2000)
    excess = Normal(brightness, {"part": values}).excess("part", values, brightness)
    faint, bright = excess[brightness < 3], excess[brightness > 7]
    assert abs(np.median(faint)) < 0.2
    assert abs(np.median(bright)) < 0.2
    assert 0.8 < faint.std() / bright.std() < 1.25


@pytest.fixture
def two_kinds():
    """Odd galaxies of two kinds, one of which is wanted, among common ones."""
    rng = np.random.default_rng(2)
    kind = np.repeat([0, 1, 2], [300, 40, 40])
    parts = {"ring": rng.normal(size=380) + 8 * (kind == 1), "line": rng.normal(size=380) + 8 * (kind == 2)}
    latent = rng.normal(size=(380, 6))
    score = np.max(list(parts.values()), axis=0)
    return kind, Anomalies(score, np.ones(380), parts, [""] * 380, Latent(latent))


def test_marks_bring_what_is_like_them_to_the_front(two_kinds):
    kind, found = two_kinds
    shown = found.order[:20]
    marked = found.marked(interesting=shown[kind[shown] == 1], boring=shown[kind[shown] != 1])
    before, after = (np.mean(kind[each.order[:40]] == 1) for each in (found, marked))
    assert before < 0.7
    assert after > 0.9
    np.testing.assert_array_equal(marked.score, found.score)


def test_what_is_to_be_marked_is_of_every_kind_until_one_is_interesting(two_kinds):
    """However much odder one kind is than the other, both are among the first few; then the kind that was liked."""
    kind, found = two_kinds
    found = replace(found, score=found.score - 4 * (kind == 2))
    assert set(kind[found.order[:20]]) == {1}
    first = found.to_mark(6)
    assert len(set(first)) == 6
    assert {1, 2} <= set(kind[first])
    assert first[0] == found.order[0]
    assert found.to_mark(2, boring=first[:4]) == first[4:]
    liked = found.to_mark(5, interesting=first[:1], boring=first[1:])
    assert liked == [row for row in found.marked(first[:1], first[1:]).order if row not in first][:5]
    assert len(found.to_mark(len(found) + 5)) == len(found)


def test_marks_that_contradict_or_do_not_exist_are_refused(two_kinds):
    _, found = two_kinds
    with pytest.raises(ValueError, match="no galaxy is marked"):
        found.marked()
    with pytest.raises(ValueError, match="row 3 is marked interesting and boring"):
        found.marked([3], [3])
    with pytest.raises(ValueError, match="row 999 was marked, but there are 380"):
        found.marked([999])
