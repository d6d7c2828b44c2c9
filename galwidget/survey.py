"""What a telescope does to a galaxy: bands, pixel scale, PSF and noise of a survey."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

import numpy as np

__all__ = ["NANOJANSKY_ZERO_POINT", "Band", "Survey", "magnitude_to_nanojansky", "nanojansky_to_magnitude"]

#: AB magnitude of a source of 1 nJy.
NANOJANSKY_ZERO_POINT = 31.4

_MOFFAT_BETA = 3.0


def magnitude_to_nanojansky(magnitude: Any) -> Any:
    """Flux in nJy of an AB magnitude, ``f = 10**((31.4 - m) / 2.5)``."""
    return 10.0 ** ((NANOJANSKY_ZERO_POINT - np.asarray(magnitude, dtype=float)) / 2.5)


def nanojansky_to_magnitude(flux: Any) -> Any:
    """AB magnitude of a flux in nJy; NaN where the flux is not positive."""
    flux = np.asarray(flux, dtype=float)
    return NANOJANSKY_ZERO_POINT - 2.5 * np.log10(np.where(flux > 0, flux, np.nan))


@dataclass(frozen=True)
class Band:
    """One filter of a survey, and what its coadd looks like.

    Parameters
    ----------
    name
        The band's name, as in the survey's papers (case matters: VIKING's ``Z`` is not SDSS's ``z``).
    wavelength
        Effective wavelength in nm.
    psf_fwhm
        Full width at half maximum of the PSF in arcsec.
    sky_sigma
        Standard deviation of the sky noise in nJy a pixel.
    gain
        Detected electrons per nJy: a source of flux f adds a variance f / gain (nJy2). ``inf`` for no shot noise.
    """

    name: str
    wavelength: float
    psf_fwhm: float
    sky_sigma: float
    gain: float = math.inf


@dataclass(frozen=True)
class Survey:
    """A survey as a galaxy sees it: the last steps between its light and the pixels.

    Parameters
    ----------
    name
        The survey's name.
    bands
        Its bands, in the order of the image axis ``band``.
    pixel_scale
        Side of a pixel in arcsec.

    Examples
    --------
    >>> kids = Survey.named("KiDS").select(["g", "r", "i"])
    >>> kids.band_names
    ('g', 'r', 'i')
    >>> kids.psf().shape
    (3, 23, 23)
    """

    name: str
    bands: tuple[Band, ...]
    pixel_scale: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "bands", tuple(self.bands))
        if not self.bands:
            raise ValueError(f"survey {self.name!r} has no bands; give at least one Band")
        if not all(isinstance(band, Band) for band in self.bands):
            raise TypeError(f"bands of survey {self.name!r} are {self.bands}; each must be a Band, or take some of a preset with select")
        names = self.band_names
        if len(set(names)) != len(names):
            raise ValueError(f"survey {self.name!r} names a band twice: {', '.join(names)}; band names must differ")
        if not self.pixel_scale > 0:
            raise ValueError(f"pixel_scale is {self.pixel_scale}; give the side of a pixel in arcsec, above 0")
        for band in self.bands:
            for quantity in ("wavelength", "psf_fwhm", "sky_sigma", "gain"):
                value = getattr(band, quantity)
                if not value > 0 or (math.isinf(value) and quantity != "gain"):
                    raise ValueError(f"band {band.name!r} has {quantity} {value}; it must be above 0 and finite")

    @property
    def band_names(self) -> tuple[str, ...]:
        """Names of the bands, in order."""
        return tuple(band.name for band in self.bands)

    @property
    def sky_sigma(self) -> np.ndarray:
        """Sky noise of each band in nJy a pixel, shape (band,)."""
        return np.array([band.sky_sigma for band in self.bands])

    @property
    def gain(self) -> np.ndarray:
        """Electrons per nJy of each band, shape (band,)."""
        return np.array([band.gain for band in self.bands])

    def __getitem__(self, name: str) -> Band:
        return self.bands[self.index(name)]

    def index(self, name: str) -> int:
        """Position of band ``name`` on the image axis ``band``.

        Raises
        ------
        KeyError
            The survey has no such band.
        """
        if name not in self.band_names:
            raise KeyError(f"survey {self.name} has no band {name!r}; it has {', '.join(self.band_names)}")
        return self.band_names.index(name)

    def select(self, names: Iterable[str]) -> Survey:
        """The same survey with only the bands ``names``, in that order."""
        return replace(self, bands=tuple(self[name] for name in names))

    def psf(self, size: int | None = None) -> np.ndarray:
        """PSF of each band, a circular Moffat profile (beta = 3) of the band's FWHM, of unit sum.

        Parameters
        ----------
        size
            Side in pixels, odd; default: five times the widest FWHM, 25 at most.

        Returns
        -------
        numpy.ndarray
            Shape (band, size, size), float32, each band of unit sum.
        """
        fwhm = np.array([band.psf_fwhm for band in self.bands]) / self.pixel_scale
        if size is None:
            size = min(2 * int(np.ceil(2.5 * fwhm.max())) + 1, 25)
        if size < 1 or size % 2 == 0:
            raise ValueError(f"PSF size is {size}; it must be above 0 and odd, so that the PSF has a central pixel")
        half, oversampling = size // 2, 5
        fine = (np.arange(size * oversampling) + 0.5) / oversampling - 0.5 - half
        radius2 = fine[:, None] ** 2 + fine[None, :] ** 2
        core = fwhm / (2 * np.sqrt(2 ** (1 / _MOFFAT_BETA) - 1))
        profile = (1 + radius2 / core[:, None, None] ** 2) ** -_MOFFAT_BETA
        psf = profile.reshape(-1, size, oversampling, size, oversampling).mean(axis=(2, 4))
        return (psf / psf.sum(axis=(1, 2), keepdims=True)).astype(np.float32)

    def to_dict(self) -> dict[str, Any]:
        """The survey as plain numbers and strings, for JSON and FITS headers (no shot noise is written as ``None``)."""
        described = asdict(self)
        for band in described["bands"]:
            band["gain"] = band["gain"] if math.isfinite(band["gain"]) else None
        return described

    @classmethod
    def from_dict(cls, described: dict[str, Any]) -> Survey:
        """The survey that `to_dict` described."""
        try:
            bands = tuple(Band(**{**band, "gain": band.get("gain") or math.inf}) for band in described["bands"])
            return cls(name=described["name"], bands=bands, pixel_scale=described["pixel_scale"])
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"not a description of a survey: {error}; expected name, pixel_scale and bands, as to_dict gives") from error

    @classmethod
    def named(cls, survey: str | Survey) -> Survey:
        """A preset survey: KiDS, DES, LSST, SDSS, HSC or Euclid_VIS (a `Survey` is returned as it is).

        KiDS (with VIKING's infrared bands) is described here; the others, and a few more, come from `surveycodex`.

        Raises
        ------
        ValueError
            There is no preset of that name.
        TypeError
            Neither a name nor a survey.
        """
        if isinstance(survey, Survey):
            return survey
        if not isinstance(survey, str):
            raise TypeError(f"survey is {survey!r}; give a Survey, or the name of a preset: {', '.join(Survey.presets())}")
        return _preset(survey)

    @staticmethod
    def presets() -> tuple[str, ...]:
        """Names that `Survey.named` knows."""
        from surveycodex import get_survey  # noqa: F401, PLC0415 (surveycodex imports astropy.units: not at import)
        from surveycodex.helpers import available_surveys  # noqa: PLC0415

        return ("KiDS", *sorted(str(name) for name in available_surveys))


# KiDS and VIKING. Wavelengths and seeing: Kuijken et al. 2019 (arXiv 1902.11265), Wright et al. 2019 (arXiv 1812.06077).
# Noise: median absolute deviation of a coadded field resampled to 0.2". Gain: dark sky at Paranal over the sky variance that
# the papers' limiting magnitudes (5 sigma in 2") imply.
_KIDS_PIXEL = 0.2
_KIDS = (
    # name, wavelength (nm), FWHM (arcsec), sky noise (nJy), gain (electrons/nJy)
    Band("u", 355.1, 1.00, 29.6, 0.36),
    Band("g", 477.5, 0.88, 14.4, 3.6),
    Band("r", 623.0, 0.70, 16.0, 7.5),
    Band("i", 762.5, 0.80, 32.6, 1.45),
    Band("Z", 880.2, 0.90, 24.6, 4.2),
    Band("Y", 1022.4, 0.90, 43.7, 3.3),
    Band("J", 1254.6, 0.87, 53.4, 6.7),
    Band("H", 1646.9, 0.88, 131.0, 4.1),
    Band("Ks", 2148.4, 0.85, 168.0, 2.5),
)
_ALIASES = {"euclid": "Euclid_VIS", "euclidvis": "Euclid_VIS", "lsst10": "LSST", "decam": "DES"}


@cache
def _preset(name: str) -> Survey:
    from surveycodex import get_survey  # noqa: PLC0415 (surveycodex imports astropy.units: not at import)

    key = "".join(character for character in name.lower() if character.isalnum())
    if key == "kids":
        return Survey("KiDS", _KIDS, _KIDS_PIXEL)
    known = {"".join(c for c in preset.lower() if c.isalnum()): preset for preset in Survey.presets()}
    if key not in known and key not in _ALIASES:
        raise ValueError(
            f"no survey is named {name!r}; presets are {', '.join(Survey.presets())}, or describe yours: Survey(name, bands, pixel_scale)"
        )
    codex = get_survey(known.get(key) or _ALIASES[key])
    pixel_scale = float(codex.pixel_scale.to_value("arcsec"))
    bands = []
    for band_name in codex.available_filters:
        band = codex.get_filter(band_name)
        # electrons of a 1 nJy source over the survey, and of the sky in a pixel (zero point: the magnitude of 1 electron/s)
        zero_point, exposure = band.zeropoint.value, band.full_exposure_time.to_value("s")
        gain = exposure * 10 ** (0.4 * (zero_point - NANOJANSKY_ZERO_POINT))
        sky = exposure * 10 ** (0.4 * (zero_point - band.sky_brightness.value)) * pixel_scale**2
        wavelength, fwhm = band.effective_wavelength.to_value("nm"), band.psf_fwhm.to_value("arcsec")
        bands.append(Band(band_name, float(wavelength), float(fwhm), math.sqrt(sky) / float(gain), float(gain)))
    return Survey(known.get(key) or _ALIASES[key], tuple(bands), pixel_scale)
