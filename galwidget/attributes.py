"""The named physical quantities of a galaxy: their units, how they are shown, and on which scale they vary."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from astropy.table import Table
    from numpy.typing import ArrayLike

__all__ = [
    "ATTRIBUTES",
    "MORPHOLOGIES",
    "Attribute",
    "colours",
    "describe",
    "ellipticity_and_angle",
    "ellipticity_components",
    "placeholders",
    "warn_of_placeholders",
]

#: Hubble types of the attribute ``morphology``, from early to late.
MORPHOLOGIES = ("E", "S0", "Sb", "Sc", "Im")


@dataclass(frozen=True)
class Attribute:
    """One column of a galaxy table.

    Parameters
    ----------
    name
        Column name.
    label
        For people, without the unit.
    unit
        An astropy unit string; empty for a pure number.
    description
        What it is, exactly.
    scale
        ``linear``, ``log`` (a positive quantity), ``log1p`` (redshift) or ``category``.
    modality
        The group of correlated attributes that one expert sees, or empty for what is derived or only recorded.
    least, most
        What galaxies have: catalogues write 99, -99 or -1 where nothing was measured.
    """

    name: str
    label: str
    unit: str
    description: str
    scale: str = "linear"
    modality: str = ""
    least: float = -np.inf
    most: float = np.inf


_ELLIPTICITY = "|e| = (a - b)/(a + b)"
_SHAPE = "as galwidget.measure finds it on the survey's image, PSF included"
ATTRIBUTES: dict[str, Attribute] = {
    attribute.name: attribute
    for attribute in (
        Attribute("r_half", "half-light radius", "arcsec", f"radius of half the Kron flux, {_SHAPE}", "log", "shape", 0),
        Attribute("area", "isophotal area", "arcsec2", f"area above 1.5 sky sigma in the reference band, {_SHAPE}", "log", "shape", 0),
        Attribute("e1", "ellipticity e1", "", f"|e| cos 2 PA of the second moments, {_ELLIPTICITY}, {_SHAPE}", "linear", "shape", -1, 1),
        Attribute("e2", "ellipticity e2", "", f"|e| sin 2 PA of the second moments, {_SHAPE}", "linear", "shape", -1, 1),
        Attribute("concentration", "concentration", "", f"5 log10(r80 / r20), {_SHAPE}", "linear", "shape", 0, 20),
        Attribute("redshift", "redshift", "", "spectroscopic, or the truth of a simulation", "log1p", "redshift", -0.5, 20),
        Attribute("morphology", "Hubble type", "", f"one of {', '.join(MORPHOLOGIES)}", "category", "morphology"),
        Attribute("ellipticity", "ellipticity", "", f"(a - b)/(a + b), {_SHAPE}"),
        Attribute("axis_ratio", "axis ratio", "", f"b/a, {_SHAPE}"),
        Attribute("position_angle", "position angle", "deg", "of the major axis, from the image's x axis towards y, 0 to 180"),
        Attribute("bulge_fraction", "bulge fraction", "", "share of the r-band light in the bulge, the truth of a simulation"),
        Attribute("x", "x", "pix", "column of the centre in its field, from 0"),
        Attribute("y", "y", "pix", "row of the centre in its field, from 0"),
        Attribute("ra", "right ascension", "deg", "of the centre, ICRS"),
        Attribute("dec", "declination", "deg", "of the centre, ICRS"),
        Attribute("north_angle", "direction of north", "deg", "from the image's y axis counter-clockwise"),
        Attribute("east_angle", "direction of east", "deg", "from the image's y axis counter-clockwise: 90 from north unless mirrored"),
    )
}


def describe(name: str) -> Attribute:
    """What is known of the column ``name``; magnitudes ``mag_<band>`` and colours ``<band>_<band>`` are made up as asked.

    Examples
    --------
    >>> describe("mag_r").unit, describe("g_r").label
    ('mag', 'g - r')
    """
    if name in ATTRIBUTES:
        return ATTRIBUTES[name]
    if name.endswith("_err"):
        measured = describe(name.removesuffix("_err"))
        return Attribute(name, f"error of {measured.label}", measured.unit, f"standard deviation of {measured.name}")
    if name.startswith("mag_") and "_" not in name[4:]:
        return Attribute(name, f"{name[4:]} magnitude", "mag", f"AB magnitude in {name[4:]}, {_SHAPE}", "linear", "brightness", -5, 45)
    blue, _, red = name.partition("_")
    if blue and red and "_" not in red and max(len(blue), len(red)) <= 2:
        return Attribute(name, f"{blue} - {red}", "mag", f"AB colour, {_SHAPE}", "linear", "colours", -20, 20)
    return Attribute(name, name.replace("_", " "), "", "a column of the user's table")


def placeholders(name: str, values: np.ndarray, bands: tuple[str, ...]) -> np.ndarray:
    """Where numbers ``values`` of the column ``name`` are beyond what galaxies have in ``bands``: there nothing was measured."""
    known = describe(name)
    if known.modality == "colours" and not {*name.split("_")} <= {*bands}:  # a column of the user's, such as x_1
        return np.zeros(values.shape, bool)
    return (values < known.least) | (values > known.most)


def warn_of_placeholders(table: Table, bands: tuple[str, ...]) -> None:
    """Say which columns of ``table`` have numbers that are taken for not measured, and how many (`placeholders`)."""
    told = []
    for name, column in table.items():
        if getattr(getattr(column, "dtype", None), "kind", None) in {"f", "i"} and column.ndim == 1:
            values = np.asarray(getattr(column, "unmasked", column), float)
            strange = placeholders(name, values, bands) & ~np.asarray(getattr(column, "mask", False))
            if strange.any():
                told.append(f"{name} of {strange.sum()} ({values[strange][0]:g})")
    if told:
        warnings.warn(f"numbers that no galaxy has are taken for not measured: {', '.join(told)}; mask them, or put NaN", stacklevel=3)


def ellipticity_components(ellipticity: ArrayLike, position_angle: ArrayLike) -> tuple[Any, Any]:
    """(e1, e2) of a modulus and a position angle in degrees."""
    modulus, angle = np.asarray(ellipticity), 2 * np.radians(position_angle)
    return modulus * np.cos(angle), modulus * np.sin(angle)


def ellipticity_and_angle(e1: ArrayLike, e2: ArrayLike) -> tuple[Any, Any]:
    """Modulus (below 1) and position angle in degrees (0 to 180) of two components, the inverse of `ellipticity_components`."""
    return np.clip(np.hypot(e1, e2), 0, 0.99), np.degrees(np.arctan2(e2, e1)) / 2 % 180


def colours(band_names: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    """Colours of neighbouring bands: (name, bluer band, redder band)."""
    for blue, red in pairwise(band_names):
        yield f"{blue}_{red}", blue, red
