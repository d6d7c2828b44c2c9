"""Anomalies: how odd a galaxy is for its brightness, in which respects, and why, in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from astropy.table import QTable
from scipy.special import logsumexp

from galwidget.even_draws import even_draws
from galwidget.galaxies import Galaxies
from galwidget.latent import Latent
from galwidget.measurement import measure
from galwidget.progress import Progress, steps
from galwidget.science.kept import Kept
from galwidget.science.marks import interest, odd_and_unlike
from galwidget.science.normal import Normal
from galwidget.science.reasons import reason
from galwidget.science.residuals import Residuals, residuals
from galwidget.simulation import simulate
from galwidget.survey import nanojansky_to_magnitude
from galwidget.survey_check import refuse_another_survey

if TYPE_CHECKING:
    from galwidget.galaxy_model import GalaxyModel

__all__ = ["Anomalies", "anomalies"]

_BATCH = 128
#: Size of the reference sample that is simulated where none is given.
_REFERENCE = 768
_SEED = 20
#: Fewest galaxies that say what is normal.
_FEWEST = 50
#: Share of a sample that is its own reference which is left out. Chosen among 0.05 to 0.3 on 125 real galaxies, those that the numbers of
#: `anomalies` are of: a tenth left too much in where one galaxy in seven was odd (mean AUROC 0.92, with a fifth 0.96).
_ODD_SHARE = 0.2
#: How much the oddest part outweighs the others.
_SHARPNESS = 3.0
#: Points of a posterior that its attributes are held against.
_DRAWS = 32


@dataclass(frozen=True, eq=False)
class Anomalies:
    """How odd each of n galaxies is.

    Parameters
    ----------
    score
        Larger is odder, shape (n,): 0 is the median of normal galaxies as bright, 1 the width of their upper half or, where their tail is
        long, 2.33 what one in a hundred exceeds.
    p_value
        Share of the reference sample, made as bright, that is at least as odd, (n,).
    parts
        By name, the same measure for each kind of evidence, (n,); 0 where there was none.
    reason
        In words: what is odd most, and where.
    latent
        Where the galaxies are in latent space.
    interest
        From 0 to 1, in the light of what was `marked`, (n,); None before.
    """

    score: np.ndarray
    p_value: np.ndarray
    parts: dict[str, np.ndarray]
    reason: list[str]
    latent: Latent
    interest: np.ndarray | None = None

    @property
    def order(self) -> np.ndarray:
        """Rows, oddest first; once galaxies were marked, the most interesting first."""
        return np.argsort(-(self.score if self.interest is None else self.interest), kind="stable")

    def marked(self, interesting: Collection[int] = (), boring: Collection[int] = ()) -> Anomalies:
        """The same galaxies in another order: like those marked interesting first, like those marked boring last.

        Parameters
        ----------
        interesting, boring
            Rows.

        Returns
        -------
        Anomalies
            With ``interest`` (`galwidget.science.marks.interest`), which ``order`` then follows. Earlier marks are forgotten: give all.
        """
        return replace(self, interest=interest(self, interesting, boring))

    def to_mark(self, count: int = 5, interesting: Collection[int] = (), boring: Collection[int] = ()) -> list[int]:
        """Rows to look at and to mark next: until one is interesting, odd ones unlike those marked; then the most interesting.

        Parameters
        ----------
        count
            How many.
        interesting, boring
            Rows that were marked so far.
        """
        shown = {*interesting, *boring}
        if not interesting:
            return odd_and_unlike(self, shown, count)
        return [int(row) for row in self.marked(interesting, boring).order if row not in shown][:count]

    @property
    def table(self) -> QTable:
        """One row a galaxy: ``score``, ``p_value``, ``reason`` and every part."""
        return QTable({"score": self.score, "p_value": self.p_value, "reason": np.array(self.reason, dtype=str), **self.parts})

    def __len__(self) -> int:
        return len(self.score)

    def __repr__(self) -> str:
        return f"<Anomalies: {len(self)} galaxies, {int((self.p_value < 0.01).sum())} of them odder than 99% of normal ones>"


def anomalies(
    model: GalaxyModel,
    galaxies: Galaxies,
    *,
    reference: Galaxies | Literal["own"] | None = None,
    refine: int = 0,
    progress: Progress = True,
) -> Anomalies:
    r"""How odd galaxies are: for the prior, for the pixels, and for their own attributes.

    Three kinds of evidence. ``density``: :math:`-\ln p(z)` of the picture under the model's flow. The picture less what the model makes of
    it, weighed by the noise, in several forms (`galwidget.science.residuals`): an extra source, missing light, a trail, a ring, a band
    shifted, a band too bright. Each group of attributes: :math:`-\ln p(a | x)`, given the picture x, with p the
    mean over its posterior: what the picture leaves open is not odd. Each is compared with normal galaxies of the same brightness, and
    the largest count most.

    Parameters
    ----------
    model
        The model.
    galaxies
        n galaxies; those without images are judged by their attributes.
    reference
        What is normal: a few hundred galaxies. Default: simulated ones of the model's survey (768; a minute, once for a model, and
        none for the shipped one).
        They are right for a few galaxies, and for simulated ones. Real images have what no simulated one has, and the default finds most
        real galaxies a little odd (35 % of a KiDS field beyond 3), though in much the same order. ``"own"``: ``galaxies`` themselves, less
        the fifth that is oddest for simulated ones; right for a sample of some hundreds that has oddities of its own. Galaxies: right
        where they are of the same images, clean, and not among those that the model was trained on, as it knows these better than it will
        ever know others. A sample that is given as its own reference with its oddities in it hides them: with eight of one kind beside 125
        real galaxies, the AUROC is 0.85 in the mean over kinds and 11 % of the odd ones are beyond 3 (``"own"``: 0.94 and 86 %).
    refine
        As in ``model.encode``: steps towards the best latent of each galaxy, for the galaxies and for the reference.
    progress
        Show a progress bar; or a function of what is done, how many galaxies are ready, and of how many.

    Returns
    -------
    Anomalies
        ``score``, ``p_value``, ``parts``, ``reason``; ``order`` has the oddest first.

    Raises
    ------
    ValueError
        The galaxies or the reference are not of the model's survey, or the reference has fewer than 50; of its own, 63 are needed.

    Examples
    --------
    >>> import galwidget as gw
    >>> model = gw.load()
    >>> galaxies = gw.simulate(4, "KiDS", seed=1, flatten=1, progress=False)
    >>> galaxies.flux[0, :, 40:44, :] += 1000  # a satellite crosses
    >>> found = gw.anomalies(model, galaxies, progress=False)
    >>> int(found.order[0])
    0
    """
    refuse_another_survey(model, galaxies)
    if isinstance(reference, str) and reference != "own":
        raise ValueError(f"reference is {reference!r}; it is galaxies, 'own' (the typical ones among those judged), or none (simulated)")
    given = _given(model, reference, refine, progress=progress) if isinstance(reference, Galaxies) else None
    simulated = learn_normal(model, refine, progress=progress) if reference is None else None
    evidence = given if given is not None and reference is galaxies else _gather(model, galaxies, refine, progress=progress)
    known = simulated or (_own(model, evidence, refine, progress=progress) if given is None else _Known.of(given))
    score, parts = known.judge(evidence)
    above = np.searchsorted(known.scores, score, side="left")
    p_value = (1 + len(known.scores) - above) / (1 + len(known.scores))
    words = [reason(row, parts, evidence.forms, evidence.expected, model.inputs, score[row]) for row in range(len(galaxies))]
    return Anomalies(score, p_value, parts, words, evidence.latent)


@dataclass(frozen=True)
class _Evidence:
    brightness: np.ndarray
    parts: dict[str, np.ndarray]
    forms: Residuals
    expected: dict[str, np.ndarray]
    latent: Latent


@dataclass(frozen=True)
class _Known:
    """What is normal: in each part, in the combined score, and the scores of the reference, rising."""

    parts: Normal
    level: Normal
    scores: np.ndarray

    @classmethod
    def of(cls, evidence: _Evidence) -> _Known:
        normal = Normal(evidence.brightness, evidence.parts)
        parts = {name: normal.excess(name, evidence.parts[name], evidence.brightness) for name in normal.names}
        strength = _combine(parts, len(evidence.brightness))
        level = Normal(evidence.brightness, {"score": strength})
        return cls(normal, level, np.sort(level.excess("score", strength, evidence.brightness)))

    def judge(self, evidence: _Evidence) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Scores of n galaxies, (n,), and their parts."""
        absent = np.full(len(evidence.brightness), np.nan)
        parts = {name: self.parts.excess(name, evidence.parts.get(name, absent), evidence.brightness) for name in self.parts.names}
        return self.level.excess("score", _combine(parts, len(absent)), evidence.brightness), parts

    def arrays(self) -> dict[str, np.ndarray]:
        """As arrays by name, from which `of_arrays` makes it again."""
        return {"scores": self.scores} | {f"{name}/{part}": of for name in _LEVELS for part, of in getattr(self, name).arrays().items()}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> _Known:
        """What `arrays` was made of."""
        parts, level = (
            Normal.of_arrays({part.removeprefix(f"{name}/"): of for part, of in arrays.items() if part.startswith(f"{name}/")})
            for name in _LEVELS
        )
        return cls(parts, level, arrays["scores"])


_LEVELS = ("parts", "level")
KNOWN: Kept[_Known] = Kept("normal", _Known.arrays, _Known.of_arrays)


def learn_normal(model: GalaxyModel, refine: int = 0, *, progress: Progress = True) -> _Known:
    """What is normal among simulated galaxies, made once for a model."""

    def learn() -> _Known:
        drawn = simulate(_REFERENCE, model.survey, _SEED, stamp=model.stamp or 64, flatten=0.5, measured=False, progress=progress)
        sample = measure(drawn)
        sample = sample if model.stamp else Galaxies(table=sample.table, survey=sample.survey)
        return _Known.of(_gather(model, sample, refine, progress=progress))

    return KNOWN(model, learn, refine, _REFERENCE)


def _given(model: GalaxyModel, reference: Galaxies, refine: int, *, progress: Progress) -> _Evidence:
    """The evidence of a reference sample."""
    refuse_another_survey(model, reference)
    if len(reference) < _FEWEST:
        raise ValueError(f"the reference has {len(reference)} galaxies; give at least {_FEWEST}, or none for a simulated one")
    return _gather(model, reference, refine, progress=progress)


def _own(model: GalaxyModel, evidence: _Evidence, refine: int, *, progress: Progress) -> _Known:
    """What is normal in a sample, less what is oddest of it in the light of simulated galaxies."""
    score, _ = learn_normal(model, refine, progress=progress).judge(evidence)
    kept = np.sort(np.argsort(score, kind="stable")[: int(len(score) * (1 - _ODD_SHARE))])
    if len(kept) < _FEWEST:
        least = ceil(_FEWEST / (1 - _ODD_SHARE))
        raise ValueError(f"{len(score)} galaxies are too few to be their own reference; give {least}, or no reference for a simulated one")
    return _Known.of(replace(evidence, brightness=evidence.brightness[kept], parts={name: of[kept] for name, of in evidence.parts.items()}))


def _combine(parts: Mapping[str, np.ndarray], n: int) -> np.ndarray:
    """A soft maximum: one thing very wrong is odd, and so are several a little wrong."""
    if not parts:
        return np.zeros(n)
    return np.asarray(logsumexp(_SHARPNESS * np.stack(list(parts.values())), axis=0))


def _gather(model: GalaxyModel, galaxies: Galaxies, refine: int, *, progress: Progress) -> _Evidence:
    batches = []
    with steps(progress, "judging galaxies", len(galaxies)) as tell:
        for start in range(0, len(galaxies), _BATCH):
            batches.append(_judge(model, galaxies[start : start + _BATCH], refine))
            tell(min(_BATCH, len(galaxies) - start))
    if not batches:
        return _Evidence(np.zeros(0), {}, Residuals({}, {}, {}), {}, Latent(np.zeros((0, model.latent_size))))

    def join(get: str) -> dict[str, np.ndarray]:
        return {
            name: np.concatenate([_nested(batch, get).get(name, np.full(len(batch.brightness), np.nan)) for batch in batches])
            for name in dict.fromkeys(name for batch in batches for name in _nested(batch, get))
        }

    return _Evidence(
        np.concatenate([batch.brightness for batch in batches]),
        join("parts"),
        Residuals({}, join("place"), join("band")),
        join("expected"),
        Latent.concatenate([batch.latent for batch in batches]),
    )


def _nested(batch: _Evidence, name: str) -> dict[str, np.ndarray]:
    return getattr(batch.forms, name) if name in ("place", "band") else getattr(batch, name)


def _judge(model: GalaxyModel, galaxies: Galaxies, refine: int) -> _Evidence:
    pictured = galaxies.flux is not None
    # the picture alone says where it is, so that the attributes can be held against it
    latent = model.encode(galaxies, ["image"] if pictured else None, refine=refine)
    z = torch.from_numpy(latent.mean)
    points = z + torch.from_numpy(latent.std) * even_draws(_DRAWS, model.latent_size, _SEED)[:, None]
    forms = residuals(model, galaxies, latent) if pictured else Residuals({}, {}, {})
    parts = {name: np.log(values) if name == "residual" else values for name, values in forms.strength.items()}
    with model.lock, torch.no_grad():
        condition = torch.zeros(len(z), len(model.inputs.condition_names))
        parts["density"] = -model.prior.log_prob(z, condition, condition.bool()).double().numpy()
        data = model.inputs.tensors(galaxies, tuple(model.inputs.groups) or None)
        for group in model.inputs.groups:
            if group in data:
                nats = torch.stack([model.mvae.log_likelihood(data, point, group) for point in points]).double()
                surprise = np.log(_DRAWS) - torch.logsumexp(nats, 0).numpy()
                parts[group] = np.where(data[group].present.numpy(), surprise, np.nan)
    if not pictured:
        return _Evidence(np.full(len(galaxies), np.nan), parts, forms, {}, latent)
    view = model.decode(latent)
    expected = {name: view.attribute(name) for name in model.inputs.scalings if name in view.table.colnames}
    return _Evidence(_brightness(view, expected), parts, forms, expected, latent)


def _brightness(view: Galaxies, expected: Mapping[str, np.ndarray]) -> np.ndarray:
    """Minus the magnitude of the model's view, (n,): all of its light where it is too faint or too wide to be measured; NaN for no band."""
    name = next((name for name in expected if name.startswith("mag_")), None)
    if name is None:
        return np.full(len(view), np.nan)
    light = view.require_images()[0][:, view.survey.index(name.removeprefix("mag_"))].sum((1, 2), dtype=float)
    return -np.where(np.isfinite(expected[name]), expected[name], nanojansky_to_magnitude(light))
