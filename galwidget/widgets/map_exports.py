"""What is taken away from a latent map: its selection as FITS, the map as a figure for a paper and as PNG."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from os import PathLike

    from matplotlib.figure import Figure

    from galwidget.widgets.map import LatentMap

__all__ = ["MapExports"]

#: Height of the map's figure over its width, and dots an inch of its PNG at zoom 1.
_ASPECT, _DOTS = 0.8, 100


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
