"""The whole judgement: which sample answers which question, in which order."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from galwidget.evaluation.conditions import conditions, requests_of
from galwidget.evaluation.edits import edits
from galwidget.evaluation.missing import missing
from galwidget.evaluation.prediction import prediction
from galwidget.evaluation.realism import memorising, realism
from galwidget.evaluation.reconstruction import chi2_per_pixel, reconstruction
from galwidget.evaluation.references import PixelPCA, sersic_fit
from galwidget.evaluation.report import Evaluation
from galwidget.evaluation.sampling import Comparable, comparable, draw_pictures, observed_halves, pictures
from galwidget.evaluation.scores import Part, Score, bootstrap
from galwidget.evaluation.two_sample import forest_auc, network_auc
from galwidget.galaxies import Galaxies
from galwidget.latent import Latent
from galwidget.measurement import reference_band

if TYPE_CHECKING:
    from galwidget.galaxy_model import GalaxyModel

__all__ = ["SECTIONS", "evaluate"]

#: What may be judged, in order.
SECTIONS = ("reconstruction", "realism", "conditions", "prediction", "missing modalities", "edits", "references")
_ASKED = ("sample", "conditions", "inputs")
_PICTURES = 10
#: An attribute that more of the galaxies lack is left free when the others are asked for.
_OFTEN_MISSING = 0.2


def evaluate(
    model: GalaxyModel,
    galaxies: Galaxies,
    *,
    training: Galaxies | None = None,
    real: Galaxies | None = None,
    sections: Sequence[str] | None = None,
    quick: bool = False,
    seed: int = 0,
    progress: bool = True,
) -> Evaluation:
    """Judge a model: each number with its bootstrap error, what a perfect model reaches, and a reference.

    Parameters
    ----------
    model
        The model; what it has no verb for is left out, and said.
    galaxies
        Galaxies that it has not seen, with images and attributes; simulated ones know their redshift and measure without noise.
    training
        Galaxies that it has seen (or alike), for the references that learn and to find copies; the first 2000 are used.
    real
        Real galaxies that it has not seen.
    sections
        Names out of `SECTIONS`; default: all.
    quick
        300 galaxies, 500 of the training sample, and no network on the pixels: minutes become seconds, and errors three times as large.
    seed
        Of every draw.
    progress
        Show a progress bar.

    Returns
    -------
    Evaluation
        ``table``, ``to_json``, ``to_html``.

    Raises
    ------
    ValueError
        A section is not known, or the galaxies have no images.
    """
    unknown = [name for name in sections or () if name not in SECTIONS]
    if unknown:
        raise ValueError(f"sections has {', '.join(map(repr, unknown))}; they are {', '.join(SECTIONS)}")
    galaxies.require_images()
    judge = _Judge(
        model, galaxies[:300] if quick else galaxies, None if training is None else training[: 500 if quick else 2000], real, quick, seed
    )
    tasks = {name: task for name, task in judge.tasks().items() if sections is None or _section(name) in sections}
    samples = {"test": galaxies, "training": training, "real": real}
    found = Evaluation(repr(model), {role: repr(sample) for role, sample in samples.items() if sample is not None})
    from tqdm.auto import tqdm  # noqa: PLC0415 (tqdm.auto loads ipywidgets in a notebook)

    with tqdm(tasks.items(), desc="evaluating", unit="section", disable=not progress) as bar:
        for name, (needs, task) in bar:
            bar.set_postfix_str(name)
            # an empty conditions or inputs lacks as much as none
            lacking = [verb for verb in needs if not getattr(model, verb, None)]
            if lacking:
                found.skipped[name] = f"the model has no {', '.join(lacking)}"
                continue
            try:
                part = task()
            except Exception as error:  # noqa: BLE001 (what one heading stumbles over must not cost the hours of the others)
                found.skipped[name] = f"it failed: {type(error).__name__}: {error}"
                warnings.warn(f"{name} could not be judged: {error}", RuntimeWarning, stacklevel=2)
                continue
            if name.endswith("real galaxies"):
                part.scores = [replace(score, section=f"{score.section}, real galaxies") for score in part.scores]
            found.parts[name] = part
    return found


def _section(name: str) -> str:
    return name.split(",", maxsplit=1)[0]


class _Judge:
    """One model, its samples, and a task for each heading of the report."""

    def __init__(self, model: Any, galaxies: Galaxies, training: Galaxies | None, real: Galaxies | None, quick: bool, seed: int) -> None:
        self.model, self.galaxies, self.training, self.real = model, galaxies, training, real
        self.network, self.share, self.seed = not quick, 0.3 if quick else 1.0, seed
        # each sample is measured once, and the galaxies are redrawn once
        self.sides: dict[int, Comparable] = {}
        self.redrawn: Galaxies | None = None

    def tasks(self) -> dict[str, tuple[tuple[str, ...], Callable[[], Part]]]:
        """By heading: the verbs that it needs, and what to do."""
        tasks: dict[str, tuple[tuple[str, ...], Callable[[], Part]]] = {
            **self._redrawn_and_drawn(self.galaxies, ""),
            "conditions": (_ASKED, lambda: conditions(self.model, self._bright(400), seed=self.seed)),
            "prediction": (
                ("predict", "inputs"),
                lambda: prediction(self.model, self.galaxies, training=self.training, seed=self.seed),
            ),
            "missing modalities": (
                ("reconstruct", "predict", "inputs"),
                lambda: missing(self.model, self._some(500), subsets=self._count(100), seed=self.seed),
            ),
            "edits": (("edit_latent", "conditions", "inputs"), lambda: edits(self.model, self._bright(150), seed=self.seed)),
            "references": (("reconstruct",), self.references),
        }
        return tasks if self.real is None else tasks | self._redrawn_and_drawn(self.real, ", real galaxies")

    def _redrawn_and_drawn(self, galaxies: Galaxies, which: str) -> dict[str, tuple[tuple[str, ...], Callable[[], Part]]]:
        return {
            f"reconstruction{which}": (("reconstruct",), lambda: self.reconstruction(galaxies)),
            f"realism, unconditional{which}": (("sample",), lambda: self.realism(galaxies, "unconditional", [])),
            # a model's own population has as many bright galaxies as its training sample, whatever this one has
            f"realism, given brightness{which}": (_ASKED, lambda: self.realism(galaxies, "given brightness", self._brightness())),
            f"realism, given every attribute{which}": (_ASKED, lambda: self.realism(galaxies, "given every attribute", self._every())),
        }

    def _count(self, number: int) -> int:
        return max(20, round(number * self.share))

    def _some(self, number: int) -> Galaxies:
        return self.galaxies[: self._count(number)]

    def _bright(self, number: int) -> Galaxies:
        """Galaxies brighter than the 80th percentile of the magnitudes, with every attribute measured: fainter ones are mostly noise."""
        magnitude = self.galaxies.attribute(f"mag_{reference_band(self.galaxies.survey)}")
        if not np.isfinite(magnitude).any():
            return self._some(number)
        names = [name for name in self.model.inputs.scalings if np.isfinite(self.galaxies.attribute(name)).any()]
        whole = np.isfinite(np.stack([self.galaxies.attribute(name) for name in names])).all(0)
        return self.galaxies[whole & (magnitude <= np.nanpercentile(magnitude, 80))][: self._count(number)]

    def _reconstruct(self, galaxies: Galaxies) -> Galaxies:
        if galaxies is self.galaxies and self.redrawn is not None:
            return self.redrawn
        # a model of images alone has no modalities to choose from
        redrawn: Galaxies = self.model.reconstruct(galaxies, **({"using": ["image"]} if hasattr(self.model, "predict") else {}))
        if galaxies is self.galaxies:
            self.redrawn = redrawn
        return redrawn

    def reconstruction(self, galaxies: Galaxies) -> Part:
        expected = self._reconstruct(galaxies)
        part = reconstruction(galaxies, expected, seed=self.seed)
        shown = _spread(galaxies)
        flux, ivar = galaxies[shown].require_images()
        model = expected[shown]
        residual = Galaxies(np.where(ivar > 0, flux - model.require_images()[0], 0), ivar, survey=galaxies.survey)
        part.pictures["Observed, redrawn, and what is left: from bright to faint"] = _sheet(galaxies[shown], model, residual)
        return part

    def _brightness(self) -> list[str]:
        name = f"mag_{reference_band(self.galaxies.survey)}"
        return [name] if name in self.model.inputs.scalings else [*self.model.inputs.groups.get("brightness", ())]

    def _every(self) -> list[str]:
        return [*self.model.inputs.scalings, "morphology"]

    def realism(self, galaxies: Galaxies, how: str, names: Sequence[str]) -> Part:
        asked: dict[str, Any] = {}
        if names:
            names = [name for name in names if self._mostly_there(galaxies, name)]
            if not names:
                raise ValueError(f"most of the {len(galaxies)} galaxies have none of the attributes that are to be asked for")
            numbers = [galaxies.attribute(name) for name in names if name != "morphology"]
            whole = np.isfinite(np.stack(numbers)).all(0)
            galaxies = galaxies if whole.all() else galaxies[whole]
            asked = requests_of(self.model, galaxies, names)
        # few real galaxies: several draws for each make the generated side's own noise small
        times = 1 if asked else max(1, min(4, 500 // max(len(galaxies), 1)))
        drawn = draw_pictures(self.model, times * len(galaxies), seed=self.seed, **asked)
        sides = self._comparable(galaxies, drawn)
        other, against = None, ""
        if not asked and hasattr(self.model, "decode") and hasattr(self.model, "latent_size"):
            point = np.random.default_rng(self.seed).standard_normal((len(galaxies), self.model.latent_size))
            other, against = self._comparable(galaxies, pictures(self.model, Latent(point))), "N(0, I) sampling"
        elif asked:
            other, against = observed_halves(galaxies, seed=self.seed, like=sides), "observed against observed (halves)"
        part = realism(sides, how, network=self.network, seed=self.seed, reference=other, against=against)
        if self.training is not None and self.training.flux is not None:
            part.add(memorising(sides, self.training, how, seed=self.seed))
        part.pictures["Observed (above) and generated (below), same PSFs and noise: from bright to faint"] = _sheet(
            *(sample[_spread(sample)] for sample in (sides.observed, sides.generated))
        )
        return part

    def _comparable(self, galaxies: Galaxies, drawn: Galaxies) -> Comparable:
        # a model that draws galaxies with the PSF on them says so by a ``psf`` of one pixel
        before = getattr(self.model, "psf", None) is None
        sides = comparable(galaxies, drawn, before_telescope=before, seed=self.seed, like=self.sides.get(id(galaxies)))
        if galaxies is self.galaxies or galaxies is self.real:  # others may have gone, and their number been given to new ones
            self.sides[id(galaxies)] = sides
        return sides

    def _mostly_there(self, galaxies: Galaxies, name: str) -> bool:
        if name == "morphology":
            return name in galaxies.table.colnames
        return bool(np.isfinite(galaxies.attribute(name)).mean() > 1 - _OFTEN_MISSING)

    def references(self) -> Part:
        """Observed against observed, a Sersic fit, and principal components, each beside the model."""
        part = Part()

        def add(name: str, value: tuple[float, float], perfect: float, model: float = float("nan")) -> None:
            part.scores.append(Score("references", name, *value, perfect, model, "the model" if np.isfinite(model) else ""))

        few = self._bright(25)
        drawn = float(np.nanmean(chi2_per_pixel(few, self._reconstruct(few))))
        add(
            f"chi2 a pixel, Sersic fit to {len(few)}",
            bootstrap(np.nanmean, chi2_per_pixel(few, sersic_fit(few)), seed=self.seed),
            1.0,
            drawn,
        )
        like = self.sides.get(id(self.galaxies))
        halves = observed_halves(self.galaxies, seed=self.seed, like=like)
        self._told_apart(halves, "observed against observed", add)
        if self.training is not None and self.training.flux is not None and hasattr(self.model, "latent_size"):
            pca = PixelPCA(self.training, self.model.latent_size)
            words = f"PCA of {self.model.latent_size} components"
            drawn = float(np.nanmean(chi2_per_pixel(self.galaxies, self._reconstruct(self.galaxies))))
            chi2 = chi2_per_pixel(self.galaxies, pca.reconstruct(self.galaxies))
            add(f"chi2 a pixel, {words}", bootstrap(np.nanmean, chi2, seed=self.seed), 1.0, drawn)
            images = Galaxies(pca.sample(len(self.galaxies), self.seed), survey=self.galaxies.survey)
            sides = comparable(self.galaxies, images, before_telescope=False, seed=self.seed, like=like)
            self._told_apart(sides, f"{words}, sampled", add)
        return part

    def _told_apart(self, sides: Comparable, words: str, add: Callable[..., None]) -> None:
        if min(len(sides.observed), len(sides.generated)) < 10:
            return
        add(
            f"AUC, forest on measurements, {words}",
            forest_auc(sides, seed=self.seed),
            0.5,
        )
        if self.network:
            add(f"AUC, network on pixels, {words}", network_auc(sides, seed=self.seed), 0.5)


def _spread(galaxies: Galaxies) -> np.ndarray:
    """Rows of a few galaxies from bright to faint."""
    band = galaxies.survey.index(reference_band(galaxies.survey))
    flux, ivar = galaxies.require_images()
    order = np.argsort((flux[:, band] * (ivar[:, band] > 0)).sum((1, 2)))[::-1]
    return order[np.linspace(0, len(order) - 1, min(_PICTURES, len(order))).astype(int)]


def _sheet(*rows: Galaxies) -> np.ndarray:
    """Colour pictures side by side, a row for each sample, (y, x, 3), uint8."""
    return np.concatenate([np.concatenate(list(sample.rgb()), axis=1) for sample in rows])
