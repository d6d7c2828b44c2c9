"""Learn to foretell redshifts: what a posterior that saw none says of them, without the detour over what only a redshift says."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from galwidget.galaxies import Galaxies
from galwidget.measurement import measure
from galwidget.model.gaussian import Gaussian
from galwidget.model.inputs import Inputs
from galwidget.model.likelihoods import gaussian_mixture
from galwidget.model.modalities import MixtureModality
from galwidget.model.mvae import MVAE
from galwidget.model.objective import random_subset
from galwidget.predicted import SHOWN
from galwidget.prediction import PHOTOMETRY
from galwidget.progress import Progress, steps

__all__ = ["fit_foreteller"]

#: Galaxies at most, those of a batch, passes, points of each posterior, rate of Adam; galaxies that are encoded at a time.
_MOST, _BATCH, _EPOCHS, _DRAWS, _RATE, _ENCODED = 40_000, 256, 40, 8, 3e-3, 128
#: How often attributes are those that are measured on a galaxy's image.
_MEASURED = 0.75


class _Seen(NamedTuple):
    """The experts of n galaxies: their means and precisions, (modality, n, d), and who has which, (modality, n)."""

    mean: Tensor
    precision: Tensor
    present: Tensor


def fit_foreteller(mvae: MVAE, inputs: Inputs, samples: Sequence[Galaxies], *, seed: int, progress: Progress = True) -> None:
    r"""Fit the second decoder of redshifts, in place, to posteriors that did not see them.

    It maximises :math:`\ln E_{q(z|x_S)} p(\mathrm{redshift} | z)` over random subsets S of the other modalities, and those that are asked
    most: the image, photometry, both, everything. Three quarters of the attributes are measured on the images, with errors, the others
    are those of the sample. An evidence lower bound is no good score of a prediction: its decoder sees draws from posteriors that know
    the answer.

    Parameters
    ----------
    mvae, inputs
        The trained model, with a modality that foretells.
    samples
        Galaxies with and without images; those without a redshift are left out, and of more than 40,000 an even choice is taken.
    seed
        Of subsets, draws and order.
    progress
        As in `galwidget.fit`.
    """
    modality = cast("MixtureModality", mvae.modality("redshift"))
    assert modality.foreteller is not None  # noqa: S101 (narrows the type)
    modality.foreteller.load_state_dict(modality.decoder.state_dict())
    known = [sample[np.flatnonzero(np.isfinite(sample.attribute("redshift")))] for sample in samples]
    every = ceil(sum(map(len, known)) / _MOST)
    known = [sample[::every] for sample in known if len(sample)]
    names = [name for name in mvae.modalities if name != "redshift"]
    if not known or not names:
        return
    exact, noted, value = _experts(mvae, inputs, known, names, progress)
    kinds = _kinds(names)
    optimizer = torch.optim.Adam(modality.foreteller.requires_grad_(True).parameters(), _RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _EPOCHS * ceil(len(value) / _BATCH))
    with torch.random.fork_rng(devices=[]), steps(progress, "learning redshifts", _EPOCHS, unit="epoch", partial=True) as tell:
        torch.manual_seed(seed)
        for _ in range(_EPOCHS):
            for rows in torch.randperm(len(value)).split(_BATCH):
                seen = _either(torch.rand(len(rows)) < _MEASURED, noted, exact, rows)
                posterior = _posterior(mvae, names, seen, kinds)
                z = posterior.mean + posterior.std * torch.randn(_DRAWS, *posterior.mean.shape)
                truth = value[rows].repeat(_DRAWS, 1)
                nats = gaussian_mixture(
                    truth, torch.zeros_like(truth), torch.ones_like(truth, dtype=torch.bool), modality.foretell(z.flatten(0, 1))
                )
                optimizer.zero_grad()
                (-torch.logsumexp(nats.view(_DRAWS, -1), 0).mean()).backward()
                optimizer.step()
                schedule.step()
            tell(1)
    modality.foreteller.requires_grad_(False)


def _either(first: Tensor, one: _Seen, other: _Seen, rows: Tensor) -> _Seen:
    """Galaxies ``rows`` of ``one`` where ``first``, else of ``other``."""
    wide, narrow = first[:, None], first
    return _Seen(*(torch.where(here, a[:, rows], b[:, rows]) for here, a, b in zip((wide, wide, narrow), one, other, strict=True)))


def _kinds(names: Sequence[str]) -> Tensor:
    """What is asked most, (kind, modality): everything, the image, photometry, image and photometry."""
    image = torch.tensor([name == "image" for name in names])
    photometry = torch.tensor([name in PHOTOMETRY for name in names])
    return torch.stack([torch.ones_like(image), image, photometry, image | photometry])


def _posterior(mvae: MVAE, names: Sequence[str], seen: _Seen, kinds: Tensor) -> Gaussian:
    """Posteriors from a subset for each galaxy, (n, d): one of ``kinds`` or, as often as each of them, a random one."""
    kind = torch.randint(len(kinds) + 1, (seen.present.shape[1],))
    usual = kinds[kind.clamp(max=len(kinds) - 1)].T & seen.present
    keep = torch.where((kind < len(kinds)) & usual.any(0), usual, random_subset(seen.present) & seen.present)
    experts = {name: (Gaussian(seen.mean[k], seen.precision[k]), seen.present[k]) for k, name in enumerate(names)}
    return mvae.combine(experts, dict(zip(names, keep, strict=True)))


@torch.no_grad()
def _experts(
    mvae: MVAE, inputs: Inputs, samples: Sequence[Galaxies], names: Sequence[str], progress: Progress
) -> tuple[_Seen, _Seen, Tensor]:
    """The experts of each galaxy's own attributes and of those measured on its image, and the standardised redshift, (n, 1)."""
    shown = [name for name in inputs.groups if name in SHOWN]
    exact, noted, value = [], [], []
    with steps(progress, "measuring and encoding", sum(map(len, samples)), partial=True) as tell:
        for sample in samples:
            for start in range(0, len(sample), _ENCODED):
                part = sample[start : start + _ENCODED]
                experts = mvae.experts(inputs.tensors(part, without="redshift"))
                catalogue = None if part.flux is None else mvae.experts(inputs.tensors(measure(part), shown))
                image = {"image": experts["image"]} if "image" in experts else {}
                exact.append(_stacked(experts, names, len(part), mvae.latent_size))
                noted.append(exact[-1] if catalogue is None else _stacked(image | catalogue, names, len(part), mvae.latent_size))
                value.append(torch.from_numpy(inputs.scalings["redshift"].forward(part.attribute("redshift"))[0]).float())
                tell(len(part))
    own, measured = (_Seen(*(torch.cat(parts, 1) for parts in zip(*each, strict=True))) for each in (exact, noted))
    return own, measured, torch.cat(value)[:, None]


def _stacked(experts: dict[str, tuple[Gaussian, Tensor]], names: Sequence[str], n: int, size: int) -> _Seen:
    nothing = Gaussian(torch.zeros(n, size), torch.ones(n, size)), torch.zeros(n, dtype=torch.bool)
    gaussians, present = zip(*(experts.get(name, nothing) for name in names), strict=True)
    return _Seen(torch.stack([one.mean for one in gaussians]), torch.stack([one.precision for one in gaussians]), torch.stack(present))
