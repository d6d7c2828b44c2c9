"""The models before the MVAE: each does what its paper says of it, on galaxies small enough to train in seconds."""

import numpy as np
import pytest
import torch
from torch import nn

import galwidget as gw
from galwidget.baselines import BASELINES, fit_baseline, refine_adversarially
from galwidget.evaluation import chi2_per_pixel, pca_chi2
from galwidget.model.baselines import Autoencoder, ConditionalAutoencoder, contractive, denoising, negative_elbo, reconstruction, sparse
from galwidget.model.baselines_adversarial import Critic, critic_loss, seen_like
from galwidget.model.baselines_training import Run, with_given
from galwidget.model.dataset import Batches
from galwidget.model.inputs import Inputs
from galwidget.model.modalities import Images
from galwidget.model.network import Architecture


@pytest.fixture(scope="module")
def sample():
    return gw.simulate(64, "KiDS", seed=3, stamp=16, bands=["g", "r"], mag_limit=20.5, progress=False)


@pytest.fixture
def run(sample):
    torch.manual_seed(0)
    inputs = Inputs.fit([sample], sample.survey)
    return Run(inputs, Architecture(4), Batches([sample], inputs, 32, 0), 2.5e-3, progress=False)


@pytest.fixture
def images(sample, run):
    return run.inputs.tensors(sample[:4], ["image"])


def quick(name, sample, **settings):
    return fit_baseline(name, sample, **{"latent_size": 4, "epochs": 1, "progress": False, "seed": 1, **settings})


@pytest.mark.parametrize("name", BASELINES)
def test_every_model_draws_galaxies_of_the_survey_and_the_seed_decides(name, sample):
    model, again = quick(name, sample), quick(name, sample)
    drawn = model.sample(3, seed=1)
    assert drawn.flux.shape == (3, 2, 16, 16)
    assert drawn.survey == sample.survey
    assert drawn == again.sample(3, seed=1)
    assert drawn != model.sample(3, seed=2)


@pytest.mark.parametrize("name", [name for name in BASELINES if name != "gan"])
def test_every_model_with_an_encoder_redraws_through_each_psf(name, sample):
    model = quick(name, sample)
    redrawn = model.reconstruct(sample)
    assert np.isfinite(chi2_per_pixel(sample, redrawn)).all()
    assert np.array_equal(redrawn.ivar, sample.ivar)
    sharp = model.decode(model.encode(sample))
    assert np.array_equal(redrawn.flux, sharp.flux) == (name == "pca")


@pytest.mark.parametrize("name", ["ae", "stacked", "denoising", "vae", "cvae"])
def test_training_longer_redraws_better(name, sample):
    # of the typical galaxy: the mean is that of the brightest one
    chi2 = [np.median(chi2_per_pixel(sample, quick(name, sample, epochs=epochs, batch_size=8).reconstruct(sample))) for epochs in (1, 30)]
    assert chi2[1] < 0.7 * chi2[0]


def test_pca_is_the_projection_on_the_components(sample):
    model = quick("pca", sample)
    assert np.allclose(chi2_per_pixel(sample, model.reconstruct(sample)), pca_chi2(sample, sample, 4), rtol=1e-3)


def test_codes_of_autoencoders_are_drawn_as_the_training_codes_scatter(sample):
    model = quick("ae", sample, epochs=4)
    codes, drawn = model.encode(sample).mean, model.draw(4000, seed=1).mean
    assert np.allclose(np.cov(drawn.T), np.cov(codes.T), atol=0.1 * np.cov(codes.T).diagonal().max())


def test_the_contractive_penalty_is_the_norm_of_the_jacobian(run, images):
    model = Autoencoder(run.image(4), 4)

    def codes(flux):
        return model.encode({"image": images["image"]._replace(flux=flux)}).mean

    jacobian = torch.autograd.functional.jacobian(codes, images["image"].flux)
    own = torch.stack([jacobian[i, :, i] for i in range(4)]) * model.image.sky_sigma[:, None, None]
    scatter = codes(images["image"].flux).detach().var(0).mean()
    # so heavy that the likelihood is lost in it
    penalties = [contractive(1e9)(model, images, 1.0).detach() for _ in range(300)]
    norm = torch.stack(penalties).mean(0) * scatter / 1e9
    assert torch.allclose(norm, own.square().sum((1, 2, 3, 4)), rtol=0.3)


def test_contraction_makes_codes_move_less_with_the_noise(sample):
    torch.manual_seed(0)
    again = gw.Galaxies(sample.flux + np.random.default_rng(1).standard_normal(sample.flux.shape) / np.sqrt(sample.ivar), sample.ivar,
                        sample.psf, survey=sample.survey)  # fmt: skip

    def moved(name):
        model = quick(name, sample, epochs=16)
        codes = model.encode(sample).mean
        return np.mean((model.encode(again).mean - codes) ** 2) / np.mean(codes.var(0))

    assert moved("contractive") < moved("ae")


def test_sparse_codes_use_few_of_their_numbers(sample):
    def crowding(name):
        code = quick(name, sample, latent_size=16, epochs=40).encode(sample).mean
        return np.mean(np.abs(code).sum(1) / np.linalg.norm(code, axis=1))

    assert crowding("sparse") < 0.9 * crowding("ae")


def test_the_sparse_penalty_cannot_be_escaped_by_a_smaller_code(run, images):
    model = Autoencoder(run.image(4), 4)
    penalty = sparse()(model, images, 1.0) - reconstruction(model, images, 1.0)
    with torch.no_grad():
        last = [layer for layer in model.image.encoder.modules() if isinstance(layer, nn.Linear)][-1]
        last.weight *= 0.01
        last.bias *= 0.01
    assert torch.allclose(sparse()(model, images, 1.0) - reconstruction(model, images, 1.0), penalty, rtol=0.02)


def test_a_denoising_code_is_judged_on_the_pixels_it_did_not_see(run, images):
    model = Autoencoder(run.image(4), 4)
    assert torch.equal(denoising(0.0)(model, images, 1.0), reconstruction(model, images, 1.0))
    blank = images["image"]._replace(flux=torch.zeros_like(images["image"].flux))
    from_nothing = -model.log_likelihood(images["image"], model.encode({"image": blank}).mean)
    assert torch.allclose(denoising(1.0)(model, images, 1.0), from_nothing)


def test_layers_of_a_stack_are_learnt_one_by_one(run):
    frozen = {}
    minimise = Run.minimise

    def watched(self, model, parameters, loss, epochs, name):
        before = {key: value.clone() for key, value in model.state_dict().items()}
        minimise(self, model, parameters, loss, epochs, name)
        weights = {key: value for key, value in model.named_parameters() if torch.equal(value, before[key])}
        frozen[name] = {".".join(key.split(".")[:2]) for key in weights}

    Run.minimise = watched
    try:
        run.stacked(2, 6)
    finally:
        Run.minimise = minimise
    assert {"down.0", "down.1", "up.0", "up.1"} <= frozen["stacked, pixels"]
    assert {"image.encoder", "image.decoder", "down.1", "up.1"} <= frozen["stacked, layer 1"]
    assert {"image.encoder", "image.decoder", "down.0", "up.0"} <= frozen["stacked, layer 2"]
    assert not frozen["stacked, layer 1"] & {"down.0", "up.0"}
    assert not frozen["stacked, all"] & {"down.0", "down.1", "up.0", "up.1"}


def test_the_elbo_without_its_divergence_is_the_likelihood_of_a_draw(run, images):
    model = Autoencoder(run.image(4), 4, variational=True)
    posterior = model.encode(images)
    torch.manual_seed(1)
    z = posterior.sample()
    torch.manual_seed(1)
    free = negative_elbo(beta=0.0)(model, images, 1.0)
    torch.manual_seed(1)
    full = negative_elbo(beta=2.0)(model, images, 1.0)
    assert torch.equal(free, -model.log_likelihood(images["image"], z))
    assert torch.allclose(full - free, 2 * posterior.kl_to_standard(), rtol=1e-3, atol=0.1)


@pytest.mark.parametrize("name", ["vae", "cvae"])
def test_no_code_is_broader_than_the_prior(name, sample):
    assert quick(name, sample, beta=0.001).encode(sample).std.max() <= 1


def test_a_larger_beta_holds_codes_nearer_to_the_prior(sample):
    def width(beta):
        latent = quick("vae", sample, beta=beta, epochs=8).encode(sample)
        return np.mean(latent.mean**2 + latent.std**2 - 1 - 2 * np.log(latent.std))

    assert width(100.0) < width(1.0) < width(0.001)


def test_a_cvae_hides_attributes_in_training_only(sample, run):
    columns = len(run.inputs.condition_names)
    model = ConditionalAutoencoder(run.image(4 + 3 * columns), 4, columns)
    data = run.inputs.tensors(sample)
    known = [with_given(model.train(mode), run.inputs, data)["given"][:, -columns:].mean() for mode in (True, False)]
    assert 0.6 < known[0] / known[1] < 0.9
    assert with_given(model, run.inputs, {"image": data["image"]})["given"].eq(0).all()


def test_the_same_draw_of_a_cvae_is_brighter_where_more_light_is_asked(sample):
    model = quick("cvae", sample, epochs=30, batch_size=8)
    faint, bright = (model.sample(64, seed=1, mag_r=magnitude).flux.sum((1, 2, 3)) for magnitude in (20.0, 18.0))
    assert np.mean(bright > faint) > 0.9


def test_a_flow_lets_an_autoencoder_be_asked(sample):
    model = quick("ae", sample, epochs=30, batch_size=16)
    flowing = model.with_flow(sample, epochs=40, progress=False)
    assert np.array_equal(flowing.reconstruct(sample).flux, model.reconstruct(sample).flux)
    faint, bright = (flowing.sample(64, seed=1, mag_r=magnitude).flux.sum((1, 2, 3)).mean() for magnitude in (20.0, 18.0))
    assert bright > 2 * faint


class Linear(nn.Module):
    """A critic whose gradient is known."""

    def __init__(self, image):
        super().__init__()
        self.image = image

    def forward(self, images):
        return images.flux.sum((1, 2, 3))


def test_the_r1_penalty_is_the_squared_gradient_at_real_galaxies(run, images):
    critic = Linear(run.image(1))
    fake = Images(*(part.clone() for part in images["image"]))
    with_penalty, without = (critic_loss(critic, images["image"], fake, gamma) for gamma in (2.0, 0.0))
    assert torch.allclose(with_penalty - without, critic.image.sky_sigma.square().sum() * 16 * 16, rtol=1e-3)


def test_fakes_have_the_noise_and_the_masks_of_the_real_ones(run, images):
    real = images["image"]
    ivar = real.ivar.clone()
    ivar[:, :, :3] = 0
    gain = torch.from_numpy(run.inputs.survey.gain.astype("float32"))
    many = Images(*(part.repeat(200, 1, 1, 1) for part in (real.flux, ivar, real.psf)))
    fake = seen_like(many, torch.zeros_like(many.flux), gain)
    assert (fake.flux[many.ivar == 0] == 0).all()
    assert (fake.ivar[many.ivar == 0] == 0).all()
    scatter = (fake.flux * fake.ivar.sqrt())[many.ivar > 0].std()
    assert abs(scatter - 1) < 0.01


def test_a_critic_learns_to_tell_galaxies_from_empty_sky(sample, run):
    torch.manual_seed(0)
    critic = Critic(run.image(1))
    real = run.inputs.tensors(sample, ["image"])["image"]
    fake = seen_like(real, torch.zeros_like(real.flux), torch.from_numpy(sample.survey.gain.astype("float32")))
    optimizer = torch.optim.Adam(critic.parameters(), 1e-3)
    for _ in range(60):
        optimizer.zero_grad()
        critic_loss(critic, real, fake).backward()
        optimizer.step()
    assert (critic(real) > critic(fake)).float().mean() > 0.95


def test_adversarial_refinement_changes_the_image_decoder_alone(sample):
    model = gw.fit(sample, epochs=1, latent_size=4, prior_epochs=1, progress=False)
    refined = refine_adversarially(model, sample, epochs=1, progress=False)
    before, after = model.mvae.state_dict(), refined.mvae.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.startswith("modalities.image.decoder.") for name in changed)
    assert np.array_equal(model.encode(sample).mean, refined.encode(sample).mean)


def test_an_unknown_model_is_told_the_known_ones(sample):
    with pytest.raises(ValueError, match="there is no model 'diffusion'; choose from pca, ae"):
        fit_baseline("diffusion", sample)


def test_what_a_model_lacks_is_said(sample):
    with pytest.raises(ValueError, match="a GAN has no encoder"):
        quick("gan", sample).encode(sample)
    with pytest.raises(ValueError, match="autoencoder cannot be asked for mag_r"):
        quick("ae", sample).sample(2, mag_r=19)
    with pytest.raises(ValueError, match="a flow needs codes"):
        quick("gan", sample).with_flow(sample)


def test_more_components_than_galaxies_are_refused(sample):
    with pytest.raises(ValueError, match="64 galaxies have no 65 principal components"):
        quick("pca", sample, latent_size=65)


def test_a_cvae_without_attributes_says_what_to_do(sample):
    with pytest.raises(ValueError, match=r"the galaxies have none; measure them first"):
        quick("cvae", sample.with_table(None))
