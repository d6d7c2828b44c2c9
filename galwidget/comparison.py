"""Every model of the talk on one sample, at one code size: trained, judged alike, in one table and one picture."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.table import QTable

from galwidget.baselines import BASELINES, Baseline, fit_baseline
from galwidget.comparison_scores import Judge, Model, encodes, redraw, seen
from galwidget.galaxies import Galaxies
from galwidget.galaxy_model import GalaxyModel
from galwidget.latent import Latent
from galwidget.measurement import reference_band
from galwidget.train import DEFAULT_OBJECTIVE, fit

if TYPE_CHECKING:
    from os import PathLike

    from matplotlib.figure import Figure

__all__ = ["FAITHFUL_OBJECTIVE", "MODELS", "Comparison", "compare"]

#: The models by name, in the order of the talk.
MODELS = {**BASELINES, "mvae_2018": "MVAE (Wu & Goodman 2018)", "mvae": "MVAE"}

#: The objective of Wu & Goodman (2018), as far as it goes: an ELBO for everything, for each modality and for random subsets, and no more.
FAITHFUL_OBJECTIVE = replace(DEFAULT_OBJECTIVE, cross=(), alignment=0.0)

_MOST_HELD_OUT, _SHARE_HELD_OUT = 1000, 0.2
_SHOWN = 6


@dataclass(frozen=True)
class Comparison:
    """What `compare` found.

    Parameters
    ----------
    table
        A row a model; the first row, ``data``, is training galaxies in the place of a model's samples: what perfection reaches.

        ``chi2``, ``chi2_median``: of held-out galaxies redrawn from their images, a pixel at its own noise, mean and median over galaxies.
        ``auc``, ``wasserstein``: samples against held-out galaxies, both measured in noisy images: area under the ROC curve of a random
        forest that tells them apart (0.5 = cannot), and the mean normalised distance W1 of nine statistics (`galwidget.evaluation`).
        ``r2``: attributes asked for against those measured without noise, averaged over the attributes. These three with what the model
        brings itself: N(0, I) for VAEs and GANs, the Gaussian of the training codes for PCA and autoencoders; a CVAE's own conditions,
        the product of the attribute experts for MVAEs. ``auc_flow``, ``wasserstein_flow``, ``r2_flow``: with a conditional flow fitted to
        the codes instead. ``numbers``, ``bits``: of a galaxy's code, quantised so that chi2 a pixel rises by 0.01. ``cpu``: of the
        training (flow included for an MVAE). ``parameters``: of the networks.
    models
        The trained models by name.
    galaxies, redrawn, samples
        A few held-out galaxies; the same redrawn by each model that encodes; as many samples of each, and of the ``data``.
    """

    table: QTable
    models: dict[str, Model]
    galaxies: Galaxies
    redrawn: dict[str, Galaxies]
    samples: dict[str, Galaxies]

    def figure(self) -> Figure:
        """A row a model: the same galaxies redrawn, what is left of them in units of the noise, and samples seen by the telescope."""
        from galwidget.comparison_picture import draw  # noqa: PLC0415 (matplotlib only when a figure is wanted)

        return draw(self, MODELS)

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
    judge = Judge(test, seed)
    rows: list[dict[str, Any]] = [{"model": "data", **judge.of_data(training[:held_out])}]
    trained: dict[str, Model] = {}
    redrawn, samples = {}, {"data": training[:_SHOWN]}
    shown = test[np.argsort(test.attribute(f"mag_{reference_band(test.survey)}"), kind="stable")[:: max(1, held_out // _SHOWN)][:_SHOWN]]
    for name in chosen:
        start = time.process_time()
        model = _fit(name, training, latent_size, epochs, flow_epochs, seed, progress)
        cpu = time.process_time() - start
        own = _own(model)
        row = {"model": name, **judge.reconstruction(model), **judge.samples(own, model), "parameters": _size(model), "cpu": cpu * u.s}
        if flow_epochs:
            flowing = _flowing(model, training, flow_epochs, seed, progress)
            row |= {} if flowing is None else {f"{key}_flow": value for key, value in judge.samples(flowing.sample, flowing).items()}
        rows.append(row)
        trained[name] = model
        samples[name] = seen(own(len(shown), seed=seed + 2), model, shown)
        if encodes(model):
            redrawn[name] = redraw(model, shown)
    return Comparison(_table(rows), trained, shown, redrawn, samples)


def _fit(name: str, training: Galaxies, latent_size: int, epochs: int, flow_epochs: int, seed: int, progress: bool) -> Model:
    if name in BASELINES:
        return fit_baseline(name, training, latent_size=latent_size, epochs=epochs, seed=seed, progress=progress)
    objective = DEFAULT_OBJECTIVE if name == "mvae" else FAITHFUL_OBJECTIVE
    return fit(
        training, epochs=epochs, latent_size=latent_size, objective=objective, prior_epochs=flow_epochs, seed=seed, progress=progress
    )


def _flowing(model: Model, training: Galaxies, epochs: int, seed: int, progress: bool) -> Model | None:
    """The model with a flow as its prior; None where there are no codes to fit one to."""
    if isinstance(model, GalaxyModel):
        return model
    if model.name in ("gan", "cvae"):
        return None
    return model.with_flow(training, epochs=epochs, seed=seed, progress=progress)


def _own(model: Model) -> Callable[..., Galaxies]:
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


def _size(model: Model) -> int:
    """Number of parameters."""
    if isinstance(model, Baseline):
        return model.size
    return sum(parameter.numel() for network in (model.mvae, model.prior) for parameter in network.parameters())


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
