"""The real fields of GALWIDGET_DATA: KiDS, and a frame of SDSS."""

import numpy as np
import pytest
import sep

from galwidget.io.coadd import field_of
from galwidget.io.images import read_image
from galwidget.io.psf import half_light_radius, spread, stack_stars
from galwidget.io.sources import find_sources, is_star, stellar_locus
from galwidget.survey import nanojansky_to_magnitude


@pytest.fixture(scope="module")
def kids_field(kids_images):
    return field_of({band: read_image(path, band) for band, path in kids_images.items()}, {}, "r", 0.2)


@pytest.fixture(scope="module")
def kids_sources(kids_field):
    return find_sources(kids_field, 2, range(5))


@pytest.fixture(scope="module")
def sdss_star_magnitudes(sdss_images):
    """AB magnitudes (star, band u g r i z) of bright unblended stars in circular apertures of 3.2 arcsec radius."""
    field = field_of({band: read_image(path, band) for band, path in sdss_images.items()}, {}, "r", 0.396)
    sources = find_sources(field, 2, range(5))
    stars = stellar_locus(sources)
    psf = stack_stars(field, sources, stars)
    star = is_star(sources, spread(field, sources, psf, 2)[0], stars) & (sources.catalogue["flag"] == 0)
    star &= (sources.flux > 10 ** (0.4 * (31.4 - 20))) & (sources.flux < 10 ** (0.4 * (31.4 - 15)))
    x, y = sources.catalogue["x"][star], sources.catalogue["y"][star]
    return np.stack([nanojansky_to_magnitude(sep.sum_circle(plane, x, y, 8.0)[0]) for plane in field.flux], axis=1)


def test_kids_field_holds_the_galaxies_that_counts_promise(kids_galaxies):
    # 52.6 arcmin2 with a cluster in it. Plain sep on r finds 480 sources at r < 22, of which 92 are as small as stars,
    # and of the others 60 more than elsewhere lie on the chip gap
    bright = kids_galaxies.attribute("mag_r") < 22
    assert 240 <= bright.sum() <= 330
    assert len(kids_galaxies) >= 500


def test_kids_galaxies_do_not_crowd_on_the_chip_gap(kids_galaxies):
    x = kids_galaxies.attribute("x")
    assert np.sum((x > 780) & (x < 880)) < 2.0 * len(x) * 100 / 1820


def test_kids_psf_has_the_half_light_radius_of_the_stars(kids_galaxies, kids_sources):
    stars = stellar_locus(kids_sources)
    assert len(stars) >= 25
    assert half_light_radius(kids_galaxies.psf[0, 2]) == pytest.approx(np.median(kids_sources.r_half[stars]), rel=0.03)
    assert kids_galaxies.psf.shape[-1] <= 25


def test_kids_magnitudes_are_those_of_plain_sep_apertures(kids_galaxies, kids_images):
    """Kron ellipses that sep finds by itself on the r image, in every band: nothing of ours but the file's pixels."""
    images = {band: read_image(path, band).flux for band, path in kids_images.items()}
    images = {band: image - sep.Background(image, bw=128, bh=128).back() for band, image in images.items()}
    stack = sep.get_extract_pixstack()
    sep.set_extract_pixstack(5_000_000)
    plain, segments = sep.extract(images["r"], 1.5, err=sep.Background(images["r"]).globalrms, minarea=5, segmentation_map=True)
    sep.set_extract_pixstack(stack)
    bright = np.flatnonzero(kids_galaxies.attribute("mag_r") < 22)
    x, y = kids_galaxies.attribute("x")[bright], kids_galaxies.attribute("y")[bright]
    distance = np.hypot(plain["x"] - x[:, None], plain["y"] - y[:, None])
    match, same = distance.argmin(axis=1), distance.min(axis=1) < 1
    assert same.mean() > 0.8
    ellipse = [plain[name][match[same]] for name in ("x", "y", "a", "b")]
    ellipse.append(np.clip(plain["theta"][match[same]], -np.pi / 2, np.pi / 2))
    own = {"seg_id": (match[same] + 1).astype(np.int32), "segmap": segments}
    kron, _ = sep.kron_radius(images["r"], *ellipse, 6.0, **own)
    for band, image in images.items():
        flux = sep.sum_ellipse(image, *ellipse, np.maximum(2.5 * kron, 3.5), **own)[0]
        difference = kids_galaxies.attribute(f"mag_{band}")[bright][same] - nanojansky_to_magnitude(flux)
        assert abs(np.nanmedian(difference)) < 0.03, band


def test_kids_noise_is_what_ivar_says(kids_field, kids_sources):
    sky = kids_sources.segments == 0
    for flux, ivar in zip(kids_field.flux, kids_field.ivar, strict=True):
        scaled = (flux * np.sqrt(ivar))[sky & (ivar > 0)]
        assert 1.4826 * np.median(np.abs(scaled)) == pytest.approx(1, abs=0.03)


def test_kids_galaxies_are_no_stars(kids_galaxies):
    bright = kids_galaxies.attribute("mag_r") < 21
    stellar = half_light_radius(kids_galaxies.psf[0, 2]) * 0.2
    assert np.mean(kids_galaxies.attribute("r_half")[bright] < 1.1 * stellar) < 0.02


def test_sdss_frame_holds_the_galaxies_that_counts_promise(sdss_galaxies):
    # 223 sources at r < 21 in 132 arcmin2, of which 100 are stars
    bright = sdss_galaxies.attribute("mag_r") < 21
    assert 90 <= bright.sum() <= 150
    assert np.isfinite(sdss_galaxies.attribute("g_r")[bright]).mean() > 0.95


def test_sdss_stars_lie_on_the_published_locus(sdss_star_magnitudes):
    """Principal colours of the locus and their ranges: Ivezic et al. 2004 (AN 325, 583), table 1; zero for stars in AB magnitudes."""
    u, g, r, i, z = sdss_star_magnitudes.T
    s, along_s = -0.249 * u + 0.794 * g - 0.555 * r + 0.234, 0.910 * u - 0.495 * g - 0.415 * r - 1.280
    w, along_w = -0.227 * g + 0.792 * r - 0.567 * i + 0.050, 0.928 * g - 0.556 * r - 0.372 * i - 0.425
    x, along_x = 0.707 * g - 0.707 * r - 0.988, r - i
    y, along_y = -0.270 * r + 0.800 * i - 0.534 * z + 0.054, 0.895 * r - 0.448 * i - 0.447 * z - 0.600
    for name, value, along, low, high in (
        ("s", s, along_s, -0.2, 0.8),
        ("w", w, along_w, -0.2, 0.6),
        ("x", x, along_x, 0.8, 1.6),
        ("y", y, along_y, 0.1, 1.2),
    ):
        inside = (along > low) & (along < high)
        assert inside.sum() >= 5, name
        assert abs(np.nanmedian(value[inside])) < 0.1, name


def test_sdss_stars_follow_the_locus_in_g_r_against_r_i(sdss_star_magnitudes):
    """Juric et al. 2008 (ApJ 673, 864), equation 4."""
    _, g, r, i, _ = sdss_star_magnitudes.T
    c = r - i
    locus = 1.39 * (1 - np.exp(-4.9 * c**3 - 2.45 * c**2 - 1.68 * c - 0.050))
    inside = (c > 0.05) & (c < 1.5)
    assert abs(np.median((g - r - locus)[inside])) < 0.1
