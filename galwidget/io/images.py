"""One band's image of a field: any FITS image, array or HDU, as a plane of nJy with its WCS."""

from __future__ import annotations

import math
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning
from astropy.wcs import WCS, FITSFixedWarning

from galwidget.survey import NANOJANSKY_ZERO_POINT

__all__ = ["Image", "first_image", "nanojanskys_per_unit", "open_fits", "read_image"]

# Header keywords that hold the AB magnitude of one unit of the image, as surveys and their pipelines write them
_ZERO_POINT_KEYS = ("ZPAB", "MAGZERO", "MAGZPT", "MAGZP", "MAGZEROP", "PHOTZP", "ABMAGZP", "MAG_ZERO", "ZEROPNT", "ZP")
_COUNTS = {
    "",
    "adu",
    "count",
    "counts",
    "ct",
    "dn",
    "dns",
    "electron",
    "electrons",
    "e-",
    "electron/s",
    "electrons/s",
    "e-/s",
    "adu/s",
    "counts/s",
}
_MAGGIES = {"maggy": 1.0, "maggies": 1.0, "mgy": 1.0, "nanomaggy": 1e-9, "nanomaggies": 1e-9, "nmgy": 1e-9, "nanomaggie": 1e-9}
_NANOJANSKY_PER_MAGGY = 10 ** (0.4 * NANOJANSKY_ZERO_POINT)


@dataclass
class Image:
    """One band's image.

    Parameters
    ----------
    flux
        Shape (y, x), float32, nJy; NaN where the pixel is bad.
    wcs
        Celestial WCS, or None.
    header
        The header that came with it.
    gain
        Electrons per nJy if the header says so, else NaN.
    """

    flux: np.ndarray
    wcs: WCS | None
    header: fits.Header
    gain: float


def read_image(source: Any, band: str, zero_point: float | None = None) -> Image:
    """The image of one band in nJy.

    Parameters
    ----------
    source
        Path of a FITS file (plain, ``.gz`` or tile-compressed ``.fz``: its first two-dimensional image), an open HDU or HDU list, a
        `~astropy.units.Quantity`, or an array (in nJy unless ``zero_point`` is given).
    band
        Its name, for messages.
    zero_point
        AB magnitude of one unit of the image; default: what the header says.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is not FITS, is cut short, holds no image or no finite pixel, or its unit is not one of flux.
    """
    plane, header = _plane(source, band)
    if plane.ndim != 2:
        raise ValueError(f"band {band!r} is an array of shape {plane.shape}; give one image (y, x) a band")
    if isinstance(plane, u.Quantity):
        factor, plane = nanojanskys_per_unit(fits.Header({"BUNIT": str(plane.unit)}), band, zero_point), plane.value
    elif header is None:
        factor = 1.0 if zero_point is None else 10 ** (0.4 * (NANOJANSKY_ZERO_POINT - zero_point))
    else:
        factor = nanojanskys_per_unit(header, band, zero_point)
    flux = np.array(plane, dtype=np.float32)
    header = fits.Header() if header is None else header
    # SDSS fpC frames hold counts + SOFTBIAS, so that no pixel is negative (www.sdss.org/dr7/products/images)
    flux -= np.float32(header.get("SOFTBIAS", 0))
    flux *= np.float32(factor)
    flux[~np.isfinite(flux)] = np.nan
    if not np.isfinite(flux).any():
        raise ValueError(f"band {band!r} has no finite pixel ({_named(source)}): every pixel is NaN; give another image")
    return Image(flux, _wcs(header), header, _gain(header, factor))


def open_fits(path: Any) -> fits.HDUList:
    """An open FITS file, read into memory; an error in words when it is not FITS or was cut short."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; check the path")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyUserWarning)  # "may have been truncated": what matters is whether the pixels are there
            with fits.open(path, memmap=False, lazy_load_hdus=False) as opened:
                hdus = fits.HDUList([hdu.copy() for hdu in opened])
                opened.verify("exception")
    except (OSError, TypeError, ValueError, EOFError, IndexError, zlib.error, fits.VerifyError) as error:
        raise ValueError(f"{path} cannot be read as FITS ({error}): it is another kind of file or was cut short; fetch it again") from error
    return hdus


def first_image(hdus: fits.HDUList, dimensions: int, name: str) -> Any:
    """The first image extension of ``dimensions`` axes (axes of length one are not counted)."""
    for hdu in hdus:
        shape = [length for length in getattr(hdu, "shape", ()) or () if length > 1]
        if hdu.is_image and len(shape) == dimensions:
            return hdu
    found = ", ".join(f"{hdu.name or index} {getattr(hdu, 'shape', ())}" for index, hdu in enumerate(hdus))
    raise ValueError(f"{name} has no image of {dimensions} dimensions; its parts are: {found}")


def nanojanskys_per_unit(header: fits.Header, band: str, zero_point: float | None = None) -> float:
    """How many nJy one unit of an image is: from the argument, ``BUNIT``, or a zero point in the header.

    Raises
    ------
    ValueError
        None of them says.
    """
    if zero_point is not None:
        return 10 ** (0.4 * (NANOJANSKY_ZERO_POINT - zero_point))
    unit = str(header.get("BUNIT", "")).strip()
    known = _flux_unit(unit)
    if known is not None:
        return known
    if unit.lower() not in _COUNTS:
        raise ValueError(
            f"band {band!r} is in {unit!r}, which is no unit of flux a pixel; expected nJy, uJy, Jy, maggy or nanomaggy, "
            "or counts with zero_point= (the AB magnitude of one count)"
        )
    if header.get("FLUX20", 0) > 0:  # SDSS fpC: the counts of a source of 20 mag
        return 10 ** (0.4 * (NANOJANSKY_ZERO_POINT - 20)) / header["FLUX20"]
    if header.get("FLUXMAG0", 0) > 0:  # Rubin and HSC pipelines: the counts of a source of 0 mag
        return _NANOJANSKY_PER_MAGGY / header["FLUXMAG0"]
    for key in _ZERO_POINT_KEYS:
        value = header.get(key)
        if isinstance(value, (int, float)) and math.isfinite(value) and value > 0:
            return 10 ** (0.4 * (NANOJANSKY_ZERO_POINT - value))
    raise ValueError(
        f"band {band!r} has pixels in {unit or 'no unit'} and its header has no zero point "
        f"({', '.join(_ZERO_POINT_KEYS)}, FLUX20 or FLUXMAG0); pass zero_point=, the AB magnitude of one unit"
    )


def _flux_unit(unit: str) -> float | None:
    if unit.lower() in _MAGGIES:
        return _MAGGIES[unit.lower()] * _NANOJANSKY_PER_MAGGY
    try:
        return float(u.Unit(unit).to(u.nJy)) if unit else None
    except (ValueError, u.UnitConversionError):
        return None


def _plane(source: Any, band: str) -> tuple[Any, fits.Header | None]:
    if isinstance(source, (str, Path)):
        source = open_fits(source)
    if isinstance(source, fits.HDUList):
        source = first_image(source, 2, f"band {band!r}")
    if not hasattr(source, "header"):
        return (source if isinstance(source, u.Quantity) else np.asarray(source)), None
    if source.data is None:
        raise ValueError(f"band {band!r}: the extension {source.name!r} holds no pixels; give the one with the image")
    return np.squeeze(source.data), source.header


def _named(source: Any) -> str:
    return str(source) if isinstance(source, (str, Path)) else type(source).__name__


def _wcs(header: Mapping[str, Any]) -> WCS | None:
    if "CTYPE1" not in header:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)
        wcs = WCS(header).celestial
    return wcs if wcs.has_celestial else None


def _gain(header: fits.Header, factor: float) -> float:
    for key in ("GAIN", "EGAIN", "CCDGAIN"):
        value = header.get(key)
        if isinstance(value, (int, float)) and value > 0:
            return value / factor
    return math.nan
