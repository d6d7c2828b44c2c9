"""How galaxies become bytes for the browser: half-float flux of the displayed bands, and small lists of numbers beside them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from galwidget.attributes import describe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from galwidget.galaxies import Galaxies

__all__ = ["ORIENTATION", "companded", "compass", "half_floats", "hover_columns", "shown_names"]

_HALF_MAX = 60000.0
_SHOWN_FIRST = ("mag_r", "g_r", "r_half", "ellipticity", "redshift", "morphology")
_MOST_COLUMNS = 7
#: Columns that are drawn as arrows, not written.
ORIENTATION = ("north_angle", "east_angle")


def half_floats(pixels: np.ndarray) -> tuple[dict[str, Any], bytes]:
    """Pixels as IEEE half floats, divided by a power of two (which is exact) when they are too bright for them.

    Parameters
    ----------
    pixels
        Shape (n, band, y, x), finite.

    Returns
    -------
    layer : dict
        ``shape``, and the ``scale`` that the browser multiplies by.
    data : bytes
        Little-endian half floats in C order.
    """
    brightest = float(max(pixels.max(), -pixels.min())) if pixels.size else 0.0
    scale = 2.0 ** max(0, math.ceil(math.log2(brightest / _HALF_MAX))) if brightest > _HALF_MAX else 1.0
    data = (pixels if scale == 1.0 else pixels * np.float32(1 / scale)).astype("<f2")
    return {"shape": list(pixels.shape), "scale": scale}, data.tobytes()


def companded(pixels: np.ndarray, knees: Sequence[float]) -> tuple[dict[str, Any], bytes]:
    """Pixels in 8 bits, half the bytes of half floats: for a draft, which the exact picture replaces as soon as the hand rests.

    The mu-law of ITU-T G.711, with a scale a band: the code is 255 ln(1 + f / knee) / ln(1 + top / knee), even steps of a stretch that is
    linear below the knee and logarithmic above it, as the asinh stretch of the screen is.

    Parameters
    ----------
    pixels
        Shape (n, band, y, x), nJy, none negative.
    knees
        Flux of each band where the steps go from linear to logarithmic, nJy.

    Returns
    -------
    layer : dict
        ``shape``, ``scale``, ``encoding``, and of each band the ``knee`` and the ``top``, of which the flux follows.
    data : bytes
        A byte a pixel, in C order.
    """
    knee = np.asarray(knees, np.float32)
    top = np.maximum(pixels.max(axis=(0, 2, 3), initial=0), knee)
    codes = pixels * (1 / knee)[:, None, None]
    # in place: new arrays of this size cost as much as the logarithm
    codes += 1
    np.log(codes, out=codes)
    codes *= (255 / np.log1p(top / knee))[:, None, None]
    codes += 0.5
    layer = {"shape": list(pixels.shape), "scale": 1.0, "encoding": "u8", "knee": knee.tolist(), "top": top.tolist()}
    return layer, codes.astype(np.uint8).tobytes()


def hover_columns(galaxies: Galaxies) -> list[dict[str, Any]]:
    """The attributes that the browser shows beside a cell, of `shown_names`."""
    return [_column(galaxies, name) for name in shown_names(galaxies)]


def shown_names(galaxies: Galaxies) -> list[str]:
    """Columns that are shown where there is no room for all: requested ones and what they are of, the well-known, the first there are."""
    names = galaxies.table.colnames
    order = [name for name in names if name.startswith("requested_")]
    order += [name.removeprefix("requested_") for name in order if name.removeprefix("requested_") in names]
    order += [name for name in _SHOWN_FIRST if name in names and name not in order]
    order += [name for name in names if name not in (*order, *ORIENTATION) and np.ndim(galaxies.table[name]) == 1]
    return order[:_MOST_COLUMNS]


def compass(galaxies: Galaxies) -> list[list[float] | None]:
    """Directions of north and east in each picture, degrees from up counter-clockwise (`galwidget.io.sky`); None where not known."""
    angles = np.stack([galaxies.attribute(name) for name in ORIENTATION], 1)
    return [[round(float(angle), 2) for angle in pair] if np.isfinite(pair).all() else None for pair in angles]


def _column(galaxies: Galaxies, name: str) -> dict[str, Any]:
    column = galaxies.table[name]
    asked = name.startswith("requested_")
    known = describe(name.removeprefix("requested_"))
    unit = str(getattr(column, "unit", None) or known.unit or "")
    if np.asarray(column).dtype.kind in "biuf":
        values: list[Any] = [None if math.isnan(value) else float(f"{value:.5g}") for value in galaxies.attribute(name)]
    else:
        mask = np.broadcast_to(np.asarray(getattr(column, "mask", False)), len(galaxies))
        values = [None if hidden else str(value) for value, hidden in zip(column, mask, strict=True)]
    return {"name": name, "label": f"requested {known.label}" if asked else known.label, "unit": unit, "values": values}
