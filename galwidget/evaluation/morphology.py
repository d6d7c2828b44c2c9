"""Gini, M20 and asymmetry of many galaxies fast: the non-parametric statistics of Lotz et al. (2004) and Conselice (2003)."""

from __future__ import annotations

import numpy as np

from galwidget.galaxies import Galaxies
from galwidget.measurement import reference_band

__all__ = ["nonparametric"]

#: Petrosian radius: where the surface brightness is this share of the mean within (Petrosian 1976, as Lotz et al. 2004 use it).
_ETA = 0.2
#: Gaussian smoothing before the segmentation, in Petrosian radii, and the extent of the asymmetry's aperture (Conselice 2003).
_SMOOTHING, _EXTENT = 0.2, 1.5
#: Side of the corners of the stamp in which the asymmetry of the sky is measured, pixels.
_CORNER = 10


def nonparametric(galaxies: Galaxies) -> dict[str, np.ndarray]:
    """``gini``, ``m20`` and ``asymmetry`` in the reference band, each of shape (n,); NaN where they cannot be measured.

    As statmorph (Rodriguez-Gomez et al. 2019) defines them, in milliseconds: the isophote's ellipse is `galwidget.measure`'s, profiles are
    binned by pixel, and the asymmetry's centre is searched from the centroid.

    Parameters
    ----------
    galaxies
        Measured galaxies with images; masked pixels are filled by their point reflection.
    """
    flux, ivar = galaxies.require_images()
    band = galaxies.survey.index(reference_band(galaxies.survey))
    shape = np.stack([galaxies.attribute("axis_ratio"), np.radians(galaxies.attribute("position_angle"))], 1)
    found = np.full((3, len(flux)), np.nan)
    for row in np.flatnonzero(np.isfinite(shape).all(1)):
        good, plane = ivar[row, band] > 0, flux[row, band].astype(float)
        image = np.where(good, plane, np.where(good[::-1, ::-1], plane[::-1, ::-1], 0))
        found[:, row] = _of_one(image, *shape[row])
    return dict(zip(("gini", "m20", "asymmetry"), found, strict=True))


def _of_one(image: np.ndarray, axis_ratio: float, angle: float) -> tuple[float, float, float]:
    from scipy.ndimage import gaussian_filter, label  # noqa: PLC0415 (not at import)

    rows, columns = (np.asarray(axis) for axis in np.indices(image.shape))
    middle = (np.array(image.shape) - 1) / 2
    near = np.hypot(rows - middle[0], columns - middle[1]) < image.shape[0] / 4
    weight = np.where(near, np.clip(gaussian_filter(image, 1.0), 0, None), 0)
    if not weight.sum() > 0:
        return np.nan, np.nan, np.nan
    y, x = (float((axis * weight).sum() / weight.sum()) for axis in (rows, columns))
    along = (columns - x) * np.cos(angle) + (rows - y) * np.sin(angle)
    across = (rows - y) * np.cos(angle) - (columns - x) * np.sin(angle)
    ellipse = np.hypot(along, across / axis_ratio)
    petrosian, circular = _petrosian(image, ellipse), _petrosian(image, np.hypot(rows - y, columns - x))
    if not (np.isfinite(petrosian) and np.isfinite(circular)):
        return np.nan, np.nan, np.nan
    smooth = gaussian_filter(image, _SMOOTHING * petrosian, mode="constant")
    annulus = np.abs(ellipse - petrosian) < 0.5
    islands = np.asarray(label(smooth >= smooth[annulus].mean(), structure=np.ones((3, 3)))[0])
    own = islands[round(y), round(x)]
    inside = islands == own
    if own == 0 or inside.sum() < 5:
        return np.nan, np.nan, np.nan
    return _gini(image[inside]), _m20(image[inside], rows[inside], columns[inside]), _asymmetry(image, (y, x), _EXTENT * circular)


def _petrosian(image: np.ndarray, radius: np.ndarray) -> float:
    """Radius in pixels where the mean surface brightness of the annulus falls to 0.2 of that within, NaN where it does not."""
    ring = radius.astype(int).ravel()
    light, pixels = np.bincount(ring, image.ravel()), np.bincount(ring)
    centres = np.arange(len(light)) + 0.5
    # half of the annulus itself is within its middle radius
    within = (np.cumsum(light) - light / 2) / np.maximum(np.cumsum(pixels) - pixels / 2, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = light / np.maximum(pixels, 1) / within
    below = np.flatnonzero(ratio[1 : image.shape[0] // 2] < _ETA) + 1
    if not below.size:
        return float("nan")
    last = int(below[0])
    step = (ratio[last - 1] - _ETA) / (ratio[last - 1] - ratio[last])
    return float(centres[last - 1] + np.clip(step, 0, 1))


def _gini(values: np.ndarray) -> float:
    ordered = np.sort(np.abs(values))
    n = len(ordered)
    return float(((2 * np.arange(1, n + 1) - n - 1) * ordered).sum() / ((n - 1) * ordered.sum()))


def _m20(values: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> float:
    total = values.sum()
    if not total > 0:
        return float("nan")
    moment = values * ((rows - (rows * values).sum() / total) ** 2 + (columns - (columns * values).sum() / total) ** 2)
    order = np.argsort(values)
    share = np.cumsum(values[order]) / total
    brightest = order[share >= 0.8]
    part, whole = moment[brightest].sum(), moment.sum()
    return float(np.log10(part / whole)) if part > 0 and whole > 0 else float("nan")


def _asymmetry(image: np.ndarray, centre: tuple[float, float], radius: float) -> float:
    """Conselice (2003): sum |I - I180| over sum |I| in a circle, at the centre that makes it least, less that of as much sky."""
    from scipy.optimize import minimize  # noqa: PLC0415 (not at import)

    rows, columns = (axis.ravel() for axis in np.indices(image.shape))
    near = np.hypot(rows - centre[0], columns - centre[1]) < radius + 2
    rows, columns = rows[near], columns[near]
    values, padded = image[rows, columns], np.pad(image, ((0, 1), (0, 1)))

    def difference(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """|I - I180| about ``at`` (y, x), bilinear between pixels, of the pixels in the circle; and their |I|."""
        inside = np.hypot(rows - at[0], columns - at[1]) < radius
        y, x = 2 * at[0] - rows[inside], 2 * at[1] - columns[inside]
        on = (y >= 0) & (y <= image.shape[0] - 1) & (x >= 0) & (x <= image.shape[1] - 1)
        low_y, low_x = (np.where(on, part, 0).astype(int) for part in (y, x))
        step_y, step_x = np.where(on, y - low_y, 0), np.where(on, x - low_x, 0)
        lower = padded[low_y, low_x] * (1 - step_x) + padded[low_y, low_x + 1] * step_x
        upper = padded[low_y + 1, low_x] * (1 - step_x) + padded[low_y + 1, low_x + 1] * step_x
        turned = np.where(on, lower * (1 - step_y) + upper * step_y, 0)
        return np.abs(values[inside] - turned), np.abs(values[inside])

    def asymmetry(at: np.ndarray) -> float:
        apart, light = difference(at)
        return float(apart.sum() / max(light.sum(), 1e-30))

    start = np.array(centre)
    simplex = start + np.array([[0.0, 0.0], [0.5, 0.0], [0.0, 0.5]])
    best = minimize(
        asymmetry, start, method="Nelder-Mead", options={"initial_simplex": simplex, "xatol": 0.05, "fatol": 1e-3, "maxfev": 30}
    )
    corners = [image[y, x] for y in (slice(_CORNER), slice(-_CORNER, None)) for x in (slice(_CORNER), slice(-_CORNER, None))]
    sky = float(np.mean([np.abs(corner - corner[::-1, ::-1]).mean() for corner in corners]))
    apart, light = difference(best.x)
    return float((apart.sum() - sky * len(light)) / max(light.sum(), 1e-30))
