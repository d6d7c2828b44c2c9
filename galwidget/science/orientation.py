"""Galaxies turned to one orientation: which way a galaxy happens to lie, and where in its stamp, says nothing of what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from galwidget.galaxies import Galaxies
from galwidget.latent import Latent
from galwidget.measurement import reference_band
from galwidget.observation import observe
from galwidget.survey_check import refuse_another_survey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from galwidget.galaxy_model import GalaxyModel

__all__ = ["canonical_latent", "orientation", "turned"]

#: What an ellipse's position angle leaves open: half a turn and the handedness. (x, y) as they are, or mirrored.
_COPIES = ((1.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0))
_BATCH = 128


def orientation(galaxies: Galaxies) -> tuple[np.ndarray, np.ndarray]:
    """Centres (x, y) in pixels from the middle of the stamp, (n, 2), and position angles in radians, (n,), from the images.

    Moments of the reference band under a round Gaussian weight that is fitted in centre and size (Bernstein & Jarvis 2002,
    doi:10.1086/338085, without the elliptical weight: faint galaxies must not run away with it).
    """
    flux, ivar = galaxies.require_images()
    band = galaxies.survey.index(reference_band(galaxies.survey))
    image = np.where(ivar[:, band] > 0, flux[:, band], 0).astype(np.float64)
    side = image.shape[-1]
    y, x = np.mgrid[: image.shape[-2], :side] - (np.array(image.shape[-2:])[:, None, None] - 1) / 2
    centre, square = np.zeros((len(image), 2)), np.full(len(image), (side / 12) ** 2)
    moments = np.zeros((len(image), 3))
    for _ in range(6):
        dx, dy = x - centre[:, 0, None, None], y - centre[:, 1, None, None]
        weighted = image * np.exp(-(dx**2 + dy**2) / (2 * square[:, None, None]))
        total = weighted.sum((1, 2))
        usable = total > 0
        total = np.where(usable, total, 1.0)
        first = np.stack([(weighted * dx).sum((1, 2)), (weighted * dy).sum((1, 2))], 1) / total[:, None]
        # under a weight as wide as itself a Gaussian's first moment is half its offset, its second half its variance
        centre = np.where(usable[:, None], np.clip(centre + 2 * np.clip(first, -1, 1), -3, 3), centre)
        moments = np.stack([(weighted * term).sum((1, 2)) for term in (dx * dx, dy * dy, dx * dy)], 1) / total[:, None]
        square = np.where(usable, np.clip(moments[:, 0] + moments[:, 1], 4.0, (side / 5) ** 2), square)
    return centre, 0.5 * np.arctan2(2 * moments[:, 2], moments[:, 0] - moments[:, 1])


def turned(galaxies: Galaxies, centre: np.ndarray, angle: np.ndarray, mirror: tuple[float, float] = (1.0, 1.0)) -> Galaxies:
    """The galaxies moved to the middle of their stamps and turned by ``-angle``, so that the major axis lies along x.

    Parameters
    ----------
    galaxies
        n galaxies with images.
    centre, angle
        As `orientation` gives them, (n, 2) in pixels and (n,) in radians.
    mirror
        Signs of x and y afterwards.

    Returns
    -------
    Galaxies
        Interpolated by cubic convolution; what the circle inside the stamp does not hold is masked, the same for every angle. Shape
        columns of the table are those of the turned galaxy.
    """
    flux, ivar = galaxies.require_images()
    good = torch.from_numpy(ivar > 0).float()
    # a cubic reaches two pixels: what touches a masked one is masked
    bad = functional.max_pool2d(1 - good, 3, stride=1, padding=1)
    shift = torch.from_numpy(centre * (2 / np.array([flux.shape[-1], flux.shape[-2]])))
    seen = _sample(_tensor(flux), angle, mirror, shift, "bicubic")
    weight = _sample(_tensor(ivar), angle, mirror, shift, "bilinear")
    lost = _sample(bad, angle, mirror, shift, "bilinear") > 0.05
    axes = [np.arange(side) - (side - 1) / 2 for side in flux.shape[-2:]]
    lost |= torch.from_numpy(np.hypot(axes[0][:, None], axes[1]) > min(flux.shape[-2:]) / 2)
    psf = _sample(_tensor(galaxies.psfs), angle, mirror, torch.zeros_like(shift), "bicubic").clamp(min=0)
    psf = psf / psf.sum((-2, -1), keepdim=True)
    # what comes from outside of the stamp is zero, and its inverse variance too
    return Galaxies(
        seen.masked_fill(lost, 0.0).numpy(),
        weight.masked_fill(lost, 0.0).numpy(),
        psf.numpy(),
        _level(galaxies.table),
        survey=galaxies.survey,
    )


def _tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.require(pixels, requirements=["C", "W"]))


def _sample(images: torch.Tensor, angle: np.ndarray, mirror: tuple[float, float], shift: torch.Tensor, mode: str) -> torch.Tensor:
    cos, sin = torch.from_numpy(np.cos(angle)), torch.from_numpy(np.sin(angle))
    rows = [
        torch.stack([mirror[0] * cos, -mirror[1] * sin, shift[:, 0]], 1),
        torch.stack([mirror[0] * sin, mirror[1] * cos, shift[:, 1]], 1),
    ]
    grid = functional.affine_grid(torch.stack(rows, 1).float(), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, mode=mode, align_corners=False)


def _level(table: Any) -> Any:
    """The table of galaxies whose major axis lies along x."""
    level = table.copy()
    if {"e1", "e2"} <= set(level.colnames):
        level["e1"] = np.hypot(level["e1"], level["e2"])
        level["e2"] = 0 * level["e2"]
    if "position_angle" in level.colnames:
        level["position_angle"] = 0 * level["position_angle"]
    return level


def canonical_latent(model: GalaxyModel, galaxies: Galaxies | Latent, using: Sequence[str] | None = None) -> Latent:
    """Where galaxies are in latent space, whichever way they lie.

    Each galaxy is centred, turned until its major axis lies along x, and encoded four times: as it is, mirrored in x, in y, in both. The
    answer is the mean of the four; its width joins theirs and the scatter between them.

    Parameters
    ----------
    model
        The model.
    galaxies
        n galaxies; those without images have only the shape columns turned. A `Latent` (an edited galaxy, a draw) is drawn first, as the
        model's survey would see it without noise.
    using
        As in ``model.encode``; None takes the picture where there is one, else all attributes.
    """
    if isinstance(galaxies, Latent):
        parts = [_batch_of_latent(model, galaxies[start : start + _BATCH]) for start in range(0, len(galaxies), _BATCH)]
    else:
        refuse_another_survey(model, galaxies)
        parts = [_batch(model, galaxies[start : start + _BATCH], using) for start in range(0, len(galaxies), _BATCH)]
    return Latent.concatenate(parts) if parts else Latent(np.zeros((0, model.latent_size)))


def _batch(model: GalaxyModel, galaxies: Galaxies, using: Sequence[str] | None) -> Latent:
    if galaxies.flux is None or not model.stamp or (using is not None and "image" not in using):
        return model.encode(galaxies.with_table(_level(galaxies.table)), using)
    using = ["image"] if using is None else using
    centre, angle = orientation(galaxies)
    copies = [model.encode(turned(galaxies, centre, angle, mirror), using) for mirror in _COPIES]
    means, stds = np.stack([copy.mean for copy in copies]), np.stack([copy.std for copy in copies])
    return Latent(means.mean(0), np.sqrt((stds**2).mean(0) + means.var(0)))


def _batch_of_latent(model: GalaxyModel, latent: Latent) -> Latent:
    if not model.stamp:
        return latent
    seen = observe(model.decode(latent, attributes=False), noise=False)
    found = _batch(model, seen, ["image"])
    return Latent(found.mean, np.hypot(found.std, latent.std))
