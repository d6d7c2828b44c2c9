"""The FITS form of Galaxies: one file that gives the same object back, to the bit."""

from __future__ import annotations

import io
import json
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits
from astropy.table import MaskedColumn, QTable

from galwidget.galaxies import Galaxies
from galwidget.survey import Survey

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["FORMAT", "is_galaxies", "read", "write"]

#: Value of the header keyword ``GWFORMAT``; a reader refuses a larger one.
FORMAT = 1

_UNITS = {"FLUX": "nJy", "IVAR": "nJy-2", "PSF": ""}


def write(galaxies: Galaxies, path: str | PathLike[str], *, overwrite: bool = False) -> None:
    """Write ``galaxies``: image extensions FLUX, IVAR, PSF, a binary table TABLE, the survey as JSON in its own table."""
    primary = fits.PrimaryHDU()
    primary.header["GWFORMAT"] = (FORMAT, "galwidget Galaxies, version of the layout")
    primary.header["GWTABLE"] = (bool(galaxies.table.colnames), "there are attributes")
    try:
        primary.header["CREATOR"] = f"galwidget {version('galwidget')}"
    except PackageNotFoundError:
        primary.header["CREATOR"] = "galwidget"
    survey = json.dumps(galaxies.survey.to_dict())
    columns = [fits.Column(name="JSON", format=f"{len(survey)}A", array=np.array([survey]))]
    hdus: list[Any] = [primary, fits.BinTableHDU.from_columns(columns, name="SURVEY")]
    for name, unit in _UNITS.items():
        pixels = getattr(galaxies, name.lower())
        if pixels is not None:
            hdu = fits.ImageHDU(pixels, name=name)
            if unit:
                hdu.header["BUNIT"] = unit
            hdus.append(hdu)
    if galaxies.table.colnames:
        buffer = io.BytesIO()
        table = galaxies.to_table()
        for column in table.itercols():
            if isinstance(column, MaskedColumn):  # a mask column of its own: strings and booleans have no null value
                column.info.serialize_method["fits"] = "data_mask"
        table.write(buffer, format="fits")
        buffer.seek(0)
        with fits.open(buffer) as written:
            hdus.append(fits.BinTableHDU(written[1].data, header=written[1].header, name="TABLE"))
            fits.HDUList(hdus).writeto(path, overwrite=overwrite)
    else:
        fits.HDUList(hdus).writeto(path, overwrite=overwrite)


def is_galaxies(hdus: fits.HDUList) -> bool:
    """Whether an open FITS file was written by `write`."""
    return "GWFORMAT" in hdus[0].header


def read(hdus: fits.HDUList) -> Galaxies:
    """The galaxies in an open FITS file that `write` wrote.

    Raises
    ------
    ValueError
        The file is of a newer layout, or a part is missing.
    """
    if hdus[0].header["GWFORMAT"] > FORMAT:
        raise ValueError(
            f"the file has galwidget layout {hdus[0].header['GWFORMAT']}, this version reads up to {FORMAT}; install a newer galwidget"
        )
    if "SURVEY" not in hdus:
        raise ValueError("the file has no SURVEY extension: it was cut short or edited; write it again")
    survey = Survey.from_dict(json.loads(str(hdus["SURVEY"].data["JSON"][0])))
    images = {name.lower(): _native(hdus[name].data) for name in _UNITS if name in hdus}
    table = None
    if hdus[0].header.get("GWTABLE"):
        if "TABLE" not in hdus:
            raise ValueError("the file has no TABLE extension, but its header promises one: it was cut short; write it again")
        table = QTable.read(hdus, hdu=hdus.index_of("TABLE"), format="fits", character_as_bytes=False)
        table.meta.clear()
        for name, column in table.items():
            table.replace_column(name, column.astype(column.dtype.newbyteorder("=")))
    return Galaxies(**images, table=table, survey=survey)


def _native(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("="))
