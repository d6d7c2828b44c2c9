"""What kind of galaxy it is, in numbers: colours, their gradients, concentration and flattening of the galaxy that the model draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from galwidget.latent import Latent
from galwidget.measurement import reference_band
from galwidget.science.kept import Kept

if TYPE_CHECKING:
    from galwidget.galaxy_model import GalaxyModel
    from galwidget.survey import Survey

__all__ = ["Kind", "kind_numbers"]

#: Shares of the light whose radii tell the profile: pairs of (outer, inner), the first Kent's (1985) concentration.
_CONCENTRATIONS = ((0.8, 0.2), (0.9, 0.5), (0.5, 0.1))
#: A colour gradient is between the inner half of the light and what lies out to this share.
_OUTER = 0.9
#: Least share of the reference band's flux that another band is taken to have: 7.5 mag.
_LEAST_FLUX = 1e-3
#: Galaxies that are drawn to find how much each number differs among them, and their seed.
_DRAWN, _SEED = 512, 37
_BATCH = 128


def kind_numbers(flux: np.ndarray, survey: Survey) -> np.ndarray:
    r"""Numbers that say what kind of galaxy it is, not how bright, how large, how far turned or which mirror image.

    Colours of neighbouring bands; by how much each is redder within half of the light than outside; concentrations
    :math:`\log_{10} (r_{80} / r_{20})` (Kent 1985, doi:10.1086/191066), :math:`r_{90} / r_{50}` and :math:`r_{50} / r_{10}` likewise; and
    the logarithm of the axis ratio. Radii are elliptical, by the second moments of the squared light of
    the reference band.

    Parameters
    ----------
    flux
        Galaxies without noise, (n, band, y, x), alone in their stamps.
    survey
        Names the bands.

    Returns
    -------
    numpy.ndarray
        Shape (n, 2 band + 2).
    """
    flux = np.maximum(flux, 0).astype(float)
    reference = survey.index(reference_band(survey))
    radius, ratio = _elliptical_radius(flux[:, reference])
    order = np.argsort(radius, axis=1)
    radius = np.take_along_axis(radius, order, 1)
    growth = np.take_along_axis(flux.reshape(*flux.shape[:2], -1), order[:, None], 2).cumsum(2)
    total = np.maximum(growth[..., -1], 1e-30)
    curve = growth[:, reference] / total[:, reference, None]
    radii = {
        share: np.array([np.interp(share, *pair) for pair in zip(curve, radius, strict=True)])
        for share in {share for pair in _CONCENTRATIONS for share in pair}
    }
    within = {share: (radius <= radii[share][:, None]).sum(1) - 1 for share in (0.5, _OUTER)}
    rows = np.arange(len(flux))
    inner = growth[rows, :, within[0.5].clip(min=0)]
    outer = growth[rows, :, within[_OUTER].clip(min=0)] - inner
    concentration = [np.log10(radii[outside] / radii[inside].clip(min=0.1)) for outside, inside in _CONCENTRATIONS]
    gradient = _colours(inner, reference) - _colours(outer, reference)
    return np.concatenate([_colours(total, reference), gradient, np.stack([*concentration, np.log(ratio)], 1)], 1)


def _elliptical_radius(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Radius of each pixel on ellipses of the galaxy's shape, geometric mean of the axes, (n, pixel), and the axis ratio, (n,)."""
    y, x = (axis.ravel() for axis in np.indices(image.shape[1:]))
    # the square of the light has the same isophotes, and the edge of the stamp cuts less of it
    weight = np.square(image).reshape(len(image), -1)
    weight /= np.maximum(weight.sum(1, keepdims=True), 1e-30)
    dx, dy = (axis - (weight @ axis)[:, None] for axis in (x, y))
    xx, yy, xy = ((weight * part).sum(1) for part in (dx * dx, dy * dy, dx * dy))
    mean, half = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    # a pixel's own second moment is the least that is told apart
    major, minor = np.maximum(mean + half, 1 / 12), np.maximum(mean - half, 1 / 12)
    root = np.sqrt(major * minor)[:, None]
    squares = ((yy[:, None] + 1e-3) * dx * dx - 2 * xy[:, None] * dx * dy + (xx[:, None] + 1e-3) * dy * dy) / root
    return np.sqrt(np.maximum(squares, 0)), np.sqrt(minor / major)


def _colours(flux: np.ndarray, reference: int) -> np.ndarray:
    """Colours of neighbouring bands, mag, (n, band - 1)."""
    least = np.maximum(_LEAST_FLUX * flux[:, reference, None], 1e-30)
    return 2.5 * np.diff(np.log10(np.maximum(flux, least)), axis=1)


@dataclass(frozen=True, eq=False)
class Kind:
    """Kinds of galaxies as points: their plain distance is 0 for the same kind, 1 where all numbers differ by the spread among galaxies.

    Parameters
    ----------
    centre, spread
        Mean and standard deviation of `kind_numbers` over galaxies drawn from the model's prior, (p,).
    """

    centre: np.ndarray
    spread: np.ndarray

    @classmethod
    def of_model(cls, model: GalaxyModel) -> Kind:
        """From galaxies drawn from the model's prior; the same for the same model.

        Raises
        ------
        ValueError
            The model was trained without images: it draws nothing to measure.
        """
        if not model.stamp:
            raise ValueError("the model was trained without images and cannot tell kinds; search by='identity'")

        def learn() -> Kind:
            numbers = _numbers(model, model.draw(_DRAWN, seed=_SEED))
            middle, low, high = (np.percentile(numbers, percent, axis=0) for percent in (50, 16, 84))
            return cls(middle, np.maximum((high - low) / 2, 1e-3))

        return _KNOWN(model, learn, _DRAWN)

    def points(self, model: GalaxyModel, latent: Latent) -> np.ndarray:
        """The kinds of galaxies at these places of latent space, (n, p), float32; seen once in any orientation, and each alone."""
        points = (_numbers(model, latent) - self.centre) / (self.spread * np.sqrt(len(self.spread)))
        # one number out of all bounds must not decide alone
        return np.clip(points, *(np.array([-5, 5]) / np.sqrt(len(self.spread)))).astype(np.float32)


def _numbers(model: GalaxyModel, latent: Latent) -> np.ndarray:
    parts = [kind_numbers(model.flux(latent[start : start + _BATCH]), model.survey) for start in range(0, len(latent), _BATCH)]
    return np.concatenate(parts) if parts else np.zeros((0, 2 * len(model.survey.bands) + 2))


_KNOWN: Kept[Kind] = Kept()
