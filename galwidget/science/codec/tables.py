"""The attributes of a block of galaxies, to the bit: columns, each deflated with its bytes side by side."""

from __future__ import annotations

import json
import zlib
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import Column, MaskedColumn, QTable
from astropy.utils.masked import Masked

from galwidget.science.codec.container import join, split

__all__ = ["decode_table", "encode_table"]


def encode_table(table: QTable) -> bytes:
    """Names, units, masks, values and what JSON can hold of ``table.meta``; nothing for a table without columns.

    Raises
    ------
    ValueError
        A column is neither numbers, with a unit or without, nor words, nor true or false.
    """
    if not table.colnames:
        return b""
    columns, parts = [], []
    for name, column in table.items():
        if not isinstance(column, Column | u.Quantity) or column.dtype.kind not in "biufcSU":
            raise ValueError(
                f"column {name!r} ({type(column).__name__}) cannot be compressed; make numbers or words of it, or leave it out"
            )
        mask = getattr(column, "mask", None)
        values = np.asarray(column.unmasked if isinstance(column, Masked) else getattr(column, "data", column))
        values = np.array(getattr(values, "data", values) if isinstance(values, np.ma.MaskedArray) else values)
        if mask is not None:
            values[np.asarray(mask)] = np.zeros((), values.dtype)
            parts.append(np.packbits(np.asarray(mask)).tobytes())
        words = values.dtype.kind == "U"
        values = np.char.encode(values, "utf-8") if words else values.astype(values.dtype.newbyteorder("<"))
        columns.append(
            {
                "name": name,
                "dtype": values.dtype.str,
                "shape": values.shape[1:],
                "words": words,
                "masked": mask is not None,
                "unit": str(column.unit) if column.unit is not None else None,
                "quantity": isinstance(column, u.Quantity),
            }
        )
        flat = np.ascontiguousarray(values)
        parts.append(flat.view(np.uint8).reshape(-1, values.itemsize).T.tobytes() if values.itemsize and flat.size else b"")
    described = {"rows": len(table), "columns": columns, "meta": {name: value for name, value in table.meta.items() if _plain(value)}}
    return zlib.compress(join([json.dumps(described, separators=(",", ":")).encode(), *parts]), 9)


def decode_table(data: bytes) -> QTable:
    """What `encode_table` encoded."""
    if not data:
        return QTable()
    described, *parts = split(zlib.decompress(data))
    description = json.loads(described)
    rest = iter(parts)
    table = QTable(meta=description["meta"])
    for column in description["columns"]:
        shape = (description["rows"], *column["shape"])
        mask = (
            np.unpackbits(np.frombuffer(next(rest), np.uint8), count=int(np.prod(shape))).astype(bool).reshape(shape)
            if column["masked"]
            else None
        )
        table[column["name"]] = _column(column, _values(next(rest), column, shape), mask)
    return table


def _values(data: bytes, column: dict[str, Any], shape: tuple[int, ...]) -> np.ndarray:
    dtype = np.dtype(column["dtype"])
    if not data:
        values = np.zeros(shape, dtype)
    else:
        values = np.ascontiguousarray(np.frombuffer(data, np.uint8).reshape(dtype.itemsize, -1).T).view(dtype).reshape(shape)
    return np.char.decode(values, "utf-8") if column["words"] else values.astype(dtype.newbyteorder("="))


def _column(column: dict[str, Any], values: np.ndarray, mask: np.ndarray | None) -> Any:
    if column["quantity"]:
        unit = u.Unit(column["unit"])
        return values * unit if mask is None else Masked(values, mask=mask) * unit
    unit = None if column["unit"] is None else u.Unit(column["unit"])
    return Column(values, unit=unit) if mask is None else MaskedColumn(values, mask=mask, unit=unit)


def _plain(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True
