"""Galaxies: what is refused and in which words, how they slice and join, when they are equal, what they look like."""

import re
import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, QTable
from astropy.utils.masked import Masked

from galwidget import Band, Galaxies, Survey


def stamps(n=2, bands=3, side=16):
    return np.random.default_rng(n).normal(0, 1, (n, bands, side, side)).astype(np.float32)


def spoiled(array, value):
    array = array.copy()
    array.flat[0] = value
    return array


def test_parts_have_their_shapes_and_types(galaxies):
    assert len(galaxies) == 4
    assert galaxies.flux.shape == galaxies.ivar.shape == (4, 3, 16, 16)
    assert galaxies.psf.shape == (4, 3, 11, 11)
    assert {galaxies.flux.dtype, galaxies.ivar.dtype, galaxies.psf.dtype} == {np.dtype(np.float32)}
    assert len(galaxies.table) == 4


def test_one_image_is_one_galaxy(gri):
    galaxies = Galaxies(stamps()[0], ivar=stamps()[0] ** 2, mask=stamps()[0] > 1, survey=gri)
    assert len(galaxies) == 1
    assert galaxies.flux.shape == galaxies.ivar.shape == (1, 3, 16, 16)


def test_noise_and_psf_are_the_surveys_where_none_are_given(gri):
    galaxies = Galaxies(stamps(), survey=gri)
    assert galaxies.ivar[1, :, 3, 5] == pytest.approx(gri.sky_sigma**-2)
    assert np.array_equal(galaxies.psf, gri.psf())
    assert np.array_equal(galaxies.psfs, np.stack([gri.psf()] * 2))


def test_a_survey_is_given_by_name():
    assert Galaxies(stamps(bands=1), survey="euclid").survey == Survey.named("Euclid_VIS")


def test_units_are_converted_to_nanojansky(gri):
    flux = stamps()
    in_microjansky = Galaxies(flux * 1e-3 * u.uJy, np.full(flux.shape, 4e6) / u.uJy**2, survey=gri)
    assert in_microjansky.flux == pytest.approx(flux, rel=1e-6)
    assert in_microjansky.ivar == pytest.approx(4.0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_pixel_that_is_no_number_is_masked(gri, value):
    flux = spoiled(stamps(), value)
    galaxies = Galaxies(flux, np.ones_like(flux), survey=gri)
    assert galaxies.flux[0, 0, 0, 0] == galaxies.ivar[0, 0, 0, 0] == 0
    assert galaxies.ivar.sum() == flux.size - 1
    assert np.array_equal(galaxies.flux.ravel()[1:], flux.ravel()[1:])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_weight_that_is_no_number_masks_its_pixel(gri, value):
    weight = spoiled(np.ones((2, 3, 16, 16)), value)
    galaxies = Galaxies(stamps(), weight, survey=gri)
    assert galaxies.ivar.ravel()[0] == 0
    assert galaxies.ivar.sum() == weight.size - 1


def test_a_mask_takes_pixels_out(gri):
    bad = np.zeros((2, 3, 16, 16), bool)
    bad[1, 2, 3] = True
    galaxies = Galaxies(stamps(), np.ones(bad.shape), survey=gri, mask=bad)
    assert np.array_equal(galaxies.ivar == 0, bad)


def test_what_was_given_is_not_changed(gri):
    flux, table = spoiled(stamps(), np.nan), QTable({"a": [1.0, 2.0]})
    galaxies = Galaxies(flux, table=table, survey=gri)
    galaxies.table["a"][0] = 5
    galaxies.to_table()["a"][1] = 7
    assert np.isnan(flux.flat[0])
    assert list(table["a"]) == [1, 2]
    assert list(galaxies.table["a"]) == [5, 2]


GOOD = np.ones((2, 3, 16, 16))
PSF = np.full((3, 5, 5), 1 / 25)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({}, "neither flux nor a table was given; give at least one"),
        ({"psf": PSF}, "ivar, psf or mask came without flux; give flux, or only a table"),
        ({"flux": GOOD[0, 0]}, r"flux has shape \(16, 16\); expected \(n, band, y, x\), or \(band, y, x\) for one galaxy"),
        (
            {"flux": GOOD[:, :2]},
            r"flux has 2 bands but survey KiDS has 3 \(g, r, i\); pass survey=Survey.named\('KiDS'\).select\(\[...\]\) with the bands",
        ),
        ({"flux": GOOD * np.nan}, r"flux has no finite pixel; check what was read"),
        ({"flux": GOOD * u.arcsec}, "flux is in arcsec, which is not nJy; convert it, or give plain numbers in nJy"),
        ({"flux": GOOD, "ivar": GOOD * u.nJy}, "ivar is in nJy, which is not 1 / nJy2; convert it"),
        ({"flux": GOOD, "ivar": GOOD[:1]}, r"ivar has shape \(1, 3, 16, 16\) but flux has \(2, 3, 16, 16\); they must be the same"),
        ({"flux": GOOD, "ivar": spoiled(GOOD, -1)}, "ivar has 1 negative values; an inverse variance is >= 0, and 0 masks a pixel"),
        ({"flux": GOOD, "mask": GOOD[:, :1]}, r"mask has shape \(2, 1, 16, 16\) but flux has \(2, 3, 16, 16\)"),
        ({"flux": GOOD, "psf": PSF[0]}, r"psf has shape \(5, 5\); expected \(band, k, k\) or \(n, band, k, k\) with 3 bands and 2"),
        ({"flux": GOOD, "psf": PSF[:2]}, r"psf has shape \(2, 5, 5\); expected"),
        ({"flux": GOOD, "psf": [PSF] * 3}, r"psf has shape \(3, 3, 5, 5\); expected"),
        ({"flux": GOOD, "psf": PSF[..., :4]}, r"psf images are 5 x 4; they must be square with an odd side \(a central pixel\)"),
        ({"flux": GOOD, "psf": spoiled(PSF, np.nan)}, "psf has NaN or infinite pixels; measure it again, or leave it out"),
        ({"flux": GOOD, "psf": PSF * 2}, "psf sums to 2, not 1; divide each PSF by its sum"),
        ({"flux": GOOD, "table": {"a": [1, 2, 3]}}, "the table has 3 rows but there are 2 images; one row a galaxy is needed"),
    ],
)
def test_parts_that_do_not_fit_are_refused_in_words(gri, parts, message):
    with pytest.raises(ValueError, match=message):
        Galaxies(**parts, survey=gri)


def test_a_table_alone_is_enough(gri):
    galaxies = Galaxies(table={"redshift": [0.1, 0.2]}, survey=gri)
    assert len(galaxies) == 2
    assert galaxies.flux is galaxies.ivar is galaxies.psf is None
    assert galaxies[1].attribute("redshift") == [0.2]
    with pytest.raises(ValueError, match="these galaxies have attributes but no images; give galaxies with flux"):
        galaxies.require_images()


def test_a_slice_is_galaxies_with_all_their_parts(galaxies):
    part = galaxies[1:3]
    assert np.array_equal(part.flux, galaxies.flux[1:3])
    assert np.array_equal(part.ivar, galaxies.ivar[1:3])
    assert np.array_equal(part.psf, galaxies.psf[1:3])
    assert list(part.table["identifier"]) == [11, 13]
    assert part.table["r_half"].unit == u.arcsec
    assert part.survey == galaxies.survey


def test_an_index_a_list_and_a_boolean_array_select_the_same(galaxies):
    assert galaxies[-1] == galaxies[3] == galaxies[3:] == galaxies[[3]] == galaxies[galaxies.table["identifier"] > 13]
    assert list(galaxies[[2, 0, 2]].table["identifier"]) == [13, 7, 13]
    assert len(galaxies[[]]) == 0
    assert len(galaxies[np.zeros(4, bool)]) == 0


def test_a_shared_psf_stays_shared(gri):
    galaxies = Galaxies(stamps(3), survey=gri)
    assert galaxies[1:].psf is galaxies.psf
    assert galaxies[1:].psfs.shape == (2, *galaxies.psf.shape)


def test_galaxies_without_attributes_slice_too(gri):
    galaxies = Galaxies(stamps(3), survey=gri)
    assert [len(galaxies[item]) for item in (0, slice(1, 3), [0, 2], np.array([True, False, False]))] == [1, 2, 2, 1]


@pytest.mark.parametrize(
    ("item", "error", "message"),
    [
        (4, IndexError, "galaxy 4 was asked for, but there are 4"),
        (-5, IndexError, "galaxy -5 was asked for, but there are 4"),
        ([0, 9], IndexError, "out of"),
        (np.ones(3, bool), IndexError, r"boolean index has shape \(3,\), but there are 4 galaxies"),
        ("r_half", TypeError, r"a column is galaxies.table\[name\]"),
        ([0.5], TypeError, "galaxies are taken by index, slice or boolean array"),
    ],
)
def test_a_galaxy_that_is_not_there_is_refused_in_words(galaxies, item, error, message):
    with pytest.raises(error, match=message):
        galaxies[item]


def test_iteration_gives_each_galaxy_once(galaxies):
    singles = list(galaxies)
    assert [len(galaxy) for galaxy in singles] == [1, 1, 1, 1]
    assert Galaxies.concatenate(singles) == galaxies


def test_galaxies_join_in_order(galaxies):
    joined = galaxies[2:] + galaxies[:2]
    assert np.array_equal(joined.flux, galaxies.flux[[2, 3, 0, 1]])
    assert list(joined.table["identifier"]) == [13, 2**40 + 1, 7, 11]
    assert joined == galaxies[[2, 3, 0, 1]]


def test_what_no_galaxy_has_is_told_kept_and_not_measured():
    table = QTable(
        {"mag_r": [20.0, 99.0, -99.0] * u.mag, "g_r": [0.7, 79.0, 0.6] * u.mag, "redshift": [0.1, -1.0, 0.2], "x_1": [5.0, 99.0, 99.0]}
    )
    with pytest.warns(UserWarning, match=r"not measured: mag_r of 2 \(99\), g_r of 1 \(79\), redshift of 1 \(-1\); mask them"):
        galaxies = Galaxies(table=table, survey="KiDS")
    np.testing.assert_array_equal(galaxies.attribute("mag_r"), [20.0, np.nan, np.nan])
    np.testing.assert_array_equal(galaxies.attribute("g_r"), [0.7, np.nan, 0.6])
    np.testing.assert_array_equal(galaxies.attribute("redshift"), [0.1, np.nan, 0.2])
    np.testing.assert_array_equal(galaxies.attribute("x_1"), [5.0, 99.0, 99.0])
    assert list(galaxies.table["mag_r"].value) == [20.0, 99.0, -99.0]


def test_a_placeholder_may_be_a_whole_number():
    with pytest.warns(UserWarning, match=r"redshift of 2 \(-1\)"):
        galaxies = Galaxies(table=QTable({"redshift": [0, -1, -1]}), survey="KiDS")
    np.testing.assert_array_equal(galaxies.attribute("redshift"), [0, np.nan, np.nan])


def test_what_is_masked_is_not_told():
    masked = Masked([20.0, 99.0] * u.mag, mask=[False, True])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(Galaxies(table=QTable({"mag_r": masked, "g_r": [0.7, np.nan] * u.mag}), survey="KiDS").attribute("mag_r")[1])


def test_an_attribute_that_one_part_lacks_is_masked_there(gri):
    one = Galaxies(stamps(), table=QTable({"r_half": [1, 2] * u.arcsec, "a": [1, 2]}), survey=gri)
    other = Galaxies(stamps(1), table={"a": [3], "word": ["x"]}, survey=gri)
    joined = one + other
    assert joined.attribute("r_half") == pytest.approx([1, 2, np.nan], nan_ok=True)
    assert joined.table["r_half"].unit == u.arcsec
    assert list(joined.table["word"].mask) == [True, True, False]
    assert joined.attribute("a") == pytest.approx([1, 2, 3])


def test_joining_galaxies_without_attributes_masks_their_rows(gri):
    measured = Galaxies(stamps(2), table={"a": [1, 2]}, survey=gri)
    bare = Galaxies(stamps(3), survey=gri)
    assert (bare + measured).attribute("a") == pytest.approx([np.nan, np.nan, np.nan, 1, 2], nan_ok=True)
    assert (measured + bare).attribute("a") == pytest.approx([1, 2, np.nan, np.nan, np.nan], nan_ok=True)
    assert len(bare + bare) == 6
    assert (bare + bare).table.colnames == []


def test_psfs_of_different_size_are_joined_about_their_centres(gri):
    small, large = (Galaxies(stamps(1), psf=gri.psf(side), survey=gri) for side in (7, 11))
    joined = small + large
    assert joined.psf.shape == (2, 3, 11, 11)
    assert np.array_equal(joined.psf[0, :, 2:9, 2:9], gri.psf(7))
    assert joined.psf[0].sum(axis=(1, 2)) == pytest.approx(np.ones(3))
    assert np.array_equal(joined.psf[1], gri.psf(11))
    assert (small + small).psf.shape == (3, 7, 7)


def test_tables_without_images_join(gri):
    galaxies = Galaxies(table={"redshift": [0.1, 0.2]}, survey=gri)
    assert list((galaxies + galaxies[:1]).table["redshift"]) == [0.1, 0.2, 0.1]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"flux": stamps(bands=5), "survey": "SDSS"}, r"cannot join galaxies of SDSS \[u g r i z\] to those of KiDS \[g r i\]; bring them"),
        ({"table": {"a": [1]}}, "cannot join galaxies with images to galaxies without"),
        ({"flux": stamps(side=20)}, "cannot join stamps of 20 x 20 to stamps of 16 x 16; cut them to one size"),
    ],
)
def test_galaxies_of_two_kinds_do_not_join(gri, galaxies, other, message):
    with pytest.raises(ValueError, match=message):
        galaxies + Galaxies(**{"survey": gri, **other})


def test_joining_nothing_is_refused():
    with pytest.raises(ValueError, match="nothing to concatenate"):
        Galaxies.concatenate([])
    with pytest.raises(TypeError):
        Galaxies(stamps(), survey=Survey.named("KiDS").select("gri")) + 1


def test_equality_sees_every_part(gri, galaxies):
    same = Galaxies(galaxies.flux, galaxies.ivar, galaxies.psf, galaxies.table, survey=gri)
    assert same == galaxies
    parts = {"flux": galaxies.flux, "ivar": galaxies.ivar, "psf": galaxies.psf, "table": galaxies.table, "survey": gri}
    changes = {
        "flux": spoiled(galaxies.flux, np.nextafter(galaxies.flux.flat[0], np.float32(np.inf))),
        "ivar": spoiled(galaxies.ivar, 0),
        "psf": galaxies.psf[:, :, ::-1] * np.float32(1.001),
        "survey": Survey("KiDS", gri.bands, 0.21),
    }
    for name, change in changes.items():
        assert Galaxies(**{**parts, name: change}) != galaxies, name
    assert galaxies != "galaxies"


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table["morphology"].mask.__setitem__(0, True),
        lambda table: table["redshift"].__setitem__(0, 0.11),
        lambda table: table.rename_column("r_half", "radius"),
        lambda table: table.replace_column("r_half", table["r_half"].value * u.deg),
        lambda table: table.remove_column("spiral"),
        lambda table: table.replace_column("spiral", table["spiral"].astype(int)),
    ],
)
def test_equality_sees_values_masks_units_and_types_of_the_table(galaxies, change):
    table = galaxies.to_table()
    change(table)
    assert galaxies.with_table(table) != galaxies


def test_what_hides_under_a_mask_makes_no_difference(galaxies):
    table = galaxies.to_table()
    table["redshift"].data.data[2] = 9.9
    assert galaxies.with_table(table) == galaxies


def test_galaxies_have_no_hash(galaxies):
    with pytest.raises(TypeError, match="unhashable"):
        hash(galaxies)


def test_an_attribute_is_nan_where_it_was_not_measured(galaxies):
    assert galaxies.attribute("mag_r") == pytest.approx([18.25, 19.5, 20.75, np.nan], nan_ok=True)
    assert galaxies.attribute("redshift") == pytest.approx([0.1, 0.2, np.nan, 0.4], nan_ok=True)
    assert galaxies.attribute("r_half") == pytest.approx([1.5, 0.75, 1, 2])
    assert np.isnan(galaxies.attribute("no_such_column")).all()


def test_bands_are_selected_in_every_part(galaxies):
    part = galaxies.select_bands(["i", "g"])
    assert part.survey.band_names == ("i", "g")
    assert np.array_equal(part.flux, galaxies.flux[:, [2, 0]])
    assert np.array_equal(part.ivar, galaxies.ivar[:, [2, 0]])
    assert np.array_equal(part.psf, galaxies.psf[:, [2, 0]])
    with pytest.raises(KeyError, match="survey KiDS has no band 'u'; it has g, r, i"):
        galaxies.select_bands("u")


def test_another_table_keeps_the_images(galaxies):
    other = galaxies.with_table({"a": [1, 2, 3, 4]})
    assert other.table.colnames == ["a"]
    assert np.array_equal(other.flux, galaxies.flux)
    assert "mag_r" in galaxies.table.colnames
    with pytest.raises(ValueError, match="the table has 1 rows but there are 4 images"):
        galaxies.with_table({"a": [1]})


def test_repr_says_how_many_of_what(gri, galaxies):
    assert repr(galaxies) == '<Galaxies: 4 of KiDS, bands g r i, 16 x 16 pixels of 0.2", 6 attributes>'
    assert repr(Galaxies(table={"z": [1]}, survey="SDSS")) == "<Galaxies: 1 of SDSS, no images, 1 attribute>"
    assert "no attributes" in repr(Galaxies(stamps(), survey=gri))


def test_html_shows_thumbnails_and_the_first_rows(gri, galaxies):
    page = galaxies._repr_html_()
    assert page.count('src="data:image/png;base64,') == 4
    assert "<td>E</td>" in page
    assert "<td>S0</td>" not in page  # masked
    assert "arcsec" in page
    many = Galaxies(stamps(100), table={"n": np.arange(100)}, survey=gri)._repr_html_()
    assert many.count("<img") == 12
    assert len(re.findall(r"<td>\d+</td>", many)) == 5
    assert "first 5 of 100" in many


def test_html_has_the_digits_that_a_person_reads_and_leaves_the_table_alone(gri):
    table = QTable({"mag_r": [20.123456789] * u.mag, "ra": [180.123456789] * u.deg, "x": [1234.56789], "own": [2 / 3], "id": [123456789]})
    table["sky"], table["own"].info.format = SkyCoord([10] * u.deg, [20] * u.deg), ".1f"
    galaxies = Galaxies(table=table, survey=gri)
    page = galaxies._repr_html_()
    for cell in ("20.123", "180.123457", "1234.6", "0.7", "123456789", "10.0,20.0"):
        assert f"<td>{cell}</td>" in page
    assert galaxies.table["mag_r"].info.format is None
    assert galaxies.table["mag_r"][0] == 20.123456789 * u.mag


def test_html_of_no_galaxies_is_empty_but_there(galaxies):
    assert "0 of KiDS" in galaxies[[]]._repr_html_()
    assert "<img" not in galaxies[[]]._repr_html_()


def test_names_and_words_are_never_live_html():
    live = '<img src=x onerror="alert(1)">'
    survey = Survey(live, (Band(live, 500, 1, 1), Band("r", 600, 1, 1), Band("i", 700, 1, 1)), 0.2)
    table = QTable({live: MaskedColumn([live, "x"], description=live), "bytes": np.array([live.encode()] * 2)})
    table["object"] = np.array([live, None], dtype=object)
    table.meta[live] = live
    page = Galaxies(stamps(), table=table, survey=survey)._repr_html_()
    assert page.count("<img") == 2  # the thumbnails
    assert all('src="data:image/png;base64,' in tag for tag in re.findall("<img[^>]*>", page))
    assert page.count("&lt;img") >= 4
