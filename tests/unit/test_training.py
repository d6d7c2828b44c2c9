"""Training: the union of samples, what a seed decides, going on after a kill, fine-tuning."""

import warnings

import lightning
import numpy as np
import pytest
import torch
from astropy.table import QTable

import galwidget as gw
from galwidget.cli import main
from galwidget.evaluation import chi2_per_pixel
from galwidget.flow import fit_prior
from galwidget.measurement import measure
from galwidget.model.dataset import Batches, noisier, turn
from galwidget.model.inputs import Inputs
from galwidget.model.modalities import Images

warnings.filterwarnings("ignore", module="lightning")


@pytest.fixture(scope="module")
def sample():
    return gw.simulate(96, "KiDS", seed=3, stamp=16, bands=["g", "r"], mag_limit=20.5, progress=False)


@pytest.fixture(scope="module")
def redshifts(sample):
    random = np.random.default_rng(0)
    return gw.Galaxies(table=QTable({"redshift": random.uniform(0.05, 0.4, 64), "g_r": random.uniform(0.3, 1.4, 64)}), survey=sample.survey)


def quick(*samples, **settings):
    return gw.fit(list(samples), **{"epochs": 2, "latent_size": 4, "prior_epochs": 1, "progress": False, "seed": 1, **settings})


def weights(model):
    return torch.cat([p.flatten() for p in (*model.mvae.parameters(), *model.prior.parameters())])


def test_the_same_seed_gives_the_same_model(sample):
    assert torch.equal(weights(quick(sample)), weights(quick(sample)))
    assert not torch.equal(weights(quick(sample)), weights(quick(sample, seed=2)))


class Kill(lightning.Callback):
    """Stops the process's training in the middle of the second epoch, as a power cut would."""

    def on_train_batch_start(self, trainer, _module, _batch, index):
        if trainer.current_epoch == 1 and index == 1:
            raise InterruptedError


def test_a_killed_run_goes_on_to_where_an_unbroken_one_ends(sample, redshifts, tmp_path):
    unbroken = quick(sample, redshifts, epochs=3)
    with pytest.raises(InterruptedError):
        quick(sample, redshifts, epochs=3, run=tmp_path, callbacks=[Kill()])
    assert (tmp_path / "last.ckpt").is_file()
    resumed = quick(sample, redshifts, epochs=3, run=tmp_path)
    assert torch.equal(weights(unbroken), weights(resumed))


@pytest.mark.parametrize("part", ["fitting the prior", "measuring and encoding", "learning to predict"])
def test_a_fit_that_was_killed_after_the_training_ends_where_an_unbroken_one_does(sample, redshifts, tmp_path, part):
    seen = []

    def kill(what, ready, _):
        seen.append(what)
        if what == part and ready > 0:
            raise InterruptedError

    unbroken = quick(sample, redshifts, prior_epochs=3)
    with pytest.raises(InterruptedError):
        quick(sample, redshifts, prior_epochs=3, run=tmp_path, progress=kill)
    before = seen.copy()
    resumed = quick(sample, redshifts, prior_epochs=3, run=tmp_path, progress=lambda what, *_: seen.append(what))
    again = seen[len(before) :]
    assert "drawing and measuring" in before
    assert "drawing and measuring" not in again  # what took long is not done twice
    assert ("measuring and encoding" in again) == (part != "learning to predict")
    assert torch.equal(weights(unbroken), weights(resumed))


def test_a_damaged_checkpoint_of_the_prior_is_named(sample, tmp_path):
    quick(sample, run=tmp_path)
    (tmp_path / "draws.pt").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"draws.pt is damaged; delete it"):
        quick(sample, run=tmp_path)


def test_training_longer_redraws_better(sample):
    chi2 = [np.mean(chi2_per_pixel(sample, quick(sample, epochs=epochs, prior_epochs=0).reconstruct(sample))) for epochs in (1, 20)]
    assert chi2[1] < 0.5 * chi2[0]


def test_samples_with_different_modalities_train_together(sample, redshifts):
    model = quick(sample, redshifts)
    assert model.inputs.modalities == ("image", "brightness", "colours", "shape", "redshift", "morphology")
    inputs = model.inputs
    batches = Batches([sample, redshifts], inputs, 160, 0)
    batch = next(iter(batches))
    assert batch["image"].present.sum() == 96
    assert batch["redshift"].present.sum() == 160
    without_image = ~batch["image"].present
    assert (batch["image"].flux[without_image] == 0).all()
    assert not batch["shape"].present[without_image].any()


def test_repeats_show_a_small_sample_more_often(sample, redshifts):
    inputs = Inputs.fit([sample, redshifts], sample.survey)
    batches = Batches([sample, redshifts], inputs, 16, 0, repeats=[1, 3])
    seen = sum(int((~batch["image"].present).sum()) for batch in batches)
    assert seen == 3 * 64


def test_a_model_of_attributes_alone_predicts_and_refuses_to_draw(redshifts):
    model = quick(redshifts, epochs=1)
    assert np.isfinite(model.predict(redshifts, "redshift").mean).all()
    with pytest.raises(ValueError, match="trained without images"):
        model.sample(2, seed=1)


def test_fine_tuning_starts_from_the_model_and_leaves_it_alone(sample):
    start = quick(sample)
    before = weights(start).clone()
    tuned = quick(sample, model=start, epochs=1, learning_rate=1e-5, prior_epochs=0)
    assert torch.equal(weights(start), before)
    moved = (weights(tuned) - before).abs().max()
    assert 0 < moved < 1e-3


def test_the_command_trains_as_python_does_from_files_and_goes_on_from_a_model(redshifts, tmp_path, capsys):
    catalogue, made, tuned, run = (str(tmp_path / name) for name in ("catalogue.fits", "made", "tuned", "run"))
    redshifts.write(catalogue)
    assert main(["train", made, catalogue, "--epochs", "2", "--latent-size", "4", "--seed", "1", "--checkpoints", run]) == 0
    assert "4 latent dimensions" in capsys.readouterr().out
    expected = gw.fit(gw.read(catalogue), epochs=2, latent_size=4, seed=1, progress=False)
    assert torch.equal(weights(gw.load(made)), weights(expected))
    after = {"draws.pt", "prior.pt", "evidence.pt", "predictions.pt"}
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"epoch=1.ckpt", "last.ckpt", *after}
    assert main(["train", tuned, catalogue, "--epochs", "1", "--start", made]) == 0
    further = gw.fit(gw.read(catalogue), epochs=1, model=gw.load(made), progress=False)
    assert torch.equal(weights(gw.load(tuned)), weights(further))
    assert not torch.equal(weights(further), weights(expected))


def test_the_command_says_what_it_lacks_and_leaves_nothing(tmp_path, capsys):
    assert main(["train", str(tmp_path / "made")]) == 2
    assert "no sample to train on; give FITS files of galaxies" in capsys.readouterr().err
    assert not (tmp_path / "made").exists()


def test_distributed_ranks_share_the_batches_between_them(sample):
    inputs = Inputs.fit([sample], sample.survey)
    alone = [batch["brightness"].value for batch in Batches([sample], inputs, 16, 0)]
    shared = [[batch["brightness"].value for batch in Batches([sample], inputs, 16, 0, rank=rank, world=2)] for rank in (0, 1)]
    assert len(shared[0]) == len(shared[1]) == len(alone) // 2
    assert all(torch.equal(alone[2 * i + rank], shared[rank][i]) for rank in (0, 1) for i in range(len(alone) // 2))


@pytest.mark.parametrize("operation", range(8))
def test_turned_pixels_have_the_turned_ellipticity(operation):
    """The augmentation's e1, e2 are what is measured on its pixels."""
    galaxies = gw.simulate(40, "KiDS", seed=5, bands=["g", "r"], mag_limit=18.5, noiseless=True, progress=False)
    inputs = Inputs.fit([galaxies], galaxies.survey)
    batch = turn(inputs.tensors(galaxies), operation, inputs)
    pixels = (part.numpy() for part in batch["image"])
    flux, ivar, psf = pixels
    seen = measure(gw.Galaxies(flux, ivar, psf, survey=galaxies.survey), noiseless=True)
    for name in ("e1", "e2"):
        column = inputs.groups["shape"].index(name)
        expected = inputs.scalings[name].inverse(batch["shape"].value[:, column].numpy())
        difference = seen.attribute(name) - np.where(batch["shape"].mask[:, column], expected, np.nan)
        assert np.nanmedian(np.abs(difference)) < 1e-3
        assert np.nanpercentile(np.abs(difference), 90) < 0.02


def test_half_of_the_images_get_more_noise_and_say_how_much():
    n = 400
    flux = torch.ones(n, 2, 16, 16)
    ivar = torch.full_like(flux, 4.0)
    ivar[:, :, :4] = 0
    noisy = noisier(Images(flux, ivar, torch.ones(n, 2, 1, 1)), torch.Generator().manual_seed(1))
    factor = (4.0 / noisy.ivar[:, 0, 8, 8]).sqrt()
    assert 0.4 < (factor == 1).float().mean() < 0.6
    assert 1 <= factor.min() < factor.max() <= 3
    # what came on top is what the inverse variance says; masked pixels stay as they are
    added = (noisy.flux - flux)[:, :, 4:].flatten(1).std(1)
    more = factor > 1.5
    torch.testing.assert_close(added[more], 0.5 * (factor[more] ** 2 - 1).sqrt(), rtol=0.15, atol=0)
    assert (noisy.flux[factor == 1] == 1).all()
    assert (noisy.flux[:, :, :4] == 1).all()
    assert (noisy.ivar[:, :, :4] == 0).all()


def test_nothing_to_train_on_is_said():
    with pytest.raises(ValueError, match="every sample is empty"):
        gw.fit([])


def test_samples_of_another_survey_are_refused(sample):
    other = gw.simulate(8, "SDSS", seed=1, stamp=16, bands=["g", "r"], mag_limit=18, progress=False)
    with pytest.raises(ValueError, match="pixels are"):
        quick(sample, other)


def test_one_number_of_repeats_for_each_sample(sample):
    with pytest.raises(ValueError, match="repeats has 2 numbers for 1 samples"):
        quick(sample, repeats=[1, 2])


def test_the_first_look_rests_while_the_second_learns(sample):
    once = quick(sample, prior_epochs=0)
    twice = quick(sample, model=once, looks=1, prior_epochs=0)
    first, second = (dict(model.mvae.modality("image").encoder.named_parameters()) for model in (once, twice))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert twice.mvae.modality("image").second_look.head[-1].weight.abs().max() > 0
    with pytest.raises(ValueError, match="looks=0"):
        quick(sample, looks=1)


def test_all_but_the_correction_rests_while_it_learns_to_be_made_more_often(sample):
    catalogue = gw.Galaxies(table=sample.table, survey=sample.survey)
    once = quick(sample, model=quick(sample, prior_epochs=0), looks=1, prior_epochs=0)
    twice = quick(sample, catalogue, model=once, looks=2, prior_epochs=0, batch_size=1, epochs=1)  # some batches have no image
    assert twice.architecture.looks == 2
    before, after = (model.mvae.state_dict() for model in (once, twice))
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert all(name.startswith("modalities.image.second_look.") for name in moved)
    assert all(torch.equal(tensor, twice.prior.state_dict()[name]) for name, tensor in once.prior.state_dict().items())
    with pytest.raises(ValueError, match="looks rises from 1 to 2, which only images teach"):
        quick(catalogue, model=once, looks=2)


class Spoil(lightning.Callback):
    """Makes one batch, or every batch, one that no gradient survives."""

    def __init__(self, always):
        self.always = always

    def on_after_backward(self, trainer, module):
        if self.always or trainer.global_step == 2:
            next(p for p in module.parameters() if p.grad is not None).grad.fill_(torch.inf)


def test_a_batch_without_a_finite_gradient_costs_no_more_than_itself(sample):
    model = quick(sample, epochs=3, prior_epochs=0, callbacks=[Spoil(always=False)])
    assert torch.isfinite(torch.cat([p.flatten() for p in model.mvae.parameters()])).all()
    with pytest.raises(FloatingPointError, match="learning_rate"):
        quick(sample, epochs=12, prior_epochs=0, callbacks=[Spoil(always=True)])


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_galaxies_without_any_attribute_train_a_model_that_samples():
    galaxies = gw.simulate(40, "KiDS", seed=3, stamp=16, bands=["g", "r"], measured=False, progress=False)
    model = gw.fit(
        gw.Galaxies(galaxies.flux, galaxies.ivar, galaxies.psf, survey=galaxies.survey),
        epochs=1,
        latent_size=4,
        prior_epochs=1,
        progress=False,
    )
    assert model.inputs.modalities == ("image",)
    assert np.isfinite(model.sample(3, seed=1).flux).all()


def catalogue(magnitude):
    return gw.Galaxies(table=QTable({"mag_r": magnitude, "g_r": np.linspace(0.5, 1.0, len(magnitude))}), survey="KiDS")


def magnitudes(model, **asked):
    z = torch.from_numpy(model.draw(800, seed=1, **asked).mean)
    with torch.no_grad():
        return model.inputs.scalings["mag_r"].inverse(model.mvae.decode(z, "brightness")[:, 0].numpy())


def test_the_prior_has_the_brightness_of_the_population_that_is_given_it_and_meets_requests_as_before():
    random = np.random.default_rng(0)
    flat, sky = catalogue(random.uniform(16, 22, 3000)), catalogue(22 - random.exponential(0.8, 1000))
    settings = {"epochs": 6, "batch_size": 128, "learning_rate": 5e-3, "prior_epochs": 12, "calibrated": False}
    medians = {}
    for name, population in (("samples", None), ("sky", sky)):
        model = quick(flat, population=population, **settings)
        medians[name] = [np.median(magnitudes(model, **asked)) for asked in ({}, {"mag_r": 17.0})]
    assert abs(medians["samples"][0] - 19.0) < 0.4
    assert abs(medians["sky"][0] - np.median(sky.attribute("mag_r"))) < 0.4
    # a bright galaxy that is asked for is bright whatever there is of them
    assert abs(medians["samples"][1] - 17.0) < 0.4
    assert abs(medians["sky"][1] - 17.0) < 0.4


def test_the_prior_is_of_the_samples_that_are_named_as_far_as_they_have_images(sample, redshifts):
    flux = sample.flux.sum((1, 2, 3))
    bright = sample[flux > np.percentile(flux, 70)]
    settings = {"epochs": 30, "prior_epochs": 40, "calibrated": False}
    medians = [
        np.median(quick(sample, prior_of=prior_of, **settings).sample(200, seed=1).flux.sum((1, 2, 3)))
        for prior_of in (None, [redshifts, bright], bright, iter([bright]))
    ]
    assert medians[1] > 1.5 * medians[0]
    assert medians[1] == medians[2] == medians[3]


def test_a_prior_of_no_images_is_refused(sample, redshifts):
    with pytest.raises(ValueError, match="prior_of has no images in 1 samples; give some that have"):
        quick(sample, redshifts, prior_of=[redshifts])
    with pytest.raises(ValueError, match="there is no galaxy to fit the prior to"):
        quick(sample, prior_of=iter(()))


def test_a_prior_of_posteriors_that_are_not_finite_is_refused(sample):
    model = quick(sample, calibrated=False, prior_epochs=0)
    with torch.no_grad():
        model.mvae.modality("image").encoder.head[-1].bias.fill_(torch.nan)
    with pytest.raises(FloatingPointError, match="posteriors of 96 of 96 galaxies are not finite"):
        fit_prior(model.prior, model.mvae, model.inputs, [sample], epochs=1, seed=0)


def test_a_population_without_brightness_is_refused(sample):
    with pytest.raises(ValueError, match="none of the galaxies of population= has a measured brightness"):
        quick(sample, population=gw.Galaxies(table=QTable({"g_r": [0.5, 0.6]}), survey=sample.survey))
