"""Fit the prior: the flow learns where in latent space galaxies are, and which of them look as asked for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from galwidget.galaxies import Galaxies
from galwidget.model.checkpoint import digest
from galwidget.model.inputs import Inputs
from galwidget.model.mvae import MVAE
from galwidget.model.prior import FlowPrior
from galwidget.model.resuming import Resumed
from galwidget.predicted import SHOWN, shown_table
from galwidget.progress import Progress, steps

__all__ = ["fit_prior"]

#: Noise on the attributes while the flow learns, in their standard deviations: what is measured on a noiseless picture is an exact
#: function of the latent, and a density that is exactly thin has no bound.
_CONDITION_NOISE = 0.01
_PHOTOMETER_EPOCHS = 60
_BATCH = 256
#: Of the weights that give the draws a population's brightness: bins, their smoothing in bins, and the least weight, for what the
#: population lacks is still learnt.
_WEIGHT_BINS, _SMOOTHING, _LEAST = 64, 0.7, 0.02


def fit_prior(
    prior: FlowPrior,
    mvae: MVAE,
    inputs: Inputs,
    samples: Iterable[Galaxies],
    *,
    epochs: int,
    seed: int,
    draws: int = 2,
    learning_rate: float = 2e-3,
    population: Galaxies | None = None,
    run: Path | None = None,
    progress: Progress = True,
) -> None:
    """Fit the flow, in place, to draws from the posteriors of galaxies.

    Each draw is decoded and measured, and the flow is told what was found: so a galaxy that is asked for measures as asked, whatever the
    encoder made of its noise. Redshift and type, which no picture shows, are those of the galaxy. Each attribute is hidden with a
    probability that is itself drawn for each galaxy, from none hidden to all.

    Parameters
    ----------
    prior, mvae, inputs
        The flow, and the trained model.
    samples
        What is to be sampled: one sample after the other, so that each may be made when it is asked for. Best all with images: without,
        posteriors are broad because nothing was seen, not because galaxies are like that.
    epochs
        Passes over all draws.
    seed
        Of draws and order.
    draws
        From each posterior.
    learning_rate
        Of AdamW; it falls to zero as a cosine.
    population
        Galaxies whose numbers at each brightness the prior has where brightness is not asked for, such as the counts of the sky: a draw
        whose brightness is hidden weighs as many galaxies of these as it stands for. Where it is shown, p(z | brightness) is the same in
        both, and bright galaxies are learnt as well as they are sampled. Default: the numbers of ``samples``.
    run
        A folder for checkpoints, as in `galwidget.fit`: of the draws, and one an epoch.
    progress
        Whether to draw progress bars; or a function, which ends a part of the work early by `galwidget.progress.EnoughError`.

    Raises
    ------
    ValueError
        There is no galaxy, or a checkpoint is damaged.
    FloatingPointError
        Posteriors are not finite.
    """
    of = f"{digest(mvae)} {epochs} {draws} {learning_rate} {seed}"
    drawn, fitted = Resumed(run, "draws", of), Resumed(run, "prior", of)
    generator = torch.Generator().manual_seed(seed)
    if found := drawn.load():
        z, value, mask = found["draws"]
        prior.load_state_dict(found["prior"])
        generator.set_state(found["generator"])
    else:
        z, value, mask = _draws(mvae, inputs, samples, draws, generator, progress)
        prior.standardise_by(z)
        prior.shown.copy_(_shown(inputs))
        _fit_photometer(prior, z, value, mask, generator, progress)
        value, mask = _completed(prior, z, value, mask)
        drawn.save(draws=[z, value, mask], prior=prior.state_dict(), generator=generator.get_state())
    brightness = _brightness(inputs)
    weight = torch.ones(len(z)) if population is None else _weights(value, mask, inputs.conditions(population), brightness)
    loader = DataLoader(TensorDataset(z, value, mask, weight), _BATCH, shuffle=True, generator=generator, drop_last=len(z) > _BATCH)
    optimizer = torch.optim.AdamW(prior.parameters(), learning_rate, weight_decay=1e-4)
    total = epochs * len(loader)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5 * (1 + math.cos(math.pi * min(1.0, step / total))))
    parts = {"prior": prior, "optimizer": optimizer, "schedule": schedule}
    done = fitted.restore(generator, **parts)
    groups = _columns_of_one_attribute(inputs)
    prior.train()
    with steps(progress, "fitting the prior", epochs, unit="epoch", partial=True) as tell:
        tell(done)
        for epoch in range(done, epochs):
            for point, given, measured, stands_for in loader:
                shown = measured & ~_hide(len(point), groups, generator)
                blurred = given + _CONDITION_NOISE * torch.randn(given.shape, generator=generator)
                density = prior.log_prob(point, blurred, shown)
                loss = -torch.where(shown[:, brightness].any(1), 1.0, stands_for).mul(density).mean()
                optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(prior.parameters(), 5.0)
                optimizer.step()
                schedule.step()
            fitted.keep(epoch + 1, generator, **parts)
            tell(1)
    prior.eval()


@torch.no_grad()
def _draws(
    mvae: MVAE, inputs: Inputs, samples: Iterable[Galaxies], draws: int, generator: torch.Generator, progress: Progress
) -> tuple[Tensor, ...]:
    shown = _shown(inputs)
    stores: tuple[list[Tensor], ...] = ([], [], [])
    total = sum(map(len, samples)) if isinstance(samples, Sequence) else None
    with steps(progress, "drawing and measuring", total, partial=True) as tell:
        for sample in samples:
            for start in range(0, len(sample), _BATCH):
                part = sample[start : start + _BATCH]
                posterior = mvae.encode(inputs.tensors(part))
                lost = int((~torch.isfinite(posterior.mean).all(1)).sum())
                if lost:
                    told = f"posteriors of {lost} of {len(part)} galaxies are not finite"
                    raise FloatingPointError(f"{told}; train the model again with a lower learning_rate")
                own, known = inputs.conditions(part)
                for _ in range(draws):
                    z = posterior.sample(torch.randn(posterior.mean.shape, generator=generator))
                    found, measured = own, known
                    if inputs.stamp:
                        table = shown_table(inputs, mvae.decode(z, "image").numpy())
                        found, measured = inputs.conditions(Galaxies(table=table, survey=inputs.survey))
                    for store, tensor in zip(
                        stores, (z, torch.where(shown, found, own), torch.where(shown, measured, known)), strict=True
                    ):  # fmt: skip
                        store.append(tensor)
                tell(len(part))
    if not stores[0]:
        raise ValueError("there is no galaxy to fit the prior to; give samples that are not empty (an iterator gives its samples once)")
    return tuple(torch.cat(store) for store in stores)


def _fit_photometer(prior: FlowPrior, z: Tensor, value: Tensor, mask: Tensor, generator: torch.Generator, progress: Progress) -> None:
    """Teach the flow's small network what the pictures show: regression on the draws and their measurements."""
    known = mask & prior.shown
    if not known.any():
        return
    loader = DataLoader(TensorDataset(z, value, known), _BATCH, shuffle=True, generator=generator)
    optimizer = torch.optim.Adam(prior.photometer.parameters(), 3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _PHOTOMETER_EPOCHS * len(loader))
    with steps(progress, "learning what pictures show", _PHOTOMETER_EPOCHS, unit="epoch", partial=True) as tell:
        for _ in range(_PHOTOMETER_EPOCHS):
            for point, given, measured in loader:
                # a failed measurement must not bend the others: absolute, not square, beyond half a standard deviation
                loss = torch.nn.functional.smooth_l1_loss(prior.shows(point)[measured], given[measured], beta=0.5)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
            tell(1)


@torch.no_grad()
def _completed(prior: FlowPrior, z: Tensor, value: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The same with what could not be measured on a picture as the flow's small network has it, so that it too is hidden by chance only.

    What fails to be measured are the faintest galaxies. Were they left without, the flow would take a request that leaves brightness out
    for one that wants them: of spirals asked for by type and redshift, two thirds were beyond the limit of the sample.
    """
    return torch.where(prior.shown & ~mask, prior.shows(z), value), mask | prior.shown


def _shown(inputs: Inputs) -> Tensor:
    """Which columns of the conditions a picture shows, (condition,)."""
    group_of = {name: group for group, names in inputs.groups.items() for name in names}
    groups = [group_of[name.partition("=")[0]] for name in inputs.condition_names]
    return torch.tensor([group in SHOWN and bool(inputs.stamp) for group in groups], dtype=torch.bool)


def _brightness(inputs: Inputs) -> list[int]:
    """Which columns of the conditions say how bright a galaxy is."""
    return [inputs.condition_names.index(name) for name in inputs.groups.get("brightness", ())]


def _weights(value: Tensor, mask: Tensor, population: tuple[Tensor, Tensor], brightness: Sequence[int]) -> Tensor:
    """How many galaxies of ``population`` each draw stands for by its brightness, 1 in the mean, (n,)."""
    if len(brightness) != 1:
        raise ValueError("population= gives the prior a population's brightness, which the model does not know; leave it out")
    here, there = (values[known[:, brightness[0]], brightness[0]] for values, known in ((value, mask), population))
    if not len(there):
        raise ValueError("none of the galaxies of population= has a measured brightness; measure them, or leave it out")
    low, high = float(min(here.min(), there.min())), float(max(here.max(), there.max()))
    edges = np.linspace(low, high + 1e-6, _WEIGHT_BINS + 1)
    ours, theirs = (gaussian_filter1d(np.histogram(part.numpy(), edges)[0] / len(part), _SMOOTHING) for part in (here, there))
    ratio = np.maximum(theirs / np.maximum(ours, 1e-9), _LEAST)
    weight = torch.ones(len(value))
    weight[mask[:, brightness[0]]] = torch.from_numpy(ratio[np.digitize(here.numpy(), edges[1:-1])]).float()
    return weight / weight.mean()


def _columns_of_one_attribute(inputs: Inputs) -> Tensor:
    """Which attribute each condition column belongs to: the categories of one attribute, and e1 with e2, are hidden together."""
    names = ["ellipticity" if name in ("e1", "e2") else name.partition("=")[0] for name in inputs.condition_names]
    return torch.tensor([sorted(set(names)).index(name) for name in names], dtype=torch.int64)


def _hide(n: int, groups: Tensor, generator: torch.Generator) -> Tensor:
    share = torch.rand(n, 1, generator=generator) * 1.4 - 0.2  # a seventh of the galaxies show all, a seventh none
    return (torch.rand(n, len(groups.unique()), generator=generator) < share)[:, groups]
