"""Similarity search: who is found, whichever way it lies; what an index keeps, and what it refuses."""

import json

import numpy as np
import pytest

import galwidget as gw
from galwidget.latent import Latent
from galwidget.science import inverted_lists, spaces
from galwidget.science.index import Index
from galwidget.science.metric import Metric
from galwidget.science.orientation import canonical_latent, orientation, turned


@pytest.fixture(scope="module")
def model():
    """The shipped one: a model of a minute does not know what looks alike."""
    return gw.load()


@pytest.fixture(scope="module")
def sample(model):
    return gw.simulate(100, model.survey, seed=3, stamp=model.stamp, mag_limit=20, flatten=1, progress=False)


@pytest.fixture
def points():
    rng = np.random.default_rng(0)
    return Latent(rng.normal(size=(3000, 6)), rng.uniform(0.05, 0.3, (3000, 6)))


def index_of(latent, monkeypatch, exact):
    monkeypatch.setattr(spaces, "EXACT", exact)
    index = Index(np.zeros((0, 2, latent.mean.shape[1]), np.float16), "a model")
    index.add_points(np.stack([latent.mean, latent.std], 1))
    return index


def quarter_turns(galaxies, turns):
    flux, ivar, psf = (np.rot90(part, turns, (-2, -1)).copy() for part in (galaxies.flux, galaxies.ivar, galaxies.psfs))
    return gw.Galaxies(flux, ivar, psf, galaxies.table, survey=galaxies.survey)


def mirrored(galaxies):
    return gw.Galaxies(galaxies.flux[..., ::-1], galaxies.ivar[..., ::-1], galaxies.psfs[..., ::-1], galaxies.table, survey=galaxies.survey)


@pytest.mark.parametrize("change", [lambda g: quarter_turns(g, 1), lambda g: quarter_turns(g, 2), mirrored])
def test_a_galaxy_turned_or_mirrored_has_the_same_canonical_latent(model, sample, change):
    bright = sample[:24].with_table(None)
    before, after = canonical_latent(model, bright), canonical_latent(model, change(bright))
    moved = np.abs(after.mean - before.mean).mean()
    plain = np.abs(model.encode(change(bright)).mean - model.encode(bright).mean).mean()
    assert moved < 0.02
    assert moved < plain / 3


def test_a_turned_galaxy_lies_along_x_in_the_middle(sample):
    long = sample[sample.attribute("ellipticity") > 0.15]
    level = turned(long, *orientation(long))
    centre, angle = orientation(level)
    assert np.median(np.abs(centre)) < 0.1
    assert np.median(np.abs(np.sin(angle))) < np.sin(np.radians(3))
    np.testing.assert_allclose(level.attribute("e2"), 0)
    np.testing.assert_allclose(level.attribute("e1"), np.hypot(long.attribute("e1"), long.attribute("e2")))


def test_a_galaxy_turned_mirrored_and_seen_again_finds_itself(model):
    stamp, survey = model.stamp, model.survey
    clean = gw.simulate(60, survey, seed=5, stamp=stamp, mag_limit=19, flatten=1, noiseless=True, progress=False, measured=False)
    rng = np.random.default_rng(1)

    def seen(galaxies):
        rms = 1 / np.sqrt(galaxies.ivar)
        return gw.Galaxies(galaxies.flux + rms * rng.standard_normal(rms.shape), galaxies.ivar, galaxies.psf, survey=galaxies.survey)

    again = mirrored(quarter_turns(seen(clean), 1))
    found = gw.nearest(model, again, seen(clean), k=1, progress=False)
    assert (found.index[:, 0] == np.arange(60)).mean() > 0.8


def test_a_galaxy_is_its_own_nearest_and_distances_grow(model, sample):
    found = gw.nearest(model, sample[5:8], sample, k=6, progress=False)
    assert found.index.shape == found.distance.shape == (3, 6)
    assert list(found.index[:, 0]) == [5, 6, 7]
    assert (np.diff(found.distance, axis=1) >= 0).all()


def test_the_table_has_a_row_a_neighbour_with_the_catalogue_s_columns(model, sample):
    found = gw.nearest(model, sample[:2], sample, k=3, progress=False)
    assert list(found.table["query"]) == [0, 0, 0, 1, 1, 1]
    assert list(found.table["rank"]) == [1, 2, 3, 1, 2, 3]
    np.testing.assert_array_equal(found.table["mag_r"], sample.table["mag_r"][found.index.ravel()])
    assert found.galaxies == sample[found.index.ravel()]


def test_an_edited_galaxy_finds_galaxies_like_the_edit(model, sample):
    magnitude = sample.attribute("mag_r")
    faint, bright = np.nanpercentile(magnitude, [90, 10])
    fainter, brighter = (
        gw.nearest(model, model.edit_latent(sample[:1], mag_r=wanted), sample, k=15, progress=False) for wanted in (faint, bright)
    )
    assert np.nanmedian(magnitude[brighter.index]) < np.nanmedian(magnitude[fainter.index]) - 0.5


def test_a_brighter_request_by_attributes_alone_finds_brighter_galaxies(model, sample):
    magnitude = sample.attribute("mag_r")
    medians = []
    for wanted in np.nanpercentile(magnitude, [10, 90]):
        query = gw.Galaxies(table={"mag_r": [wanted]}, survey=sample.survey)
        medians.append(np.nanmedian(magnitude[gw.nearest(model, query, sample, k=8, progress=False).index]))
    assert medians[1] - medians[0] > np.nanstd(magnitude) / 2


def test_examples_with_minus_are_farther_from_the_minus(model, sample):
    plus, minus = sample[:4], sample[4:8]
    away = canonical_latent(model, minus).mean.mean(0)
    centre, pushed = gw.like(model, plus), gw.like(model, plus, minus)
    assert np.linalg.norm(pushed.mean[0] - away) > np.linalg.norm(centre.mean[0] - away)
    assert (gw.like(model, plus).std >= canonical_latent(model, plus).std.min(0)).all()


def test_neighbours_are_the_same_in_any_batch(model, sample):
    together = gw.nearest(model, sample[:20], sample, k=4, progress=False)
    parts = Index.build(model, (sample[start : start + 33] for start in range(0, len(sample), 33)), progress=False)
    apart = [gw.nearest(model, galaxy, parts, k=4) for galaxy in sample[:20]]
    np.testing.assert_array_equal(together.index, np.concatenate([found.index for found in apart]))
    np.testing.assert_allclose(together.distance, np.concatenate([found.distance for found in apart]), atol=0.02)


def test_a_difference_in_what_was_hardly_measured_counts_little():
    metric = Metric.of_widths(np.full((1, 2), 0.1))
    sharp, wide = metric.squares(np.zeros(2), np.full(2, 0.1), np.array([[1.0, 0], [1.0, 0]]), np.array([[0.1, 0.1], [1.0, 0.1]]))
    np.testing.assert_allclose([sharp, wide], [1 / 0.02 / 2, 1 / 1.01 / 2])


def test_what_a_query_leaves_open_does_not_count():
    metric = Metric.of_widths(np.full((1, 2), 0.1))
    left_open, given = metric.squares(np.zeros(2), np.array([1.0, 0.1]), np.eye(2), np.full((2, 2), 0.1))
    np.testing.assert_allclose([left_open, given], [1 / 1.01 / 2, 1 / 0.02 / 2])


def test_what_noise_moves_together_counts_once():
    rng = np.random.default_rng(0)
    noise = 0.1 * rng.normal(size=(2, 4000, 1)) + 0.01 * rng.normal(size=(2, 4000, 2))
    metric = Metric.of_pairs(*(Latent(part, np.full_like(part, 0.1)) for part in noise))
    along, across = metric.squares(np.zeros(2), np.full(2, 0.1), np.array([[0.1, 0.1], [0.1, -0.1]]), np.full((2, 2), 0.1))
    assert across > 5 * along
    same = [metric.squares(a, np.full(2, 0.1), b[None], np.full((1, 2), 0.1))[0] for a, b in zip(*noise, strict=True)]
    assert 0.9 < np.mean(same) < 1.1


def test_the_index_finds_what_comparing_all_finds(points, monkeypatch):
    all_of_them, listed = index_of(points, monkeypatch, 10_000), index_of(points, monkeypatch, 1000)
    monkeypatch.setattr(inverted_lists, "_FEWEST_CANDIDATES", 300)
    queries = Latent(points.mean[:100] + 0.1, points.std[:100])
    truth, found = all_of_them.search(queries)[0], listed.search(queries)[0]
    recall = np.mean([np.isin(one, other).mean() for one, other in zip(truth, found, strict=True)])
    assert recall >= 0.98


@pytest.mark.parametrize("exact", [100, 10_000])
def test_an_index_read_back_answers_the_same_and_grows(points, tmp_path, monkeypatch, exact):
    index = index_of(points, monkeypatch, exact)
    monkeypatch.setattr(inverted_lists, "_FEWEST_CANDIDATES", 300)
    index.save(tmp_path)
    again = Index.load(tmp_path)
    queries = points[:10]
    for one, other in zip(index.search(queries), again.search(queries), strict=True):
        np.testing.assert_array_equal(one, other)
    again.add_points(np.stack([np.full((1, 6), 9.0), np.full((1, 6), 0.1)], 1))
    assert again.search(Latent(np.full((1, 6), 9.0), np.full((1, 6), 0.1)), 1)[0][0, 0] == len(points)
    again.save(tmp_path)
    assert len(Index.load(tmp_path)) == len(points) + 1


def test_a_damaged_or_newer_index_is_refused_by_name(points, tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"index\.json is missing"):
        Index.load(tmp_path)
    index_of(points, monkeypatch, 10_000).save(tmp_path)
    described = json.loads((tmp_path / "index.json").read_text())
    (tmp_path / "index.json").write_text(json.dumps({**described, "galaxies": 5}))
    with pytest.raises(ValueError, match="says 5 galaxies"):
        Index.load(tmp_path)
    (tmp_path / "index.json").write_text(json.dumps({**described, "format": 99}))
    with pytest.raises(ValueError, match="install a newer galwidget"):
        Index.load(tmp_path)
    (tmp_path / "index.json").write_text(json.dumps(described))
    (tmp_path / "latents.npy").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=r"latents\.npy is damaged"):
        Index.load(tmp_path)


def test_another_model_s_index_is_refused(model, sample, points, monkeypatch):
    with pytest.raises(ValueError, match="another model"):
        gw.nearest(model, sample[:1], index_of(points, monkeypatch, 10_000))


def test_more_neighbours_than_galaxies_are_refused(model, sample):
    with pytest.raises(ValueError, match="k is 9; the index has 8 galaxies"):
        gw.nearest(model, sample[:1], sample[:8], k=9, progress=False)


def test_another_survey_is_refused_with_the_remedy(model):
    foreign = gw.simulate(2, "LSST", seed=1, stamp=model.stamp, progress=False, measured=False)
    with pytest.raises(ValueError, match=r"galwidget\.observe"):
        gw.nearest(model, foreign, foreign, progress=False)
