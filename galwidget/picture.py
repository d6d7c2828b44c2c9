"""Pictures of galaxies in Python: colour by Lupton asinh, and PNG; the browser draws the same from raw flux."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from galwidget.galaxies import Galaxies
    from galwidget.survey import Survey

__all__ = ["data_uri", "default_display", "mosaic", "png", "rgb"]


def default_display(survey: Survey) -> dict[str, object]:
    """Which bands make red, green and blue, and how bright: the display both Python and the browser start from.

    Parameters
    ----------
    survey
        The survey of the images.

    Returns
    -------
    dict
        ``bands`` (names for red, green, blue), ``scale`` (factors for those), ``stretch`` (nJy a pixel), ``Q``.

    Notes
    -----
    Lupton et al. 2004 (PASP 116, 133). The scales make a galaxy of typical colours look neutral; the stretch is three times the sky noise.
    """
    names = survey.band_names
    if {"g", "r", "i"} <= set(names):
        bands, scale = ("i", "r", "g"), (0.75, 1.0, 1.7)
    else:
        order = sorted(survey.bands, key=lambda band: -band.wavelength)
        middle = order[len(order) // 2]
        bands, scale = (order[0].name, middle.name, order[-1].name), (1.0, 1.0, 1.0)
    noise = float(np.median([survey[name].sky_sigma * s for name, s in zip(bands, scale, strict=True)]))
    return {"bands": bands, "scale": scale, "stretch": 3.0 * noise, "Q": 8.0}


def rgb(
    galaxies: Galaxies,
    bands: Sequence[str] | None = None,
    scale: Sequence[float] | None = None,
    stretch: float | None = None,
    Q: float | None = None,  # noqa: N803 (Lupton's name)
) -> np.ndarray:
    """Colour pictures of galaxies.

    Parameters
    ----------
    galaxies
        n galaxies with images.
    bands, scale, stretch, Q
        Bands for red, green and blue, a factor for each, the linear stretch in nJy and the asinh softening; see `default_display`.

    Returns
    -------
    numpy.ndarray
        Shape (n, y, x, 3), uint8; row 0 is the bottom of the sky image, as in FITS.
    """
    flux, _ = galaxies.require_images()
    display: dict[str, Any] = default_display(galaxies.survey)
    bands = tuple(bands or display["bands"])
    scale = tuple(scale or display["scale"])
    if len(bands) != 3 or len(scale) != 3:
        raise ValueError(f"bands is {bands} and scale is {scale}; give three of each, for red, green and blue")
    channels = np.stack([flux[:, galaxies.survey.index(b)] * np.float32(s) for b, s in zip(bands, scale, strict=True)])
    stretch = display["stretch"] if stretch is None else stretch
    softening = display["Q"] if Q is None else Q
    return np.ascontiguousarray(np.moveaxis(_lupton(channels, stretch, softening), 0, -1))


def _lupton(channels: np.ndarray, stretch: float, Q: float) -> np.ndarray:  # noqa: N803
    """Levels (uint8) of red, green and blue (3, ...): to the bit what astropy's `make_lupton_rgb` with ``minimum=0`` gives.

    Importing that imports matplotlib: a third of a second before the first galaxies of a fresh kernel.
    """
    if not (stretch > 0 and Q >= 0):
        raise ValueError(f"stretch is {stretch} and Q is {Q}; the stretch must be above 0 and Q at least 0")
    softening = 0.1 if Q < 2**-23 else min(Q, 1e10)
    red, green, blue = channels
    intensity = (red + green + blue) / 3.0
    stretched = np.arcsinh(intensity * (softening / stretch)) * (0.1 / np.arcsinh(0.1 * softening))
    lit = intensity > 0
    colours = np.clip(channels * np.divide(stretched, intensity, out=np.zeros_like(intensity), where=lit), 0.0, None)
    brightest = colours.max(0)
    np.divide(colours, brightest, out=colours, where=brightest > 1)
    return (colours * 255.0).astype(np.uint8)


def mosaic(pictures: np.ndarray, columns: int | None = None, gap: int = 1) -> np.ndarray:
    """Pictures (n, y, x, 3) side by side on one sheet, sky up, ``columns`` a row, with ``gap`` pixels of black between."""
    n, height, width, _ = pictures.shape
    columns = columns or int(np.ceil(np.sqrt(n)))
    rows = -(-n // columns)
    sheet = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), np.uint8)
    for index, picture in enumerate(pictures):
        y, x = (index // columns) * (height + gap), (index % columns) * (width + gap)
        sheet[y : y + height, x : x + width] = picture[::-1]
    return sheet


def png(picture: np.ndarray) -> bytes:
    """A picture (y, x, 3) uint8, first row on top, as a PNG file."""
    from PIL import Image  # noqa: PLC0415 (only when a file is wanted)

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG")
    return buffer.getvalue()


def data_uri(picture: np.ndarray) -> str:
    """A sky picture (y, x, 3), first row at the bottom, as a ``data:`` address for HTML."""
    return "data:image/png;base64," + base64.b64encode(png(np.ascontiguousarray(picture[::-1]))).decode()
