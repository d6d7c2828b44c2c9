"""Surveys: what the presets say, how bands are selected, and what is refused."""

import json
import math

import numpy as np
import pytest

from galwidget.survey import Band, Survey, magnitude_to_nanojansky, nanojansky_to_magnitude


def test_a_nanojansky_is_magnitude_31_4_and_back():
    assert magnitude_to_nanojansky(31.4) == pytest.approx(1)
    assert magnitude_to_nanojansky(8.9) == pytest.approx(1e9)  # 1 Jy is magnitude 8.9
    assert nanojansky_to_magnitude(magnitude_to_nanojansky([18, 25.5])) == pytest.approx([18, 25.5])
    assert np.isnan(nanojansky_to_magnitude([0, -3])).all()


@pytest.mark.parametrize(
    ("name", "bands", "pixel_scale"),
    [
        ("KiDS", "u g r i Z Y J H Ks", 0.2),
        ("DES", "g r i z Y", 0.2637),
        ("LSST", "u g r i z y", 0.2),
        ("SDSS", "u g r i z", 0.396),
        ("HSC", "g r i z y", 0.168),
        ("Euclid_VIS", "IE", 0.1),
    ],
)
def test_presets_have_the_bands_and_pixels_of_their_surveys(name, bands, pixel_scale):
    survey = Survey.named(name)
    assert survey.name == name
    assert sorted(survey.band_names) == sorted(bands.split())
    assert survey.pixel_scale == pixel_scale
    assert name in Survey.presets()


def test_bands_of_every_preset_but_panstarrs_run_from_blue_to_red():
    for name in set(Survey.presets()) - {"PanSTARRS"}:  # its wide w comes after y
        wavelengths = [band.wavelength for band in Survey.named(name).bands]
        assert wavelengths == sorted(wavelengths), name
        assert 300 < wavelengths[0] <= wavelengths[-1] < 2400, name


# five-sigma depth of a point source in the ten-year coadd: Ivezic et al. 2019 (arXiv 0805.2366), table 1
@pytest.mark.parametrize(("band", "depth"), [("u", 26.1), ("g", 27.4), ("r", 27.5), ("i", 26.8), ("z", 26.1), ("y", 24.9)])
def test_sky_noise_gives_the_published_depth(band, depth):
    survey = Survey.named("LSST").select([band])
    psf = survey.psf(25).astype(float)
    sigma = survey.sky_sigma[0] / np.sqrt((psf**2).sum())  # matched filter
    assert nanojansky_to_magnitude(5 * sigma) == pytest.approx(depth, abs=0.5)


@pytest.mark.parametrize("name", ["kids", "lsst", "Euclid", "euclid vis", "EUCLID_VIS", "sdss"])
def test_a_preset_is_found_however_it_is_spelled(name):
    assert Survey.named(name).name in {"KiDS", "LSST", "Euclid_VIS", "SDSS"}


def test_a_survey_is_its_own_name():
    survey = Survey.named("HSC")
    assert Survey.named(survey) is survey


def test_an_unknown_survey_is_answered_with_the_presets():
    with pytest.raises(ValueError, match=r"no survey is named 'SDDS'; presets are KiDS, .*SDSS, or describe yours"):
        Survey.named("SDDS")
    with pytest.raises(TypeError, match=r"survey is 3; give a Survey, or the name of a preset: KiDS, "):
        Survey.named(3)


def test_selection_takes_bands_in_the_order_asked_for():
    survey = Survey.named("KiDS").select(["i", "g"])
    assert survey.band_names == ("i", "g")
    assert (survey.name, survey.pixel_scale) == ("KiDS", 0.2)
    assert survey.index("g") == 1
    assert survey["g"] == Survey.named("KiDS")["g"]


def test_missing_band_names_the_band_and_those_there():
    with pytest.raises(KeyError, match=r"survey KiDS has no band 'z'; it has u, g, r, i, Z, Y, J, H, Ks"):
        Survey.named("KiDS").select(["g", "z"])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"bands": ()}, ValueError, "survey 'mine' has no bands; give at least one Band"),
        ({"bands": ("g", "r")}, TypeError, r"bands of survey 'mine' are \('g', 'r'\); each must be a Band"),
        ({"bands": (Band("g", 480, 1, 1),) * 2}, ValueError, "names a band twice: g, g"),
        ({"pixel_scale": 0}, ValueError, "pixel_scale is 0; give the side of a pixel in arcsec"),
        ({"pixel_scale": math.nan}, ValueError, "pixel_scale is nan"),
        ({"bands": (Band("g", -480, 1, 1),)}, ValueError, "band 'g' has wavelength -480; it must be above 0"),
        ({"bands": (Band("g", 480, math.inf, 1),)}, ValueError, "band 'g' has psf_fwhm inf; it must be above 0 and finite"),
        ({"bands": (Band("g", 480, 1, math.nan),)}, ValueError, "band 'g' has sky_sigma nan"),
        ({"bands": (Band("g", 480, 1, 1, gain=0),)}, ValueError, "band 'g' has gain 0"),
    ],
)
def test_an_impossible_survey_is_refused_in_words(change, error, message):
    with pytest.raises(error, match=message):
        Survey(**{"name": "mine", "bands": (Band("g", 480, 1, 1),), "pixel_scale": 0.2, **change})


def test_every_preset_survives_json():
    for name in Survey.presets():
        survey = Survey.named(name)
        assert Survey.from_dict(json.loads(json.dumps(survey.to_dict()))) == survey


def test_no_shot_noise_survives_json():
    survey = Survey("mine", (Band("g", 480, 1, 1),), 0.2)
    described = json.dumps(survey.to_dict(), allow_nan=False)
    assert Survey.from_dict(json.loads(described)).gain == [math.inf]


@pytest.mark.parametrize("described", [{}, {"name": "a", "bands": [{"name": "g"}], "pixel_scale": 1}, {"bands": ["g"]}, ["a"], None])
def test_what_is_no_description_of_a_survey_is_refused(described):
    with pytest.raises(ValueError, match=r"not a description of a survey: .*; expected name, pixel_scale and bands"):
        Survey.from_dict(described)


def test_psf_has_unit_sum_a_central_peak_and_the_fwhm_of_its_band():
    survey = Survey.named("KiDS")
    psf = survey.psf(25)
    assert psf.shape == (9, 25, 25)
    assert psf.dtype == np.float32
    assert psf.sum(axis=(1, 2)) == pytest.approx(np.ones(9), abs=1e-6)
    assert np.array_equal(psf, psf[:, ::-1, ::-1])
    for image, band in zip(psf, survey.bands, strict=True):
        row = image[12].astype(float)
        half = np.interp(row[12] / 2, row[12:][::-1], np.arange(13)[::-1])  # radius at half maximum, in pixels
        assert 2 * half * 0.2 == pytest.approx(band.psf_fwhm, rel=0.04)  # a pixel widens it


def test_default_psf_is_five_times_the_widest_band_and_at_most_25():
    assert Survey.named("KiDS").select("r").psf().shape == (1, 19, 19)
    assert Survey.named("HSC").psf().shape == (5, 25, 25)


@pytest.mark.parametrize("size", [24, 0, -3])
def test_psf_without_a_central_pixel_is_refused(size):
    with pytest.raises(ValueError, match=f"PSF size is {size}; it must be above 0 and odd"):
        Survey.named("KiDS").psf(size)
