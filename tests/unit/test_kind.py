"""Kinds of galaxies: what they are told by, what they do not depend on, and the search for them."""

import numpy as np
import pytest

import galwidget as gw
from galwidget.latent import Latent
from galwidget.science import inverted_lists, spaces
from galwidget.science.index import Index
from galwidget.science.kind import kind_numbers

SIDE = 64
#: Columns of `kind_numbers` for g and r; the first of three concentrations.
COLOUR, GRADIENT, CONCENTRATION, FLATTENING = range(1), range(1, 2), range(2, 3), range(5, 6)


def galaxy(scale=4.0, sersic=1.0, ratio=0.7, angle=0.4, brightness=1.0, g_r=0.8, halo=1.0):
    """A Sersic profile in g and r; ``halo`` is the scale in g over that in r."""
    y, x = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    along, across = np.cos(angle) * x + np.sin(angle) * y, -np.sin(angle) * x + np.cos(angle) * y
    radius = np.hypot(along * np.sqrt(ratio), across / np.sqrt(ratio))
    planes = [np.exp(-((radius / (scale * wider)) ** (1 / sersic))) for wider in (halo, 1.0)]
    fluxes = [brightness * 10 ** (-0.4 * g_r), brightness]
    return np.stack([1000 * flux * plane / plane.sum() for flux, plane in zip(fluxes, planes, strict=True)])


def kind(gri, *galaxies):
    return kind_numbers(np.stack(galaxies), gri.select(["g", "r"]))


def test_brightness_size_turn_and_mirror_do_not_change_the_kind(gri):
    plain = galaxy()
    same = kind(gri, galaxy(brightness=50), galaxy(scale=3.2), galaxy(angle=1.7), plain[..., ::-1], np.rot90(plain, axes=(-2, -1)))
    assert np.abs(same - kind(gri, plain)).max() < 0.05


@pytest.mark.parametrize(
    ("changed", "columns", "sign"),
    [
        ({"g_r": 1.1}, COLOUR, 1),
        ({"halo": 1.3}, GRADIENT, 1),  # bluer outside: redder within
        ({"sersic": 2.0, "scale": 1.0}, CONCENTRATION, 1),
        ({"ratio": 0.35}, FLATTENING, -1),
    ],
)
def test_a_change_of_kind_shows_in_its_own_numbers(gri, changed, columns, sign):
    before, after = kind(gri, galaxy(halo=1.0), galaxy(**changed))
    moved = sign * (after - before)
    assert (moved[list(columns)] > 0.05).all()
    others = [column for column in (*COLOUR, *FLATTENING) if column not in columns]
    assert np.abs(moved[others]).max() < 0.05


def test_the_colour_is_the_colour(gri):
    np.testing.assert_allclose(kind(gri, galaxy(g_r=0.8), galaxy(g_r=-0.2))[:, 0], [0.8, -0.2], atol=1e-6)


def test_a_galaxy_without_light_has_a_finite_kind(gri):
    assert np.isfinite(kind(gri, np.zeros((2, SIDE, SIDE)))).all()


@pytest.fixture(scope="module")
def model():
    return gw.load()


@pytest.fixture(scope="module")
def sample(model):
    return gw.simulate(60, model.survey, seed=8, stamp=model.stamp, mag_limit=19, flatten=1, measured=False, progress=False)


def test_a_galaxy_made_fainter_is_found_by_kind_sooner_than_by_identity(model, sample):
    """20 bright ones, half as bright with the same signal to noise, are looked for."""
    bright = np.argsort(-sample.flux.sum((1, 2, 3)))[10:30]
    fainter = gw.Galaxies(sample.flux[bright] / 2, 4 * sample.ivar[bright], sample.psfs[bright], survey=sample.survey)
    index = Index.build(model, sample, progress=False)
    identity, kind = (
        (gw.nearest(model, fainter, index, k=len(sample), by=by).index == bright[:, None]).argmax(1) for by in ("identity", "kind")
    )
    assert np.median(kind) < np.median(identity) / 2


def test_an_index_is_searched_for_both_and_keeps_both(model, sample, tmp_path):
    index = Index.build(model, sample[:20], progress=False)
    index.add(model, sample[20:30], progress=False)
    index.save(tmp_path)
    again = Index.load(tmp_path)
    for query in (index.latent(), index.kinds()):
        found, distance = again.search(query, 3)
        np.testing.assert_array_equal(found[:, 0], np.arange(30))
        np.testing.assert_array_equal(distance, index.search(query, 3)[1])
        np.testing.assert_allclose(again.distance(query[[4]], found[4]), distance[4])


def test_kinds_are_the_same_alone_and_in_any_batch(model, sample):
    together, alone = (Index.build(model, part, progress=False).kinds() for part in (sample[:9], sample[4]))
    np.testing.assert_allclose(alone[0], together[4], atol=0.01)


@pytest.fixture
def listed(monkeypatch):
    """3000 galaxies in inverted lists, and all of them compared."""
    rng = np.random.default_rng(0)
    latents = np.stack([rng.normal(size=(3000, 6)), rng.uniform(0.05, 0.3, (3000, 6))], 1)
    kinds = rng.normal(size=(3000, 8))
    monkeypatch.setattr(inverted_lists, "_FEWEST_CANDIDATES", 300)
    found = []
    for exact in (1000, 10_000):
        monkeypatch.setattr(spaces, "EXACT", exact)
        index = Index(np.zeros((0, 2, 6), np.float16), "a model", kinds=np.zeros((0, 8), np.float16))
        index.add_points(latents, kinds)
        found.append(index)
    return found


def test_the_lists_find_what_comparing_all_finds_by_kind(listed, tmp_path):
    few, everyone = listed
    few.save(tmp_path)
    queries = few.kinds(slice(100)) + 0.05
    for index in (few, Index.load(tmp_path)):
        truth, found = everyone.search(queries)[0], index.search(queries)[0]
        assert np.mean([np.isin(one, other).mean() for one, other in zip(truth, found, strict=True)]) >= 0.98


def test_kinds_whose_lists_are_lost_are_refused_by_name(listed, tmp_path):
    listed[0].save(tmp_path)
    (tmp_path / "kinds.faiss").unlink()
    with pytest.raises(ValueError, match=r"kinds\.faiss is missing"):
        Index.load(tmp_path)


def test_other_words_for_by_and_queries_of_another_size_are_refused(model, sample, listed):
    with pytest.raises(ValueError, match="by is 'type'; it is 'identity'"):
        gw.nearest(model, sample[:1], sample[:3], k=1, by="type", progress=False)
    with pytest.raises(ValueError, match="3 numbers of kind, the index 8"):
        listed[0].search(np.zeros((1, 3)), 1)
    with pytest.raises(ValueError, match="4 dimensions, the index 6"):
        listed[0].search(Latent(np.zeros((1, 4))), 1)


def test_a_model_without_images_tells_no_kinds():
    attributes = gw.simulate(64, "KiDS", seed=2, measured=True, stamp=32, progress=False)
    blind = gw.fit(gw.Galaxies(table=attributes.table, survey=attributes.survey), epochs=1, latent_size=4, prior_epochs=0, progress=False)
    bare = gw.Galaxies(table=attributes.table, survey=attributes.survey)
    with pytest.raises(ValueError, match="trained without images"):
        gw.nearest(blind, bare[:1], bare, k=1, by="kind", progress=False)
