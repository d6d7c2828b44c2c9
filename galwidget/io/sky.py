"""Where the pixels of a field are on the sky: coordinates, and the directions of north and east."""

from __future__ import annotations

import numpy as np
from astropy import units as u
from astropy.table import QTable
from astropy.wcs import WCS

__all__ = ["sky_columns"]

#: Pixels that a step on the sky spans: long enough for the digits of a WCS, short enough to be straight.
_STEP = 10.0


def sky_columns(wcs: WCS, x: np.ndarray, y: np.ndarray) -> QTable:
    """Where pixels are on the sky, and which way the sky lies there.

    Parameters
    ----------
    wcs
        Celestial WCS of the field.
    x, y
        Columns and rows from 0, both (n,).

    Returns
    -------
    astropy.table.QTable
        ``ra`` and ``dec`` (ICRS), and ``north_angle`` and ``east_angle``: the directions of north and east on the image, from its y axis
        (up) counter-clockwise, so that a field with north up and east to the left has 0 and 90 degrees. All in deg, one row a pixel.

    Notes
    -----
    North and east are two angles, not one: an image may be mirrored, or its pixels sheared.
    """
    from astropy.wcs.utils import proj_plane_pixel_area  # noqa: PLC0415 (not at import)

    here = wcs.pixel_to_world(x, y).icrs
    step = _STEP * np.sqrt(proj_plane_pixel_area(wcs)) * u.deg
    columns = QTable({"ra": here.ra.to(u.deg), "dec": here.dec.to(u.deg)})
    for name, towards in (("north_angle", 0 * u.deg), ("east_angle", 90 * u.deg)):
        there = wcs.world_to_pixel(here.directional_offset_by(towards, step))
        right, up = np.asarray(there[0]) - x, np.asarray(there[1]) - y
        columns[name] = np.degrees(np.arctan2(-right, up)) * u.deg
    return columns
