"""What several test files share: a small survey, a few seeded galaxies, the folder of real data."""

import os
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, QTable
from astropy.utils.masked import Masked

from galwidget import Galaxies, Survey, read_field


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real survey data, or a skip that says how to have it."""
    folder = os.environ.get("GALWIDGET_DATA")
    if not folder:
        pytest.skip("GALWIDGET_DATA is not set: no real survey data")
    return Path(folder)


@pytest.fixture(scope="session")
def gri() -> Survey:
    return Survey.named("KiDS").select(["g", "r", "i"])


@pytest.fixture
def galaxies(gri: Survey) -> Galaxies:
    """Four galaxies with every part: masked pixels, a PSF each, attributes with units, masks and words."""
    rng = np.random.default_rng(1)
    flux = rng.normal(100, 16, (4, 3, 16, 16))
    ivar = rng.uniform(0.002, 0.006, flux.shape)
    ivar[1, :, 4:7, 4:7] = 0
    psf = np.stack([gri.psf(11)] * 4)
    table = QTable(
        {
            "mag_r": Masked([18.25, 19.5, 20.75, np.nan], mask=[False, False, False, True]) * u.mag,
            "r_half": np.array([1.5, 0.75, 1.0, 2.0]) * u.arcsec,
            "redshift": MaskedColumn([0.1, 0.2, 0.0, 0.4], mask=[False, False, True, False]),
            "morphology": MaskedColumn(["E", "S0", "Sb", "Im"], mask=[False, True, False, False]),
            "identifier": np.array([7, 11, 13, 2**40 + 1]),
            "spiral": np.array([False, False, True, False]),
        }
    )
    return Galaxies(flux, ivar, psf, table, survey=gri)


@pytest.fixture(scope="session")
def kids_images(data: Path) -> dict[str, Path]:
    return {band: data / "kids" / f"{band}.fits.fz" for band in "ugriZ"}


@pytest.fixture(scope="session")
def kids_galaxies(kids_images: dict[str, Path]) -> Galaxies:
    return read_field(kids_images, survey="KiDS")


@pytest.fixture(scope="session")
def sdss_images(data: Path) -> dict[str, Path]:
    return {band: data / "sdss_stripe82" / f"fpC-004192-{band}4-0300.fit.gz" for band in "ugriz"}


@pytest.fixture(scope="session")
def sdss_galaxies(sdss_images: dict[str, Path]) -> Galaxies:
    return read_field(sdss_images, survey="SDSS", signal_to_noise=5)
