"""What `measure` finds on galaxies whose light is known."""

import numpy as np
import pytest
from astropy import units as u

import galwidget
from galwidget import Galaxies, Survey, measure
from galwidget.measurement import measured_names, reference_band
from galwidget.survey import magnitude_to_nanojansky

N = 120
SMOOTHING = (2.5 / 2.3548) ** 2  # pixels2: the filter before the isophote
COLOURS = np.array([1.6, 0.7, 0.0, -0.35, -0.6])


@pytest.fixture(scope="module")
def survey():
    return Survey.named("KiDS").select("ugriZ")


@pytest.fixture(scope="module")
def truth():
    rng = np.random.default_rng(7)
    return {
        "mag_r": rng.uniform(18, 21.5, N),
        "radius": np.exp(rng.normal(np.log(3.5), 0.3, N)),
        "axis_ratio": rng.uniform(0.3, 0.95, N),
        "angle": rng.uniform(0, 180, N),
        "centre": 31.5 + rng.uniform(-0.5, 0.5, (N, 2)),
    }


def gaussian(truth, index, size=64):
    """An elliptical Gaussian of unit flux; ``radius`` is its circularised sigma in pixels."""
    y, x = np.indices((size, size)) - truth["centre"][index][:, None, None]
    angle, q, sigma = np.radians(truth["angle"][index]), truth["axis_ratio"][index], truth["radius"][index]
    major, minor = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    profile = np.exp(-0.5 * (major**2 * q + minor**2 / q) / sigma**2)
    return profile / profile.sum()


@pytest.fixture(scope="module")
def noiseless(survey, truth):
    shapes = np.stack([gaussian(truth, index) for index in range(N)])
    flux = shapes[:, None] * magnitude_to_nanojansky(truth["mag_r"][:, None] + COLOURS)[:, :, None, None]
    ivar = 1 / (survey.sky_sigma[:, None, None] ** 2 + flux / survey.gain[:, None, None])
    return Galaxies(flux, ivar, np.ones((5, 1, 1)), survey=survey)  # what is drawn is what is there: no PSF


@pytest.fixture(scope="module")
def limit(noiseless):
    return measure(noiseless, noiseless=True)


@pytest.fixture(scope="module")
def noisy(noiseless):
    noise = np.random.default_rng(8).normal(size=noiseless.flux.shape)
    return measure(Galaxies(noiseless.flux + noise / np.sqrt(noiseless.ivar), noiseless.ivar, noiseless.psf, survey=noiseless.survey))


def test_kron_magnitude_of_a_gaussian_is_its_magnitude(limit, truth):
    assert np.abs(limit.attribute("mag_r") - truth["mag_r"]).max() < 0.02


def test_colours_are_those_put_in(limit):
    for column, expected in zip(("u_g", "g_r", "r_i", "i_Z"), -np.diff(COLOURS), strict=True):
        found = limit.attribute(column)
        assert np.nanmax(np.abs(found - expected)) < 0.002


def test_colours_are_the_same_in_any_seeing(survey, noiseless):
    rng = np.random.default_rng(3)
    y, x = np.indices((25, 25)) - 12
    found = []
    for wider in (0.7, 1.0, 1.3):  # the bands' seeing, in turn better and worse than each other's
        sigma = np.array([band.psf_fwhm for band in survey.bands]) / survey.pixel_scale / 2.3548 * rng.uniform(0.9, 1.1, 5) * wider
        psf = np.exp(-0.5 * (x**2 + y**2) / sigma[:, None, None] ** 2)
        seen = galwidget.observe(noiseless, psf=psf / psf.sum((-2, -1), keepdims=True), noise=False)
        found.append(measure(seen, noiseless=True))
    for name in ("u_g", "g_r", "r_i", "i_Z"):
        colours = np.stack([galaxies.attribute(name) for galaxies in found])
        assert np.nanmax(np.ptp(colours, axis=0)) < 0.01, name


def test_a_psf_broader_than_the_aperture_gives_no_colour_instead_of_a_wrong_one(noiseless):
    y, x = np.indices((41, 41)) - 20
    psf = np.repeat(np.exp(-0.5 * (x**2 + y**2) / 3.0**2)[None], 5, axis=0)
    psf[1] = np.exp(-0.5 * (x**2 + y**2) / 9.0**2)
    small = noiseless[:1]
    seen = measure(galwidget.observe(small, psf=psf / psf.sum((-2, -1), keepdims=True), noise=False), noiseless=True)
    assert np.isnan(seen.attribute("g_r")).all()
    assert np.isfinite(seen.attribute("r_i")).all()


def test_half_light_radius_of_a_round_gaussian_is_1_18_sigma(survey):
    truth = {"radius": [4.0], "axis_ratio": [1.0], "angle": [0.0], "centre": np.array([[31.5, 31.5]])}
    measured = measure(Galaxies(np.stack([gaussian(truth, 0) * 1e5] * 5), survey=survey), noiseless=True)
    assert measured.attribute("r_half")[0] == pytest.approx(1.1774 * 4.0 * 0.2, rel=0.01)
    assert measured.attribute("concentration")[0] == pytest.approx(5 * np.log10(1.7941 / 0.6680), abs=0.05)


def test_isophotal_area_is_that_of_the_isophote(limit, truth, survey):
    variance, q = truth["radius"] ** 2, truth["axis_ratio"]
    spread = np.sqrt((variance / q + SMOOTHING) * (variance * q + SMOOTHING))
    peak = magnitude_to_nanojansky(truth["mag_r"]) / (2 * np.pi * spread)
    area = 2 * np.pi * spread * np.log(peak / (1.5 * survey["r"].sky_sigma)) * survey.pixel_scale**2
    assert np.median(limit.attribute("area") / area) == pytest.approx(1, abs=0.02)


def test_axis_ratio_and_angle_are_those_put_in(limit, truth):
    variance, q = truth["radius"] ** 2, truth["axis_ratio"]
    smoothed = np.sqrt((variance * q + SMOOTHING) / (variance / q + SMOOTHING))
    assert np.abs(limit.attribute("axis_ratio") - smoothed).max() < 0.03
    elongated = truth["axis_ratio"] < 0.7
    turned = (limit.attribute("position_angle") - truth["angle"] + 90) % 180 - 90
    assert np.abs(turned[elongated]).max() < 2


def test_ellipticity_components_are_modulus_and_angle(noisy):
    e, angle = noisy.attribute("ellipticity"), np.radians(2 * noisy.attribute("position_angle"))
    assert noisy.attribute("e1") == pytest.approx(e * np.cos(angle), abs=1e-9)
    assert noisy.attribute("e2") == pytest.approx(e * np.sin(angle), abs=1e-9)


@pytest.mark.parametrize("name", ["mag_g", "mag_r", "mag_Z", "g_r", "r_i", "r_half", "area", "e1", "e2", "concentration"])
def test_errors_are_the_scatter_about_the_noiseless_limit(noisy, limit, name):
    pull = (noisy.attribute(name) - limit.attribute(name)) / noisy.attribute(f"{name}_err")
    scatter = 1.4826 * np.nanmedian(np.abs(pull))
    assert 0.6 < scatter < 1.5
    assert abs(np.nanmedian(pull)) < 0.8


def test_noise_loses_little_of_what_is_conditioned_on(noisy, limit):
    for name, least in {"mag_r": 0.995, "g_r": 0.0, "r_half": 0.98, "e1": 0.97, "e2": 0.97, "area": 0.98}.items():
        expected, found = limit.attribute(name), noisy.attribute(name)
        scatter = np.nanvar(found - expected)
        if least:
            assert 1 - scatter / np.nanvar(expected) > least, name
        else:
            assert np.sqrt(scatter) < 0.06, name


def test_noiseless_measurement_has_no_errors(limit):
    assert not [name for name in limit.table.colnames if name.endswith("_err")]


def test_units_are_those_of_the_attributes(noisy):
    table = noisy.table
    assert table["mag_r"].unit == table["u_g_err"].unit == u.mag
    assert table["r_half"].unit == u.arcsec
    assert table["area_err"].unit == u.arcsec**2
    assert table["position_angle"].unit == u.deg


def test_every_band_of_any_survey_has_its_magnitude(limit):
    assert [name for name in limit.table.colnames if name.startswith("mag_")] == ["mag_u", "mag_g", "mag_r", "mag_i", "mag_Z"]
    infrared = Survey.named("KiDS").select(["Y", "J"])
    assert measured_names(infrared)[:3] == ("mag_Y", "mag_J", "Y_J")
    assert reference_band(infrared) == "Y"
    assert reference_band(Survey.named("Euclid")) == Survey.named("Euclid").bands[0].name


def test_other_columns_stay_and_measured_ones_are_replaced(noiseless):
    from astropy.table import QTable

    table = QTable({"redshift": np.linspace(0, 1, 3), "mag_r": [99.0, 99.0, 99.0] * u.mag, "mag_r_err": [9.0, 9.0, 9.0] * u.mag})
    measured = measure(noiseless[:3].with_table(table), noiseless=True)
    assert measured.attribute("redshift") == pytest.approx(np.linspace(0, 1, 3))
    assert measured.attribute("mag_r").max() < 25
    assert "mag_r_err" not in measured.table.colnames


def test_masked_neighbour_does_not_change_the_magnitude(noiseless, limit):
    flux, ivar = noiseless.flux.copy(), noiseless.ivar.copy()
    flux[:, :, 36:46, 38:48] = 1e5
    ivar[:, :, 36:46, 38:48] = 0
    covered = measure(Galaxies(flux, ivar, survey=noiseless.survey), noiseless=True)
    difference = covered.attribute("mag_r") - limit.attribute("mag_r")
    assert np.median(np.abs(difference)) < 0.02
    assert np.abs(difference).max() < 0.15


def test_reflected_pixels_carry_their_noise(noisy, noiseless):
    ivar = noiseless.ivar.copy()
    ivar[:, :, :, 33:40] = 0
    half = measure(Galaxies(noiseless.flux, ivar, survey=noiseless.survey))
    assert np.all(half.attribute("mag_r_err") > 1.1 * noisy.attribute("mag_r_err").min())
    assert np.median(half.attribute("mag_r_err") / noisy.attribute("mag_r_err")) > 1.2


def test_nothing_there_is_masked_not_raised(survey):
    rng = np.random.default_rng(3)
    flux = rng.normal(size=(3, 5, 64, 64)) * survey.sky_sigma[:, None, None]
    ivar = np.broadcast_to(survey.sky_sigma[:, None, None] ** -2.0, flux.shape).copy()
    flux[1] = -1e4
    ivar[2] = 0
    measured = measure(Galaxies(flux, ivar, survey=survey))
    assert np.isnan(measured.attribute("r_half")).all()
    assert np.isnan(measured.attribute("mag_r")).all()


def test_band_without_data_has_no_magnitude_and_the_others_do(noiseless):
    ivar = noiseless.ivar.copy()
    ivar[:, 1] = 0
    measured = measure(Galaxies(noiseless.flux, ivar, survey=noiseless.survey))
    assert np.isnan(measured.attribute("mag_g")).all()
    assert np.isnan(measured.attribute("g_r")).all()
    assert np.isfinite(measured.attribute("mag_r")).all()


def test_faint_u_band_is_masked_not_a_logarithm_of_noise(noisy):
    u_error = noisy.attribute("mag_u_err")
    assert np.nanmax(u_error) <= 1.0857 / 2 + 1e-6


def test_measured_table_survives_a_file(noisy, tmp_path):
    noisy.write(tmp_path / "measured.fits")
    assert galwidget.read(tmp_path / "measured.fits") == noisy


def test_galaxies_without_images_cannot_be_measured(limit):
    catalogue = Galaxies(table=limit.table, survey=limit.survey)
    with pytest.raises(ValueError, match="no images"):
        measure(catalogue)
