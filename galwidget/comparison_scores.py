"""How the models of a comparison are judged: redrawing, samples, obedience and compression, the same for every one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from galwidget.baselines import Baseline
from galwidget.evaluation import chi2_per_pixel, coefficient_of_determination
from galwidget.evaluation.conditions import requests_of
from galwidget.evaluation.realism import statistics_of, wasserstein
from galwidget.evaluation.sampling import Comparable, comparable
from galwidget.evaluation.two_sample import forest_auc
from galwidget.galaxies import Galaxies
from galwidget.galaxy_model import GalaxyModel
from galwidget.latent import Latent
from galwidget.measurement import measure, measured_names
from galwidget.observation import observe

__all__ = ["Judge", "Model", "code_bits", "code_steps", "encodes", "redraw", "seen"]

Model = Baseline | GalaxyModel
Draw = Callable[..., Galaxies]

#: Fewer detected samples than these are not compared with galaxies.
_LEAST = 10


class Judge:
    """Held-out galaxies, and what is asked of every model about them.

    Parameters
    ----------
    test
        Held-out galaxies with images and attributes.
    seed
        Of draws, noise and folds.
    """

    def __init__(self, test: Galaxies, seed: int) -> None:
        self.test, self.seed = test, seed
        self.names = [name for name in measured_names(test.survey) if name not in ("position_angle", "axis_ratio", "ellipticity", "area")]

    def likeness(self, sides: Comparable) -> dict[str, float]:
        """AUC of a forest that tells the two sides apart, and the mean normalised Wasserstein distance of the nine statistics."""
        if len(sides.generated) < _LEAST:
            return {"auc": 1.0}  # what is not even detected is told from galaxies at a glance
        ours, theirs = statistics_of(sides.observed, sides.observed_features), statistics_of(sides.generated, sides.generated_features)
        distances = [wasserstein(ours[name], theirs[name], seed=self.seed)[0] for name in ours]
        return {"auc": forest_auc(sides, seed=self.seed)[0], "wasserstein": float(np.mean(distances))}

    def of_data(self, others: Galaxies) -> dict[str, float]:
        """`likeness` of observed galaxies to the held-out ones."""
        ours, theirs = np.split(np.arange(len(self.test) + len(others)), [len(self.test)])  # no two of them are one galaxy
        return self.likeness(Comparable(measure(self.test), measure(others), ours, theirs))

    def samples(self, draw: Draw, model: Model) -> dict[str, float]:
        """How well what a model draws passes for galaxies, and does what it is asked."""
        drawn = draw(len(self.test), seed=self.seed + 1)
        scores = self.likeness(comparable(self.test, drawn, before_telescope=_psf(model) is None, seed=self.seed))
        if model.conditions:
            scores["r2"] = self.obedience(draw, model)
        return scores

    def obedience(self, draw: Draw, model: Model) -> float:
        """Mean R2 of attributes asked for, all at once, against those measured on what came, without noise."""
        names = [name for name in self.names if name in model.inputs.scalings]
        conditions = requests_of(cast("GalaxyModel", model), self.test, names)
        drawn = draw(len(self.test), seed=self.seed + 1, **conditions)
        found = measure(seen(drawn, model, self.test), noiseless=True)
        return float(np.mean([coefficient_of_determination(self.test.attribute(name), found.attribute(name)) for name in names]))

    def reconstruction(self, model: Model) -> dict[str, Any]:
        """Chi2 a pixel of the galaxies redrawn, and what their codes take; nothing for a model without an encoder."""
        if not encodes(model):
            return {}
        chi2 = chi2_per_pixel(self.test, redraw(model, self.test))
        numbers, bits = code_bits(model, self.test)
        return {"chi2": float(np.nanmean(chi2)), "chi2_median": float(np.nanmedian(chi2)), "numbers": numbers, "bits": bits}


def encodes(model: Model) -> bool:
    """Whether a model has an encoder."""
    return isinstance(model, GalaxyModel) or bool(model.encodes)


def redraw(model: Model, galaxies: Galaxies) -> Galaxies:
    """Galaxies reconstructed from their images alone (a CVAE has their attributes too)."""
    return model.reconstruct(galaxies, using=["image"]) if isinstance(model, GalaxyModel) else model.reconstruct(galaxies)


def seen(drawn: Galaxies, model: Model, like: Galaxies) -> Galaxies:
    """Galaxies that a model drew, through the PSFs of as many observed ones, without noise."""
    psf = _psf(model)
    return observe(drawn, psf=like.psfs if psf is None else psf, noise=False)


def _psf(model: Model) -> np.ndarray | None:
    return model.psf if isinstance(model, Baseline) else None


def code_steps(model: Model, galaxies: Galaxies, cost: float = 0.01) -> np.ndarray:
    r"""How coarsely each number of a code may be rounded, (d,): infinite where the picture does not depend on it.

    All numbers cost the same chi2: :math:`\Delta_j^2 = 12 c / (d F_j)`, with
    :math:`F_j = \langle \sum_p (\partial \hat f_p / \partial z_j)^2\, \mathrm{ivar}_p / N_p \rangle` over the galaxies.

    Parameters
    ----------
    model
        A model with an encoder.
    galaxies
        n galaxies; the slopes come from 64 of them, evenly taken.
    cost
        c, what all the rounding together may add to chi2 a pixel.
    """
    code = _codes(model, galaxies)
    some = np.linspace(0, len(galaxies) - 1, min(64, len(galaxies))).astype(int)
    like, start = galaxies[some], code[some]
    ivar = like.require_images()[1]
    pixels = np.maximum((ivar > 0).sum((1, 2, 3)), 1)
    spread = code.std(0)
    worth = np.zeros(code.shape[1])
    for dim in np.flatnonzero(spread > 0):
        step = np.zeros(code.shape[1], np.float32)
        step[dim] = 0.05 * spread[dim]
        low, high = (seen(model.decode(Latent(start + sign * step)), model, like).require_images()[0] for sign in (-1, 1))
        worth[dim] = np.mean((((high - low) / (2 * step[dim])) ** 2 * ivar).sum((1, 2, 3)) / pixels)
    with np.errstate(divide="ignore"):
        return np.sqrt(12 * cost / (max(int(np.count_nonzero(worth)), 1) * worth))


def code_bits(model: Model, galaxies: Galaxies, cost: float = 0.01) -> tuple[int, float]:
    r"""How many numbers of a galaxy's code vary, and how many bits they take, rounded by `code_steps` (arguments as there).

    :math:`h(z_j) - \log_2 \Delta_j` bits each, h the differential entropy over the galaxies, or none where that is negative.

    References
    ----------
    Cover & Thomas 2006, *Elements of information theory*, theorem 8.3.1 (entropy of a quantised variable).
    """
    from scipy.stats import differential_entropy  # noqa: PLC0415 (not at import)

    code, steps = _codes(model, galaxies), code_steps(model, galaxies, cost)
    varying = code.std(0) > 0
    with np.errstate(divide="ignore"):
        entropy = np.asarray(differential_entropy(code[:, varying].astype(float), base=2))
    return int(varying.sum()), float(np.maximum(entropy - np.log2(steps[varying]), 0).sum())


def _codes(model: Model, galaxies: Galaxies) -> np.ndarray:
    return (model.encode(galaxies, using=["image"]) if isinstance(model, GalaxyModel) else model.encode(galaxies)).mean
