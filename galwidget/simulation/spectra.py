"""The colours of galaxies: observed SEDs of the Hubble types through the bands of a survey, at any redshift."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np
from astropy.io import fits

from galwidget.survey import Band

__all__ = ["TEMPLATES", "Photometry", "dimming", "distance_modulus", "kpc_per_arcsec", "volume_per_redshift"]

#: Spectral types, a number from 0 (E) to 3 (Im), and the share of each of kcorrect's five spectra (Blanton & Roweis 2007, AJ 133, 734) in
#: their light at rest-frame r: fits to the colours of SDSS galaxies of known redshift, a quarter of them, by g - r at rest, for each.
TEMPLATES = {
    "E": (0.22, 0.00, 0.02, 0.76, 0.00),
    "Sbc": (0.14, 0.01, 0.34, 0.41, 0.10),
    "Scd": (0.11, 0.02, 0.48, 0.18, 0.21),
    "Im": (0.04, 0.03, 0.31, 0.01, 0.61),
}
#: Redshifts of the tables; nothing brighter than 24th magnitude is missed beyond.
REDSHIFTS = np.linspace(0.0, 2.0, 401)

# GalSim's band passes; LSST's hold the atmosphere and the optics.
_PASSES = ("LSST_u", "LSST_g", "LSST_r", "LSST_i", "LSST_z", "LSST_y", "WFC3_ir_F105W", "WFC3_ir_F125W", "WFC3_ir_F160W")
# Bessell B and r of the rest frame: what luminosity functions and the size-luminosity relation are given in.
REST_B = Band("B", 440.0, 1.0, 1.0)
REST_R = Band("r", 622.0, 1.0, 1.0)
_DUST_SLOPE = -0.7
_DUST_WAVELENGTH = 550.0


@cache
def _templates() -> tuple[np.ndarray, np.ndarray]:
    """Wavelengths (nm) and photons a nm, (template, wavelength), each of rest-frame r magnitude 0."""
    with fits.open(files("galwidget.simulation") / "kcorrect.fits") as opened:
        columns = opened[1].data
        wavelength = np.array(columns["wavelength"], float)
        energy = np.array([columns[name] for name in columns.names[1:]], float)
    photons = energy * wavelength
    photons /= _through(photons, wavelength, REST_R, 0.0)[:, None]
    return wavelength, np.array(list(TEMPLATES.values())) @ photons


@cache
def _band_pass(band: Band) -> tuple[np.ndarray, np.ndarray]:
    """Wavelengths (nm) and throughput of the pass nearest to ``band``, stretched to the band's effective wavelength."""
    import galsim  # noqa: PLC0415 (heavy)

    passes = [galsim.Bandpass(f"{name}.dat", "nm") for name in _PASSES]
    nearest = min(passes, key=lambda candidate: abs(np.log(candidate.effective_wavelength / band.wavelength)))
    wavelength = np.linspace(nearest.blue_limit, nearest.red_limit, 120)
    return wavelength * (band.wavelength / nearest.effective_wavelength), nearest(wavelength)


def _through(spectra: np.ndarray, wavelength: np.ndarray, band: Band, redshift: float) -> np.ndarray:
    """Mean f_nu of ``spectra`` (template, wavelength), seen through ``band`` from ``redshift`` without the dimming of distance."""
    observed, throughput = _band_pass(band)
    light = np.array([np.interp(observed / (1 + redshift), wavelength, spectrum) for spectrum in spectra])
    # photons a nm are lambda f_lambda: the AB definition is int(f_nu T dnu/nu) / int(T dnu/nu) (Hogg et al. 2002, eq. 2, 13)
    return np.trapezoid(light * throughput, observed, axis=1) / np.trapezoid(throughput / observed, observed)


@cache
def _table(band: Band) -> np.ndarray:
    """Flux at 10 pc, of rest-frame r magnitude 0, for each template and redshift of the grid: (template, redshift)."""
    wavelength, spectra = _templates()
    return np.stack([_through(spectra, wavelength, band, redshift) for redshift in REDSHIFTS], axis=1)


class Photometry:
    """Synthetic photometry of the templates in the bands of a survey.

    GalSim ships LSST's band passes (and WFC3's in the infrared). Another survey's band is taken to be the nearest of those, stretched so
    that its effective wavelength is the band's own (`Band.wavelength`): right to a few hundredths of a magnitude for a smooth spectrum.

    Parameters
    ----------
    bands
        The bands, in order.
    """

    def __init__(self, bands: tuple[Band, ...]) -> None:
        self.bands = bands
        self._tables = np.stack([_table(Band(band.name, band.wavelength, 1.0, 1.0)) for band in bands])
        self._wavelengths = np.array([band.wavelength for band in bands])

    def flux(self, kind: np.ndarray, redshift: np.ndarray, dust: np.ndarray | float = 0.0) -> np.ndarray:
        """Flux at 10 pc relative to a source of AB magnitude 0, of a source whose rest-frame r magnitude before dust is 0.

        Parameters
        ----------
        kind
            Spectral type, 0 (E) to 3 (Im), between templates interpolated, shape (n,).
        redshift
            Shape (n,).
        dust
            V-band attenuation in mag relative to the template's own, of slope lambda^-0.7 (Charlot & Fall 2000); may be negative.

        Returns
        -------
        numpy.ndarray
            Shape (n, band).
        """
        kind = np.clip(kind, 0, len(TEMPLATES) - 1)
        lower = np.minimum(kind.astype(int), len(TEMPLATES) - 2)
        share = (kind - lower)[:, None]
        place = np.interp(redshift, REDSHIFTS, np.arange(len(REDSHIFTS)))
        cell = np.minimum(place.astype(int), len(REDSHIFTS) - 2)
        far = (place - cell)[:, None]

        def template(index: np.ndarray) -> np.ndarray:
            return (1 - far) * self._tables[:, index, cell].T + far * self._tables[:, index, cell + 1].T

        mixed = (1 - share) * template(lower) + share * template(lower + 1)
        rest = self._wavelengths / (1 + redshift)[:, None]
        attenuation = np.broadcast_to(dust, redshift.shape)[:, None] * (rest / _DUST_WAVELENGTH) ** _DUST_SLOPE
        return mixed * 10 ** (-0.4 * attenuation)


@cache
def _cosmology() -> tuple[np.ndarray, ...]:
    from astropy.cosmology import Planck18  # noqa: PLC0415 (slow to import)

    redshift = REDSHIFTS[1:]
    modulus = Planck18.distmod(redshift).value
    scale = 1 / Planck18.arcsec_per_kpc_proper(redshift).value
    volume = Planck18.differential_comoving_volume(redshift).value * (np.pi / 180) ** 2
    return redshift, modulus, scale, volume


def distance_modulus(redshift: np.ndarray) -> np.ndarray:
    """Distance modulus in mag (Planck 2018 cosmology)."""
    grid, modulus, _, _ = _cosmology()
    return np.interp(np.log(redshift), np.log(grid), modulus)


def dimming(redshift: np.ndarray) -> np.ndarray:
    """Factor from a flux at 10 pc to the observed one, beside the K-correction that `Photometry` holds."""
    return 10 ** (-0.4 * distance_modulus(redshift))


def kpc_per_arcsec(redshift: np.ndarray) -> np.ndarray:
    """Proper kpc in an arcsec."""
    grid, _, scale, _ = _cosmology()
    return np.interp(redshift, grid, scale)


def volume_per_redshift(redshift: np.ndarray) -> np.ndarray:
    """Comoving Mpc3 in a square degree and unit redshift."""
    grid, _, _, volume = _cosmology()
    return np.interp(redshift, grid, volume)
