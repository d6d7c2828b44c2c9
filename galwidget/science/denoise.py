"""Galaxies without noise, through their own PSF or a sharper one, with the uncertainty of every pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor

from galwidget.even_draws import even_draws
from galwidget.galaxies import Galaxies
from galwidget.model.modalities import ImageModality
from galwidget.model.telescope import convolve
from galwidget.progress import Progress, steps
from galwidget.science.faint import faint_population, gauss_newton
from galwidget.science.residual_field import allowance, amplitude, missed, relative_error, undecided
from galwidget.survey_check import refuse_another_survey

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from galwidget.galaxy_model import GalaxyModel

__all__ = ["deconvolve", "denoise"]

_BATCH = 16


def denoise(
    model: GalaxyModel,
    galaxies: Galaxies,
    using: Sequence[str] | None = ("image",),
    *,
    psf: ArrayLike | None = None,
    residual: bool = True,
    refine: int = 0,
    draws: int = 16,
    seed: int = 0,
    progress: Progress = True,
) -> Galaxies:
    """The galaxies without noise, through their own PSFs or another: the mean over the model's posterior, and what it missed.

    Parameters
    ----------
    model
        The model.
    galaxies
        n galaxies with images, of its survey.
    using
        What says where a galaxy is in latent space, as in ``model.encode``. Attributes measured in the same noisy pixels would count twice.
    psf
        The PSF to see them through, (band, k, k) or (n, band, k, k), k odd, unit sum; None: their own. See `deconvolve`.
    residual
        Whether to add what the model missed within a galaxy's light and the pixels tell beyond their noise
        (`galwidget.science.residual_field`); without, every pixel is the model's alone, and a galaxy unlike those it learnt from comes
        out more like them.
    refine
        As in ``model.encode``.
    draws
        Points of the posterior that mean and variance are over, even.
    seed
        Of those points, which are the same for every galaxy: a galaxy's answer is the same alone and in any batch.
    progress
        Show a progress bar; or a function of what is done, how many galaxies are ready, and of how many.

    Returns
    -------
    Galaxies
        Noiseless flux in nJy; ``ivar`` is the inverse of the variance that is left: of the posterior and of the decoder's own error,
        where the pixels have not decided. Masked pixels are filled in. The table is the galaxies'.

    Raises
    ------
    ValueError
        The galaxies have no images, or are not of the model's survey, or ``psf`` does not fit the bands.

    Notes
    -----
    Companions outside of the model's light are left out, not drawn: what is returned is the central galaxy. A source that the model has
    learnt no galaxy like, such as a star, is drawn as the nearest galaxy, and the residual mends it only within that galaxy's light.

    Galaxies of the last magnitudes of the model's training and fainter (r > 22.05 for the shipped one) are looked for in their pixels with
    a population that goes on beyond its end (`galwidget.science.faint`), at twice the cost: an encoder holds them to be brighter and
    larger than they are, by 5 and 3 per cent.

    Examples
    --------
    >>> import galwidget as gw
    >>> model = gw.load()
    >>> galaxies = gw.simulate(2, "KiDS", seed=1, progress=False)
    >>> clean = gw.denoise(model, galaxies, progress=False)
    >>> bool((clean.ivar > galaxies.ivar).mean() > 0.9)
    True
    """
    flux, _ = galaxies.require_images()
    refuse_another_survey(model, galaxies)
    # checked as the PSF of any galaxies is
    view = None if psf is None else cast("np.ndarray", Galaxies(flux, psf=psf, survey=galaxies.survey).psf)
    way = _Way(using, residual, refine, even_draws(draws, model.latent_size, seed))
    restored, certain = np.empty_like(flux), np.empty_like(flux)
    with steps(progress, "denoising", len(flux)) as tell:
        for start in range(0, len(flux), _BATCH):
            rows = slice(start, min(start + _BATCH, len(flux)))
            target = view[rows] if view is not None and view.ndim == 4 else view
            restored[rows], certain[rows] = _batch(model, galaxies[rows], target, way)
            tell(rows.stop - start)
    return Galaxies(restored, certain, galaxies.psf if view is None else view, galaxies.table, survey=galaxies.survey)


def deconvolve(
    model: GalaxyModel,
    galaxies: Galaxies,
    psf: ArrayLike | None = None,
    *,
    fwhm: float | Sequence[float] | None = None,
    **how: Any,
) -> Galaxies:
    """The galaxies without noise, as a telescope with another PSF would have seen them.

    Parameters
    ----------
    model, galaxies
        As in `denoise`.
    psf
        The PSF wanted, (band, k, k) or (n, band, k, k), k odd, unit sum.
    fwhm
        Or its full width at half maximum in arcsec, one for all bands or one a band: a Moffat profile (beta = 3). With neither, the
        galaxies before the telescope; what is finer than a pixel or two there is the model's word, not the data's.
    **how
        ``using``, ``residual``, ``refine``, ``draws``, ``seed`` and ``progress``, as in `denoise`.

    Returns
    -------
    Galaxies
        As `denoise` returns them, with the PSF wanted.

    Raises
    ------
    ValueError
        Both ``psf`` and ``fwhm`` are given, or either does not fit the bands.

    Examples
    --------
    >>> import galwidget as gw
    >>> model = gw.load()
    >>> galaxies = gw.simulate(2, "KiDS", seed=1, progress=False)
    >>> sharp = gw.deconvolve(model, galaxies, fwhm=0.5, progress=False)
    >>> sharp.psf.shape
    (5, 15, 15)
    """
    return denoise(model, galaxies, psf=_wanted_psf(galaxies, psf, fwhm), **how)


@dataclass(frozen=True)
class _Way:
    using: Sequence[str] | None
    residual: bool
    refine: int
    noise: Tensor


def _wanted_psf(galaxies: Galaxies, psf: ArrayLike | None, fwhm: float | Sequence[float] | None) -> ArrayLike:
    survey = galaxies.survey
    if psf is not None and fwhm is not None:
        raise ValueError("psf and fwhm were both given; give one of them, or neither for galaxies before the telescope")
    if fwhm is not None:
        widths = np.asarray(fwhm, float)
        if widths.ndim > 1 or (widths.ndim == 1 and len(widths) != len(survey.bands)) or not np.all(widths > 0):
            raise ValueError(f"fwhm is {fwhm}; give arcseconds above 0, one number or {len(survey.bands)} ({', '.join(survey.band_names)})")
        widths = np.broadcast_to(widths, len(survey.bands))
        return replace(
            survey, bands=tuple(replace(band, psf_fwhm=float(width)) for band, width in zip(survey.bands, widths, strict=True))
        ).psf()
    return np.ones((len(survey.bands), 1, 1), np.float32) if psf is None else psf


def _batch(model: GalaxyModel, galaxies: Galaxies, psf: np.ndarray | None, way: _Way) -> tuple[np.ndarray, np.ndarray]:
    """Flux and inverse variance (n, band, y, x) of one batch, through ``psf`` or the galaxies' own."""
    flux, ivar = (torch.from_numpy(np.ascontiguousarray(part)) for part in galaxies.require_images())
    own = torch.from_numpy(np.ascontiguousarray(galaxies.psfs))
    view = own if psf is None else torch.from_numpy(np.ascontiguousarray(psf))
    with model.lock, torch.no_grad():
        points, faint = _points(model, galaxies, way)
        draws = torch.stack([model.mvae.decode(point, "image") for point in points])
        if way.residual:  # faint ones have their flux from the pixels already
            scale = amplitude(flux, ivar, convolve(draws.mean(0), own))
            draws = draws * torch.where(faint[:, None, None, None], 1.0, scale)
        mean = draws.mean(0)
        through, spread = convolve(mean, own), _variance(draws, own)
        answer, after = (through, spread) if psf is None else (convolve(mean, view), _variance(draws, view))
        image = cast("ImageModality", model.mvae.modality("image"))
        error, possible = relative_error(flux - through, ivar, allowance(through), image.model_error)
        shown = possible * allowance(answer)
        if not way.residual:
            after = after + shown**2
        else:
            after = after + undecided(possible * allowance(through), shown, ivar, own, view)
            answer = answer + convolve(missed(flux - through, ivar, own, error * allowance(mean)), view)
    return answer.numpy(), (1 / after.clamp(min=1e-12)).numpy()


def _points(model: GalaxyModel, galaxies: Galaxies, way: _Way) -> tuple[Tensor, Tensor]:
    """Draws of the posterior (draw, n, d), and which galaxies are so faint that the encoder was not asked alone, (n,)."""
    latent = model.encode(galaxies, way.using, refine=way.refine)
    mean, root = torch.from_numpy(latent.mean), torch.diag_embed(torch.from_numpy(latent.std))
    population, image = faint_population(model), cast("ImageModality", model.mvae.modality("image"))
    faint = torch.zeros(len(mean), dtype=torch.bool)
    if population is not None and (way.using is None or "image" in way.using):
        faint = population.has(image.log_flux(mean))
    if population is not None and faint.any():
        few = galaxies[faint.numpy()]
        flux, ivar, psf = (torch.from_numpy(np.ascontiguousarray(part)) for part in (*few.require_images(), few.psfs))
        center, precision = _with_attributes(model, few, way.using, population.mean, population.precision)
        mean[faint], root[faint] = gauss_newton(image.decode, psf, flux, ivar, mean[faint], center, precision)
    return mean + torch.einsum("kd,ned->kne", way.noise, root), faint


def _with_attributes(
    model: GalaxyModel, galaxies: Galaxies, using: Sequence[str] | None, mean: Tensor, precision: Tensor
) -> tuple[Tensor, Tensor]:
    """The Gaussian N(``mean``, ``precision``^-1) times what the attributes' experts say of each galaxy; (n, d) and (n, d, d)."""
    names = model.inputs.groups if using is None else [name for name in using if name != "image"]
    total = precision.expand(len(galaxies), -1, -1)
    weighted = (precision @ mean).expand(len(galaxies), -1)
    for expert, present in model.mvae.experts(model.inputs.tensors(galaxies, list(names))).values():
        own = torch.where(present[:, None], expert.precision, 0.0).double()
        total, weighted = total + torch.diag_embed(own), weighted + own * expert.mean
    return torch.linalg.solve(total, weighted), total


def _variance(draws: Tensor, psf: Tensor) -> Tensor:
    return torch.stack([convolve(draw, psf) for draw in draws]).var(0)
