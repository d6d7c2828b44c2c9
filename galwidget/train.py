"""Fit a model to galaxies: the MVAE on Lightning, then the flow that is its prior."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning as L  # noqa: N812 (Lightning's own habit)
import numpy as np
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader

from galwidget.calibration import calibrate
from galwidget.flow import fit_prior
from galwidget.foretelling import fit_foretellers
from galwidget.galaxies import Galaxies
from galwidget.galaxy_model import GalaxyModel
from galwidget.model.census import Census
from galwidget.model.dataset import Batches
from galwidget.model.inputs import Inputs
from galwidget.model.modalities import ImageModality
from galwidget.model.mvae import MVAE
from galwidget.model.network import Architecture, build
from galwidget.model.objective import Objective
from galwidget.progress import Progress
from galwidget.survey import Survey

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["DEFAULT_OBJECTIVE", "fit"]

#: Attributes are a handful of numbers beside 20,000 pixels: weighted up, or the joint posterior forgets them.
DEFAULT_OBJECTIVE = Objective(
    weights={"brightness": 5, "colours": 5, "shape": 5, "redshift": 5, "morphology": 5},
    subsets=1,
    alignment=0.2,
    shares={"image": 0.35},
    cross=("brightness", "colours", "shape", "redshift", "morphology"),
)

#: The decoder's relative error falls from this to its own over this share of a training from fresh weights.
_FIRST_MODEL_ERROR, _SOFTENED = 0.5, 0.6
#: Gradients are cut to this length; this many in a row without a finite one end the training.
_LONGEST_GRADIENT, _MOST_LOST = 1000.0, 20
#: Passes of what foretells attributes, in those of the flow's fit, and at most.
_FORETOLD, _MOST_FORETOLD = 3, 120


def fit(
    galaxies: Galaxies | Sequence[Galaxies],
    *catalogues: Galaxies,
    epochs: int = 30,
    model: GalaxyModel | None = None,
    survey: str | Survey | None = None,
    repeats: Sequence[int] | None = None,
    latent_size: int = 32,
    objective: Objective = DEFAULT_OBJECTIVE,
    model_error: float | None = None,
    roughness: float | None = None,
    looks: int | None = None,
    concentric: bool = True,
    batch_size: int = 32,
    learning_rate: float = 2.5e-3,
    warm_up: float = 0.25,
    prior_epochs: int = 40,
    prior_of: Galaxies | Iterable[Galaxies] | None = None,
    population: Galaxies | None = None,
    calibrated: bool = True,
    seed: int = 0,
    run: str | PathLike[str] | None = None,
    progress: Progress = True,
    **trainer: Any,
) -> GalaxyModel:
    """Train a model on galaxies, and on samples that lack some of what it learns.

    Parameters
    ----------
    galaxies, *catalogues
        Samples: images with attributes, images alone, attributes alone. They may differ in what they have, not in bands and pixels.
    epochs
        Passes over all samples.
    model
        A model to start from (fine-tuning); its inputs and sizes are kept. Default: fresh weights.
    survey
        The model's survey; default: that of the first sample with images.
    repeats
        How often each sample is seen in one epoch (a small real sample beside a large simulated one); default once.
    latent_size
        Size of the latent of a fresh model.
    objective
        `galwidget.model.objective.Objective`.
    model_error
        The relative error that the image decoder is allowed, see `galwidget.model.likelihoods.gaussian_pixels`: small for faithful bright
        galaxies, larger for an even hand; default: 0.02, or what ``model`` has.
    roughness
        Weight in nats of a penalty on structure finer than the PSF; default: none, or what ``model`` has.
    looks
        How often the image's encoder draws its answer and corrects it by what is left of the image: 1 brings bright galaxies much nearer,
        at three times the cost of encoding. Only a model that was trained without can learn to, and its first look then rests. Where it
        is more than ``model`` has and that looks again already, all but the correction rests, and pictures stay what they are: 2 tells
        colours and redshifts a tenth better, for half as much again. Default: 0, or what ``model`` has.
    concentric
        Whether the Gaussians that a fresh model draws a galaxy with share one centre; without, it draws lopsided galaxies, too
        (`galwidget.model.networks.GaussianExpansion`).
    batch_size, learning_rate
        Of Adam; the rate falls to zero as a cosine.
    warm_up
        Share of the training over which beta rises from 0 to its value.
    prior_epochs
        Passes of the flow's fit; what predicts attributes that were not seen (`galwidget.foretelling`) has three times as many, at most
        120. 0 keeps both as they are.
    prior_of
        What is to be sampled, where that is not what was trained on: such as the galaxies in the survey's usual seeing alone, for what is
        seen more sharply lies elsewhere in latent space, and more of them. May make one sample after the other, to save memory. Default:
        the samples with images.
    population
        Galaxies whose brightness the prior has where none is asked for, such as ``gw.simulate(5000)`` with the counts of the sky beside a
        training sample that has bright ones in excess; default: that of the samples.
    calibrated
        Whether the model is calibrated on the first sample with images, up to 10,000 galaxies of it; leave it out where the training goes
        on, or another sample calibrates (`galwidget.calibration.calibrate`).
    seed
        Decides weights, order, augmentation and draws.
    run
        A folder for checkpoints, one an epoch of the training, of the prior's fit and of what predicts attributes. If it has one, all goes
        on from there and ends where an unbroken run would have.
    progress
        Whether to draw progress bars; or a function, which is told how far the prior's fit and the calibration are (Lightning tells its
        ``callbacks`` of the epochs), and ends the part of them that runs by raising `galwidget.progress.EnoughError`.
    **trainer
        To `lightning.Trainer`: ``devices=``, ``strategy="ddp"``, ``accelerator=``, ``callbacks=`` ...

    Returns
    -------
    GalaxyModel
        The trained model, on the CPU.

    Raises
    ------
    ValueError
        No sample has images or known attributes, samples do not fit each other or the model, fresh weights should look twice, none of the
        samples has images from which to look once more, or none of ``prior_of``.
    FloatingPointError
        The gradient is not finite any more.
    """
    samples = [galaxies, *catalogues] if isinstance(galaxies, Galaxies) else [*galaxies, *catalogues]
    samples = [sample for sample in samples if len(sample)]
    if not samples:
        raise ValueError("nothing to train on: every sample is empty")
    if repeats is not None and len(repeats) != len(samples):
        raise ValueError(f"repeats has {len(repeats)} numbers for {len(samples)} samples; give one for each")
    pictured = any(sample.flux is not None for sample in samples)
    of = samples if prior_of is None else [prior_of] if isinstance(prior_of, Galaxies) else prior_of
    if isinstance(of, Sequence):  # without an image a posterior is broad because nothing was seen, not because galaxies are like that
        given, of = len(of), [sample for sample in of if len(sample) and (sample.flux is not None or not pictured)]
        if not of:
            raise ValueError(f"prior_of has no images in {given} samples; give some that have, or leave it out")
    torch.manual_seed(seed)
    inputs, architecture = _inputs(samples, survey, latent_size, concentric) if model is None else (model.inputs, model.architecture)
    asked: dict[str, Any] = {"model_error": model_error, "roughness": roughness, "looks": looks}
    architecture = replace(architecture, **{name: value for name, value in asked.items() if value is not None})
    foretells = bool(prior_epochs and inputs.groups)
    architecture = replace(architecture, foretells=foretells or architecture.foretells)
    for sample in of if isinstance(of, Sequence) else ():
        inputs.check(sample)
    mvae, prior = build(inputs, architecture)
    if model is not None:
        mvae.load_state_dict(model.mvae.state_dict(), strict=False)  # what looks again, or foretells, may be new
        prior.load_state_dict(model.prior.state_dict())
    _rest(mvae, None if model is None else model.architecture.looks, pictured=pictured)
    batches = Batches(samples, inputs, batch_size, seed, repeats)
    module = _Training(mvae, batches, objective, learning_rate, warm_up, epochs, seed, soften=model is None)
    folder = Path(run) if run is not None else None
    _train(module, epochs, folder, progress, trainer)
    mvae = module.mvae.eval().cpu()
    if prior_epochs:
        fit_prior(prior, mvae, inputs, of, epochs=prior_epochs, seed=seed, population=population, run=folder, progress=progress)
    if foretells:
        passes = min(_FORETOLD * prior_epochs, _MOST_FORETOLD)
        fit_foretellers(mvae, inputs, samples, epochs=passes, seed=seed, run=folder, progress=progress)
    about = dict(model.about) if model is not None else {}
    told = [
        f"{len(sample)} galaxies of {sample.survey.name}{'' if sample.flux is not None else ' (attributes only)'}" for sample in samples
    ]
    about["trained_on"] = [*about.get("trained_on", []), *told]
    fitted = GalaxyModel(mvae, prior, inputs, architecture, about, Census.of(samples, inputs, seed))
    if calibrated:
        calibrate(fitted, next((sample for sample in samples if sample.flux is not None), None), progress)
    return fitted


def _rest(mvae: MVAE, looked: int | None, *, pictured: bool) -> None:
    """Hold what is not to move while the encoder learns to correct its answer; ``looked`` is how often it did before, None at first.

    Each step would move both the answer and its correction, and the correction moves against the answer: where it overshoots, the two
    drive each other off. One that is only to be made more often leaves the decoder what it was, and all that was fitted to that.
    """
    image = dict(mvae.modalities.items()).get("image")
    if not isinstance(image, ImageModality) or not image.looks:
        return
    if looked is None:
        raise ValueError(f"looks is {image.looks} for fresh weights; fit with looks=0, then fit again with model= that model and looks=1")
    if image.looks > looked > 0 and image.second_look is not None:
        if not pictured:
            raise ValueError(f"looks rises from {looked} to {image.looks}, which only images teach; add some, or leave looks out")
        mvae.requires_grad_(False)
        image.second_look.requires_grad_(True)
    else:
        image.encoder.requires_grad_(False)


def _inputs(samples: list[Galaxies], survey: str | Survey | None, latent_size: int, concentric: bool = True) -> tuple[Inputs, Architecture]:
    with_images = [sample for sample in samples if sample.flux is not None]
    survey = Survey.named(survey) if survey is not None else (with_images or samples)[0].survey
    inputs = Inputs.fit(samples, survey)
    if not inputs.modalities:
        raise ValueError("the samples have neither images nor an attribute the model knows; see galwidget.attributes")
    for sample in samples:
        inputs.check(sample)
    if not with_images:
        return inputs, Architecture(latent_size)
    totals = np.concatenate([sample.flux.sum((2, 3), dtype=float) for sample in with_images if sample.flux is not None])
    # faint bands can sum to nothing or less: the sky noise of a stamp is the least that counts
    floor = survey.sky_sigma * inputs.stamp / 8
    log_flux = np.log(np.maximum(totals, floor))
    center, width = log_flux.mean(0), np.maximum(log_flux.std(0), 0.1)
    return inputs, Architecture(latent_size, (tuple(map(float, center)), tuple(map(float, width))), concentric=concentric)


class _Training(L.LightningModule):
    def __init__(
        self, mvae: MVAE, batches: Batches, objective: Objective, rate: float, warm_up: float, epochs: int, seed: int, soften: bool
    ) -> None:
        super().__init__()
        self.mvae, self.batches, self.objective, self.rate = mvae, batches, objective, rate
        self.warm_up, self.epochs, self.seed, self.soften = warm_up, epochs, seed, soften
        self.lost = 0
        image = self.image
        self.model_error = image.model_error if image is not None else 0.0

    @property
    def image(self) -> ImageModality | None:
        found = dict(self.mvae.modalities.items()).get("image")
        return found if isinstance(found, ImageModality) else None

    def train_dataloader(self) -> DataLoader:
        self.batches.epoch = self.current_epoch
        self.batches.rank, self.batches.world = self.global_rank, self.trainer.world_size
        return DataLoader(self.batches, batch_size=None)

    def training_step(self, batch: Mapping[str, Any], _: int) -> torch.Tensor | None:
        # the step's number decides its draws, so that a resumed run draws what an unbroken one would have
        torch.manual_seed((self.seed * 1_000_003 + self.global_step) * 1024 + self.global_rank)
        done = self.global_step / max(len(self.batches) * self.epochs, 1)
        beta = self.objective.beta * (min(1.0, done / self.warm_up) if self.warm_up else 1.0)
        if self.image is not None and self.soften:
            # a decoder that is still 30% wrong everywhere would learn from the brightest galaxies alone
            softened = _FIRST_MODEL_ERROR * (self.model_error / _FIRST_MODEL_ERROR) ** min(1.0, done / _SOFTENED)
            self.image.model_error = max(softened, self.model_error)
        parts = self.objective(self.mvae, batch, beta)
        for name, value in parts.items():
            self.log(name, value.detach(), prog_bar=name in ("loss", "kl"), batch_size=self.batches.batch_size)
        # a batch without images teaches nothing where only what sees them learns
        return parts["loss"] if parts["loss"].requires_grad else None

    def configure_gradient_clipping(self, optimizer: Any, gradient_clip_val: Any = None, gradient_clip_algorithm: Any = None) -> None:  # noqa: ARG002
        """As Lightning does, but one galaxy without a finite gradient costs its batch, not the model."""
        length = torch.nn.utils.clip_grad_norm_(self.parameters(), gradient_clip_val)
        self.lost = 0 if torch.isfinite(length) else self.lost + 1
        if self.lost:
            optimizer.zero_grad()
        if self.lost >= _MOST_LOST:
            raise FloatingPointError(
                f"{_MOST_LOST} batches in a row had no finite gradient at step {self.global_step}; lower learning_rate (now {self.rate})"
            )

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.Adam(self.parameters(), self.rate)
        steps, rise = max(self.epochs, 1) * len(self.batches), min(200, self.epochs * len(self.batches) // 10 + 1)

        def rate(step: int) -> float:
            return min(1.0, (step + 1) / rise) * 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps)))

        schedule = {"scheduler": torch.optim.lr_scheduler.LambdaLR(optimizer, rate), "interval": "step"}
        return {"optimizer": optimizer, "lr_scheduler": schedule}


def _train(module: _Training, epochs: int, folder: Path | None, progress: Progress, trainer: dict[str, Any]) -> None:
    callbacks = list(trainer.pop("callbacks", None) or [])
    last = None
    if folder is not None:
        callbacks.append(
            ModelCheckpoint(folder, filename="{epoch}", save_last=True, save_top_k=1, every_n_epochs=1, save_on_train_epoch_end=True)
        )
        found = folder / "last.ckpt"
        last = found if found.is_file() else None
    settings: dict[str, Any] = {
        "accelerator": "auto", "devices": 1, "logger": False, "enable_model_summary": False, "gradient_clip_val": _LONGEST_GRADIENT,
        "enable_checkpointing": folder is not None, "enable_progress_bar": progress is True, "reload_dataloaders_every_n_epochs": 1,
    }  # fmt: skip
    with _quiet():
        runner = L.Trainer(max_epochs=epochs, callbacks=callbacks, **(settings | trainer))
        runner.fit(module, ckpt_path=last, weights_only=True if last else None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Lightning without advertisements, and without warnings about what is meant: batches that know their number, a folder to go on in."""
    speaker = logging.getLogger("lightning.pytorch")
    level = speaker.level
    speaker.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for message in (
                ".*has `__len__` defined.*",
                ".*exists and is not empty.*",
                ".*in eval mode.*",
                ".*LeafSpec.*",
                ".*does not have many workers.*",
                ".*`training_step` returned `None`.*",
            ):
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        speaker.setLevel(level)
