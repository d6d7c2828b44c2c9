"""Reconstruction scores: the truth scores as a perfect model does, and a decoder that is blurred on purpose scores worse everywhere."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import galwidget as gw
from galwidget.evaluation.morphology import nonparametric
from galwidget.evaluation.reconstruction import reconstruction, whiteness
from galwidget.evaluation.references import PixelPCA, pca_chi2, regression, sersic_fit

BANDS = ("g", "r", "i")


@pytest.fixture(scope="module")
def truth():
    """Bright galaxies as the telescope sees them, without noise."""
    return gw.simulate(80, "KiDS", seed=31, bands=BANDS, stamp=32, mag_limit=20.5, flatten=1.0, noiseless=True, progress=False)


@pytest.fixture(scope="module")
def observed(truth):
    rng = np.random.default_rng(3)
    return gw.Galaxies(truth.flux + rng.standard_normal(truth.flux.shape) / np.sqrt(truth.ivar), truth.ivar, truth.psf, survey=truth.survey)


def redrawn(truth, flux):
    return gw.Galaxies(flux, truth.ivar, truth.psf, survey=truth.survey)


@pytest.fixture(scope="module")
def scores(truth, observed):
    """Scores of the truth and of the truth blurred by 1.5 pixels, by name."""
    blurred = redrawn(truth, gaussian_filter(truth.flux, (0, 0, 1.5, 1.5)))
    return tuple({score.name: score for score in reconstruction(observed, sample).scores} for sample in (truth, blurred))


def test_the_truth_scores_as_a_perfect_model(scores):
    for name, score in scores[0].items():
        assert abs(score.value - score.perfect) <= 5 * score.error, name


@pytest.mark.parametrize(
    "name",
    [
        "chi2 a pixel, mean",
        "chi2 a pixel, median",
        "lag-1 autocorrelation of the residual",
        "radial profile ratio, largest deviation from 1",
        "power spectrum ratio, largest deviation from 1",
        "half-light radius, ratio - 1: bias at S/N > 10",
        "concentration: bias at S/N > 10",
    ],
)
def test_a_blurred_decoder_scores_worse(scores, name):
    good, bad = (part[name] for part in scores)
    assert abs(bad.value - bad.perfect) > abs(good.value - good.perfect) + 3 * bad.error


def test_flux_that_is_lost_is_a_bias_of_the_magnitude(truth, observed):
    dim = redrawn(truth, 0.9 * truth.flux)
    found = {score.name: score for score in reconstruction(observed, dim).scores}["r magnitude: bias at S/N > 10"]
    assert found.value == pytest.approx(-2.5 * np.log10(0.9), abs=0.03)


def test_permuted_reconstructions_scatter_more_than_their_own(truth, observed, scores):
    order = np.roll(np.arange(len(truth)), 1)
    found = {score.name: score for score in reconstruction(observed, redrawn(truth, truth.flux[order])).scores}
    for name in ("chi2 a pixel, mean", "r magnitude: scatter at S/N > 10", "ellipticity e1: scatter at S/N > 10"):
        assert found[name].value > 2 * scores[0][name].value


def test_white_noise_has_no_autocorrelation_and_a_residual_of_structure_has(truth, observed):
    measured = gw.measure(observed)
    clean, _ = whiteness(measured, truth)
    left, _ = whiteness(measured, redrawn(truth, np.zeros_like(truth.flux)))
    assert abs(np.nanmean(clean)) < 0.05
    assert np.nanmean(left) > 0.5


def test_a_sersic_fit_of_a_round_sersic_galaxy_is_at_the_noise():
    import galsim

    survey = gw.Survey.named("KiDS").select(["r"])
    kernel = galsim.InterpolatedImage(galsim.Image(survey.psf()[0].astype(float), scale=survey.pixel_scale))
    seen = galsim.Convolve(galsim.Sersic(2, half_light_radius=0.9, flux=3e4).shear(g1=0.2), kernel)
    plane = seen.drawImage(nx=48, ny=48, scale=survey.pixel_scale, method="no_pixel").array
    rng = np.random.default_rng(1)
    galaxy = gw.Galaxies((plane + survey.sky_sigma[0] * rng.standard_normal(plane.shape))[None, None], survey=survey)
    from galwidget.evaluation import chi2_per_pixel

    assert chi2_per_pixel(galaxy, sersic_fit(galaxy))[0] == pytest.approx(1.0, abs=0.1)


def test_more_principal_components_redraw_better(observed):
    few, many = (np.mean(pca_chi2(observed[:60], observed[60:], components)) for components in (1, 16))
    assert many < few
    assert PixelPCA(observed, 4).sample(5).shape == (5, *observed.flux.shape[1:])


def test_a_regression_of_an_unknown_kind_names_the_kinds():
    with pytest.raises(ValueError, match="forest or neighbours"):
        regression("magic", np.zeros((4, 1)), np.zeros(4))


@pytest.mark.filterwarnings("ignore")  # statmorph's own Sersic fit, cut short
def test_gini_m20_and_asymmetry_agree_with_statmorph():
    """Independent code, ours in milliseconds: the medians agree to a third of the scatter between galaxies."""
    statmorph = pytest.importorskip("statmorph")
    import sep

    chosen = gw.simulate(10, "KiDS", seed=33, bands=["r"], mag_limit=19.5, flatten=1.0, progress=False, measured=False)
    chosen = gw.measure(chosen)
    ours, theirs = nonparametric(chosen), {"gini": [], "m20": [], "asymmetry": []}
    for row in range(len(chosen)):
        image = chosen.flux[row, 0].astype(float)
        segments = sep.extract(image, 1.5 * chosen.survey.sky_sigma[0], segmentation_map=True, deblend_cont=1.0)[1]
        weight = 1 / np.sqrt(chosen.ivar[row, 0])
        own = (segments == segments[32, 32]).astype(int)
        fit = {"maxiter": 1}
        found = statmorph.SourceMorphology(image, own, 1, weightmap=weight, sersic_fitting_args=fit, skybox_size=10)
        for name, values in theirs.items():
            values.append(getattr(found, name) if segments[32, 32] and found.flag < 2 else np.nan)
    for name, values in theirs.items():
        difference = ours[name] - np.array(values)
        both = np.isfinite(difference)
        assert both.sum() >= 5
        assert abs(np.median(difference[both])) < np.nanstd(values) / 3, name
