"""Pictures: the same colours as astropy's Lupton pictures, bands by wavelength, sky up."""

import base64
import io
import subprocess
import sys

import numpy as np
import pytest
from astropy.visualization import make_lupton_rgb
from PIL import Image

from galwidget import Galaxies, Survey, picture


def test_colours_are_those_of_astropy_galaxy_by_galaxy(galaxies):
    display = picture.default_display(galaxies.survey)
    pictures = galaxies.rgb()
    assert pictures.shape == (4, 16, 16, 3)
    assert pictures.dtype == np.uint8
    for shown, flux in zip(pictures, galaxies.flux, strict=True):
        g, r, i = flux
        channels = [image * np.float32(factor) for image, factor in zip((i, r, g), display["scale"], strict=True)]
        assert np.array_equal(shown, make_lupton_rgb(*channels, minimum=0, stretch=display["stretch"], Q=display["Q"]))
    assert pictures.std() > 5


def test_each_argument_reaches_the_picture(galaxies):
    shown = galaxies.rgb()
    assert not np.array_equal(galaxies.rgb(stretch=500), shown)
    assert not np.array_equal(galaxies.rgb(Q=1), shown)
    assert not np.array_equal(galaxies.rgb(scale=(1, 1, 1)), shown)
    g = galaxies.flux[0, 0]
    grey = galaxies.rgb(bands="ggg", scale=(1, 1, 1), stretch=50, Q=5)[0]
    assert np.array_equal(grey, make_lupton_rgb(g, g, g, minimum=0, stretch=50, Q=5))
    assert np.array_equal(grey[..., 0], grey[..., 2])


@pytest.mark.parametrize("softening", [0, 1e-9, 0.3, 8, 1e12])
def test_any_softening_gives_the_levels_of_astropy(galaxies, softening):
    g = galaxies.flux[1, 0]
    grey = galaxies.rgb(bands="ggg", scale=(1, 1, 1), stretch=3.0, Q=softening)[1]
    assert np.array_equal(grey, make_lupton_rgb(g, g, g, minimum=0, stretch=3.0, Q=softening))


@pytest.mark.parametrize("arguments", [{"stretch": 0}, {"stretch": float("nan")}, {"Q": -1}])
def test_stretch_that_is_none_is_refused(galaxies, arguments):
    with pytest.raises(ValueError, match="the stretch must be above 0 and Q at least 0"):
        galaxies.rgb(**arguments)


def test_a_picture_needs_no_matplotlib():
    code = (
        "import sys, numpy as np, galwidget as gw; gw.Galaxies(np.ones((1, 5, 8, 8)), survey='SDSS').rgb(); "
        "sys.exit('matplotlib' in sys.modules or 'astropy.visualization' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("arguments", [{"bands": "gr"}, {"scale": (1, 1)}])
def test_three_bands_make_a_picture(galaxies, arguments):
    with pytest.raises(ValueError, match="give three of each, for red, green and blue"):
        galaxies.rgb(**arguments)


def test_missing_band_names_the_band(galaxies):
    with pytest.raises(KeyError, match="survey KiDS has no band 'z'; it has g, r, i"):
        galaxies.rgb(bands="zrg")


def test_galaxies_without_images_have_no_picture():
    with pytest.raises(ValueError, match="these galaxies have attributes but no images"):
        Galaxies(table={"redshift": [0.1]}, survey="SDSS").rgb()


@pytest.mark.parametrize(
    ("survey", "bands"),
    [("KiDS", ("i", "r", "g")), ("LSST", ("i", "r", "g")), ("Euclid_VIS", ("IE",) * 3), ("Euclid_NISP", ("HE", "JE", "YE"))],
)
def test_red_is_the_longest_wavelength(survey, bands):
    assert picture.default_display(Survey.named(survey))["bands"] == bands


def test_two_bands_make_a_picture_too():
    display = picture.default_display(Survey.named("KiDS").select(["g", "r"]))
    assert (display["bands"][0], display["bands"][-1]) == ("r", "g")


def test_default_stretch_is_three_times_the_noise_of_the_bands_shown():
    survey = Survey.named("KiDS")
    noise = np.median([survey["i"].sky_sigma * 0.75, survey["r"].sky_sigma, survey["g"].sky_sigma * 1.7])
    assert picture.default_display(survey)["stretch"] == pytest.approx(3 * noise)


def test_a_mosaic_has_north_up_and_a_gap():
    pictures = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 3, 3), np.uint8)
    pictures[:, 0] += 100  # the bottom row of the sky
    sheet = picture.mosaic(pictures, columns=2, gap=1)
    assert sheet.shape == (8, 7, 3)
    assert sheet[:, 0, 0].tolist() == [0, 100, 0, 2, 102, 0, 4, 104]
    assert sheet[:, 4, 0].tolist() == [1, 101, 0, 3, 103, 0, 0, 0]
    assert not sheet[2].any()
    assert picture.mosaic(pictures).shape == (5, 11, 3)  # as square as it can be


def test_a_png_holds_the_picture_and_its_address_turns_the_sky_up():
    shown = np.random.default_rng(0).integers(0, 255, (4, 6, 3), dtype=np.uint8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(picture.png(shown)))), shown)
    header, _, text = picture.data_uri(shown).partition(",")
    assert header == "data:image/png;base64"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))), shown[::-1])
