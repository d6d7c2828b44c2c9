"""What is taken away from a latent map: its selection as FITS, the map as a figure for a paper and as PNG."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from galwidget.attributes import describe
from galwidget.picture import png, rgb
from galwidget.widgets.export import write_page

if TYPE_CHECKING:
    from os import PathLike

    from matplotlib.figure import Figure

    from galwidget.widgets.map import LatentMap

__all__ = ["MapExports"]

#: Height of the map's figure over its width, and dots an inch of its PNG at zoom 1.
_ASPECT, _DOTS = 0.8, 100
#: Inches of the figure in a page.
_PAGE_WIDTH = 7.0


class MapExports:
    """The verbs of a `LatentMap` that write what it shows."""

    def to_fits(self: LatentMap, path: str | PathLike[str], *, overwrite: bool = False) -> None:  # type: ignore[misc]
        """Write the selected galaxies (all, where none is) as FITS, which `galwidget.read` gives back.

        Raises
        ------
        OSError
            The file exists and ``overwrite`` is False.
        """
        everything = self.selected if self.selection else self.catalogue
        everything.write(path, overwrite=overwrite)

    def to_png(self: LatentMap, path: str | PathLike[str], *, zoom: int = 1) -> None:  # type: ignore[misc]
        """Write the map, 100 ``zoom`` pixels an inch of its figure."""
        if zoom < 1:
            raise ValueError(f"zoom is {zoom}; give a whole number of at least 1")
        buffer = io.BytesIO()
        self.figure().savefig(buffer, format="png", dpi=_DOTS * zoom)
        Path(path).write_bytes(buffer.getvalue())

    def export_html(self: LatentMap, path: str | PathLike[str], title: str = "LatentMap") -> None:  # type: ignore[misc]
        """Write one offline file with a picture of the map, of the selected galaxies and of the decoded point."""
        write_page([self], path, title)

    def as_html(self: LatentMap) -> str:  # type: ignore[misc]
        """The map as pictures, for a page without a kernel: the points, the point that was decoded, some of the selected galaxies."""
        words = f"Latent map of {self.count:,} galaxies"
        words += f", coloured by {describe(self.attribute).label}" * bool(self.attribute)
        buffer = io.BytesIO()
        self.figure(width=_PAGE_WIDTH).savefig(buffer, format="png", dpi=_DOTS)
        parts = [_picture(buffer.getvalue(), words, 1)]
        if self.at is not None and self.decoded is not None:
            drawn = png(np.ascontiguousarray(rgb(self.decoded)[0, ::-1]))
            parts.append(_picture(drawn, f"Decoded at ({self.at[0]:.2f}, {self.at[1]:.2f})", 3))
        if self.selection:
            sheet, count = self.sheet(self._chosen_rows())
            few = f", {count} of them" * (count < len(self.selection))
            parts.append(_picture(sheet, f"{len(self.selection):,} selected{few}", 1))
        return f'<div style="display:flex;flex-wrap:wrap;gap:16px;align-items:flex-start">{"".join(parts)}</div>'

    def figure(self: LatentMap, *, width: float = 5.0, values: Any = None) -> Figure:  # type: ignore[misc]
        """The map as a matplotlib figure: every galaxy a point in the colour of the attribute.

        Parameters
        ----------
        width
            Inches.
        values
            For figures of galaxies only; a map has no pictures to write them into.

        Raises
        ------
        ValueError
            There is no map, or ``values`` were given.
        """
        if values is not None:
            raise ValueError(f"values are {values!r}, but a map has no pictures to write them into; colour it with attribute=")
        self._mapped()
        drawn: Figure = self._chart.drawn()
        drawn.set_size_inches(width, _ASPECT * width)
        return drawn


def _picture(data: bytes, words: str, zoom: int) -> str:
    """A PNG with words under it, ``zoom`` pixels of the screen a pixel."""
    said = html.escape(words)
    source = base64.b64encode(data).decode()
    style = f"image-rendering:pixelated;zoom:{zoom};max-width:100%"
    image = f'<img alt="{said}" src="data:image/png;base64,{source}" style="{style}">'
    return f'<figure style="margin:0">{image}<figcaption>{said}</figcaption></figure>'
