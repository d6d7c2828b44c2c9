"""Colour pictures of galaxies (JPEG, PNG) as a survey of their own: levels of a display, never flux."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np
from astropy.table import QTable

from galwidget.galaxies import Galaxies
from galwidget.survey import Band, Survey

__all__ = ["read_pictures"]

_SUFFIXES = (".jpg", ".jpeg", ".png")
#: Blue, green and red of a composite of g, r and i, as SDSS makes it (Lupton et al. 2004); seeing of two pixels, sky noise of 3 in 255.
_SURVEY = Survey(
    "pictures", tuple(Band(name, wavelength, 2.0, 0.012) for name, wavelength in zip("BGR", (477, 623, 763), strict=True)), 1.0
)
#: Width of the frame whose pixels are sky, in sides of the picture.
_FRAME = 0.1


def read_pictures(folder: str | PathLike[str], names: Sequence[str] | None = None, *, crop: int | None = None, side: int = 64) -> Galaxies:
    """The pictures of a folder, less their sky, binned to small squares.

    Parameters
    ----------
    folder
        Holds one picture a galaxy.
    names
        Names of the files, without their suffix, in the order wanted; default: all, sorted.
    crop
        Side in pixels of the square around the middle that is kept; default: the whole picture.
    side
        Side of the result in pixels; it divides ``crop``.

    Returns
    -------
    Galaxies
        Bands B, G, R of the survey ``pictures``: ``flux`` is the level from 0 to 1 less the median of the frame, ``ivar`` from the scatter
        there; a pixel is an "arcsec". A display has stretched and clipped these levels: no magnitude, and no model of flux, is for them.
        The names are the column ``name``.

    Raises
    ------
    FileNotFoundError
        There is no such picture.
    ValueError
        The folder has no picture, or one is smaller than ``crop`` or not square.
    """
    folder = Path(folder)
    found = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in _SUFFIXES}
    if not found:
        raise ValueError(f"{folder} holds no picture ({', '.join(_SUFFIXES)}); give the folder with the pictures")
    wanted = list(found) if names is None else [str(name) for name in names]
    missing = [name for name in wanted if name not in found]
    if missing:
        raise FileNotFoundError(f"{folder} has no picture {missing[0]!r} ({len(missing)} of {len(wanted)} are missing)")
    levels = np.stack([_levels(found[name], crop, side) for name in wanted]) if wanted else np.zeros((0, 3, side, side), np.float32)
    edge = max(2, round(_FRAME * side))
    frame = np.ones((side, side), bool)
    frame[edge:-edge, edge:-edge] = False
    sky = np.median(levels[..., frame], -1, keepdims=True)
    # a clipped sky has no scatter at all, and half of the survey's is the least that is believed
    sigma = np.maximum(1.4826 * np.median(np.abs(levels[..., frame] - sky), -1), _SURVEY.sky_sigma / 2)
    flux = levels - sky[..., None]
    ivar = np.broadcast_to(sigma[..., None, None] ** -2.0, flux.shape)
    return Galaxies(flux, ivar, table=QTable({"name": np.array(wanted, dtype=str)}), survey=_SURVEY)


def _levels(path: Path, crop: int | None, side: int) -> np.ndarray:
    """B, G and R from 0 to 1, (3, side, side)."""
    from PIL import Image  # noqa: PLC0415 (only where there are pictures)

    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"), np.float32) / 255
    size = min(pixels.shape[:2]) if crop is None else crop
    if size > min(pixels.shape[:2]) or size % side:
        raise ValueError(
            f"{path} is {pixels.shape[1]} x {pixels.shape[0]} pixels; crop is {size} and must fit in it and divide by side, {side}"
        )
    top, left = ((length - size) // 2 for length in pixels.shape[:2])
    square = pixels[top : top + size, left : left + size]
    bin_size = size // side
    return square.reshape(side, bin_size, side, bin_size, 3).mean((1, 3)).transpose(2, 0, 1)[::-1]
