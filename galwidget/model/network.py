"""Build an MVAE and its prior for given inputs: the one place that says which modality has which network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from galwidget.attributes import MORPHOLOGIES
from galwidget.model.inputs import Inputs
from galwidget.model.modalities import CategoryModality, ColumnsModality, ImageModality, MixtureModality, Modality
from galwidget.model.mvae import MVAE
from galwidget.model.prior import FlowPrior

__all__ = ["Architecture", "build"]


@dataclass(frozen=True)
class Architecture:
    """Sizes of the networks.

    Parameters
    ----------
    latent_size
        Size d of the latent.
    log_flux
        Mean and standard deviation of ln(flux / nJy) of each band in the training data, shape (2, band).
    model_error
        The image decoder's own relative error, see `galwidget.model.likelihoods.gaussian_pixels`.
    roughness
        Weight in nats of the penalty on structure finer than the PSF, see `galwidget.model.modalities.ImageModality`.
    transforms, hidden, passes
        Of the prior's flow, see `galwidget.model.prior.FlowPrior`.
    looks
        How often the image's encoder corrects itself, see `galwidget.model.modalities.ImageModality`.
    concentric
        Whether the Gaussians of a galaxy's light share one centre, see `galwidget.model.networks.GaussianExpansion`.
    foretells
        Whether attributes that were not seen have decoders of their own, see `galwidget.foretelling.fit_foretellers`.
    """

    latent_size: int = 32
    log_flux: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    model_error: float = 0.02
    roughness: float = 0.0
    transforms: int = 6
    hidden: int = 192
    passes: int = 4
    looks: int = 0
    concentric: bool = True
    foretells: bool = False


def build(inputs: Inputs, architecture: Architecture) -> tuple[MVAE, FlowPrior]:
    """A model and its prior with fresh weights from torch's generator."""
    latent_size = architecture.latent_size
    modalities: dict[str, Modality] = {}
    if inputs.stamp:
        survey = inputs.survey
        default = (tuple(np.log(100 * survey.sky_sigma)), (1.0,) * len(survey.bands))
        log_flux = torch.tensor(architecture.log_flux or default)
        noise, psf = torch.from_numpy(survey.sky_sigma), torch.from_numpy(survey.psf())
        settings = (architecture.model_error, architecture.roughness, architecture.looks, architecture.concentric)
        modalities["image"] = ImageModality(latent_size, noise, psf, log_flux, inputs.stamp, *settings)
    foretells = architecture.foretells
    for group, names in inputs.groups.items():
        if group == "morphology":
            modalities[group] = CategoryModality(latent_size, len(MORPHOLOGIES), foretells=foretells)
        elif group == "redshift":
            modalities[group] = MixtureModality(latent_size, foretells=foretells)
        else:
            modalities[group] = ColumnsModality(latent_size, len(names), foretells=foretells)
    flow = (architecture.transforms, architecture.hidden, architecture.passes)
    prior = FlowPrior(latent_size, len(inputs.condition_names), *flow)
    mvae = MVAE(latent_size, modalities)
    # convolutions of pictures with few channels are twice as fast with the channels last (measured, torch 2.13 on the CPU)
    mvae.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return mvae, prior
