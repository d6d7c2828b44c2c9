"""What is left of a galaxy when the model's view of it is taken away: how much, in what form, in which band, and where."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch

from galwidget.galaxies import Galaxies
from galwidget.model.telescope import convolve

if TYPE_CHECKING:
    from galwidget.galaxy_model import GalaxyModel
    from galwidget.latent import Latent

__all__ = ["FORMS", "Residuals", "residuals"]

#: The forms that are looked for, and what a residual of this form is called.
FORMS = {
    "residual": "left over in general",
    "blob": "extra source",
    "hole": "missing light",
    "line": "trail",
    "ring": "ring",
    "shift": "band shifted",
    "colour": "colour outside of what the model can draw",
}
#: The decoder's own relative error: what it may be wrong by in a pixel without being odd.
_MODEL_ERROR = 0.1
#: The same for a line: arms and knots of a bright galaxy, which the decoder does not draw, are no trail; a trail is there beside it, too.
_STRUCTURE = 1.0
#: A line must be seen all along: no pixel counts for more than this many sigma.
_CLIP = 4.0
_ANGLES, _LINE_WIDTH, _LINE_END = 24, 1.2, -12.5
#: Mean significance along a line, in units of the largest that counts, from which it is called a trail.
_ALONG = 0.3


@dataclass(frozen=True)
class Residuals:
    """How strong each form is in each galaxy, larger is odder, and where.

    Parameters
    ----------
    strength
        By form, shape (n,): in sigma, but for ``residual``, the mean square of the residual in sigma.
    place
        By form: column and row of its middle in pixels from the centre of the stamp, (n, 2); absent for forms without a place, NaN for a
        line that does not cross the stamp.
    band
        By form: the band in which it is strongest, (n,), as an index; absent for forms that need several.
    """

    strength: dict[str, np.ndarray]
    place: dict[str, np.ndarray]
    band: dict[str, np.ndarray]


def residuals(model: GalaxyModel, galaxies: Galaxies, latent: Latent) -> Residuals:
    """The forms of galaxy less model, for n galaxies with images at ``latent`` (n, d)."""
    flux, ivar = (torch.from_numpy(np.require(part, requirements=["C", "W"])) for part in galaxies.require_images())
    psf = torch.from_numpy(np.require(galaxies.psfs, requirements=["C", "W"]))
    expected = convolve(torch.from_numpy(model.flux(latent)), psf)
    good = ivar > 0
    weight, beside = (torch.where(good, ivar / (1 + ivar * (error * expected) ** 2), 0.0) for error in (_MODEL_ERROR, _STRUCTURE))
    left = torch.where(good, flux - expected, 0.0)
    found = Residuals({}, {}, {})
    square = (left**2 * weight).sum((2, 3)) / good.sum((2, 3)).clamp(min=1)
    _note(found, "residual", square.mean(1), band=square.argmax(1))
    _sources(found, left, weight, psf)
    _lines(found, left, beside)
    _rings(found, left, weight)
    _bands(found, left, weight, expected)
    return found


def _note(found: Residuals, form: str, strength: torch.Tensor, place: torch.Tensor | None = None, band: torch.Tensor | None = None) -> None:
    found.strength[form] = strength.double().numpy()
    if place is not None:
        found.place[form] = place.double().numpy()
    if band is not None:
        found.band[form] = band.numpy()


def _significance(left: torch.Tensor, weight: torch.Tensor, psf: torch.Tensor) -> torch.Tensor:
    """Significance of a point source at each pixel of each band: the matched filter."""
    turned = psf.flip(-2, -1)
    return convolve(left * weight, turned) / convolve(weight, turned**2).clamp(min=1e-12).sqrt()


def _sources(found: Residuals, left: torch.Tensor, weight: torch.Tensor, psf: torch.Tensor) -> None:
    each = _significance(left, weight, psf)
    side = each.shape[-1]
    axis = torch.arange(side) - (side - 1) / 2
    inside = torch.hypot(axis[:, None], axis) < side / 2 - 3
    each = each * inside
    together = each.sum(1) / each.shape[1] ** 0.5
    for form, sign in (("blob", 1), ("hole", -1)):
        strength, at = (sign * together).flatten(1).max(1)
        _note(found, form, strength, *_peak(sign * each, at, axis))


def _peak(each: torch.Tensor, at: torch.Tensor, axis: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Column and row, and the strongest band, of the pixels ``at`` (n,)."""
    place = torch.stack([axis[at % len(axis)], axis[at // len(axis)]], 1)
    return place, each.flatten(2).gather(2, at[:, None, None].expand(-1, each.shape[1], 1))[..., 0].argmax(1)


@cache
def _line_bank(side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Lines across a stamp, (line, pixel) of Gaussian profile, and the pixel of each that is nearest to the centre, (line, 2)."""
    axis = torch.arange(side) - (side - 1) / 2
    angle = torch.arange(_ANGLES) * (torch.pi / _ANGLES)
    offset = torch.arange(-0.4 * side, 0.4 * side, 1.5)
    normal = torch.stack([-angle.sin(), angle.cos()], 1)
    distance = normal[:, 0, None, None] * axis + normal[:, 1, None, None] * axis[:, None]
    exponent = -0.5 * ((distance[:, None] - offset[:, None, None]) / _LINE_WIDTH) ** 2
    # nothing far from the line: products of denormal numbers take twenty times as long
    lines = torch.where(exponent > _LINE_END, exponent, -torch.inf).exp()
    return lines.flatten(0, 1).flatten(1), (normal[:, None] * offset[:, None]).flatten(0, 1)


def _lines(found: Residuals, left: torch.Tensor, weight: torch.Tensor) -> None:
    bank, middle = _line_bank(left.shape[-1])
    sigma = (left * weight.sqrt()).clamp(-_CLIP, _CLIP)
    there = (weight > 0).to(sigma.dtype)
    together = (sigma.sum(1) / there.sum(1).clamp(min=1).sqrt()).flatten(1)
    strength = together @ bank.T / ((there.amax(1).flatten(1)) @ (bank**2).T).clamp(min=1).sqrt()
    best, which = strength.max(1)
    along = (sigma.flatten(2) @ bank[which][..., None])[..., 0]
    brightest, band = along.max(1)
    # a source makes a short line through itself: a trail is there from one side of the stamp to the other
    crosses = brightest > _ALONG * _CLIP * bank.sum(1)[which]
    _note(found, "line", best, torch.where(crosses[:, None], middle[which], torch.nan), band)


def _rings(found: Residuals, left: torch.Tensor, weight: torch.Tensor) -> None:
    """Means of annuli, where the clipped residual goes up outside of where it goes down."""
    side = left.shape[-1]
    axis = torch.arange(side) - (side - 1) / 2
    radius = torch.hypot(axis[:, None], axis).flatten()
    edges = torch.arange(2.0, side / 2 - 1, 2.0)
    annuli = torch.stack([((radius >= edge) & (radius < edge + 3)).float() for edge in edges])
    sigma = (left * weight.sqrt()).clamp(-_CLIP, _CLIP)
    there = (weight > 0).to(sigma.dtype)
    together = (sigma.sum(1) / there.sum(1).clamp(min=1).sqrt()).flatten(1)
    means = together @ annuli.T / (there.amax(1).flatten(1) @ annuli.T).clamp(min=1).sqrt()
    _note(found, "ring", means.max(1).values)


def _bands(found: Residuals, left: torch.Tensor, weight: torch.Tensor, expected: torch.Tensor) -> None:
    """A band moved against the others, and a band too bright or too faint: the residual along the model's own gradient and light."""
    amplitude, sharpness = _fit(left, weight, expected)
    common = (amplitude * sharpness).sum(1, keepdim=True) / sharpness.sum(1, keepdim=True).clamp(min=1e-12)
    # an error of a few per cent is the model's
    excess = (amplitude - common) / (1 / sharpness.clamp(min=1e-12) + 0.05**2).sqrt()
    _note(found, "colour", excess.abs().amax(1), band=excess.abs().argmax(1))
    moved = torch.zeros_like(amplitude)
    for axis in (-1, -2):
        slope = -torch.gradient(expected, dim=axis)[0]
        shift, precision = _fit(left, weight, slope)
        centre = (shift * precision).sum(1, keepdim=True) / precision.sum(1, keepdim=True).clamp(min=1e-12)
        moved = moved + (shift - centre) ** 2 / (1 / precision.clamp(min=1e-12) + 0.1**2)
    _note(found, "shift", moved.sqrt().amax(1), band=moved.argmax(1))


def _fit(left: torch.Tensor, weight: torch.Tensor, template: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Amplitude of the template in the residual of each band, and its inverse variance, each (n, band)."""
    precision = (weight * template**2).sum((2, 3))
    return (weight * left * template).sum((2, 3)) / precision.clamp(min=1e-12), precision
