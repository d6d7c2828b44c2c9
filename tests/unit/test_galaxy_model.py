"""The verbs, on a small model trained for a moment: what they return, what they keep, what they refuse."""

import json
import threading
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from astropy import units as u

import galwidget as gw
from galwidget.evaluation import chi2_per_pixel
from galwidget.model import checkpoint
from galwidget.model.network import build

warnings.filterwarnings("ignore", module="lightning")


@pytest.fixture(scope="module")
def sample():
    return gw.simulate(128, "KiDS", seed=3, stamp=32, bands=["g", "r"], mag_limit=20.5, flatten=0.5, progress=False)


@pytest.fixture(scope="module")
def model(sample):
    return gw.fit(sample, epochs=4, latent_size=6, prior_epochs=3, progress=False, seed=1)


def test_decoded_galaxies_are_positive_flux_with_the_model_s_attributes(model):
    galaxies = model.sample(5, seed=1)
    assert galaxies.flux.shape == (5, 2, 32, 32)
    assert (galaxies.flux > 0).all()
    assert galaxies.survey == model.survey
    assert {"mag_r", "g_r", "r_half", "ellipticity", "redshift", "morphology"} <= set(galaxies.table.colnames)
    assert galaxies.table["r_half"].unit == u.arcsec


def test_the_same_seed_gives_the_same_pixels(model):
    one, other = (model.sample(4, seed=7, mag_r=(18, 20), morphology=["E", "Sb"]) for _ in range(2))
    assert one == other
    assert not np.array_equal(one.flux, model.sample(4, seed=8, mag_r=(18, 20)).flux)


def test_a_latent_is_the_same_in_any_batch(model, sample):
    together = model.encode(sample)
    apart = gw.Latent.concatenate([model.encode(sample[i : i + 7]) for i in range(0, len(sample), 7)])
    np.testing.assert_allclose(together.mean, apart.mean, atol=2e-5)
    np.testing.assert_allclose(together.std, apart.std, rtol=1e-3)


def test_encoding_uses_what_is_asked_for(model, sample):
    everything, image = model.encode(sample), model.encode(sample, using=["image"])
    assert (everything.std <= image.std + 1e-6).all()
    one = model.encode(sample, using=["mag_r", "redshift"])
    assert (one.std >= everything.std - 1e-6).all()
    table_only = gw.Galaxies(table=sample.table, survey=sample.survey)
    attributes = [name for name in model.inputs.modalities if name != "image"]
    assert model.encode(table_only) == model.encode(sample, using=attributes)


def test_an_attribute_that_was_not_measured_is_as_if_its_column_were_not_there(model, sample):
    from astropy.table import MaskedColumn

    table = sample.to_table()
    table["redshift"] = MaskedColumn(np.full(len(table), np.nan), mask=True)
    without = sample.to_table()
    without.remove_column("redshift")
    assert model.encode(sample.with_table(table)) == model.encode(sample.with_table(without))


def test_reconstruction_is_seen_through_each_galaxy_s_own_psf(model, sample):
    redrawn = model.reconstruct(sample[:3])
    assert redrawn.flux.shape == sample[:3].flux.shape
    assert np.array_equal(redrawn.psf, sample[:3].psf)
    before = model.decode(model.encode(sample[:3]))
    assert redrawn.flux.max(axis=(2, 3))[0, 0] < before.flux.max(axis=(2, 3))[0, 0]


def test_refining_comes_nearer_to_the_pixels(model, sample):
    chi2 = [chi2_per_pixel(sample[:16], model.reconstruct(sample[:16], using=["image"], refine=steps)).mean() for steps in (0, 30)]
    assert chi2[1] < chi2[0]
    once, again = (model.encode(sample[:3], refine=5) for _ in range(2))
    assert once == again


def test_a_second_look_is_added_to_a_trained_model_and_begins_as_it_was(model, sample):
    looking = gw.fit(sample[:32], model=model, epochs=1, looks=1, learning_rate=0.0, prior_epochs=0, progress=False)
    assert looking.architecture.looks == 1
    np.testing.assert_allclose(looking.encode(sample[:5]).mean, model.encode(sample[:5]).mean, atol=1e-5)


def test_what_is_known_of_a_pixel_is_its_variance_over_the_posterior(model, sample):
    latent = model.encode(sample[:2])
    vague = gw.Latent(latent.mean, 2 * latent.std)
    sharp, blurred = (model.decode(which, draws=16, attributes=False).ivar for which in (latent, vague))
    assert np.median(sharp / blurred) == pytest.approx(4, rel=0.3)
    with pytest.raises(ValueError, match="at least 2"):
        model.decode(latent, draws=1)


def test_attributes_of_a_decoded_galaxy_are_those_of_its_picture(model):
    galaxies = model.sample(6, seed=3)
    again = gw.measure(gw.observe(galaxies, noise=False), noiseless=True)
    for name in ("mag_r", "g_r", "r_half", "ellipticity"):
        np.testing.assert_array_equal(galaxies.attribute(name), again.attribute(name))


def test_the_card_says_what_it_was_trained_on_and_its_limits(model):
    card = model.card()
    assert "128 galaxies of KiDS" in card
    assert "32 x 32 pixels of 0.2 arcsec" in card
    assert "Not to be used for" in card


def test_an_edit_of_nothing_is_the_galaxy_itself(model, sample):
    latent = model.encode(sample[:4])
    assert np.array_equal(model.edit_latent(latent).mean, latent.mean)


def test_an_edit_there_and_back_returns(model, sample):
    latent = model.encode(sample[:4], using=["image"])
    at = model.decode(latent)
    same = model.edit_latent(latent, mag_r=at.attribute("mag_r"))
    np.testing.assert_allclose(same.mean, latent.mean, atol=1e-3)


def test_a_sweep_increases_downwards_and_says_what_was_asked(model):
    swept = model.sweep("area", values=4, columns=3, seed=2)
    asked = swept.attribute("requested_area").reshape(4, 3)
    assert (np.diff(asked[:, 0]) > 0).all()
    assert (asked == asked[:, :1]).all()
    assert swept.table["requested_area"].unit == u.arcsec**2
    assert np.array_equal(swept.flux, model.decode(model.sweep_latent("area", values=4, columns=3, seed=2)).flux)
    kinds = model.sweep("morphology", of=model.draw(2, seed=1))
    assert list(kinds.table["requested_morphology"][::2]) == ["E", "S0", "Sb", "Sc", "Im"]


def test_a_traversal_moves_one_dimension_a_row(model, sample):
    latent = model.traverse_latent(dims=[0, 3], of=sample[0], steps=5)
    assert len(latent) == 10
    start = model.encode(sample[0]).mean[0]
    moved = np.ptp(latent.mean.reshape(2, 5, -1), axis=1) > 0
    assert moved[0].nonzero()[0].tolist() == [0]
    assert moved[1].nonzero()[0].tolist() == [3]
    assert np.array_equal(np.delete(latent.mean[0], 0), np.delete(start, 0))
    assert sorted(model.active_dimensions) == list(range(6))


@pytest.mark.parametrize("attribute", ["mag_r", "r_half", "redshift", "morphology"])
def test_a_prediction_is_the_same_alone_and_in_any_sample(model, sample, attribute):
    together, alone = model.predict(sample[:5], attribute), model.predict(sample[4], attribute)
    names = ("probabilities",) if attribute == "morphology" else ("mean", "std")
    for name in names:
        np.testing.assert_allclose(getattr(together, name)[4], getattr(alone, name)[0], rtol=1e-4)


def test_a_prediction_is_a_density_that_does_not_look_at_the_answer(model, sample):
    prediction = model.predict(sample[:6], "redshift")
    grid = np.linspace(-0.5, 5, 20001)
    np.testing.assert_allclose(np.trapezoid(prediction.pdf(grid), grid, axis=1), 1, atol=0.02)
    assert prediction.samples(64, seed=1).shape == (6, 64)
    np.testing.assert_allclose(prediction.samples(4000, seed=1).mean(1), prediction.mean, rtol=0.15)
    table = sample[:6].to_table()
    table["redshift"] = 3.0
    again = model.predict(sample[:6].with_table(table), "redshift")
    assert np.array_equal(again.mean, prediction.mean)
    size = model.predict(sample[:6], "r_half")
    np.testing.assert_allclose(np.trapezoid(size.pdf(np.linspace(1e-3, 60, 60001)), np.linspace(1e-3, 60, 60001), axis=1), 1, atol=0.02)
    assert ((size.cdf(np.full(6, 1e-3)) < 0.01) & (size.cdf(np.full(6, 50.0)) > 0.99)).all()
    kind = model.predict(sample[:6], "morphology")
    np.testing.assert_allclose(kind.probabilities.sum(1), 1, rtol=1e-6)


def test_verbs_from_two_threads_give_what_one_gives(model):
    alone = [model.sample(8, seed=i).flux for i in range(4)]
    found = {}
    threads = [threading.Thread(target=lambda i=i: found.__setitem__(i, model.sample(8, seed=i).flux)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(found[i], alone[i]) for i in range(4))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"colour": 1}, "cannot be asked for 'colour'; it knows mag_r"),
        ({"mag_r": np.nan}, "not finite"),
        ({"mag_r": (20, 18)}, "give the lower end first"),
        ({"mag_r": [18, 19]}, "2,"),
        ({"mag_r": "bright"}, "give a number"),
        ({"r_half": -1.0}, "above 0"),
        ({"ellipticity": 1.5}, "below 1"),
        ({"morphology": "spiral"}, "one of E, S0"),
    ],
)
def test_a_request_that_cannot_be_is_refused_in_words(model, asked, words):
    with pytest.raises(ValueError, match=words):
        model.sample(5, seed=1, **asked)


def test_requests_take_quantities_ranges_and_arrays(model):
    model.draw(3, seed=1, r_half=1.0 * u.arcsec, mag_r=np.array([18.0, 19.0, 20.0]), position_angle=45.0)
    with pytest.raises(u.UnitConversionError):
        model.draw(3, seed=1, r_half=1.0 * u.kg)


def test_galaxies_that_the_model_cannot_take_are_refused_with_the_remedy(model, sample):
    with pytest.raises(ValueError, match="band r is missing"):
        model.encode(sample.select_bands(["g"]))
    with pytest.raises(ValueError, match=r"32 x 32; cut them again with stamp=32"):
        model.encode(gw.Galaxies(np.ones((2, 16, 16)), survey=sample.survey))
    with pytest.raises(ValueError, match="the model knows the modalities image, brightness"):
        model.encode(sample, using=["picture"])
    with pytest.raises(ValueError, match="nothing to encode"):
        model.encode(sample, using=[])
    with pytest.raises(ValueError, match="cannot predict 'mass'"):
        model.predict(sample, "mass")
    with pytest.raises(TypeError, match="the attribute is a Galaxies; give its name, after the galaxies"):
        model.predict("redshift", sample)


def test_a_saved_model_is_the_same_model(model, tmp_path):
    model.save(tmp_path / "model")
    again = gw.load(tmp_path / "model")
    assert again.sample(3, seed=1, mag_r=19) == model.sample(3, seed=1, mag_r=19)
    assert again.active_dimensions == model.active_dimensions
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["model.json", "model.safetensors"]


def test_half_floats_take_half_of_the_size_and_hardly_move_a_galaxy(model, sample, tmp_path):
    for half in (False, True):
        model.save(tmp_path / str(half), half=half)
    size = [(tmp_path / str(half) / "model.safetensors").stat().st_size for half in (False, True)]
    assert size[1] < 0.6 * size[0]
    np.testing.assert_allclose(gw.load(tmp_path / "True").encode(sample).mean, model.encode(sample).mean, atol=0.02)


def test_a_model_from_before_the_flow_s_sizes_could_be_chosen_is_read(model, tmp_path):
    architecture = replace(model.architecture, transforms=4, hidden=128, passes=2)
    mvae, prior = build(model.inputs, architecture)
    mvae.load_state_dict(model.mvae.state_dict())
    old = gw.GalaxyModel(mvae, prior, model.inputs, architecture, model.about)
    old.save(tmp_path)
    description = json.loads((tmp_path / "model.json").read_text())
    for name in ("hidden", "passes"):
        del description["architecture"][name]
    (tmp_path / "model.json").write_text(json.dumps(description))
    assert gw.load(tmp_path).sample(3, seed=1, mag_r=19) == old.sample(3, seed=1, mag_r=19)


def test_damaged_foreign_and_newer_models_are_refused_in_words(model, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"model\.json is missing"):
        gw.load(tmp_path)
    folder = tmp_path / "model"
    model.save(folder)
    description, weights = (folder / "model.json").read_text(), (folder / "model.safetensors").read_bytes()

    (folder / "model.json").write_text(description.replace('"format": 1', f'"format": {checkpoint.FORMAT + 1}'))
    with pytest.raises(ValueError, match="install a newer galwidget"):
        gw.load(folder)
    (folder / "model.json").write_text(description[:100])
    with pytest.raises(ValueError, match="damaged or not galwidget's"):
        gw.load(folder)
    (folder / "model.json").write_text(json.dumps({"format": 1, "name": "other"}))
    with pytest.raises(ValueError, match="does not describe a model"):
        gw.load(folder)
    (folder / "model.json").write_text(description.replace('"latent_size": 6', '"latent_size": 7'))
    with pytest.raises(ValueError, match="not those that"):
        gw.load(folder)
    (folder / "model.json").write_text(description)
    (folder / "model.safetensors").write_bytes(weights[:-100])
    with pytest.raises(ValueError, match="damaged or not safetensors"):
        gw.load(folder)
    torch.save({"a": torch.ones(1)}, folder / "model.safetensors")  # a pickle is never opened
    with pytest.raises(ValueError, match="damaged or not safetensors"):
        gw.load(folder)
