"""Bad input gives one clear error: what was given, what was expected, what to do."""

import dataclasses

import numpy as np
import pytest
from a_field import SURVEY, images
from astropy.io import fits
from astropy.wcs import WCS

from galwidget import Survey, read, read_field


@pytest.fixture(scope="module")
def pictures():
    return images()


@pytest.fixture
def paths(pictures, tmp_path):
    for band, plane in pictures.items():
        fits.writeto(tmp_path / f"{band}.fits", plane.astype(np.float32), fits.Header({"BUNIT": "nJy"}))
    return {band: tmp_path / f"{band}.fits" for band in pictures}


def test_no_images_at_all():
    with pytest.raises(ValueError, match="the dictionary is empty"):
        read_field({}, survey="KiDS")


def test_missing_band_names_the_file(paths):
    paths["r"].unlink()
    with pytest.raises(FileNotFoundError, match=r"there is no file .*r\.fits"):
        read_field(paths, survey="KiDS")


def test_band_that_the_survey_lacks_names_those_it_has(paths):
    with pytest.raises(KeyError, match=r"band 'z' was given, but survey KiDS has u, g, r, i, Z"):
        read_field({"z": paths["r"]}, survey="KiDS")


def test_weight_of_a_band_that_is_not_there(pictures):
    with pytest.raises(KeyError, match=r"weights has band 'i', but the images are of g, r"):
        read_field(pictures, survey="KiDS", weights={"i": pictures["r"]})


def test_weight_of_another_size(pictures):
    with pytest.raises(ValueError, match=r"band 'r': the weight map has shape \(10, 10\)"):
        read_field(pictures, survey="KiDS", weights={"r": np.ones((10, 10))})


def test_all_nan_names_the_band(pictures):
    with pytest.raises(ValueError, match="band 'g' has no finite pixel"):
        read_field({**pictures, "g": np.full_like(pictures["g"], np.nan)}, survey="KiDS")


def test_constant_image_has_no_noise(pictures):
    with pytest.raises(ValueError, match="band 'g' has no noise"):
        read_field({**pictures, "g": np.zeros_like(pictures["g"])}, survey="KiDS")


@pytest.mark.parametrize("left", [0.5, 0.01])
def test_truncated_file_names_it(paths, left):
    whole = paths["r"].read_bytes()
    paths["r"].write_bytes(whole[: int(len(whole) * left)])
    with pytest.raises(ValueError, match=r"r\.fits cannot be read as FITS .*cut short"):
        read_field(paths, survey="KiDS")


def test_truncated_compressed_files_name_them(pictures, tmp_path):
    plane = pictures["r"].astype(np.float32)
    tiles = fits.CompImageHDU(plane, fits.Header({"BUNIT": "nJy"}))
    fits.HDUList([fits.PrimaryHDU(), tiles]).writeto(tmp_path / "r.fits.fz")
    fits.writeto(tmp_path / "r.fits.gz", plane, fits.Header({"BUNIT": "nJy"}))
    for name in ("r.fits.fz", "r.fits.gz"):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ValueError, match="cut short"):
            read_field({"r": tmp_path / name}, survey="KiDS")


def test_text_named_fits(paths):
    paths["r"].write_text("band,flux\nr,1.0\n" * 300)
    with pytest.raises(ValueError, match=r"r\.fits cannot be read as FITS"):
        read_field(paths, survey="KiDS")
    with pytest.raises(ValueError, match=r"r\.fits cannot be read as FITS"):
        read(paths["r"], survey="KiDS")


def test_table_without_an_image_lists_what_there_is(tmp_path):
    fits.BinTableHDU.from_columns([fits.Column("a", "E", array=[1.0])], name="CATALOGUE").writeto(tmp_path / "r.fits")
    with pytest.raises(ValueError, match=r"has no image of 2 dimensions; its parts are: .*CATALOGUE"):
        read_field({"r": tmp_path / "r.fits"}, survey="KiDS")


def test_wrong_unit_names_it(paths):
    fits.setval(paths["r"], "BUNIT", value="km/s")
    with pytest.raises(ValueError, match=r"band 'r' is in 'km/s', which is no unit of flux"):
        read_field(paths, survey="KiDS")


def test_counts_without_zero_point_ask_for_it(paths):
    fits.setval(paths["r"], "BUNIT", value="adu")
    with pytest.raises(ValueError, match=r"band 'r' has pixels in adu and its header has no zero point.*pass zero_point="):
        read_field(paths, survey="KiDS")


def test_one_band_of_another_size_without_wcs(pictures):
    with pytest.raises(ValueError, match=r"band 'g' is 400 x 420 pixels but 'r' is 420 x 420"):
        read_field({**pictures, "g": pictures["g"][:, :400]}, survey="KiDS")


def test_wcs_of_another_pixel_scale_says_how_to_describe_it(pictures):
    wcs = WCS(naxis=2)
    wcs.wcs.cdelt, wcs.wcs.crval, wcs.wcs.ctype = [-1e-4, 1e-4], [150, 2], ["RA---TAN", "DEC--TAN"]
    header = wcs.to_header()
    header["BUNIT"] = "nJy"
    hdus = {band: fits.ImageHDU(plane, header) for band, plane in pictures.items()}
    with pytest.raises(ValueError, match=r"pixels of 0.36 arcsec but the survey's are 0.2.*dataclasses.replace"):
        read_field(hdus, survey="KiDS")
    read_field(hdus, survey=dataclasses.replace(SURVEY, pixel_scale=0.36), stamp=48)


def test_bands_of_different_sky_do_not_overlap(pictures):
    hdus = {}
    for band, declination in (("g", 2), ("r", 20)):
        wcs = WCS(naxis=2)
        wcs.wcs.cdelt, wcs.wcs.crval, wcs.wcs.ctype = [-0.2 / 3600, 0.2 / 3600], [150, declination], ["RA---TAN", "DEC--TAN"]
        hdus[band] = fits.ImageHDU(pictures[band], wcs.to_header())
        hdus[band].header["BUNIT"] = "nJy"
    with pytest.raises(ValueError, match=r"band 'g' and 'r' show different sky"):
        read_field(hdus, survey="KiDS")


def test_no_stars_asks_for_a_psf():
    with pytest.raises(ValueError, match=r"no stars.*pass psf="):
        read_field(images(stars=False), survey="KiDS")


def test_galaxies_without_stars_are_read_with_a_psf():
    assert len(read_field(images(stars=False), survey="KiDS", psf=SURVEY.psf(), stamp=48)) > 10


def test_no_galaxies_says_what_was_left_out():
    with pytest.raises(ValueError, match=r"no galaxies: of \d+ sources .*\d+ stars"):
        read_field(images(galaxies=False), survey="KiDS")


def test_empty_sky_has_no_source():
    with pytest.raises(ValueError, match=r"no (source|stars|galaxies)"):
        read_field(images(stars=False, galaxies=False), survey="KiDS")


def test_psf_of_another_number_of_bands(pictures):
    with pytest.raises(ValueError, match=r"psf has shape \(5, 25, 25\); give \(band, k, k\) with 2 bands"):
        read_field(pictures, survey="KiDS", psf=Survey.named("KiDS").select("ugriZ").psf(25))


def test_no_survey_and_no_wcs_asks_for_one(paths):
    with pytest.raises(ValueError, match=r"no WCS, so their pixel scale is not known; pass survey="):
        read_field(paths)


def test_no_survey_and_a_band_of_unknown_wavelength(paths):
    with pytest.raises(ValueError, match=r"the wavelength of band 'F444W' is not known; pass survey="):
        read_field({"F444W": paths["r"]})


def test_three_dimensions_are_no_image(pictures):
    with pytest.raises(ValueError, match=r"band 'r' is an array of shape \(2, 420, 420\)"):
        read_field({"r": np.stack([pictures["r"]] * 2)}, survey="KiDS")


def test_missing_file_of_cutouts(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read(tmp_path / "nothing.fits")
