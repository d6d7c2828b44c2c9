"""Simulated galaxies are reproducible, carry their truth, and look like what their truth says."""

import numpy as np
import pytest

import galwidget as gw
from galwidget.attributes import MORPHOLOGIES, ellipticity_components
from galwidget.simulation.drawing import Camera
from galwidget.simulation.population import Population
from galwidget.simulation.spectra import Photometry, distance_modulus
from galwidget.survey import Band, Survey, nanojansky_to_magnitude

QUIET = {"progress": False}


@pytest.fixture(scope="module")
def noiseless():
    return gw.simulate(128, "KiDS", seed=3, noiseless=True, flatten=0.5, mag_limit=21.5, **QUIET)


def test_same_seed_gives_the_same_galaxies():
    assert gw.simulate(5, "KiDS", seed=1, **QUIET) == gw.simulate(5, "KiDS", seed=1, **QUIET)
    assert gw.simulate(5, "KiDS", seed=1, **QUIET) != gw.simulate(5, "KiDS", seed=2, **QUIET)


def test_first_galaxies_do_not_depend_on_how_many_follow():
    many = gw.simulate(70, "KiDS", seed=4, stamp=32, measured=False, **QUIET)
    assert gw.simulate(66, "KiDS", seed=4, stamp=32, measured=False, **QUIET) == many[:66]
    assert gw.simulate(3, "KiDS", seed=4, stamp=32, measured=False, **QUIET) == many[:3]


def test_two_processes_give_the_galaxies_of_one():
    options = {"survey": "KiDS", "seed": 5, "stamp": 32, "bands": ["g", "r"], "measured": False, **QUIET}
    assert gw.simulate(130, workers=2, **options) == gw.simulate(130, **options)


def test_noise_is_what_ivar_says(noiseless):
    noisy = gw.simulate(128, "KiDS", seed=3, flatten=0.5, mag_limit=21.5, **QUIET)
    assert np.array_equal(noisy.ivar, noiseless.ivar)
    pull = (noisy.flux - noiseless.flux) * np.sqrt(noisy.ivar)
    assert abs(pull.mean()) < 5 / np.sqrt(pull.size)
    assert abs(pull.std() - 1) < 5 / np.sqrt(2 * pull.size)
    bright = noisy.ivar < 0.5 * noisy.ivar.max(axis=(0, 2, 3), keepdims=True)
    assert bright.sum() > 1000
    assert abs(pull[bright].std() - 1) < 5 / np.sqrt(2 * bright.sum())


def test_variance_is_sky_and_shot_noise(noiseless):
    survey = noiseless.survey
    expected = survey.sky_sigma[:, None, None] ** 2 + np.maximum(noiseless.flux, 0) / survey.gain[:, None, None]
    np.testing.assert_allclose(1 / noiseless.ivar, expected, rtol=1e-5)


def test_flux_in_the_stamp_is_the_true_magnitude(noiseless):
    small = noiseless.attribute("true_r_half") < 0.5
    assert small.sum() > 10
    for band, flux in zip(noiseless.survey.band_names, np.moveaxis(noiseless.flux, 1, 0), strict=True):
        lost = nanojansky_to_magnitude(flux.sum(axis=(1, 2))) - noiseless.attribute(f"true_mag_{band}")
        assert np.all(np.abs(lost[small]) < 0.1)
        assert np.median(np.abs(lost[small])) < 0.02


def test_measured_shapes_follow_the_true_ones(noiseless):
    large = noiseless.attribute("true_r_half") > 0.8
    large &= ~np.isin(noiseless.table["morphology"], ["Im"]) & np.isfinite(noiseless.attribute("e1"))
    true = ellipticity_components(noiseless.attribute("true_ellipticity"), noiseless.attribute("true_position_angle"))
    assert large.sum() > 20
    for name, expected in zip(("e1", "e2"), true, strict=True):
        assert np.corrcoef(noiseless.attribute(name)[large], expected[large])[0, 1] > 0.9


def test_measured_radius_is_the_true_one_and_that_of_the_psf_in_quadrature(noiseless):
    blurred = np.hypot(noiseless.attribute("true_r_half"), 0.63 * noiseless.survey["r"].psf_fwhm)
    # the true radius is circularised; of an edge-on disc that is much less than the circle holding half its light
    rounder = noiseless.attribute("true_ellipticity") < 0.33
    ratio = (noiseless.attribute("r_half") / blurred)[rounder & np.isfinite(noiseless.attribute("r_half"))]
    assert len(ratio) > 50
    assert np.all((ratio > 0.65) & (ratio < 1.45))
    assert np.median(ratio) == pytest.approx(1, abs=0.15)


def test_galaxies_sit_within_half_a_pixel_of_the_centre(noiseless):
    flux = noiseless.flux[:, noiseless.survey.index("r")].astype(float)
    regular = np.isin(noiseless.table["morphology"], ["E", "S0"])
    pixels = np.arange(flux.shape[-1]) - (flux.shape[-1] - 1) / 2
    for axis in (1, 2):
        centroid = (flux.sum(axis=axis) @ pixels / flux.sum(axis=(1, 2)))[regular]
        assert np.all(np.abs(centroid) < 0.55)
        assert np.std(centroid) == pytest.approx(1 / np.sqrt(12), abs=0.08)


def test_psf_given_is_the_psf_used(noiseless):
    sharp = gw.simulate(128, "KiDS", seed=3, noiseless=True, psf=False, flatten=0.5, mag_limit=21.5, **QUIET)
    assert sharp.psf.shape == (128, 5, 1, 1)
    assert noiseless.psf.shape == (128, 5, 25, 25)
    np.testing.assert_allclose(noiseless.psf.sum(axis=(2, 3)), 1, atol=1e-5)
    # a smooth galaxy, wide enough for its pixels, convolved with its PSF by other means; the pixel is counted twice
    from scipy.signal import fftconvolve

    wide = np.argmax(np.where(noiseless.table["morphology"] == "Sc", noiseless.attribute("true_r_half"), 0))
    again = fftconvolve(sharp.flux[wide, 2], noiseless.psf[wide, 2], mode="same")
    middle = (slice(20, 44), slice(20, 44))
    assert np.abs(again - noiseless.flux[wide, 2])[middle].max() < 0.03 * noiseless.flux[wide, 2].max()
    assert np.array_equal(sharp.table["mag_r"], noiseless.table["mag_r"])


def test_flatten_makes_bright_galaxies_common():
    options = {"survey": "KiDS", "seed": 6, "bands": ["r"], "mag_limit": 21.0, "measured": False, **QUIET}
    counts, flat = (gw.simulate(256, flatten=flatten, **options).attribute("true_mag_r") for flatten in (0.0, 1.0))
    assert np.mean(counts < 18.5) < 0.15
    assert np.mean((flat > 16) & (flat < 18.5)) == pytest.approx(0.5, abs=0.15)
    assert max(counts.max(), flat.max()) <= 21.0


def test_truth_is_in_the_table(noiseless):
    assert set(noiseless.table["morphology"]) == set(MORPHOLOGIES)
    assert str(noiseless.table["true_r_half"].unit) == "arcsec"
    share = noiseless.attribute("bulge_fraction")
    assert np.all(share[noiseless.table["morphology"] == "E"] == 1)
    assert np.all(share[noiseless.table["morphology"] == "Im"] == 0)
    assert np.all((noiseless.attribute("redshift") > 0) & (noiseless.attribute("redshift") < 2))


def test_early_types_are_redder_and_rounder(noiseless):
    early = np.isin(noiseless.table["morphology"], ["E", "S0"])
    near = noiseless.attribute("redshift") < 0.4
    colour = noiseless.attribute("true_mag_g") - noiseless.attribute("true_mag_r")
    assert np.median(colour[early & near]) > np.median(colour[~early & near]) + 0.3
    assert np.median(noiseless.attribute("concentration")[early]) > np.nanmedian(noiseless.attribute("concentration")[~early])


def test_nearest_elliptical_has_the_colours_of_the_sdss_red_sequence():
    # Eisenstein et al. 2001 (AJ 122, 2267), Table 1: g - r and r - i of an early type, non-evolving, at z = 0.10
    flux = Photometry(Survey.named("SDSS").bands).flux(np.zeros(1), np.full(1, 0.10))[0]
    _, g, r, i, _ = nanojansky_to_magnitude(flux)
    assert g - r == pytest.approx(0.95, abs=0.08)
    assert r - i == pytest.approx(0.41, abs=0.06)


def test_galaxies_of_one_colour_have_the_other_colours_of_sdss_galaxies(data):
    seen = np.loadtxt(data / "sdss_mgs" / "sdss_mgs_train.txt", usecols=range(1, 6), unpack=True)
    survey = Survey.named("SDSS")
    sources = Population(survey, survey.index("r"), 17.7).draw(np.random.default_rng(1), 5000)
    drawn = nanojansky_to_magnitude(sources.flux).T
    (_, g_r, r_i, i_z), (_, *theirs) = (-np.diff(magnitudes, axis=0) for magnitudes in (seen, drawn))
    for low in np.arange(0.3, 1.05, 0.15):
        real, simulated = ((colour > low) & (colour < low + 0.15) for colour in (g_r, theirs[0]))
        for mine, other in ((r_i, theirs[1]), (i_z, theirs[2])):
            assert np.median(other[simulated]) == pytest.approx(np.median(mine[real]), abs=0.04)


def test_discs_lean_to_either_side_by_what_is_said():
    sources = Population(Survey.named("KiDS"), 2, 20.0).draw(np.random.default_rng(1), 500)
    assert not sources.lean[sources.morphology == 0].any()
    assert np.median(sources.lean[sources.morphology > 0]) == pytest.approx(0.25, abs=0.04)
    one = sources[sources.morphology == 3][:1]
    one.disc_axis_ratio[:], one.angle[:], one.disc_radius[:], one.young_flux[:], one.bulge_flux[:] = 1.0, 0.0, 1.0, 0.0, 0.0
    camera = Camera(Survey.named("KiDS"), 64)
    grid, _ = camera.spectrum(one, np.zeros(2), np.random.default_rng(1))
    round_disc = camera._sersic(one, "disc", grid)
    images = []
    for lean, towards in ((0.0, 0.0), (0.3, 0.0), (0.3, np.pi / 2)):
        one.lean[:], one.lean_angle[:] = lean, towards
        images.append(np.fft.fftshift(np.fft.irfft2(grid.leaning(round_disc, one))))
    plain, along, across = images
    assert along.sum() == pytest.approx(plain.sum())
    middle, scale_length = grid.n // 2, 1 / 1.678 / camera.scale
    for lengths in (1, 2):
        at = [middle + side * round(lengths * scale_length) for side in (-1, 1)]
        left, right = along[middle, at] / plain[middle, at]
        assert (right - left) / (right + left) == pytest.approx(0.15 * lengths, rel=0.05)
    np.testing.assert_allclose(np.roll(across, -1, 0), np.roll(along, -1, 1).T, atol=1e-4 * plain.max())


def test_arms_finer_than_a_pixel_keep_their_flux_and_their_place():
    """A disc narrower than a pixel rings around it: arms drawn on that were once up to 55 times too bright, and in the corner."""
    survey = Survey.named("KiDS")
    sources = Population(survey, 2, 22.5).draw(np.random.default_rng(1), 3000)
    fine = sources[(sources.disc_radius < 0.3) & sources.young_flux.any(1)][:60]
    camera = Camera(survey, 64)
    across = np.exp(-0.5 * (np.arange(-12, 13) / 1.5) ** 2)
    psf = np.tile(np.outer(across, across) / across.sum() ** 2, (len(survey.bands), 1, 1)).astype(np.float32)
    pixels = np.arange(64) - 31.5
    for index in range(len(fine)):
        drawn = camera.image(camera.spectrum(fine[index : index + 1], np.zeros(2), np.random.default_rng(1)), psf)
        np.testing.assert_allclose(drawn.sum((1, 2)), fine.flux[index], rtol=0.04)
        r = drawn[2]
        assert np.hypot((r @ pixels).sum(), (pixels @ r).sum()) < 0.2 * r.sum()
        assert drawn.min() > -0.01 * drawn.max()


def test_a_flat_spectrum_brightens_by_one_plus_z():
    # f_nu constant: K = -2.5 log10(1 + z) whatever the band (Hogg et al. 2002, eq. 8)
    from galwidget.simulation import spectra

    wavelength = np.arange(60.0, 3000.0, 2.0)
    band = Band("i", 760.0, 1.0, 1.0)
    near, far = (spectra._through(1 / wavelength[None], wavelength, band, redshift)[0] for redshift in (0.0, 0.7))
    assert far / near == pytest.approx(1.7, rel=1e-3)


def test_distance_modulus_is_that_of_planck():
    from astropy.cosmology import Planck18

    redshift = np.array([0.02, 0.123, 0.9])
    np.testing.assert_allclose(distance_modulus(redshift), Planck18.distmod(redshift).value, atol=0.01)


@pytest.mark.parametrize(("name", "bands"), [("LSST", 6), ("HSC", 5), ("DES", 5), ("SDSS", 5), ("Euclid_VIS", 1)])
def test_other_surveys_are_drawn_too(name, bands):
    galaxies = gw.simulate(2, name, seed=1, mag_limit=18.0, **QUIET)
    assert galaxies.flux.shape == (2, bands, 64, 64)
    assert np.all(np.isfinite(galaxies.attribute(f"mag_{galaxies.survey.band_names[0]}")))


def test_undersampled_psf_keeps_its_flux_and_its_place():
    galaxies = gw.simulate(16, "Euclid_VIS", seed=1, noiseless=True, measured=False, mag_limit=22.0, **QUIET)
    small = galaxies.attribute("true_r_half") < 0.35
    lost = nanojansky_to_magnitude(galaxies.flux[:, 0].sum(axis=(1, 2))) - galaxies.attribute("true_mag_IE")
    assert small.sum() >= 3
    assert np.all(np.abs(lost[small]) < 0.15)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": 0}, "n is 0"),
        ({"n": 1, "stamp": 8}, "stamp is 8"),
        ({"n": 1, "flatten": 2.0}, "flatten is 2.0"),
        ({"n": 1, "workers": 0}, "workers is 0"),
        ({"n": 1, "mag_limit": 13.0}, "fainter mag_limit"),
    ],
)
def test_impossible_requests_say_what_to_do(options, words):
    with pytest.raises(ValueError, match=words):
        gw.simulate(**options, **QUIET)


def test_missing_band_names_the_band():
    with pytest.raises(KeyError, match="no band 'q'"):
        gw.simulate(1, "KiDS", bands=["r", "q"], **QUIET)


def test_a_field_s_psf_is_used_for_every_galaxy():
    psf = Survey.named("KiDS").select("gr").psf(21)
    galaxies = gw.simulate(3, "KiDS", seed=1, bands=["g", "r"], psf=psf, measured=False, noiseless=True, **QUIET)
    assert np.array_equal(galaxies.psf, np.stack([psf] * 3))
    narrower = gw.simulate(3, "KiDS", seed=1, bands=["g", "r"], psf=psf**2 / (psf**2).sum(axis=(1, 2), keepdims=True), measured=False,
                           noiseless=True, **QUIET)  # fmt: skip
    assert np.all(narrower.flux.max(axis=(2, 3)) > galaxies.flux.max(axis=(2, 3)))


def test_psf_of_another_number_of_bands_is_refused():
    with pytest.raises(ValueError, match="with k odd and 2 bands"):
        gw.simulate(1, "KiDS", bands=["g", "r"], psf=np.ones((3, 5, 5)) / 25, **QUIET)
