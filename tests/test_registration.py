"""Bands that lie a little off each other: how far, where, and that each galaxy's PSF knows it."""

import numpy as np
import pytest
import sep
from a_field import SURVEY, images, light, positions

import galwidget as gw
from galwidget.io.coadd import field_of
from galwidget.io.images import Image
from galwidget.io.registration import register, shifted
from galwidget.io.sources import find_sources

SHIFT = (0.3, -0.2)


def registration_of(pictures):
    read = {band: Image(flux.astype(np.float32), None, {}, np.nan) for band, flux in pictures.items()}
    field = field_of(read, {}, "r", SURVEY.pixel_scale)
    return register(field, find_sources(field, 1, range(2)), 1)


def centroid(plane):
    middle = float(len(plane) // 2)
    x, y, _ = sep.winpos(np.ascontiguousarray(plane, dtype=float), [middle], [middle], [2.0])
    return x[0] - middle, y[0] - middle


def test_a_band_that_is_moved_is_found_moved_everywhere():
    found = registration_of(images(shift=SHIFT))
    offsets = found.offsets(np.array([50.0, 200.0, 380.0]), np.array([60.0, 300.0, 100.0]))
    np.testing.assert_allclose(offsets[:, 0], np.tile(SHIFT, (3, 1)), atol=0.03)
    assert (offsets[:, 1] == 0).all()  # the reference lies on itself


def test_bands_that_agree_are_left_alone():
    offsets = registration_of(images()).offsets(np.array([60.0, 350.0]), np.array([60.0, 350.0]))
    np.testing.assert_allclose(offsets, 0, atol=0.03)


def test_a_distortion_is_followed_over_the_field():
    x, y, magnitude, sigma = positions()
    pictures = images()
    stretched = x + 0.4 * (x / 210 - 1)  # from -0.4 pixels on the left to 0.4 on the right
    noise = np.random.default_rng(0).normal(0, SURVEY["g"].sky_sigma, pictures["g"].shape)
    pictures["g"] = light(stretched, y, magnitude + 0.8, sigma, SURVEY["g"].psf_fwhm / SURVEY.pixel_scale) + noise
    found = registration_of(pictures).offsets(np.array([50.0, 210.0, 370.0]), np.full(3, 200.0))[:, 0, 0]
    np.testing.assert_allclose(found, 0.4 * (np.array([50, 210, 370]) / 210 - 1), atol=0.05)


def test_the_psf_of_a_galaxy_lies_where_its_light_lies():
    galaxies = gw.read_field(images(shift=SHIFT), survey="KiDS")
    assert galaxies.psf.ndim == 4
    one = galaxies.psfs[0]
    assert np.subtract(centroid(one[0]), centroid(one[1])) == pytest.approx(SHIFT, abs=0.05)


def test_moving_a_psf_keeps_its_light():
    psf = SURVEY.psf(25)
    moved = shifted(psf, np.array([[[0.25, 0.0], [0.0, -0.5]]]))
    assert moved.shape == (1, 2, 25, 25)
    np.testing.assert_allclose(moved.sum((-2, -1)), 1, rtol=1e-6)
    assert np.subtract(centroid(moved[0, 0]), centroid(psf[0])) == pytest.approx((0.25, 0), abs=0.02)
    assert np.subtract(centroid(moved[0, 1]), centroid(psf[1])) == pytest.approx((0, -0.5), abs=0.02)
