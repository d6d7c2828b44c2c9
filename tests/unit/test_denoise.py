"""Noise removed and PSFs sharpened: nearer to the truth, the same in any batch, and nothing that was not there."""

import warnings

import numpy as np
import pytest
import torch

import galwidget as gw
from galwidget.model.telescope import convolve
from galwidget.science import denoise as module
from galwidget.science.faint import faint_population, gauss_newton, without_limit
from galwidget.science.residual_field import allowance, missed, relative_error, undecided

warnings.filterwarnings("ignore", module="lightning")
KEYS = {"stamp": 32, "bands": "gr", "mag_limit": 20.5, "flatten": 0.8, "measured": False, "progress": False}


@pytest.fixture(scope="module")
def observed():
    return gw.simulate(96, "KiDS", seed=3, **KEYS)


@pytest.fixture(scope="module")
def truth():
    return gw.simulate(96, "KiDS", seed=3, noiseless=True, **KEYS)


@pytest.fixture(scope="module")
def model(observed):
    return gw.fit(observed, epochs=15, latent_size=8, prior_epochs=0, progress=False, seed=1)


@pytest.fixture(scope="module")
def clean(model, observed):
    return gw.denoise(model, observed, progress=False)


def chi2(galaxies, truth, ivar):
    return ((galaxies.flux - truth.flux) ** 2 * ivar).mean((1, 2, 3))


def test_what_comes_out_is_nearer_to_the_truth_than_what_went_in(clean, observed, truth):
    assert np.median(chi2(clean, truth, observed.ivar)) < 0.3 * np.median(chi2(observed, truth, observed.ivar))


def test_what_the_model_missed_brings_it_nearer(model, clean, observed, truth):
    alone = gw.denoise(model, observed, residual=False, progress=False)
    assert np.mean(chi2(clean, truth, observed.ivar)) < 0.5 * np.mean(chi2(alone, truth, observed.ivar))


def test_a_galaxy_comes_out_the_same_alone_and_in_any_batch(model, observed, clean, monkeypatch):
    alone = gw.denoise(model, observed[20], progress=False)
    monkeypatch.setattr(module, "_BATCH", 5)
    in_fives = gw.denoise(model, observed[:22], progress=False)
    for other, rows in ((alone, slice(20, 21)), (in_fives, slice(0, 22))):
        np.testing.assert_allclose(other.flux, clean.flux[rows], atol=1e-3 * clean.flux[rows].max())
        np.testing.assert_allclose(np.log(other.ivar), np.log(clean.ivar[rows]), atol=0.02)


def test_a_masked_pixel_is_filled_and_what_is_in_it_does_not_matter(model, observed):
    parts = []
    for value in (0, 1e6):
        flux, ivar = observed.flux[:4].copy(), observed.ivar[:4].copy()
        flux[:, 1, 15:18, 15:18], ivar[:, 1, 15:18, 15:18] = value, 0
        parts.append(gw.denoise(model, gw.Galaxies(flux, ivar, observed.psf[:4], survey=observed.survey), progress=False))
    np.testing.assert_allclose(parts[0].flux, parts[1].flux)
    assert (parts[0].flux[:, 1, 15:18, 15:18] > 0).all()
    outside = np.abs(parts[0].ivar[:, 1, 10, 10] - parts[1].ivar[:, 1, 10, 10])
    assert (outside == 0).all()


def test_the_residual_field_is_nothing_where_the_model_has_no_light():
    random = np.random.default_rng(0)
    residual = torch.from_numpy(random.normal(0, 1, (2, 1, 32, 32)).astype(np.float32))
    envelope = torch.zeros(2, 1, 32, 32)
    envelope[:, :, 12:20, 12:20] = 1
    psf = torch.full((2, 1, 3, 3), 1 / 9)
    field = missed(residual, torch.ones_like(residual), psf, envelope)
    assert (field[envelope == 0] == 0).all()
    assert field.abs().max() > 0.05


def test_the_residual_field_solves_its_equation():
    """The field is K H^T (H K H^T + N)^-1 r, here by dense matrices of the operators themselves."""
    random = np.random.default_rng(1)
    side, sigma = 10, 0.5
    envelope = torch.from_numpy(random.uniform(0.2, 1, (1, 1, side, side)))
    psf = torch.from_numpy(random.uniform(0, 1, (1, 1, 3, 3)))
    psf = psf / psf.sum()
    residual = torch.from_numpy(random.normal(0, 1, (1, 1, side, side)))
    ivar = torch.full_like(residual, sigma**-2)
    pixels = torch.eye(side * side, dtype=torch.float64).reshape(-1, 1, side, side)
    seeing = convolve(pixels, psf[0]).flatten(1).T
    at = np.stack(np.indices((side, side)), -1).reshape(-1, 2)
    squared = ((at[:, None] - at) ** 2).sum(-1)
    near = np.abs(at[:, None] - at).max(-1) <= side // 2 - 1
    correlation = torch.from_numpy(near * (np.exp(-0.5 * squared / 1.2**2) + np.exp(-0.5 * squared / 5.0**2)) / 2)
    covariance = envelope.flatten()[:, None] * correlation * envelope.flatten()
    noise = sigma**2 * torch.eye(side * side, dtype=torch.float64)
    expected = covariance @ seeing.T @ torch.linalg.solve(seeing @ covariance @ seeing.T + noise, residual.flatten())
    np.testing.assert_allclose(missed(residual, ivar, psf, envelope).flatten(), expected, atol=2e-3)


def test_what_the_field_leaves_open_is_what_its_equation_says():
    """The diagonal of K - K (K + N)^-1 K by dense matrices, in the middle of an even field; without pixels, all of it."""
    side, error, sigma = 32, 2.0, 1.5
    at = np.stack(np.indices((side, side)), -1).reshape(-1, 2)
    squared = ((at[:, None] - at) ** 2).sum(-1)
    covariance = error**2 * (np.exp(-0.5 * squared / 1.2**2) + np.exp(-0.5 * squared / 5.0**2)) / 2
    left = covariance - covariance @ np.linalg.solve(covariance + sigma**2 * np.eye(side * side), covariance)
    expected = np.diag(left).reshape(side, side)[14:18, 14:18].mean()
    even, psf = torch.full((1, 1, side, side), error), torch.ones(1, 1, 1, 1)
    found = undecided(even, even, torch.full_like(even, sigma**-2), psf, psf)
    assert found[0, 0, 16, 16].item() == pytest.approx(expected, rel=0.1)
    torch.testing.assert_close(undecided(even, even, torch.zeros_like(even), psf, psf), even**2)


def test_bands_tell_of_each_other_what_they_have_in_common():
    even, psf = torch.ones(1, 2, 4, 4), torch.ones(1, 2, 1, 1)
    blind = torch.ones_like(even)
    blind[:, 0] = 0
    left = undecided(even, even, 100 * blind, psf, psf)[0, :, 0, 0]
    # 30 per cent of the variance are the band's own
    assert left[1] < 0.05
    assert left[0].item() == pytest.approx(0.3 + 0.7 * 0.3, abs=0.05)


def test_a_population_goes_on_beyond_its_limit():
    """Sizes that fall with brightness, in a sample cut at a brightness: what is expected of a galaxy beyond the cut is on the same line."""
    random = np.random.default_rng(4)
    log_flux = random.normal(0, 1, 200_000)
    size = 0.4 * log_flux + random.normal(0, 0.3, len(log_flux))
    points = torch.from_numpy(np.stack([log_flux, size, random.normal(0, 1, len(log_flux))], 1)[(log_flux > 1) & (log_flux < 1.6)])
    mean, precision = without_limit(points, points[:, 0])
    covariance = torch.linalg.inv(precision)
    slope = covariance[1, 0] / covariance[0, 0]
    assert (mean[1] + slope * (-1 - mean[0])).item() == pytest.approx(-0.4, abs=0.03)
    assert (covariance[1, 1] - slope * covariance[0, 1]).item() == pytest.approx(0.3**2, rel=0.03)
    assert covariance[0, 0].item() == pytest.approx(2.0**2, rel=0.01)


def test_the_search_finds_the_posterior_of_a_linear_picture():
    random = np.random.default_rng(5)
    basis = torch.from_numpy(random.normal(0, 1, (3, 2 * 8 * 8)).astype(np.float32))
    flux, ivar = (torch.from_numpy(random.uniform(0.5, 2, (4, 2, 8, 8)).astype(np.float32)) for _ in range(2))
    mean, precision = torch.zeros(4, 3, dtype=torch.float64), torch.eye(3, dtype=torch.float64).expand(4, 3, 3)
    found, root = gauss_newton(
        lambda z: (z @ basis).view(-1, 2, 8, 8), torch.ones(4, 2, 1, 1), flux, ivar, torch.zeros(4, 3), mean, precision
    )
    curvature = torch.einsum("dp,np,ep->nde", basis, ivar.flatten(1), basis).double() + precision
    expected = torch.linalg.solve(curvature, torch.einsum("dp,np->nd", basis, (ivar * flux).flatten(1)).double())
    np.testing.assert_allclose(found, expected, atol=1e-3)
    np.testing.assert_allclose(root @ root.mT, torch.linalg.inv(curvature), atol=1e-4)


def test_faint_galaxies_come_out_the_same_alone_and_in_any_batch():
    shipped = gw.load()
    faint = gw.simulate(6, "KiDS", seed=8, bands="ugriZ", mag_limit=23.5, measured=False, progress=False)
    together, alone = gw.denoise(shipped, faint, progress=False), gw.denoise(shipped, faint[3], progress=False)
    np.testing.assert_allclose(alone.flux[0], together.flux[3], atol=1e-3 * together.flux[3].max())
    # errors of a thousandth of the sky's, far from the galaxy, are rounding
    least = 1e-3 * faint.survey.sky_sigma.min()
    np.testing.assert_allclose(alone.ivar[0] ** -0.5, together.ivar[3] ** -0.5, rtol=0.01, atol=least)


def test_a_model_without_magnitudes_has_no_faint_end(model):
    assert faint_population(model) is None


def test_the_relative_error_is_found_between_its_bounds():
    random = np.random.default_rng(2)
    profile = 1000 * np.exp(-np.hypot(*(np.indices((32, 32)) - 15.5)) / 4)
    seen = torch.from_numpy(np.tile(profile, (40, 1, 1, 1)))
    for error in (0.05, 0.2):
        residual = torch.from_numpy(profile * error * random.normal(size=seen.shape) + 5 * random.normal(size=seen.shape))
        low, high = relative_error(residual, torch.full_like(seen, 1 / 25), seen, 0.01)
        assert ((low < 1.05 * error) & (high > 0.95 * error)).float().mean() > 0.8
        assert 0.6 * error < low.mean() <= high.mean() < 1.5 * error
    low, _ = relative_error(5 * torch.randn_like(seen), torch.full_like(seen, 1 / 25), seen, 0.01)
    assert (low < 0.02).double().mean() > 0.8


def test_wings_are_allowed_more_of_their_light_than_cores():
    light = torch.tensor([[[[100.0, 10.0], [1.0, 0.0]]]])
    relative = (allowance(light) / light)[light > 0]
    torch.testing.assert_close(relative, torch.tensor([1.0, 10**0.55, 100**0.55]))
    assert allowance(light)[0, 0, 1, 1] == 0
    assert (allowance(torch.zeros(1, 1, 2, 2)) == 0).all()


def test_the_uncertainty_covers_the_error(clean, truth):
    bright = truth.flux > truth.survey.sky_sigma[:, None, None]
    apart = (np.abs(clean.flux - truth.flux) * np.sqrt(clean.ivar))[bright]
    assert 0.4 < (apart < 1).mean() < 0.95
    assert (apart < 3).mean() > 0.8


def test_a_sharper_psf_brings_what_that_telescope_would_see(model, observed):
    sharp = gw.deconvolve(model, observed, fwhm=0.5, progress=False)
    assert sharp.psf.shape[0] == 2
    assert sharp.psf[0].max() > observed.psfs[0, 0].max()
    psf = sharp.psf
    seen = gw.simulate(96, "KiDS", seed=3, noiseless=True, psf=psf, **KEYS)
    side = observed.flux.shape[-1]
    signal = ((seen.flux - seen.flux.mean()) ** 2).sum((1, 2, 3))
    better = ((sharp.flux - seen.flux) ** 2).sum((1, 2, 3)), ((observed.flux - seen.flux) ** 2).sum((1, 2, 3))
    assert side == sharp.flux.shape[-1]
    assert np.median(better[0] / better[1]) < 0.5
    assert np.median(better[0] / signal) < 0.1


def test_the_own_psf_brings_back_the_denoised(model, observed):
    same = gw.deconvolve(model, observed[:6], psf=observed.psf[:6], progress=False)
    clean = gw.denoise(model, observed[:6], progress=False)  # the same six: sums over larger batches are rounded otherwise
    np.testing.assert_allclose(same.flux, clean.flux, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(same.ivar, clean.ivar, rtol=0.05)


def test_without_a_psf_light_is_before_the_telescope(model, observed):
    before = gw.deconvolve(model, observed[:4], progress=False)
    assert before.psf.shape == (2, 1, 1)
    through = convolve(torch.from_numpy(before.flux), torch.from_numpy(observed.psf[:4])).numpy()
    np.testing.assert_allclose(through, gw.denoise(model, observed[:4], progress=False).flux, rtol=1e-3, atol=0.05)


def test_empty_sky_stays_empty(model, observed):
    sky = observed.survey.sky_sigma[:, None, None] * np.random.default_rng(5).standard_normal((32, 2, 32, 32))
    out = gw.denoise(model, gw.Galaxies(sky, survey=observed.survey), progress=False)
    assert (out.flux < 1.5 * observed.survey.sky_sigma[:, None, None]).mean() > 0.999
    assert np.median(out.flux.sum((2, 3)) / np.maximum(sky, 0).sum((2, 3))) < 0.1


def test_noise_makes_no_second_source(clean, observed, truth):
    """The brightest pixel beyond a galaxy's light is where it would be without this noise: what stands out there is a true knot."""
    from scipy.ndimage import maximum_filter, uniform_filter

    sigma = observed.survey.sky_sigma[:, None, None]
    radius = np.hypot(*(np.indices((32, 32)) - 15.5))

    def peaks(galaxies):
        flux = galaxies.flux
        return (flux == maximum_filter(flux, (1, 1, 5, 5))) & (flux - uniform_filter(flux, (1, 1, 9, 9)) > sigma) & (radius > 10)

    found = peaks(clean) & ~maximum_filter(peaks(truth), (1, 1, 5, 5))
    assert found.sum((1, 2, 3)).mean() < 0.02


def test_both_a_psf_and_a_width_are_refused(model, observed):
    with pytest.raises(ValueError, match="psf and fwhm were both given"):
        gw.deconvolve(model, observed[:1], observed.psf[0], fwhm=0.5)
    with pytest.raises(ValueError, match=r"fwhm is -1; give arcseconds above 0, one number or 2 \(g, r\)"):
        gw.deconvolve(model, observed[:1], fwhm=-1)
    with pytest.raises(ValueError, match="psf has shape"):
        gw.deconvolve(model, observed[:1], np.ones((3, 3)))


def test_a_table_cannot_be_denoised(model):
    with pytest.raises(ValueError, match="images"):
        gw.denoise(model, gw.Galaxies(table={"mag_r": [18.0]}, survey=model.survey), progress=False)


def test_no_galaxies_come_out_as_none(model, observed):
    assert len(gw.denoise(model, observed[:0], progress=False)) == 0
