"""Redshifts that were not seen are foretold by a decoder of their own; those of drawn galaxies stay what was asked for."""

import numpy as np
import pytest
import torch

import galwidget as gw
from galwidget.evaluation.prediction import log_density
from galwidget.prediction import predict

SETTINGS = {"epochs": 12, "latent_size": 6, "progress": False, "seed": 1, "calibrated": False}


@pytest.fixture(scope="module")
def samples():
    return [gw.simulate(600, "KiDS", seed=seed, stamp=16, bands=["g", "r", "i"], mag_limit=20.5, progress=False) for seed in (3, 4)]


@pytest.fixture(scope="module")
def model(samples):
    return gw.fit(samples[0], prior_epochs=2, **SETTINGS)


def densities(model, galaxies, using, *, seen):
    """Log density at the true redshift, (n,), from posteriors that did not see it, by either decoder."""
    truth, measured = galaxies.attribute("redshift"), gw.measure(galaxies)
    with torch.no_grad():
        where = model.mvae.encode(model.inputs.tensors(measured, using, without="redshift"))
        z = where.mean + where.std * torch.randn(32, 1, model.latent_size, generator=torch.Generator().manual_seed(0))
        found = predict("redshift", model.mvae.modality("redshift"), z, model.inputs, "redshift", seen=seen)
    return log_density(found, truth)


@pytest.mark.parametrize("using", [["image"], ["brightness", "colours"], ["image", "brightness", "colours"]])
def test_the_shipped_model_foretells_better_than_its_decoder_of_what_was_seen(using):
    galaxies = gw.simulate(400, "KiDS", seed=61, bands="ugriZ", progress=False)
    gain = densities(gw.load(), galaxies, using, seen=False) - densities(gw.load(), galaxies, using, seen=True)
    assert gain.mean() > 3 * gain.std() / len(gain) ** 0.5


def test_a_small_training_foretells_better_from_the_image(model, samples):
    gain = densities(model, samples[1], ["image"], seen=False) - densities(model, samples[1], ["image"], seen=True)
    assert gain.mean() > 2 * gain.std() / len(gain) ** 0.5


def test_a_drawn_galaxy_has_the_redshift_of_the_decoder(model):
    latent = model.draw(20, seed=2, redshift=0.2)
    with torch.no_grad():
        logits, means, _ = model.mvae.decode(torch.from_numpy(latent.mean), "redshift").chunk(3, 1)
    expected = model.inputs.scalings["redshift"].inverse((logits.softmax(1) * means).sum(1).numpy())
    other = model.mvae.modality("redshift").foretell(torch.from_numpy(latent.mean)).detach()
    assert not torch.allclose(other[:, :5], logits)
    np.testing.assert_allclose(model.decode(latent).attribute("redshift"), expected, rtol=1e-4)


def test_it_is_kept_on_disk_and_where_the_prior_is_kept(model, samples, tmp_path):
    model.save(tmp_path / "model")
    again = gw.load(tmp_path / "model")
    weights = model.mvae.modality("redshift").foreteller.state_dict()
    tuned = gw.fit(samples[0], model=again, prior_epochs=0, **SETTINGS | {"epochs": 1})
    for one in (again, tuned):
        found = one.mvae.modality("redshift").foreteller.state_dict()
        assert all(torch.equal(found[name], tensor) for name, tensor in weights.items())
    fresh = gw.fit(samples[0], prior_epochs=0, **SETTINGS | {"epochs": 1})
    assert fresh.mvae.modality("redshift").foreteller is None
