"""Where galaxies near the faint end of a model's training are in latent space, and those beyond: by a population without that end."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from galwidget.model.telescope import through
from galwidget.science.kept import Kept
from galwidget.survey import magnitude_to_nanojansky

if TYPE_CHECKING:
    from galwidget.galaxy_model import GalaxyModel

__all__ = ["Population", "faint_population", "gauss_newton", "without_limit"]

#: Magnitudes above the limit of the training that the faint population is learnt from, and how many draws of the model's prior.
_DEPTH, _DRAWS = 1.75, 2000
#: Standard deviation of ln flux in it: nothing is said of brightness that a galaxy of S/N 5 would notice.
_FREE = 2.0
#: Steps of the posterior's search, and the longest of one.
_STEPS, _LONGEST = 4, 2.0
#: Of latent space for a derivative: a twentieth of the prior's width, far above the rounding of single precision.
_DIFFERENCE = 0.05


@dataclass(frozen=True)
class Population:
    """A Gaussian over latent space.

    Parameters
    ----------
    mean, precision
        Of the Gaussian, (d,) and (d, d).
    band
        Number of the band that the limit is in.
    brightest
        Flux in that band in nJy above which galaxies are not of this population.
    """

    mean: Tensor
    precision: Tensor
    band: int
    brightest: float

    def has(self, log_flux: Tensor) -> Tensor:
        """Whether galaxies of ln(flux / nJy) (n, band) are of it, (n,)."""
        return log_flux[:, self.band] < math.log(self.brightest)


_POPULATIONS: Kept[Population | None] = Kept()


def faint_population(model: GalaxyModel) -> Population | None:
    """The population of the faintest galaxies of a model's training, extrapolated beyond it (`without_limit`).

    None for a model that knows no magnitudes: it cannot say where its training ends.
    """
    return _POPULATIONS(model, lambda: _learn(model))


def _learn(model: GalaxyModel) -> Population | None:
    names = model.inputs.groups.get("brightness", ())
    if not names or not model.stamp:
        return None
    limit = model.inputs.scalings[names[0]].high
    band = model.survey.index(names[0].removeprefix("mag_"))
    end: dict[str, Any] = {names[0]: (limit - _DEPTH, limit)}
    points = torch.from_numpy(model.draw(_DRAWS, seed=0, **end).mean)
    with model.lock, torch.no_grad():
        log_flux = model.mvae.modality("image").log_flux(points)[:, band]  # type: ignore[attr-defined]
    return Population(*without_limit(points, log_flux), band, float(magnitude_to_nanojansky(limit - _DEPTH)))


def without_limit(points: Tensor, log_flux: Tensor) -> tuple[Tensor, Tensor]:
    r"""Mean and precision of a Gaussian in which everything goes with brightness as in a sample, and brightness itself is free.

    A sample of galaxies that ends at a magnitude knows none fainter, and an encoder trained on it explains faint pixels by galaxies of that
    magnitude whose light is spread until it is lost in the noise. Of a Gaussian of the sample, with covariance :math:`\Sigma`, the factor
    along ln flux, :math:`a^T z`, is taken out and a wide one put in; what is left, z given the flux, is a linear relation that goes on
    beyond the limit:

    .. math:: \Lambda = \Sigma^{-1} - a a^T / (a^T \Sigma a) + a a^T / 2^2

    Parameters
    ----------
    points
        The sample in latent space, (n, d).
    log_flux
        Their ln flux, (n,).
    """
    points, log_flux = points.double(), log_flux.double()
    mean = points.mean(0)
    covariance = torch.cov(points.T) + 1e-6 * torch.eye(points.shape[1], dtype=torch.float64)
    slope = torch.linalg.solve(covariance, (points - mean).T @ (log_flux - log_flux.mean()) / (len(points) - 1))
    along = torch.outer(slope, slope)
    rest = torch.linalg.inv(covariance) - along / (slope @ covariance @ slope).clamp(min=1e-12)
    return mean, rest + along / _FREE**2


def gauss_newton(
    picture: Callable[[Tensor], Tensor], psf: Tensor, flux: Tensor, ivar: Tensor, start: Tensor, mean: Tensor, precision: Tensor
) -> tuple[Tensor, Tensor]:
    r"""The most probable points of latent space and the Gaussian about each, by Gauss and Newton's steps.

    Each step takes the picture as linear in z, for which :math:`N(\mu, \Lambda^{-1})` times the pixels' likelihood is a Gaussian. A galaxy
    that ends less probable than it began stays where it was.

    Parameters
    ----------
    picture
        From points (n, d) to the galaxies before the telescope, (n, band, y, x).
    psf, flux, ivar
        PSFs (n, band, k, k), and the pixels seen through them, (n, band, y, x).
    start
        Where to begin, (n, d).
    mean, precision
        Of the Gaussian before the pixels are seen, (n, d) and (n, d, d).

    Returns
    -------
    tuple of Tensor
        Points z (n, d), and roots (n, d, d) of the covariances at the last step: z + root @ standard normal numbers are draws.
    """
    weight, telescope = ivar.sqrt(), through(psf, *flux.shape[-2:])
    # the same spectra for the derivatives by every dimension
    telescopes = through(psf[:, None], *flux.shape[-2:])

    def improbable(z: Tensor) -> Tensor:
        apart = z.double() - mean
        chi2 = ((flux - telescope(picture(z))) * weight).double().square().sum((1, 2, 3))
        return chi2 + torch.einsum("nd,nde,ne->n", apart, precision, apart)

    z, curvature = start, torch.zeros_like(precision)
    for _ in range(_STEPS):
        jacobian = (telescopes(_slopes(picture, z)) * weight[:, None]).flatten(2)
        residual = ((flux - telescope(picture(z))) * weight).flatten(1)
        curvature = (jacobian @ jacobian.mT).double() + precision
        pull = torch.einsum("ndp,np->nd", jacobian, residual).double() + torch.einsum("nde,ne->nd", precision, mean - z)
        step = torch.linalg.solve(curvature, pull)
        z = (z + step * (_LONGEST / step.norm(dim=1, keepdim=True).clamp(min=_LONGEST))).float()
    z = torch.where((improbable(z) < improbable(start))[:, None], z, start)
    # L L^T the precision: L^-T times white noise has its inverse as covariance
    lower = torch.linalg.cholesky(curvature)
    white = torch.eye(z.shape[1], dtype=lower.dtype).expand_as(lower)
    return z, torch.linalg.solve_triangular(lower.mT, white, upper=True).float()


def _slopes(picture: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """The derivatives of the picture by each dimension at ``z``, (n, d, band, y, x): central differences."""
    steps = _DIFFERENCE * torch.eye(z.shape[1], dtype=z.dtype)
    return torch.stack([picture(z + step) - picture(z - step) for step in steps], 1) / (2 * _DIFFERENCE)
