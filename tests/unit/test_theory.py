"""The theory that the model stands on, against answers known in closed form."""

import itertools
import math
from typing import NamedTuple

import numpy as np
import pytest
import torch
from scipy.signal import fftconvolve
from torch import nn
from zuko.transforms import AutoregressiveTransform

from galwidget.flow import _completed
from galwidget.model.gaussian import Gaussian, product_of_experts
from galwidget.model.likelihoods import categorical, gaussian_columns, gaussian_mixture, gaussian_pixels
from galwidget.model.modalities import CategoryModality, Columns, ColumnsModality, ImageModality, Images, MixtureModality, _asinh, expert
from galwidget.model.mvae import MVAE
from galwidget.model.networks import GaussianExpansion
from galwidget.model.objective import Objective, elbo
from galwidget.model.prior import FlowPrior
from galwidget.model.telescope import convolve

TRUTH = {"a": ((0, 1), (1.0, 2.0)), "b": ((1, 2), (1.5, 0.7)), "c": ((0, 2), (0.5, 1.2))}  # which latents, with which gain; unit noise


class Vector(NamedTuple):
    value: torch.Tensor

    @property
    def present(self):
        return torch.ones(len(self.value), dtype=torch.bool)


class LinearModality(nn.Module):
    """x = gain * z[dims] + N(0, 1): the decoder is the truth, the encoder is to be learned."""

    def __init__(self, dims, gains):
        super().__init__()
        self.loading = torch.zeros(len(dims), 3)
        self.loading[range(len(dims)), list(dims)] = torch.tensor(gains)
        self.mean = nn.Linear(len(dims), 3)
        self.log_precision = nn.Parameter(torch.zeros(3))

    def encode(self, data):
        return expert(torch.cat([self.mean(data.value), self.log_precision.expand(len(data.value), 3)], 1))

    def decode(self, z):
        return z @ self.loading.T

    def log_likelihood(self, data, z):
        return -0.5 * ((data.value - self.decode(z)) ** 2 + math.log(2 * math.pi)).sum(1)


def linear_data(n, seed):
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(n, 3, generator=generator)
    modalities = {name: LinearModality(*truth) for name, truth in TRUTH.items()}
    return {name: Vector(m.decode(z) + torch.randn(n, 2, generator=generator)) for name, m in modalities.items()}


def exact_posterior(data, subset):
    precision, weighted = torch.ones(3), torch.zeros(len(next(iter(data.values())).value), 3)
    for name in subset:
        loading = LinearModality(*TRUTH[name]).loading
        precision = precision + (loading.T @ loading).diagonal()
        weighted = weighted + data[name].value @ loading
    return Gaussian(weighted / precision, precision.expand_as(weighted))


def train_linear(objective):
    torch.manual_seed(0)
    model = MVAE(3, {name: LinearModality(*truth) for name, truth in TRUTH.items()})
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 1500)
    for step in range(1500):
        loss = objective(model, linear_data(256, 10 + step))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return model


def worst_subset(model):
    data = linear_data(2000, 1)
    subsets = [s for k in (1, 2, 3) for s in itertools.combinations(TRUTH, k)]
    with torch.no_grad():
        gaps = [model.encode({name: data[name] for name in s}).kl_to(exact_posterior(data, s)).mean().item() for s in subsets]
    return max(gaps)


def test_subset_training_reaches_the_exact_posterior_of_every_subset():
    assert worst_subset(train_linear(Objective(subsets=1))) <= 0.005


def test_aligned_training_reaches_the_exact_posterior_of_every_subset():
    assert worst_subset(train_linear(Objective(subsets=1, alignment=0.5))) <= 0.02


def test_joint_only_training_is_wrong_on_subsets():
    assert worst_subset(train_linear(Objective(unimodal=False, subsets=0))) > 0.1


def image_modality(latent_size=6, stamp=16, bands=2, **kw):
    psf = torch.zeros(bands, 5, 5)
    psf[:, 1:4, 1:4] = 1 / 9
    return ImageModality(latent_size, torch.full((bands,), 10.0), psf, torch.tensor([[6.0] * bands, [1.0] * bands]), stamp, **kw)


def small_model(latent_size=6):
    torch.manual_seed(3)
    modalities = {
        "image": image_modality(latent_size),
        "colours": ColumnsModality(latent_size, 2),
        "redshift": MixtureModality(latent_size),
        "morphology": CategoryModality(latent_size, 5),
    }
    return MVAE(latent_size, modalities)


def small_data(n=5, seed=0, brightness=1.0):
    generator = torch.Generator().manual_seed(seed)
    flux = 10 * brightness * torch.randn(n, 2, 16, 16, generator=generator)
    image = Images(flux, torch.full_like(flux, 0.01), torch.full((n, 2, 3, 3), 1 / 9))
    columns = Columns(torch.randn(n, 2, generator=generator), torch.zeros(n, 2), torch.ones(n, 2, dtype=torch.bool))
    redshift = Columns(torch.randn(n, 1, generator=generator), torch.full((n, 1), 0.1), torch.ones(n, 1, dtype=torch.bool))
    kind = Columns(torch.eye(5)[torch.arange(n) % 5], torch.zeros(n, 5), torch.ones(n, 5, dtype=torch.bool))
    return {"image": image, "colours": columns, "redshift": redshift, "morphology": kind}


def absent(part):
    if isinstance(part, Images):
        return Images(torch.full_like(part.flux, torch.nan), torch.zeros_like(part.ivar), part.psf)
    return Columns(torch.full_like(part.value, torch.nan), part.error, torch.zeros_like(part.mask))


@pytest.mark.parametrize("name", ["image", "colours", "redshift", "morphology"])
def test_missing_modality_is_an_omitted_expert_to_the_bit(name):
    model, data = small_model(), small_data()
    masked = model.encode({**data, name: absent(data[name])})
    omitted = model.encode({other: part for other, part in data.items() if other != name})
    assert torch.equal(masked.mean, omitted.mean)
    assert torch.equal(masked.precision, omitted.precision)


def test_a_modality_missing_for_some_galaxies_leaves_the_others_as_they_are():
    model, data = small_model(), small_data()
    some = data["colours"]._replace(mask=torch.tensor([True, False, True, True, False])[:, None].expand(5, 2))
    mixed, whole = model.encode({**data, "colours": some}), model.encode(data)
    without = model.encode({name: part for name, part in data.items() if name != "colours"})
    torch.testing.assert_close(mixed.mean[[0, 2, 3]], whole.mean[[0, 2, 3]])
    torch.testing.assert_close(mixed.mean[[1, 4]], without.mean[[1, 4]])


def test_nothing_seen_gives_the_prior():
    posterior = small_model().encode({name: absent(part) for name, part in small_data().items()})
    assert torch.equal(posterior.mean, torch.zeros_like(posterior.mean))
    assert torch.equal(posterior.precision, torch.ones_like(posterior.precision))


def test_product_of_experts_survives_nan_in_an_absent_expert():
    bad = Gaussian(torch.full((2, 3), torch.nan, requires_grad=True), torch.full((2, 3), torch.inf))
    good = Gaussian(torch.ones(2, 3), torch.full((2, 3), 3.0))
    product = product_of_experts([(bad, torch.tensor([False, False])), (good, torch.tensor([True, True]))], torch.zeros(2, 3))
    assert torch.equal(product.mean, torch.full((2, 3), 0.75))
    product.mean.sum().backward()
    assert torch.isfinite(bad.mean.grad).all()


def test_elbo_terms_equal_a_float64_numpy_formula():
    random = np.random.default_rng(0)
    mean, precision = random.normal(size=(4, 6)), np.exp(random.normal(size=(4, 6)) * 3)
    q = Gaussian(torch.tensor(mean), torch.tensor(precision))
    kl = 0.5 * (1 / precision + mean**2 - 1 + np.log(precision)).sum(1)
    np.testing.assert_allclose(q.kl_to_standard().numpy(), kl, rtol=1e-6)

    flux, expected = random.normal(size=(2, 3, 2, 8, 8)) * 30
    ivar = np.where(random.random((3, 2, 8, 8)) < 0.2, 0, 10 ** random.uniform(-4, 0, (3, 2, 8, 8)))
    good = ivar > 0
    pixels = -0.5 * np.where(good, ivar * (flux - expected) ** 2 + np.log(2 * np.pi / np.where(good, ivar, 1)), 0).sum((1, 2, 3))
    found = gaussian_pixels(*(torch.tensor(a) for a in (flux, ivar, expected)))
    np.testing.assert_allclose(found.numpy(), pixels, rtol=1e-6)
    softened = np.where(good, 1 / (1 / np.where(good, ivar, 1) + (0.1 * expected) ** 2), 0)
    pixels = -0.5 * np.where(good, softened * (flux - expected) ** 2 + np.log(2 * np.pi / np.where(good, softened, 1)), 0).sum((1, 2, 3))
    found = gaussian_pixels(*(torch.tensor(a) for a in (flux, ivar, expected)), model_error=0.1)
    np.testing.assert_allclose(found.numpy(), pixels, rtol=1e-6)

    value, error, guess = random.normal(size=(3, 4, 2)) * [[[1.0]], [[0.1]], [[1.0]]]
    mask, log_scatter = random.random((4, 2)) < 0.7, np.array([-1.0, -2.0])
    variance = np.exp(2 * log_scatter) + error**2
    columns = -0.5 * np.where(mask, (value - guess) ** 2 / variance + np.log(2 * np.pi * variance), 0).sum(1)
    found = gaussian_columns(*(torch.tensor(a) for a in (value, error, mask, guess, log_scatter)))
    np.testing.assert_allclose(found.numpy(), columns, rtol=1e-6)

    parameters = random.normal(size=(4, 9))
    weights = np.exp(parameters[:, :3]) / np.exp(parameters[:, :3]).sum(1, keepdims=True)
    variance = np.exp(2 * parameters[:, 6:].clip(-6, 2)) + error[:, :1] ** 2  # the bounds of a component
    density = (weights * np.exp(-0.5 * (value[:, :1] - parameters[:, 3:6]) ** 2 / variance) / np.sqrt(2 * np.pi * variance)).sum(1)
    there = np.ones((4, 1), bool)
    found = gaussian_mixture(*(torch.tensor(a) for a in (value[:, :1], error[:, :1], there, parameters)))
    np.testing.assert_allclose(found.numpy(), np.log(density), rtol=1e-6)

    logits, kind = random.normal(size=(4, 5)), np.array([0, 3, 4, 1])
    chosen = (logits - np.log(np.exp(logits).sum(1, keepdims=True)))[range(4), kind]
    found = categorical(torch.tensor(np.eye(5)[kind]), torch.ones(4, 5, dtype=torch.bool), torch.tensor(logits))
    np.testing.assert_allclose(found.numpy(), chosen, rtol=1e-6)


def test_elbo_weighs_only_the_modalities_in_the_subset():
    model, data = small_model(), small_data()
    posterior, noise = model.encode(data), torch.zeros(5, 6)
    here, nowhere = torch.ones(5, dtype=torch.bool), torch.zeros(5, dtype=torch.bool)
    keep = {"image": nowhere, "colours": here, "redshift": nowhere, "morphology": here}
    likelihood, _, _ = elbo(model, data, posterior, keep, {"colours": 5.0}, noise)
    expected = 5 * model.log_likelihood(data, posterior.mean, "colours") + model.log_likelihood(data, posterior.mean, "morphology")
    torch.testing.assert_close(likelihood, expected)


def test_alignment_moves_the_subsets_and_not_the_joint_posterior():
    torch.manual_seed(0)
    model = MVAE(3, {name: LinearModality(*truth) for name, truth in TRUTH.items()})
    data, objective = linear_data(64, 5), Objective(alignment=1.0, subsets=1)
    torch.manual_seed(1)
    aligned = objective(model, data)
    torch.manual_seed(1)
    plain = Objective(alignment=0.0, subsets=1)(model, data)
    assert aligned["alignment"] > 0
    torch.testing.assert_close(aligned["loss"], plain["loss"] + aligned["alignment"])


def test_cross_terms_make_the_image_answer_for_the_attributes():
    model, data = small_model(), small_data()
    image_only = {"image": data["image"], "colours": data["colours"]}
    torch.manual_seed(4)
    plain = Objective(subsets=0)(model, image_only)["loss"]
    torch.manual_seed(4)
    crossed = Objective(subsets=0, cross=("colours",))(model, image_only)["loss"]
    torch.manual_seed(4)
    draws = [model.encode(part).sample() for part in (image_only, {"image": data["image"]})]
    torch.testing.assert_close(crossed, plain - model.log_likelihood(data, draws[1], "colours").mean(), rtol=1e-5, atol=1e-2)


def test_computing_a_share_of_a_likelihood_keeps_its_expectation():
    model, data = small_model(), small_data(n=64)
    with torch.no_grad():
        torch.manual_seed(0)
        whole = torch.stack([Objective(subsets=0)(model, data)["loss"] for _ in range(40)])
        thinned = torch.stack([Objective(subsets=0, shares={"image": 0.3})(model, data)["loss"] for _ in range(400)])
    assert abs(thinned.mean() - whole.mean()) < 4 * thinned.std() / 20
    assert thinned.std() > whole.std()


@pytest.mark.parametrize("signal_to_noise", [0.0, 1.0, 1e3, 1e5])
def test_gradients_are_finite_at_any_signal_to_noise(signal_to_noise):
    model, data = small_model(), small_data(brightness=signal_to_noise)
    ivar = data["image"].ivar.clone()
    ivar[0, 1] = 0  # a masked band
    ivar[1] = 0  # an all-masked galaxy
    data["image"] = data["image"]._replace(ivar=ivar)
    Objective(subsets=2, alignment=0.5)(model, data)["loss"].backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
    assert sum(p.grad is not None for p in model.parameters()) == len(list(model.parameters()))


@pytest.mark.parametrize("size", [1, 3, 25])
def test_convolution_is_linear_and_does_not_wrap(size):
    random = np.random.default_rng(0)
    flux, psf = random.random((3, 2, 32, 32)), random.random((3, 2, size, size))
    expected = fftconvolve(flux, psf, mode="same", axes=(-2, -1))
    np.testing.assert_allclose(convolve(torch.tensor(flux), torch.tensor(psf)).numpy(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("shape", [(2, 2, 3, 3), (2, 3, 3), (2, 1, 2, 3, 3)])
def test_the_gradients_of_a_convolution_are_its_derivatives(shape):
    torch.manual_seed(0)
    psf, flux = torch.rand(shape).double(), torch.rand(2, 2, 5, 4).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda flux: convolve(flux, psf), flux)
    assert torch.autograd.gradgradcheck(lambda flux: convolve(flux, psf) ** 2, flux)


def test_decoded_flux_is_positive_and_brightness_does_not_touch_the_shape():
    torch.manual_seed(0)
    image = image_modality()
    z = torch.randn(4, 6)
    flux = image.decode(z)
    assert (flux > 0).all()
    torch.testing.assert_close(flux.sum((2, 3)), image.log_flux(z).exp())
    with torch.no_grad():
        image.decoder.log_flux[-1].bias += 0.7
    torch.testing.assert_close(image.decode(z) / flux, (0.7 * image.flux_std).exp()[:, None, None].expand_as(flux))


def test_smooth_light_is_a_sum_of_gaussians_of_the_right_place_and_shape():
    expansion = GaussianExpansion(1, 64, components=3)
    numbers = torch.zeros(1, expansion.parameters_needed)
    numbers[0, :2] = torch.tensor([3.0, -5.0])  # half pixels
    numbers[0, 3:5] = torch.tensor([0.6, 0.3])  # ln(a/b) and direction of the ellipse
    numbers[0, 5 + 6 :] = torch.tensor([-60.0, 0.0, -60.0])  # the middle component alone
    light = expansion(numbers, torch.ones(1, 1))[0, 0].double()
    assert abs(light.sum() - 1) < 1e-5
    y, x = torch.meshgrid(*(2 * [torch.arange(64.0).double() - 31.5]), indexing="ij")
    centre = (light * x).sum(), (light * y).sum()
    torch.testing.assert_close(torch.stack(centre), torch.tensor([1.5, -2.5]).double(), atol=1e-3, rtol=0)
    variance = torch.tensor([[(light * a * b).sum() for a in (x - centre[0], y - centre[1])] for b in (x - centre[0], y - centre[1])])
    eta = torch.tensor([[0.6, 0.3], [0.3, -0.6]]).double()
    bounded = 2.5 * np.tanh(np.hypot(0.6, 0.3) / 2.5) / np.hypot(0.6, 0.3)  # an ellipse is never longer than e^5
    expected = float(expansion.ladder[1].exp() ** 2) * torch.linalg.matrix_exp(eta * bounded) + 0.2 * torch.eye(2)
    torch.testing.assert_close(variance, expected.double(), rtol=1e-3, atol=1e-3)


def test_the_gradients_of_smooth_light_are_its_derivatives():
    torch.manual_seed(0)
    expansion = GaussianExpansion(2, 8, components=3, concentric=False).double()
    numbers, flux = torch.randn(2, expansion.parameters_needed).double().requires_grad_(), torch.rand(2, 2).double().requires_grad_()
    assert torch.autograd.gradcheck(expansion, (numbers, flux))


def test_gaussians_off_centre_lie_where_they_are_put_and_concentric_ones_are_the_same_as_none_moved():
    concentric, free = (GaussianExpansion(1, 64, components=3, concentric=concentric) for concentric in (True, False))
    numbers = torch.zeros(1, free.parameters_needed)
    numbers[0, 3:5] = torch.tensor([0.6, 0.3])
    unmoved = concentric(numbers[:, : concentric.parameters_needed], torch.ones(1, 1))
    assert torch.equal(free(numbers, torch.ones(1, 1)), unmoved)
    numbers[0, 5 + 6 : 5 + 9] = torch.tensor([-60.0, 0.0, -60.0])  # the middle component alone
    numbers[0, -4:-2] = torch.tensor([0.5, -1.0])  # its place, in its own sizes: 0.7 at the most
    light = free(numbers, torch.ones(1, 1))[0, 0].double()
    y, x = torch.meshgrid(*(2 * [torch.arange(64.0).double() - 31.5]), indexing="ij")
    expected = 0.7 * free.ladder[1].exp() * torch.tanh(torch.tensor([0.5, -1.0]))
    torch.testing.assert_close(torch.stack([(light * x).sum(), (light * y).sum()]), expected.double(), atol=1e-3, rtol=0)


def test_pixels_are_compressed_by_asinh_from_the_faintest_to_the_brightest():
    far = torch.logspace(-15, 9, 1000)
    pixels = torch.cat([-far, torch.zeros(1), far])
    exact = torch.asinh(pixels.double())
    assert ((_asinh(pixels) - exact).abs() <= 3e-7 * exact.abs()).all()


@pytest.mark.parametrize("size", [2, 3, 5, 32])
def test_the_flow_s_parts_invert_it(size):
    """Against zuko's own inverse, which asks for all of the point at each pass, and there and back."""
    torch.manual_seed(0)
    prior = FlowPrior(size, 3)
    u, value, mask = torch.randn(16, size), torch.randn(16, 3), torch.rand(16, 3) < 0.5
    given = torch.cat([torch.where(mask, value, 0.0), mask.float()], 1)
    with torch.no_grad():
        for layer in prior.flow.transform.transforms:
            transform = layer(given)
            torch.testing.assert_close(transform.inv(u), AutoregressiveTransform(transform.meta, size)._inverse(u))
        torch.testing.assert_close(prior.inverse(prior.transform(u, value, mask), value, mask), u, atol=1e-3, rtol=1e-3)


def test_what_no_picture_shows_well_enough_to_measure_is_completed_for_the_flow():
    prior = FlowPrior(4, 3)
    prior.shown.copy_(torch.tensor([True, True, False]))
    z, value = torch.randn(2, 4), torch.tensor([[1.0, 0.0, 0.0], [2.0, 3.0, 4.0]])
    completed, mask = _completed(prior, z, value, torch.tensor([[True, False, False], [True, True, True]]))
    assert mask.tolist() == [[True, True, False], [True, True, True]]  # a redshift that nobody measured stays unknown
    torch.testing.assert_close(completed[0, :2], torch.stack([value[0, 0], prior.shows(z)[0, 1]]))
    torch.testing.assert_close(completed[1], value[1])


def test_the_photometer_s_slope_is_its_derivative():
    torch.manual_seed(0)
    prior = FlowPrior(5, 3)
    place = torch.randn(4, 5)
    expected = torch.func.vmap(torch.func.jacrev(prior.photometer))(place)
    torch.testing.assert_close(prior._slope(place, torch.arange(3)), expected)
    torch.testing.assert_close(prior._slope(place, torch.tensor([2, 0])), expected[:, [2, 0]])
