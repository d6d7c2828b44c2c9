"""A simulated field becomes the galaxies that were put in."""

import numpy as np
import pytest
from a_field import COLOUR, SURVEY, images, positions
from astropy.io import fits
from astropy.wcs import WCS

import galwidget
from galwidget.io.coadd import field_of
from galwidget.io.images import read_image


@pytest.fixture(scope="module")
def pictures():
    return images()


@pytest.fixture(scope="module")
def found(pictures):
    return galwidget.read_field(pictures, survey="KiDS", stamp=48)


def matched(galaxies, seed=5):
    """Index of the galaxy put in that each found one is, and the distance in pixels."""
    x, y, magnitude, sigma = positions(seed)
    distance = np.hypot(galaxies.attribute("x")[:, None] - x, galaxies.attribute("y")[:, None] - y)
    nearest = distance.argmin(axis=1)
    return nearest, distance.min(axis=1), magnitude[nearest], sigma[nearest]


def header(shift=(0.0, 0.0), scale=0.2):
    wcs = WCS(naxis=2)
    wcs.wcs.crpix = [200 + shift[0], 200 + shift[1]]
    wcs.wcs.cdelt = [-scale / 3600, scale / 3600]
    wcs.wcs.crval = [150, 2]
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    return wcs.to_header()


def test_every_galaxy_is_found_and_no_star(found):
    _, _, _, sigma = positions()
    nearest, distance, _, width = matched(found)
    assert distance.max() < 1
    assert len(set(nearest)) == len(found) == np.sum(sigma > 0)
    assert (width > 0).all()


def test_magnitudes_and_colours_are_those_put_in(found):
    _, _, magnitude, _ = matched(found)
    assert np.abs(np.median(found.attribute("mag_r") - magnitude)) < 0.03
    assert np.median(found.attribute("mag_g") - found.attribute("mag_r")) == pytest.approx(COLOUR, abs=0.03)


def test_bands_come_in_the_survey_s_order(pictures, found):
    other = galwidget.read_field({"r": pictures["r"], "g": pictures["g"]}, survey="KiDS", stamp=48)
    assert other.survey == SURVEY
    assert other == found


def test_stamps_are_centred_within_half_a_pixel(found):
    good = found.ivar[:, 1] > 0
    flux = np.where(good, found.flux[:, 1], 0)[:, 12:36, 12:36]
    offset = np.arange(24) - 11.5
    light = flux.sum(axis=(1, 2))
    for axis in (1, 2):
        centre = (flux.sum(axis=3 - axis) * offset).sum(axis=1) / light
        assert np.abs(centre).max() < 0.9


def test_noise_is_what_ivar_says(found):
    sky = np.zeros((48, 48), dtype=bool)
    sky[:4], sky[-4:], sky[:, :4], sky[:, -4:] = True, True, True, True
    for band in range(2):
        good = (found.ivar[:, band] > 0) & sky
        assert np.std((found.flux[:, band] * np.sqrt(found.ivar[:, band]))[good]) == pytest.approx(1, abs=0.04)


def test_bright_core_has_its_shot_noise(found):
    _, _, magnitude, _ = matched(found)
    brightest = int(np.argmin(magnitude))
    core, sky = found.ivar[brightest, 1, 23, 23], found.ivar[brightest, 1, 2, 2]
    expected = SURVEY["r"].sky_sigma ** 2 + found.flux[brightest, 1, 22:26, 22:26].mean() / SURVEY["r"].gain
    assert 1 / core == pytest.approx(expected, rel=0.15)
    assert sky > 1.5 * core


def test_psf_is_the_stars(found):
    from galwidget.io.psf import half_light_radius

    for band, plane in zip(SURVEY.bands, found.psfs[0], strict=True):
        assert plane.sum() == pytest.approx(1, abs=1e-5)
        assert plane.argmax() == plane.size // 2
        assert half_light_radius(plane) == pytest.approx(band.psf_fwhm / 0.2 / 2, rel=0.04)


def test_given_psf_is_used(pictures):
    galaxies = galwidget.read_field(pictures, survey="KiDS", psf=SURVEY.psf(15), stamp=48)
    given = SURVEY.psf(15)
    assert galaxies.psfs[0].shape == given.shape
    np.testing.assert_allclose(galaxies.psfs, np.broadcast_to(given, galaxies.psfs.shape), atol=0.02 * given.max())


def test_neighbours_are_masked_and_the_galaxy_is_not(pictures):
    crowded = galwidget.read_field(pictures, survey="KiDS", stamp=160)
    x, y, _, _ = positions()
    for galaxy in crowded:
        column, row = galaxy.attribute("x")[0], galaxy.attribute("y")[0]
        left, bottom = round(column) - 79.5, round(row) - 79.5
        others = (np.hypot(x - column, y - row) > 5) & (np.abs(x - column) < 70) & (np.abs(y - row) < 70)
        for other_x, other_y in zip(x[others], y[others], strict=True):
            assert galaxy.ivar[0, 1, round(other_y - bottom - 0.5), round(other_x - left - 0.5)] == 0
        assert (galaxy.ivar[0, :, 77:83, 77:83] > 0).all()


def test_what_is_left_out_is_counted_by_reason(pictures):
    galaxies = galwidget.read_field(pictures, survey="KiDS", stamp=48, mag_limit=19.5)
    _, _, magnitude, sigma = positions()
    dropped = galaxies.table.meta["dropped"]
    assert galaxies.attribute("mag_r").max() < 19.55
    assert dropped["fainter than 19.5 mag"] >= np.sum(magnitude > 19.6)
    assert dropped["stars"] >= np.sum((sigma == 0) & (magnitude < 19.4))


def test_units_of_flux_are_converted(pictures, found, tmp_path):
    paths = {}
    for band, (unit, factor) in zip(pictures, (("nanomaggy", 3630.78), ("uJy", 1000.0)), strict=True):
        paths[band] = tmp_path / f"{band}.fits"
        fits.writeto(paths[band], (pictures[band] / factor).astype(np.float32), fits.Header({"BUNIT": unit}))
    galaxies = galwidget.read_field(paths, survey="KiDS", stamp=48)
    assert galaxies.attribute("mag_r") == pytest.approx(found.attribute("mag_r"), abs=1e-3)
    assert galaxies.attribute("mag_g") == pytest.approx(found.attribute("mag_g"), abs=1e-3)


@pytest.mark.parametrize("key", ["argument", "MAGZERO", "FLUXMAG0"])
def test_counts_are_converted_by_their_zero_point(pictures, found, key):
    counts = {band: plane * 10 ** (-0.4 * (31.4 - 27)) for band, plane in pictures.items()}
    value = {"MAGZERO": 27.0, "FLUXMAG0": 10 ** (0.4 * 27)}.get(key)
    if key != "argument":
        counts = {band: fits.ImageHDU(plane, fits.Header({"BUNIT": "adu", key: value})) for band, plane in counts.items()}
    galaxies = galwidget.read_field(counts, survey="KiDS", stamp=48, zero_point=27.0 if key == "argument" else None)
    assert galaxies.attribute("mag_r") == pytest.approx(found.attribute("mag_r"), abs=1e-3)


def test_compressed_and_zipped_files_are_read_alike(pictures, tmp_path):
    plane = np.round(pictures["r"]).astype(np.float32)
    fits.writeto(tmp_path / "r.fits.gz", plane, fits.Header({"BUNIT": "nJy"}))
    tiles = fits.CompImageHDU(plane, fits.Header({"BUNIT": "nJy"}), compression_type="GZIP_2", quantize_level=0)
    fits.HDUList([fits.PrimaryHDU(), tiles]).writeto(tmp_path / "r.fits.fz")
    for name in ("r.fits.gz", "r.fits.fz"):
        assert np.array_equal(read_image(tmp_path / name, "r").flux, plane)


def test_sdss_frames_lose_their_soft_bias():
    frame = fits.ImageHDU(np.full((4, 4), 1100.0), fits.Header({"BUNIT": "DNs", "SOFTBIAS": 1000, "FLUX20": 2000.0}))
    expected = 100 / 2000 * 10 ** (0.4 * (31.4 - 20))
    assert read_image(frame, "r").flux == pytest.approx(expected, rel=1e-6)


def test_weight_maps_of_any_scale_give_the_noise_and_mask_bad_pixels(pictures):
    weights = {band: np.full(plane.shape, 7.0) for band, plane in pictures.items()}
    weights["r"][:, 100:103] = 0
    galaxies = galwidget.read_field(pictures, survey="KiDS", weights=weights, stamp=48)
    sky = np.median(galaxies.ivar[:, 1][galaxies.ivar[:, 1] > 0])
    assert 1 / np.sqrt(sky) == pytest.approx(SURVEY["r"].sky_sigma, rel=0.04)
    assert ((galaxies.ivar[:, 1] == 0) & (galaxies.ivar[:, 0] > 0)).any()


def test_bands_with_another_wcs_are_aligned_and_keep_their_noise():
    shift = (3.4, -5.7)
    moved = images(shift=shift)
    hdus = {"g": fits.ImageHDU(moved["g"], header(shift)), "r": fits.ImageHDU(moved["r"], header())}
    for hdu in hdus.values():
        hdu.header["BUNIT"] = "nJy"
    galaxies = galwidget.read_field(hdus, survey="KiDS", stamp=48)
    assert np.median(galaxies.attribute("g_r")) == pytest.approx(COLOUR, abs=0.05)
    sigma = SURVEY["g"].sky_sigma
    assert 1 / np.sqrt(np.median(galaxies.ivar[:, 0])) == pytest.approx(sigma, rel=0.05)
    read = {band: read_image(hdu, band) for band, hdu in hdus.items()}
    field = field_of(read, {}, "r", 0.2)
    x, y, _, _ = positions()
    rows, columns = np.indices(field.flux.shape[1:])
    empty = np.all([np.hypot(columns - a, rows - b) > 24 for a, b in zip(x, y, strict=True)], axis=0) & (field.ivar[0] > 0)
    blocks = np.where(empty, field.flux[0], np.nan)[:416, :416].reshape(52, 8, 52, 8).sum(axis=(1, 3))
    assert np.nanstd(blocks) / 8 == pytest.approx(sigma, rel=0.1)


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_field_on_the_sky_knows_where_its_galaxies_are_and_which_way_is_north(pictures, mirrored):
    turn = np.radians(30)
    wcs = WCS(header())
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    wcs.wcs.pc = matrix @ np.diag([-1, 1]) if mirrored else matrix
    hdus = {band: fits.ImageHDU(plane, wcs.to_header()) for band, plane in pictures.items()}
    for hdu in hdus.values():
        hdu.header["BUNIT"] = "nJy"
    galaxies = galwidget.read_field(hdus, survey="KiDS", stamp=48)
    x, y = (galaxies.attribute(axis) for axis in "xy")
    table = galaxies.table
    np.testing.assert_allclose([table["ra"].value, table["dec"].value], wcs.pixel_to_world_values(x, y), atol=1e-9)
    # a walk of a pixel along the arrows, in pixels from the FITS matrix alone: north raises the declination, east the right ascension
    for name, sky in (("north_angle", (0, 1)), ("east_angle", (1, 0))):
        angle = np.radians(table[name].value)
        walked = np.stack([-np.sin(angle), np.cos(angle)])
        moved = (np.diag([-1, 1]) * wcs.wcs.cdelt[1]) @ wcs.wcs.pc @ walked * 3600 / 0.2
        np.testing.assert_allclose(moved, np.broadcast_to(np.array(sky)[:, None], moved.shape), atol=2e-3)


def test_a_field_without_a_wcs_says_nothing_of_the_sky(found):
    assert not {"ra", "dec", "north_angle", "east_angle"} & set(found.table.colnames)


def test_dead_columns_and_gaps_are_no_sources(pictures):
    striped = {band: plane.copy() for band, plane in pictures.items()}
    for band, plane in striped.items():
        plane[:, 105:125] += np.linspace(0, 1.2, 20) * SURVEY[band].sky_sigma
    galaxies = galwidget.read_field(striped, survey="KiDS", stamp=48)
    nearest, distance, _, _ = matched(galaxies)
    assert distance.max() < 1
    assert len(set(nearest)) == len(galaxies)


def test_survey_is_described_from_the_images(pictures):
    hdus = {band: fits.ImageHDU(plane, header()) for band, plane in pictures.items()}
    for hdu in hdus.values():
        hdu.header["BUNIT"], hdu.header["TELESCOP"] = "nJy", "VST"
    galaxies = galwidget.read_field(hdus, stamp=48)
    assert galaxies.survey.name == "VST"
    assert galaxies.survey.pixel_scale == pytest.approx(0.2)
    assert galaxies.survey["r"].sky_sigma == pytest.approx(SURVEY["r"].sky_sigma, rel=0.05)
    assert galaxies.survey["g"].psf_fwhm == pytest.approx(SURVEY["g"].psf_fwhm, rel=0.25)


def test_sources_too_faint_to_detect_are_noise(pictures, found):
    rng = np.random.default_rng(3)
    sigma = {band: 1.4826 * np.median(np.abs(plane - np.median(plane))) for band, plane in pictures.items()}
    speckled = {band: plane + 4 * sigma[band] * (rng.random(plane.shape) < 0.01) for band, plane in pictures.items()}
    crowded = galwidget.read_field(speckled, survey="KiDS", stamp=48)
    ratio = np.median(crowded.ivar[:, 1]) / np.median(found.ivar[:, 1])
    assert ratio == pytest.approx(1 / (1 + 0.01 * 0.99 * 16), abs=0.04)  # the variance of one pixel in a hundred, 4 sigma high
