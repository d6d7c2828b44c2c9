"""Hubble types and bulge fractions of galaxies from their pictures, with probabilities that come true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from astropy.table import QTable

from galwidget.attributes import MORPHOLOGIES
from galwidget.even_draws import even_draws
from galwidget.galaxies import Galaxies
from galwidget.measurement import measure, measured_names
from galwidget.progress import Progress, steps
from galwidget.science.calibrated_head import CategoryHead, NumberHead
from galwidget.science.kept import Kept
from galwidget.simulation import simulate
from galwidget.survey_check import refuse_another_survey

if TYPE_CHECKING:
    from galwidget.galaxy_model import GalaxyModel

__all__ = ["TYPES", "Classification", "Classifier", "classify"]

#: What `classify` tells apart, and the Hubble types of each.
TYPES = {"elliptical": ("E",), "lenticular": ("S0",), "spiral": ("Sb", "Sc"), "irregular": ("Im",)}
#: Size and seed of the sample that is simulated where none is given; the fewest galaxies that one may have.
_REFERENCE, _SEED, _FEWEST = 2048, 60, 100
#: A measurement that fewer of the reference have teaches nothing.
_OFTEN = 0.1
_BATCH, _DRAWS = 128, 32
#: Which way a galaxy lies says nothing of its type.
_NO_EVIDENCE = frozenset({"e1", "e2", "position_angle"})


@dataclass(frozen=True, eq=False)
class Classification:
    """Types and bulge fractions of n galaxies.

    Parameters
    ----------
    probabilities
        Of each of ``types``, (n, 4).
    bulge_fraction, bulge_fraction_error
        Mean and standard deviation of the share of the reference band's light in the bulge, (n,); NaN where the reference sample had none.
    types
        Names of the columns of ``probabilities``.
    """

    probabilities: np.ndarray
    bulge_fraction: np.ndarray
    bulge_fraction_error: np.ndarray
    types: tuple[str, ...] = tuple(TYPES)

    @property
    def best(self) -> np.ndarray:
        """The most probable type of each galaxy, (n,)."""
        return np.array(self.types)[self.probabilities.argmax(1)]

    @property
    def table(self) -> QTable:
        """One row a galaxy: ``best``, ``p_<type>`` for each, ``bulge_fraction`` and ``bulge_fraction_err``."""
        columns = {f"p_{name}": self.probabilities[:, column] for column, name in enumerate(self.types)}
        bulge = {"bulge_fraction": self.bulge_fraction, "bulge_fraction_err": self.bulge_fraction_error}
        return QTable({"best": self.best, **columns, **bulge})

    def __len__(self) -> int:
        return len(self.probabilities)

    def __getitem__(self, item: int | slice | Sequence[int] | np.ndarray) -> Classification:
        rows = np.atleast_1d(np.arange(len(self))[item])
        return Classification(self.probabilities[rows], self.bulge_fraction[rows], self.bulge_fraction_error[rows], self.types)

    def __repr__(self) -> str:
        expected = ", ".join(f"{count:.1f} {name}" for count, name in zip(self.probabilities.sum(0), self.types, strict=True))
        return f"<Classification: {len(self)} galaxies, expected {expected}>"


class Classifier:
    """What a model and a sample of known types say of galaxies; called with galaxies, it classifies them.

    The model's latent of the picture, its own probabilities of the types, and what `galwidget.measure` finds in the same pixels go into a
    light head (`galwidget.science.calibrated_head`), learnt from the sample: so that probabilities come true at that sample's depth.

    Parameters
    ----------
    model
        A model that was trained with types.
    reference
        Galaxies whose ``morphology`` is known (and ``bulge_fraction``, or no bulge fractions are told), at least 100. Default: 2048
        simulated ones of the model's survey. Your own labels, on your own images, are a better measure of those.
    progress
        Show a progress bar; or a function of what is done, how many galaxies are ready, and of how many.

    Raises
    ------
    ValueError
        The model knows no types, or the reference is of another survey, too small or without types.
    """

    def __init__(self, model: GalaxyModel, reference: Galaxies | None = None, *, progress: Progress = True) -> None:
        if "morphology" not in model.inputs.groups:
            raise ValueError(
                f"the model was trained without types (it knows {', '.join(model.inputs.modalities)}); train one with a column morphology"
            )
        self.model = model
        if reference is None:
            reference = simulate(
                _REFERENCE, model.survey, _SEED, stamp=model.stamp or 64, flatten=0.5, measured=not model.stamp, progress=progress
            )
            reference = reference if model.stamp else Galaxies(table=reference.table, survey=reference.survey)
        labels = hubble_types(reference)
        known = np.flatnonzero(labels != "")
        if len(known) < _FEWEST:
            raise ValueError(
                f"{len(known)} galaxies of the reference have a morphology; give at least {_FEWEST}, or none for simulated ones"
            )
        inputs = self._inputs(reference[known], "learning types", progress)
        #: Columns that enough of the reference has.
        self._there = np.isfinite(inputs).mean(0) > _OFTEN
        inputs, narrow = inputs[:, self._there], int(self._there[: self._narrow].sum())
        self._types = CategoryHead(inputs, labels[known], narrow)
        bulge = reference.attribute("bulge_fraction")[known]
        told = np.flatnonzero(np.isfinite(bulge))
        self._bulge = NumberHead(inputs[told], bulge[told], narrow) if len(told) >= _FEWEST else None

    def __call__(self, galaxies: Galaxies, *, progress: Progress = True) -> Classification:
        """Types and bulge fractions of n galaxies; a ``morphology`` that they have is not looked at."""
        inputs = self._inputs(galaxies, "classifying", progress)[:, self._there]
        probabilities = np.zeros((len(galaxies), len(TYPES)))
        probabilities[:, [list(TYPES).index(name) for name in self._types.classes]] = self._types.probabilities(inputs)
        nothing = np.full(len(galaxies), np.nan)
        mean, error = (nothing, nothing.copy()) if self._bulge is None else self._bulge(inputs)
        return Classification(probabilities, mean.clip(0, 1), error)

    def _inputs(self, galaxies: Galaxies, words: str, progress: Progress) -> np.ndarray:
        """Numbers of each galaxy, (n, column): the model's own answer and what was measured, then the latent."""
        refuse_another_survey(self.model, galaxies)
        few, many = [], []
        with steps(progress, words, len(galaxies)) as tell:
            for start in range(0, len(galaxies), _BATCH):
                part = _unnamed(galaxies[start : start + _BATCH])
                answer, latent = self._answer(part)
                few.append(np.concatenate([answer, _measurements(part)], 1))
                many.append(latent)
                tell(len(part))
        if not few:
            return np.zeros((0, self._narrow + 2 * self.model.latent_size))
        return np.concatenate([np.concatenate(few), np.concatenate(many)], 1)

    @property
    def _narrow(self) -> int:
        """How many columns the trees see: all before the latent."""
        return len(MORPHOLOGIES) + len(_evidence(self.model.survey))

    def _answer(self, galaxies: Galaxies) -> tuple[np.ndarray, np.ndarray]:
        """Logarithms of the model's probabilities, (n, type), and mean and log width of the latent, (n, 2 d)."""
        model = self.model
        pictured = galaxies.flux is not None and model.stamp
        with model.lock, torch.no_grad():
            data = model.inputs.tensors(galaxies, ["image"] if pictured else None)
            if not data:
                raise ValueError("the galaxies have neither images nor an attribute that the model knows; measure them (galwidget.measure)")
            posterior = model.mvae.encode(data)
            # one set of draws for all: a galaxy's answer is the same alone and in any batch
            noise = even_draws(_DRAWS, model.latent_size, 0)[:, None]
            logits = model.mvae.decode((posterior.mean + posterior.std * noise).flatten(0, 1), "morphology")
            shares = logits.softmax(1).view(_DRAWS, len(galaxies), -1).mean(0)
        numbers = torch.cat([posterior.mean, posterior.std.log()], 1).double().numpy()
        return np.log(shares.double().numpy().clip(min=1e-5)), numbers


_KNOWN: Kept[Classifier] = Kept()


def classify(
    model: GalaxyModel, galaxies: Galaxies, *, reference: Galaxies | Classifier | None = None, progress: Progress = True
) -> Classification:
    """Hubble types (elliptical, lenticular, spiral, irregular) and bulge fractions, with calibrated probabilities.

    Parameters
    ----------
    model
        A model that was trained with types.
    galaxies
        n galaxies of its survey; those without images are judged by their attributes. Types that they have are not looked at.
    reference
        Galaxies of known type to learn from, see `Classifier`; or a `Classifier`, learnt once. Default: 2048 simulated ones, a minute
        or so, once for a model.
    progress
        Show a progress bar; or a function of what is done, how many galaxies are ready, and of how many.

    Returns
    -------
    Classification
        ``probabilities``, ``best``, ``bulge_fraction``, ``bulge_fraction_error``, ``table``.

    Raises
    ------
    ValueError
        The model knows no types, or the galaxies are not of its survey.

    Notes
    -----
    Probabilities hold for galaxies like those of the reference. The simulation's types are its own: an elliptical is all bulge, arms are
    logarithmic, an irregular is a disc of knots. Of real galaxies they say which simulated ones they look like.

    Examples
    --------
    >>> import galwidget as gw
    >>> model = gw.load()
    >>> known = gw.simulate(160, "KiDS", seed=1, measured=False, progress=False)
    >>> found = gw.classify(model, known[:3], reference=known, progress=False)
    >>> found.probabilities.shape, found.table.colnames[0]
    ((3, 4), 'best')
    """
    if isinstance(reference, Classifier):
        return reference(galaxies, progress=progress)
    refuse_another_survey(model, galaxies)
    if reference is not None:
        return Classifier(model, reference, progress=progress)(galaxies, progress=progress)
    return _KNOWN(model, lambda: Classifier(model, progress=progress), _REFERENCE)(galaxies, progress=progress)


def hubble_types(galaxies: Galaxies) -> np.ndarray:
    """Which of `TYPES` each galaxy is by its column ``morphology``, (n,); empty where that is not known."""
    if "morphology" not in galaxies.table.colnames:
        return np.full(len(galaxies), "")
    column = galaxies.table["morphology"]
    words = np.asarray(column.filled("") if hasattr(column, "filled") else column).astype(str)
    names = {kind: name for name, kinds in TYPES.items() for kind in (*kinds, name)}
    unknown = sorted({str(word) for word in words} - {*names, ""})
    if unknown:
        raise ValueError(f"morphology has {', '.join(map(repr, unknown[:3]))}; it is one of {', '.join(names)}, or empty")
    return np.array([names.get(word, "") for word in words], dtype=str)


def _unnamed(galaxies: Galaxies) -> Galaxies:
    """Without the types that they have, in whatever words."""
    if "morphology" not in galaxies.table.colnames:
        return galaxies
    table = galaxies.to_table()
    table.remove_column("morphology")
    return galaxies.with_table(table if table.colnames else None)


def _evidence(survey: object) -> list[str]:
    return [name for name in measured_names(survey) if name not in _NO_EVIDENCE]  # type: ignore[arg-type]


def _measurements(galaxies: Galaxies) -> np.ndarray:
    """What is measured in the pixels, (n, column), NaN where it is not; without images, what the table has."""
    seen = galaxies if galaxies.flux is None else measure(galaxies)
    return np.stack([seen.attribute(name) for name in _evidence(galaxies.survey)], 1)
