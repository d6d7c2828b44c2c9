"""The still picture of a widget, for notebooks that are read without a kernel: one PNG, and HTML around it."""

from __future__ import annotations

import base64
import html
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from galwidget.picture import mosaic, rgb

if TYPE_CHECKING:
    from galwidget.galaxies import Galaxies

__all__ = ["still"]

#: Saved notebooks stay small: a sheet larger than this on a side is reduced, and its colours are put on a palette, which every so many-th
#: pixel of a row and of a column decides: all of them decide the same, and take a tenth of a second that the first galaxies wait.
_LARGEST = 400
_COLOURS, _EVERY = 128, 4


def still(galaxies: Galaxies, columns: int, display: dict[str, Any], title: str) -> dict[str, str]:
    """A mimebundle part with ``image/png`` and ``text/html`` of the galaxies, ``columns`` a row.

    Parameters
    ----------
    galaxies
        With images, shown row by row.
    columns
        Galaxies a row.
    display
        As `galwidget.picture.default_display`.
    title
        Alternative text, and what the picture is said to be.
    """
    from PIL import Image  # noqa: PLC0415 (only when shown)

    if not len(galaxies) or galaxies.flux is None:
        return {}
    image = Image.fromarray(np.ascontiguousarray(mosaic(rgb(galaxies, **display), columns)))
    shrink = min(1.0, _LARGEST / max(image.size))
    if shrink < 1:
        image = image.resize((round(image.width * shrink), round(image.height * shrink)), Image.Resampling.BOX)
    buffer = io.BytesIO()
    few = image.resize((-(-image.width // _EVERY), -(-image.height // _EVERY)), Image.Resampling.NEAREST)
    image.quantize(palette=few.quantize(_COLOURS), dither=Image.Dither.NONE).save(buffer, format="PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    words = html.escape(f"{title}: {len(galaxies)} galaxies of {galaxies.survey.name}")
    note = "A still picture; run the cell for the live widget."
    page = (
        f'<figure style="margin:0"><img alt="{words}" src="data:image/png;base64,{data}" style="image-rendering:pixelated">'
        f"<figcaption><small>{words}. {note}</small></figcaption></figure>"
    )
    return {"image/png": data, "text/html": page}
