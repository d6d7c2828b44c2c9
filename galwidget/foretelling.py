"""Learn to foretell attributes: what a posterior that saw none says of them, without the detour over what only the attribute says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from math import ceil
from pathlib import Path
from typing import NamedTuple, cast

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from galwidget.galaxies import Galaxies
from galwidget.measurement import measure
from galwidget.model.checkpoint import digest
from galwidget.model.gaussian import Gaussian
from galwidget.model.inputs import Inputs
from galwidget.model.modalities import AttributeModality, CategoryModality, Columns
from galwidget.model.mvae import MVAE
from galwidget.model.objective import random_subset
from galwidget.model.resuming import Resumed
from galwidget.predicted import SHOWN
from galwidget.prediction import PHOTOMETRY
from galwidget.progress import Progress, steps

__all__ = ["fit_foretellers"]

#: Galaxies at most, those of a batch, points of each posterior, rate of Adam; galaxies that are encoded at a time.
_MOST, _BATCH, _DRAWS, _RATE, _ENCODED = 100_000, 256, 8, 3e-3, 128
#: How often attributes are those that are measured on a galaxy's image.
_MEASURED = 0.75


class _Evidence(NamedTuple):
    """What is known of n galaxies: the image's expert and who has one, (n,); their own attributes and those measured, by modality."""

    image: tuple[Gaussian, Tensor]
    own: dict[str, Columns]
    measured: dict[str, Columns]


def fit_foretellers(
    mvae: MVAE,
    inputs: Inputs,
    samples: Sequence[Galaxies],
    *,
    epochs: int,
    seed: int,
    run: Path | None = None,
    progress: Progress = True,
) -> None:
    r"""Fit the second decoders of attributes, in place, to posteriors that did not see them.

    They maximise :math:`\ln E_{q(z|x_S)} p(a | z)` of one attribute a of each modality, another for each galaxy, over random subsets S of
    all other modalities and of the attributes beside it, and those that are asked most: the image, photometry, both, everything. Three
    quarters of the attributes in S are measured on the images, with errors, the others are those of the sample. An evidence lower bound
    is no good score of a prediction: its decoder sees draws from posteriors that know the answer.

    Parameters
    ----------
    mvae, inputs
        The trained model, whose attributes have second decoders.
    samples
        Galaxies with and without images; of more than 100,000 an even choice is taken.
    epochs
        Passes over them.
    seed
        Of subsets, draws and order.
    run
        A folder for checkpoints, as in `galwidget.fit`: of what is known of the galaxies, and one an epoch.
    progress
        As in `galwidget.fit`.
    """
    of = f"{digest(mvae)} {epochs} {seed}"
    known, fitted = Resumed(run, "evidence", of), Resumed(run, "predictions", of)
    foretold = {group: cast("AttributeModality", mvae.modality(group)) for group in inputs.groups}
    decoders = torch.nn.ModuleList()
    for modality in foretold.values():
        assert modality.foreteller is not None  # noqa: S101 (narrows the type)
        modality.foreteller.load_state_dict(modality.decoder.state_dict())
        decoders.append(modality.foreteller)
    every = ceil(sum(map(len, samples)) / _MOST)
    evidence = _evidence(mvae, inputs, [sample[::every] for sample in samples if len(sample)], known, progress)
    n, kinds = len(evidence.image[1]), _kinds(["image", *inputs.groups])
    optimizer = torch.optim.Adam(decoders.requires_grad_(True).parameters(), _RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * ceil(n / _BATCH))
    parts = {"decoders": decoders, "optimizer": optimizer, "schedule": schedule}
    with torch.random.fork_rng(devices=[]), steps(progress, "learning to predict", epochs, unit="epoch", partial=True) as tell:
        torch.manual_seed(seed)
        done = fitted.restore(torch.default_generator, **parts)
        tell(done)
        for epoch in range(done, epochs):
            for rows in torch.randperm(n).split(_BATCH):
                image, seen, truth = _batch(evidence, rows)
                loss = torch.zeros(())
                for group, modality in foretold.items():
                    asked = _asked(modality, truth[group].mask)
                    hidden = seen | {group: _only(seen[group], ~asked)}
                    posterior = _posterior(mvae, image, hidden, kinds)
                    z = posterior.sample(torch.randn(_DRAWS, *posterior.mean.shape))
                    wanted = Columns(*(part.repeat(_DRAWS, 1) for part in _only(truth[group], asked)))
                    nats = modality.nats(wanted, modality.foretell(z.flatten(0, 1)))
                    loss = loss - torch.logsumexp(nats.view(_DRAWS, -1), 0).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
            fitted.keep(epoch + 1, torch.default_generator, **parts)
            tell(1)
    decoders.requires_grad_(False)


def _asked(modality: AttributeModality, known: Tensor) -> Tensor:
    """One of the columns that each galaxy has, at random, (n, column); all those of a category, which are one attribute."""
    if isinstance(modality, CategoryModality):
        return known
    lots = torch.where(known, torch.rand(known.shape), -1.0)
    return one_hot(lots.argmax(1), known.shape[1]).bool() & known


def _only(columns: Columns, kept: Tensor) -> Columns:
    return columns._replace(mask=columns.mask & kept)


def _batch(evidence: _Evidence, rows: Tensor) -> tuple[tuple[Gaussian, Tensor], dict[str, Columns], dict[str, Columns]]:
    """Of galaxies ``rows``: the image's expert, attributes as they are seen, and as they are."""
    (gaussian, present), own = evidence.image, {name: Columns(*(part[rows] for part in each)) for name, each in evidence.own.items()}
    measured = (torch.rand(len(rows)) < _MEASURED)[:, None]
    seen = {
        name: Columns(*(torch.where(measured, noted[rows], exact) for noted, exact in zip(evidence.measured[name], each, strict=True)))
        for name, each in own.items()
    }
    return (Gaussian(gaussian.mean[rows], gaussian.precision[rows]), present[rows]), seen, own


def _kinds(names: Sequence[str]) -> Tensor:
    """What is asked most, (kind, modality): everything, the image, photometry, image and photometry."""
    image = torch.tensor([name == "image" for name in names])
    photometry = torch.tensor([name in PHOTOMETRY for name in names])
    return torch.stack([torch.ones_like(image), image, photometry, image | photometry])


@torch.no_grad()
def _posterior(mvae: MVAE, image: tuple[Gaussian, Tensor], columns: Mapping[str, Columns], kinds: Tensor) -> Gaussian:
    """Posteriors from a subset for each galaxy, (n, d): one of ``kinds`` or, as often as each of them, a random one."""
    experts = {"image": image, **mvae.experts(columns)}
    present = torch.stack([here for _, here in experts.values()])
    kind = torch.randint(len(kinds) + 1, (present.shape[1],))
    usual = kinds[kind.clamp(max=len(kinds) - 1)].T & present
    keep = torch.where((kind < len(kinds)) & usual.any(0), usual, random_subset(present) & present)
    return mvae.combine(experts, dict(zip(experts, keep, strict=True)))


@torch.no_grad()
def _evidence(mvae: MVAE, inputs: Inputs, samples: Sequence[Galaxies], known: Resumed, progress: Progress) -> _Evidence:
    """What is known of the galaxies of all samples, one after the other."""
    n = sum(map(len, samples))

    def batches() -> Iterator[list[Tensor]]:
        with steps(progress, "measuring and encoding", n, partial=True) as tell:
            for sample in samples:
                for start in range(0, len(sample), _ENCODED):
                    part = sample[start : start + _ENCODED]
                    own = [inputs.columns(part, group) for group in inputs.groups]
                    # what a catalogue has of a picture: no redshift, no type
                    catalogue, shown = (part, inputs.groups) if part.flux is None else (measure(part), SHOWN)
                    measured = [inputs.columns(catalogue, group, None if group in shown else ()) for group in inputs.groups]
                    yield [*_image(mvae, inputs, part), *chain.from_iterable(own + measured)]
                    tell(len(part))

    tensors = known.load().get("tensors")
    if tensors is None:
        tensors = _stacked(n, batches())
        known.save(tensors=tensors)
    mean, precision, present, *rest = tensors
    columns = [Columns(*rest[at : at + 3]) for at in range(0, len(rest), 3)]
    own, measured = (dict(zip(inputs.groups, each, strict=True)) for each in (columns[: len(columns) // 2], columns[len(columns) // 2 :]))
    return _Evidence((Gaussian(mean, precision), present), own, measured)


def _image(mvae: MVAE, inputs: Inputs, galaxies: Galaxies) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and precision of the image's expert, (n, d), and who has an image, (n,)."""
    if inputs.stamp and galaxies.flux is not None:
        (mean, precision), present = mvae.experts(inputs.tensors(galaxies, ["image"]))["image"]
        return mean, precision, present
    mean = torch.zeros(len(galaxies), mvae.latent_size)
    return mean, torch.ones_like(mean), torch.zeros(len(galaxies), dtype=torch.bool)


def _stacked(n: int, batches: Iterable[Sequence[Tensor]]) -> list[Tensor]:
    """Tensors of n rows, or fewer where the batches end early, as `torch.cat` gives them, in memory that is taken before.

    Small tensors that stay, among pictures that come and go, tear the heap: 0.2 MB a galaxy were lost.
    """
    whole: list[Tensor] = []
    start = 0
    for batch in batches:
        whole = whole or [part.new_empty(n, *part.shape[1:]) for part in batch]
        rows = slice(start, start + len(batch[0]))
        for store, part in zip(whole, batch, strict=True):
            store[rows] = part
        start = rows.stop
    return [store[:start] for store in whole]
