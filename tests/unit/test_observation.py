"""The instrument: flux is kept, noise is what ivar says, other pixels and bands are honest."""

import numpy as np
import pytest

import galwidget as gw
from galwidget.survey import Band, Survey


def blob(survey, stamp=64, sigma=3.0, flux=10_000.0):
    y, x = np.indices((stamp, stamp)) - stamp // 2
    profile = np.exp(-0.5 * (x**2 + y**2) / sigma**2)
    return gw.Galaxies(np.repeat((flux * profile / profile.sum())[None, None], len(survey.bands), 1), survey=survey)


@pytest.fixture(scope="module")
def galaxies():
    return blob(Survey.named("KiDS").select(["u", "g", "r", "i", "Z"]))


@pytest.mark.parametrize("survey", ["KiDS", "LSST", "SDSS", "HSC", "DES", "Euclid_VIS"])
def test_flux_and_place_are_kept_by_every_survey(galaxies, survey):
    seen = gw.observe(galaxies, survey, noise=False)
    np.testing.assert_allclose(seen.flux.sum((2, 3)), 10_000, rtol=0.02)
    side = seen.flux.shape[-1]
    at = (seen.flux[0, 0] * np.arange(side)).sum() / seen.flux[0, 0].sum()
    assert abs(at - side // 2) < 0.1
    assert seen.survey.pixel_scale == Survey.named(survey).pixel_scale


def test_noise_has_the_variance_that_ivar_says(galaxies):
    seen, quiet = gw.observe(galaxies, "LSST", seed=1), gw.observe(galaxies, "LSST", noise=False)
    pull = (seen.flux - quiet.flux) * np.sqrt(seen.ivar)
    assert abs(pull.std() - 1) < 0.02
    assert abs(pull.mean()) < 0.02
    core = (0, 2, 32, 32)
    assert seen.ivar[core] < seen.survey["r"].sky_sigma ** -2  # the source's own shot noise


def test_the_same_seed_gives_the_same_noise(galaxies):
    assert gw.observe(galaxies, "HSC", seed=4) == gw.observe(galaxies, "HSC", seed=4)
    assert gw.observe(galaxies, "HSC", seed=4) != gw.observe(galaxies, "HSC", seed=5)


def test_a_wider_psf_spreads_the_light(galaxies):
    sharp, broad = (gw.observe(galaxies, name, noise=False) for name in ("LSST", "SDSS"))
    width = []
    for seen in (sharp, broad):
        side = seen.flux.shape[-1]
        radius2 = ((np.indices((side, side)) - side // 2) ** 2).sum(0) * seen.survey.pixel_scale**2
        width.append((seen.flux[0, 2] * radius2).sum() / seen.flux[0, 2].sum())
    assert width[1] > 1.2 * width[0]


def test_a_band_between_two_is_between_them():
    survey = Survey("two", (Band("a", 500, 0.8, 1), Band("b", 700, 0.8, 1)), 0.2)
    light = blob(survey)
    light.flux[:, 1] *= 3
    between = Survey("one", (Band("m", 600, 0.8, 1),), 0.2)
    np.testing.assert_allclose(gw.observe(light, between, noise=False).flux.sum(), 20_000, rtol=0.02)


def test_bands_outside_of_the_galaxies_wavelengths_are_left_out_or_refused(galaxies):
    assert gw.observe(galaxies, "KiDS", noise=False).survey.band_names == ("u", "g", "r", "i", "Z")
    with pytest.raises(ValueError, match="band Ks lies outside"):
        gw.observe(galaxies, "KiDS", bands=["r", "Ks"])
    infrared = Survey("far", (Band("M", 4800, 0.8, 1),), 0.2)
    with pytest.raises(ValueError, match="none"):
        gw.observe(galaxies, infrared)


def test_a_psf_of_one_s_own_is_used(galaxies):
    delta = np.zeros((5, 5, 5))
    delta[:, 2, 2] = 1
    np.testing.assert_allclose(gw.observe(galaxies, psf=delta, noise=False).flux, galaxies.flux, atol=1e-3)
