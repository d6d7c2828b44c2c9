"""Every model of the talk on one sample, at one code size: trained, judged alike, in one table and one picture."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from astropy import units as u
from astropy.table import QTable

from galwidget.baselines import BASELINES, Baseline, fit_baseline
from galwidget.evaluation import chi2_per_pixel, coefficient_of_determination
from galwidget.evaluation.conditions import requests_of
from galwidget.evaluation.sampling import observe_like
from galwidget.galaxies import Galaxies
from galwidget.galaxy_model import GalaxyModel
from galwidget.latent import Latent
from galwidget.measurement import measure, measured_names, reference_band
from galwidget.observation import observe
from galwidget.train import DEFAULT_OBJECTIVE, fit

if TYPE_CHECKING:
    from os import PathLike

    from matplotlib.figure import Figure

__all__ = ["MODELS", "Comparison", "code_bits", "code_steps", "compare"]

#: The models by name, in the order of the talk.
MODELS = {**BASELINES, "mvae_2018": "MVAE (Wu & Goodman 2018)", "mvae": "MVAE"}

_MOST_HELD_OUT, _SHARE_HELD_OUT = 1000, 0.2
_SHOWN = 6

_Model = Baseline | GalaxyModel
_Draw = Callable[..., Galaxies]


@dataclass(frozen=True)
class Comparison:
    """What `compare` found.

    Parameters
    ----------
    table
        A row a model; the first row, ``data``, is training galaxies in the place of a model's samples: what perfection reaches.

        ``chi2``, ``chi2_median``: of held-out galaxies redrawn from their images, a pixel at its own noise, mean and median over galaxies.
        ``auc``, ``wasserstein``: samples against held-out galaxies, both measured in noisy images: area under the ROC curve of a random
        forest that tells them apart (0.5 = cannot), and the distance W1 over the standard deviation, averaged over the measurements.
        ``r2``: attributes asked for against those measured without noise, averaged over the attributes. These three with what the model
        brings itself: N(0, I) for VAEs and GANs, the Gaussian of the training codes for PCA and autoencoders; a CVAE's own conditions,
        the product of the attribute experts for MVAEs. ``auc_flow``, ``wasserstein_flow``, ``r2_flow``: with a conditional flow fitted to
        the codes instead. ``numbers``, ``bits``: of a galaxy's code, quantised so that chi2 a pixel rises by 0.01. ``cpu``: of the
        training (flow included for an MVAE). ``parameters``: of the networks.
    models
        The trained models by name.
    galaxies, redrawn, samples
        A few held-out galaxies; the same redrawn by each model that encodes; as many samples of each.
    """

    table: QTable
    models: dict[str, _Model]
    galaxies: Galaxies
    redrawn: dict[str, Galaxies]
    samples: dict[str, Galaxies]

    def figure(self) -> Figure:
        """A row a model: the same galaxies redrawn, what is left of them in units of the noise, and samples seen by the telescope."""
        from galwidget.comparison_picture import draw  # noqa: PLC0415 (matplotlib only when a figure is wanted)

        return draw(self)

    def write(self, folder: str | PathLike[str]) -> None:
        """``table.ecsv`` and ``models.png`` in a folder, which is made; files of these names are replaced."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.table.write(folder / "table.ecsv", overwrite=True)
        self.figure().savefig(folder / "models.png", dpi=110)

    def __str__(self) -> str:
        return "\n".join(self.table.pformat(max_lines=-1, max_width=-1))


def compare(
    galaxies: Galaxies,
    models: Sequence[str] | None = None,
    *,
    latent_size: int = 32,
    epochs: int = 20,
    flow_epochs: int = 40,
    seed: int = 0,
    progress: bool = True,
) -> Comparison:
    """Train models on four fifths of a sample and judge them on the rest (at most 1000 galaxies).

    Parameters
    ----------
    galaxies
        Galaxies with images and measured attributes, as `galwidget.simulate` gives them.
    models
        Names from `MODELS`; None takes all of them.
    latent_size
        Numbers of a code; what a CVAE is given comes on top.
    epochs
        Passes over the training galaxies, for each model alike.
    flow_epochs
        Passes of the flows that are fitted to the codes; 0 leaves them out.
    seed
        Of the split, the weights, the draws and the noise.
    progress
        Whether to draw progress bars.

    Raises
    ------
    ValueError
        A model is not known, the galaxies lack images or attributes, or are too few.
    """
    chosen = list(MODELS if models is None else models)
    unknown = [name for name in chosen if name not in MODELS]
    if unknown or not chosen:
        raise ValueError(f"there is no model {', '.join(map(repr, unknown)) or '(the list is empty)'}; choose from {', '.join(MODELS)}")
    galaxies.require_images()
    if len(galaxies) < 40:
        raise ValueError(f"{len(galaxies)} galaxies are too few to train on four fifths and judge on the rest; give at least 40")
    if f"mag_{reference_band(galaxies.survey)}" not in galaxies.table.colnames:
        raise ValueError("the galaxies have no measured attributes; measure them first (galwidget.measure)")
    order = np.random.default_rng(seed).permutation(len(galaxies))
    held_out = min(_MOST_HELD_OUT, max(10, int(_SHARE_HELD_OUT * len(galaxies))))
    test, training = galaxies[order[:held_out]], galaxies[order[held_out:]]
    judge = _Judge(test, seed)
    rows: list[dict[str, Any]] = [{"model": "data", **judge.likeness(judge.measured(training[:held_out]))}]
    trained: dict[str, _Model] = {}
    redrawn, samples = {}, {}
    shown = test[np.argsort(test.attribute(f"mag_{reference_band(test.survey)}"), kind="stable")[:: max(1, held_out // _SHOWN)][:_SHOWN]]
    for name in chosen:
        start = time.process_time()
        model = _fit(name, training, latent_size, epochs, flow_epochs, seed, progress)
        cpu = time.process_time() - start
        row, own = judge.row(name, model)
        if flow_epochs:
            flowing = _flowing(model, training, flow_epochs, seed, progress)
            row |= {} if flowing is None else {f"{key}_flow": value for key, value in judge.samples(flowing.sample, flowing).items()}
        rows.append({**row, "cpu": cpu * u.s})
        trained[name] = model
        samples[name] = _seen(own(len(shown), seed=seed + 2), model, shown)
        if encodes(model):
            redrawn[name] = redraw(model, shown)
    return Comparison(_table(rows), trained, shown, redrawn, samples)


def encodes(model: _Model) -> bool:
    """Whether a model has an encoder."""
    return isinstance(model, GalaxyModel) or bool(model.encodes)


def redraw(model: _Model, galaxies: Galaxies) -> Galaxies:
    """Galaxies reconstructed from their images alone (a CVAE has their attributes too)."""
    return model.reconstruct(galaxies, using=["image"]) if isinstance(model, GalaxyModel) else model.reconstruct(galaxies)


def _fit(name: str, training: Galaxies, latent_size: int, epochs: int, flow_epochs: int, seed: int, progress: bool) -> _Model:
    if name in BASELINES:
        return fit_baseline(name, training, latent_size=latent_size, epochs=epochs, seed=seed, progress=progress)
    faithful = replace(DEFAULT_OBJECTIVE, cross=(), alignment=0.0)
    objective = DEFAULT_OBJECTIVE if name == "mvae" else faithful
    return fit(
        training, epochs=epochs, latent_size=latent_size, objective=objective, prior_epochs=flow_epochs, seed=seed, progress=progress
    )


def _flowing(model: _Model, training: Galaxies, epochs: int, seed: int, progress: bool) -> _Model | None:
    """The model with a flow as its prior; None where there are no codes to fit one to."""
    if isinstance(model, GalaxyModel):
        return model
    if model.name in ("gan", "cvae"):
        return None
    return model.with_flow(training, epochs=epochs, seed=seed, progress=progress)


def _own(model: _Model) -> _Draw:
    """How a model draws without a flow: an MVAE from N(0, I), or from its attribute experts, as in Wu & Goodman 2018."""
    if isinstance(model, Baseline):
        return model.sample

    def sample(n: int, *, seed: int, **conditions: Any) -> Galaxies:
        if not conditions:
            noise = np.random.default_rng(seed).standard_normal((n, model.latent_size))
            return model.decode(Latent(noise), attributes=False)
        asked = Galaxies(table=QTable(dict(conditions)), survey=model.survey)
        return model.decode(model.encode(asked).sample(seed), attributes=False)

    return sample


def _like(model: _Model, galaxies: Galaxies) -> Galaxies:
    """``galaxies`` with the PSF that what a model draws is to be seen through: their own, or one pixel if the PSF is in it already."""
    flux, ivar = galaxies.require_images()
    psf = model.psf if isinstance(model, Baseline) and model.psf is not None else galaxies.psf
    return Galaxies(flux, ivar, psf, galaxies.table, survey=galaxies.survey)


def _seen(drawn: Galaxies, model: _Model, like: Galaxies) -> Galaxies:
    """Galaxies that a model drew, through the PSFs of as many observed ones, without noise."""
    return observe(drawn, psf=_like(model, like).psfs, noise=False)


class _Judge:
    """Held-out galaxies and what is asked of every model."""

    def __init__(self, test: Galaxies, seed: int) -> None:
        self.test, self.seed = test, seed
        self.names = [name for name in measured_names(test.survey) if name not in ("position_angle", "axis_ratio")]
        self.real = self.measured(test)

    def measured(self, galaxies: Galaxies, *, noiseless: bool = False) -> np.ndarray:
        found = measure(galaxies, noiseless=noiseless)
        return np.stack([found.attribute(name) for name in self.names], 1)

    def likeness(self, drawn: np.ndarray) -> dict[str, float]:
        """How well samples pass for the held-out galaxies, from their measurements (n, name)."""
        from scipy.stats import wasserstein_distance  # noqa: PLC0415 (not at import)
        from sklearn.ensemble import RandomForestClassifier  # noqa: PLC0415 (heavy)
        from sklearn.metrics import roc_auc_score  # noqa: PLC0415
        from sklearn.model_selection import StratifiedKFold, cross_val_predict  # noqa: PLC0415

        features = np.concatenate([self.real, drawn]).astype(np.float32)
        truth = np.repeat([0, 1], [len(self.real), len(drawn)])
        folds = StratifiedKFold(3, shuffle=True, random_state=self.seed)
        forest = RandomForestClassifier(100, min_samples_leaf=5, random_state=self.seed)
        chance = cross_val_predict(forest, features, truth, cv=folds, method="predict_proba")[:, 1]
        distances = []
        for pair in zip(self.real.T, drawn.T, strict=True):
            ours, theirs = (values[np.isfinite(values)] for values in pair)
            distances.append(wasserstein_distance(ours, theirs) / ours.std() if len(ours) and len(theirs) else np.nan)
        return {"auc": float(roc_auc_score(truth, chance)), "wasserstein": float(np.mean(distances))}

    def samples(self, draw: _Draw, model: _Model) -> dict[str, float]:
        """How well what a model draws passes for galaxies, and does what it is asked."""
        seen = observe_like(draw(len(self.test), seed=self.seed + 1), _like(model, self.test), seed=self.seed)
        scores = self.likeness(self.measured(seen))
        if model.conditions:
            scores["r2"] = self.obedience(draw, model)
        return scores

    def obedience(self, draw: _Draw, model: _Model) -> float:
        """Mean R2 of attributes asked for, all at once, against those measured on what came, without noise."""
        names = [name for name in self.names if name in model.inputs.scalings and name != "area"]  # area goes with brightness and size
        conditions = requests_of(cast("GalaxyModel", model), self.test, names)
        found = self.measured(_seen(draw(len(self.test), seed=self.seed + 1, **conditions), model, self.test), noiseless=True)
        scores = [coefficient_of_determination(self.test.attribute(name), found[:, self.names.index(name)]) for name in names]
        return float(np.mean(scores))

    def row(self, name: str, model: _Model) -> tuple[dict[str, Any], _Draw]:
        draw = _own(model)
        row: dict[str, Any] = {"model": name, **self.samples(draw, model)}
        if encodes(model):
            chi2 = chi2_per_pixel(self.test, redraw(model, self.test))
            numbers, bits = code_bits(model, self.test)
            row |= {"chi2": float(np.nanmean(chi2)), "chi2_median": float(np.nanmedian(chi2)), "numbers": numbers, "bits": bits}
        networks = [model.mvae, model.prior] if isinstance(model, GalaxyModel) else []
        row["parameters"] = sum(p.numel() for part in networks for p in part.parameters()) if networks else model.size  # type: ignore[union-attr]
        return row, draw


def code_steps(model: Baseline | GalaxyModel, galaxies: Galaxies, cost: float = 0.01) -> np.ndarray:
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
        low, high = (_seen(model.decode(Latent(start + sign * step)), model, like).require_images()[0] for sign in (-1, 1))
        worth[dim] = np.mean((((high - low) / (2 * step[dim])) ** 2 * ivar).sum((1, 2, 3)) / pixels)
    with np.errstate(divide="ignore"):
        return np.sqrt(12 * cost / (max(int(np.count_nonzero(worth)), 1) * worth))


def code_bits(model: Baseline | GalaxyModel, galaxies: Galaxies, cost: float = 0.01) -> tuple[int, float]:
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


def _codes(model: _Model, galaxies: Galaxies) -> np.ndarray:
    return (model.encode(galaxies, using=["image"]) if isinstance(model, GalaxyModel) else model.encode(galaxies)).mean


def _table(rows: list[dict[str, Any]]) -> QTable:
    """Rows as a table, NaN (or 0 of an integer) where a model has no such number."""
    names = {
        "chi2": ".3f", "chi2_median": ".3f", "auc": ".3f", "auc_flow": ".3f", "wasserstein": ".3f", "wasserstein_flow": ".3f",
        "r2": ".3f", "r2_flow": ".3f", "numbers": "d", "bits": ".0f", "cpu": ".1f", "parameters": "d",
    }  # fmt: skip
    table = QTable({"model": [row["model"] for row in rows]})
    for name, shape in names.items():
        if name == "cpu":
            table[name] = u.Quantity([row.get(name, np.nan * u.s) for row in rows])
        else:
            table[name] = [row.get(name, 0 if shape == "d" else np.nan) for row in rows]
        table[name].info.format = shape
    return table
