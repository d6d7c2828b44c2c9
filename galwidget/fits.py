"""The FITS form of Galaxies: one file that gives the same object back, to the bit."""

from __future__ import annotations

import io
import json
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits
from astropy.table import Column, MaskedColumn, QTable
from astropy.utils.masked import Masked

from galwidget.galaxies import Galaxies, decode_words
from galwidget.survey import Survey

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["FORMAT", "is_galaxies", "read", "write"]

#: Value of the header keyword ``GWFORMAT``; a reader refuses a larger one.
FORMAT = 1

_IMAGES = {"FLUX": "nJy", "IVAR": "nJy-2", "PSF": ""}


def write(galaxies: Galaxies, path: str | PathLike[str], *, overwrite: bool = False) -> None:
    """Write ``galaxies``: image extensions FLUX, IVAR, PSF, a binary table TABLE, the survey as JSON in its own table.

    Blanks at the end of a word are not kept: in FITS they mean nothing (FITS 4.0, section 4.2.1).

    Raises
    ------
    ValueError
        A column is of Python objects, or its name is not ASCII.
    OSError
        The file exists and ``overwrite`` is False.
    """
    primary = fits.PrimaryHDU()
    primary.header["GWFORMAT"] = (FORMAT, "galwidget Galaxies, version of the layout")
    primary.header["GWIMAGE"] = (galaxies.flux is not None, "there are images: FLUX, IVAR, PSF")
    primary.header["GWTABLE"] = (bool(galaxies.table.colnames), "there are attributes: TABLE")
    try:
        primary.header["CREATOR"] = f"galwidget {version('galwidget')}"
    except PackageNotFoundError:
        primary.header["CREATOR"] = "galwidget"
    survey = json.dumps(galaxies.survey.to_dict())
    columns = [fits.Column(name="JSON", format=f"{len(survey)}A", array=np.array([survey]))]
    hdus: list[Any] = [primary, fits.BinTableHDU.from_columns(columns, name="SURVEY")]
    if galaxies.flux is not None:
        for name, unit in _IMAGES.items():
            hdu = fits.ImageHDU(getattr(galaxies, name.lower()), name=name)
            if unit:
                hdu.header["BUNIT"] = unit
            hdus.append(hdu)
    if galaxies.table.colnames:
        table = galaxies.to_table()
        table.meta.clear()  # notes of how the galaxies were found, not part of them
        hdus.append(_table_hdu(table))
    fits.HDUList(hdus).writeto(path, overwrite=overwrite)


def _table_hdu(table: QTable) -> fits.BinTableHDU:
    for name in table.colnames:
        if not name.isascii() or not name.isprintable():
            raise ValueError(f"FITS cannot hold the column name {name!r}; rename it with plain (ASCII) letters")
        if getattr(table[name], "dtype", np.dtype(object)).kind == "O":
            raise ValueError(f"FITS cannot hold the Python objects of column {name!r}; convert it to numbers or words")
    for name, column in table.items():
        if isinstance(column, Column) and column.dtype.kind == "U":  # FITS itself knows only ASCII
            table[name] = column.__class__(np.char.encode(np.asarray(column), "utf-8"), meta=column.meta)
            if isinstance(column, MaskedColumn):
                table[name].mask = column.mask
    for column in table.itercols():
        if isinstance(column, MaskedColumn | Masked):  # a mask column of its own: strings and booleans have no null value
            column.info.serialize_method["fits"] = "data_mask"
    buffer = io.BytesIO()
    table.write(buffer, format="fits")
    with fits.open(io.BytesIO(buffer.getvalue()), memmap=False) as written:
        return fits.BinTableHDU(written[1].data, header=written[1].header, name="TABLE")


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
    header = hdus[0].header
    parts = ["SURVEY", *(_IMAGES if header.get("GWIMAGE") else ()), *(["TABLE"] if header.get("GWTABLE") else ())]
    for part in parts:
        if part not in hdus:
            raise ValueError(f"the file has no {part} extension, but its header promises one: it was cut short or edited; write it again")
    try:
        described = json.loads(str(hdus["SURVEY"].data["JSON"][0]))
        images = {name.lower(): _native(hdus[name].data) for name in _IMAGES if name in parts}
        table = _read_table(hdus) if "TABLE" in parts else None
    except json.JSONDecodeError as error:
        raise ValueError(f"the SURVEY extension is not JSON ({error}): the file was damaged or edited; write it again") from error
    except (EOFError, OSError, TypeError, ValueError, IndexError) as error:
        raise ValueError(f"the file ends before its data, or they are damaged ({error}); copy or write it again") from error
    return Galaxies(**images, table=table, survey=Survey.from_dict(described))


def _read_table(hdus: fits.HDUList) -> QTable:
    table = QTable.read(hdus, hdu=hdus.index_of("TABLE"), format="fits", character_as_bytes=True, mask_invalid=False)
    decode_words(table)
    table.meta.clear()
    for name, column in table.items():
        table.replace_column(name, column.astype(column.dtype.newbyteorder("=")))
    return table


def _native(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("="))
