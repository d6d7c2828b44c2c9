"""The FITS form of Galaxies: exact to the bit, readable by others, and clear about files that are cut, newer or foreign."""

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import MaskedColumn, QTable
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from galwidget import Band, Galaxies, Survey
from galwidget import fits as form


def there_and_back(galaxies, folder):
    path = folder / "galaxies.fits"
    galaxies.write(path, overwrite=True)
    with fits.open(path) as hdus:
        return form.read(hdus)


def test_every_part_comes_back_to_the_bit(galaxies, tmp_path):
    back = there_and_back(galaxies, tmp_path)
    assert back == galaxies
    for part in ("flux", "ivar", "psf"):
        assert getattr(back, part).tobytes() == getattr(galaxies, part).tobytes()
        assert getattr(back, part).dtype.isnative
    assert back.survey == galaxies.survey
    assert back.table.colnames == galaxies.table.colnames
    assert back.table["mag_r"].unit == u.mag
    assert list(back.table["redshift"].mask) == [False, False, True, False]
    assert list(back.table["morphology"].mask) == [False, True, False, False]
    assert back.table["identifier"][3] == 2**40 + 1
    assert back.table["spiral"].dtype == bool


def test_slices_shared_psfs_and_bare_images_come_back(gri, galaxies, tmp_path):
    bare = Galaxies(galaxies.flux, survey=gri)
    for some in (galaxies[2], galaxies[::-1], galaxies[[]], bare, bare[[]], galaxies.select_bands(["i"])):
        assert there_and_back(some, tmp_path) == some
    assert there_and_back(bare, tmp_path).psf.ndim == 3


def test_a_table_alone_comes_back(gri, tmp_path):
    catalogue = Galaxies(table=QTable({"redshift": MaskedColumn([0.1, 0.2], mask=[True, False]), "name": ["a", "b"]}), survey=gri)
    back = there_and_back(catalogue, tmp_path)
    assert back == catalogue
    assert back.flux is None


def test_a_survey_of_any_name_comes_back(galaxies, tmp_path):
    survey = Survey("Söme\n'survey'", tuple(Band(name, 500 + i, 0.7, 1 / 3) for i, name in enumerate(("g'", "β", "r_long_name"))), 0.1)
    renamed = Galaxies(galaxies.flux, survey=survey)
    assert there_and_back(renamed, tmp_path).survey == survey


def test_words_that_are_not_ascii_come_back(gri, tmp_path):
    catalogue = Galaxies(table=QTable({"name": ["Größe", "β Pictoris", ""]}), survey=gri)
    assert there_and_back(catalogue, tmp_path) == catalogue


def test_words_read_as_bytes_are_words(gri, tmp_path):
    catalogue = Galaxies(table=QTable({"name": np.array([b"M 31", b"M 33"])}), survey=gri)
    assert list(catalogue.table["name"]) == ["M 31", "M 33"]
    assert there_and_back(catalogue, tmp_path) == catalogue


@pytest.mark.parametrize(("column", "message"), [({"Größe": [1]}, "column name 'Größe'"), ({"a": [None]}, "Python objects of column 'a'")])
def test_what_fits_cannot_hold_is_named(gri, tmp_path, column, message):
    with pytest.raises(ValueError, match=f"FITS cannot hold the {message}"):
        there_and_back(Galaxies(table=column, survey=gri), tmp_path)


floats = st.floats(width=32, allow_nan=False, allow_infinity=False)


# words without trailing blanks: FITS 4.0 section 4.2.1 makes those insignificant
@settings(
    max_examples=40, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    flux=arrays.arrays(np.float32, (2, 1, 3, 3), elements=floats),
    values=arrays.arrays(np.float64, 2, elements=st.floats()),
    numbers=arrays.arrays(np.int64, 2),
    mask=arrays.arrays(bool, 2),
    words=st.lists(st.text(st.characters(exclude_categories=["C"]), max_size=5).map(str.rstrip), min_size=2, max_size=2),
)
def test_any_number_and_any_words_come_back(tmp_path, flux, values, numbers, mask, words):
    table = QTable({"masked": MaskedColumn(values, mask=mask), "angle": values * u.deg, "number": MaskedColumn(numbers, mask=mask)})
    table["word"], table["masked word"] = words, MaskedColumn(words, mask=mask)
    galaxies = Galaxies(flux, table=table, survey="Euclid_VIS")
    assert there_and_back(galaxies, tmp_path) == galaxies


def test_other_programs_see_images_and_a_table_with_units(galaxies, tmp_path):
    galaxies.write(tmp_path / "galaxies.fits")
    with fits.open(tmp_path / "galaxies.fits") as hdus:
        hdus.verify("exception")
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "SURVEY", "FLUX", "IVAR", "PSF", "TABLE"]
        assert hdus["FLUX"].header["BUNIT"] == "nJy"
        assert hdus["FLUX"].data.shape == galaxies.flux.shape
        assert hdus["TABLE"].columns["r_half"].unit == "arcsec"
        assert hdus[0].header["CREATOR"].startswith("galwidget")
        assert form.is_galaxies(hdus)


def test_an_existing_file_is_kept_unless_it_may_be_overwritten(galaxies, tmp_path):
    path = tmp_path / "galaxies.fits"
    path.write_text("precious")
    with pytest.raises(OSError, match="already exists"):
        galaxies.write(path)
    assert path.read_text() == "precious"
    galaxies.write(path, overwrite=True)
    assert fits.getheader(path)["GWFORMAT"] == form.FORMAT


def test_a_newer_layout_is_refused(galaxies, tmp_path):
    path = tmp_path / "galaxies.fits"
    galaxies.write(path)
    fits.setval(path, "GWFORMAT", value=form.FORMAT + 1)
    with fits.open(path) as hdus, pytest.raises(ValueError, match=r"has galwidget layout 2, this version reads up to 1; install a newer"):
        form.read(hdus)


@pytest.mark.parametrize("part", ["SURVEY", "TABLE", "FLUX", "IVAR", "PSF"])
def test_a_missing_part_is_named(galaxies, tmp_path, part):
    path = tmp_path / "galaxies.fits"
    galaxies.write(path)
    with fits.open(path) as hdus:
        del hdus[part]
        with pytest.raises(ValueError, match=rf"the file has no {part} extension"):
            form.read(hdus)


def test_a_survey_that_is_no_json_is_refused(galaxies, tmp_path):
    path = tmp_path / "galaxies.fits"
    galaxies.write(path)
    with fits.open(path) as hdus:
        hdus["SURVEY"].data["JSON"][0] = "{"
        with pytest.raises(ValueError, match=r"the SURVEY extension is not JSON .* write it again"):
            form.read(hdus)


@pytest.mark.filterwarnings("ignore::astropy.utils.exceptions.AstropyUserWarning")
def test_a_file_cut_anywhere_is_refused_or_whole(galaxies, tmp_path):
    path = tmp_path / "galaxies.fits"
    galaxies.write(path)
    whole = path.read_bytes()
    for length in range(2880, len(whole), 2880 * 2):
        path.write_bytes(whole[: length + 100])
        with pytest.raises((ValueError, OSError), match=r".{20,}"), fits.open(path) as hdus:
            form.read(hdus)


def test_a_foreign_file_is_known_as_such(tmp_path):
    fits.writeto(tmp_path / "other.fits", np.ones((3, 3)))
    with fits.open(tmp_path / "other.fits") as hdus:
        assert not form.is_galaxies(hdus)
