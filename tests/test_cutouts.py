"""Cutouts that other people made, read into the galaxies they hold."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

import galwidget


@pytest.fixture
def cube():
    return np.random.default_rng(2).normal(10, 3, (4, 3, 20, 20)).astype(np.float32)


def image(data, name="", **header):
    return fits.ImageHDU(data, fits.Header({"BUNIT": "nJy", **header}), name=name)


def test_cube_with_ivar_psf_and_table(cube, gri, tmp_path):
    ivar = np.full(cube.shape, 0.1, np.float32)
    ivar[0, 0, 3, 3] = 0
    table = fits.BinTableHDU(Table({"redshift": [0.1, 0.2, 0.3, 0.4]}))
    hdus = [fits.PrimaryHDU(), image(cube, "FLUX"), image(ivar, "IVAR"), image(gri.psf(9), "PSF"), table]
    fits.HDUList(hdus).writeto(tmp_path / "cutouts.fits")
    galaxies = galwidget.read(tmp_path / "cutouts.fits", survey=gri)
    assert np.array_equal(galaxies.flux, cube)
    assert np.array_equal(galaxies.ivar, ivar)
    assert np.array_equal(galaxies.psf, gri.psf(9))
    assert galaxies.attribute("redshift") == pytest.approx([0.1, 0.2, 0.3, 0.4])


def test_bands_in_another_order_come_in_the_survey_s(cube, tmp_path):
    fits.writeto(tmp_path / "cutouts.fits", cube, fits.Header({"BUNIT": "nJy"}))
    galaxies = galwidget.read(tmp_path / "cutouts.fits", survey="KiDS", bands=["i", "g", "r"])
    assert galaxies.survey.band_names == ("g", "r", "i")
    assert np.array_equal(galaxies.flux, cube[:, [1, 2, 0]])


def test_one_galaxy_is_a_cube_of_bands(cube, gri, tmp_path):
    fits.writeto(tmp_path / "one.fits", cube[0], fits.Header({"BUNIT": "nJy"}))
    assert np.array_equal(galwidget.read(tmp_path / "one.fits", survey=gri).flux, cube[:1])


def test_stamps_of_one_band_are_a_cube_of_galaxies(cube, tmp_path):
    fits.writeto(tmp_path / "r.fits", cube[:, 1], fits.Header({"BUNIT": "nJy"}))
    galaxies = galwidget.read(tmp_path / "r.fits", survey="KiDS", bands=["r"])
    assert galaxies.flux.shape == (4, 1, 20, 20)


def test_zero_point_scales_flux_and_ivar_together(cube, gri, tmp_path):
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(cube, name="SCI"), fits.ImageHDU(np.full_like(cube, 4.0), name="VARIANCE")]
    fits.HDUList(hdus).writeto(tmp_path / "counts.fits")
    galaxies = galwidget.read(tmp_path / "counts.fits", survey=gri, zero_point={"g": 31.4, "r": 28.9, "i": 31.4})
    assert galaxies.flux[:, 1] == pytest.approx(cube[:, 1] * 10, rel=1e-5)
    assert galaxies.flux * np.sqrt(galaxies.ivar) == pytest.approx(cube / 2, rel=1e-5)


def test_mask_extension_masks(cube, gri, tmp_path):
    mask = np.zeros(cube.shape, np.uint8)
    mask[2, 1, 5:7] = 4
    fits.HDUList([fits.PrimaryHDU(), image(cube), fits.ImageHDU(mask, name="MASK")]).writeto(tmp_path / "masked.fits")
    galaxies = galwidget.read(tmp_path / "masked.fits", survey=gri)
    assert np.array_equal(galaxies.ivar == 0, mask != 0)


def test_folder_of_one_file_a_galaxy_is_in_the_order_of_names(cube, gri, tmp_path):
    for index in (2, 0, 1):
        fits.writeto(tmp_path / f"galaxy{index}.fits", cube[index], fits.Header({"BUNIT": "nJy"}))
    (tmp_path / "notes.txt").write_text("not an image")
    galaxies = galwidget.read(tmp_path, survey=gri)
    assert np.array_equal(galaxies.flux, cube[:3])
    assert list(galaxies.table["name"]) == ["galaxy0", "galaxy1", "galaxy2"]


def test_folder_of_one_file_a_galaxy_and_band(cube, tmp_path):
    for index in range(2):
        for band, plane in zip("gri", cube[index], strict=True):
            fits.writeto(tmp_path / f"ngc-{index}_{band}.fits.gz", plane, fits.Header({"BUNIT": "nJy"}))
    galaxies = galwidget.read(tmp_path, survey="KiDS", bands=["r", "i", "g"])
    assert galaxies.survey.band_names == ("g", "r", "i")
    assert np.array_equal(galaxies.flux, cube[:2])
    assert list(galaxies.table["name"]) == ["ngc-0", "ngc-1"]


def test_folder_of_our_own_files_joins_them(galaxies, tmp_path):
    galaxies[:2].write(tmp_path / "a.fits")
    galaxies[2:].write(tmp_path / "b.fits")
    assert galwidget.read(tmp_path) == galaxies


def test_folder_with_a_band_missing_names_galaxy_and_band(cube, gri, tmp_path):
    for band in "gr":
        fits.writeto(tmp_path / f"ngc1_{band}.fits", cube[0, 0], fits.Header({"BUNIT": "nJy"}))
    with pytest.raises(ValueError, match="'ngc1' has no image in band 'i'"):
        galwidget.read(tmp_path, survey=gri)


def test_folder_with_two_sizes_names_them(cube, gri, tmp_path):
    fits.writeto(tmp_path / "a.fits", cube[0], fits.Header({"BUNIT": "nJy"}))
    fits.writeto(tmp_path / "b.fits", cube[0, :, 2:, 2:], fits.Header({"BUNIT": "nJy"}))
    with pytest.raises(ValueError, match="'b' is 18 x 18 pixels but 'a' is 20 x 20"):
        galwidget.read(tmp_path, survey=gri)


def test_empty_folder_says_so(gri, tmp_path):
    with pytest.raises(ValueError, match="holds no FITS file"):
        galwidget.read(tmp_path, survey=gri)


def test_survey_must_be_named_for_cutouts_of_others(cube, tmp_path):
    fits.writeto(tmp_path / "cutouts.fits", cube, fits.Header({"BUNIT": "nJy"}))
    with pytest.raises(ValueError, match="pass survey="):
        galwidget.read(tmp_path / "cutouts.fits")


def test_another_number_of_bands_says_how_to_name_them(cube, tmp_path):
    fits.writeto(tmp_path / "cutouts.fits", cube, fits.Header({"BUNIT": "nJy"}))
    with pytest.raises(ValueError, match="pass bands="):
        galwidget.read(tmp_path / "cutouts.fits", survey="KiDS")


@pytest.mark.parametrize("name", ["galaxies.parquet", "galaxies.hdf5", "galaxies.h5"])
def test_formats_of_later_say_what_to_do(name, tmp_path):
    (tmp_path / name).write_bytes(b"PAR1")
    with pytest.raises(ValueError, match=r"cannot be read yet.*FITS"):
        galwidget.read(tmp_path / name)
