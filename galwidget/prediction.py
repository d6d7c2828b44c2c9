"""What a model says of an attribute that was not measured: a full distribution for each galaxy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from galwidget.attributes import MORPHOLOGIES
from galwidget.model.gaussian import Gaussian
from galwidget.model.likelihoods import MIXTURE_SCATTER
from galwidget.model.modalities import CategoryModality, Columns, ColumnsModality, MixtureModality

if TYPE_CHECKING:
    from galwidget.model.inputs import Inputs, Scaling
    from galwidget.model.modalities import Images
    from galwidget.model.mvae import MVAE

    Experts = Mapping[str, tuple[Gaussian, torch.Tensor]]

__all__ = [
    "EVIDENCE",
    "PHOTOMETRY",
    "CategoryPrediction",
    "Prediction",
    "brightness_at",
    "evidence",
    "joined",
    "predict",
    "tempered",
    "trusted_posterior",
]

#: What a prediction rests on: attributes are exact, or measured with errors, most often on that very image; a catalogue may have no shapes.
EVIDENCE = (
    "image",
    "attributes",
    "image and attributes",
    "measured attributes",
    "image and measured attributes",
    "measured photometry",
    "image and measured photometry",
)
#: The modalities of photometry.
PHOTOMETRY = frozenset({"brightness", "colours"})


@dataclass(frozen=True)
class Prediction:
    """The predictive distribution of a continuous attribute: a mixture of Gaussians on the attribute's scale.

    Parameters
    ----------
    name
        The attribute.
    weights, means, scatters
        The components, shape (n, k), on the standardised scale.
    scaling
        That scale.
    """

    name: str
    weights: np.ndarray
    means: np.ndarray
    scatters: np.ndarray
    scaling: Scaling

    def samples(self, count: int = 256, seed: int | None = None) -> np.ndarray:
        """Draws in the attribute's unit, shape (n, count)."""
        random = np.random.default_rng(seed)
        shape = len(self.weights), count
        return self._draws(random.random(shape), random.standard_normal(shape))

    def _draws(self, even: np.ndarray, normal: np.ndarray) -> np.ndarray:
        """Draws (n, k) by uniform and standard normal numbers, (n, k), or (1, k): the same for every galaxy."""
        cumulative = np.cumsum(self.weights, 1)
        chosen = (even[..., None] > cumulative[:, None, :]).sum(2).clip(max=self.weights.shape[1] - 1)
        center, width = (np.take_along_axis(part, chosen, 1) for part in (self.means, self.scatters))
        return self.scaling.inverse(center + width * normal)

    @property
    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation on the standardised scale, both (n,)."""
        center = (self.weights * self.means).sum(1)
        return center, np.sqrt((self.weights * (self.scatters**2 + (self.means - center[:, None]) ** 2)).sum(1))

    @property
    def mean(self) -> np.ndarray:
        """Mean in the attribute's unit, shape (n,)."""
        return self._draws(*_even_pairs()).mean(1) if self.scaling.scale != "linear" else self.scaling.inverse(self.moments[0])

    @property
    def std(self) -> np.ndarray:
        """Standard deviation in the attribute's unit, shape (n,)."""
        if self.scaling.scale != "linear":
            return self._draws(*_even_pairs()).std(1)
        return self.moments[1] * self.scaling.width

    def pdf(self, grid: Any) -> np.ndarray:
        """Density at the values ``grid`` (m,), in the attribute's unit, shape (n, m)."""
        grid = np.asarray(grid, float)
        at, _ = self.scaling.forward(grid)
        slope = self.scaling.slope(grid)
        density = np.zeros((len(self.weights), len(grid)))
        for weight, center, width in zip(
            self.weights.T, self.means.T, self.scatters.T, strict=True
        ):  # one component at a time: flat memory
            density += (
                weight[:, None] * np.exp(-0.5 * ((at - center[:, None]) / width[:, None]) ** 2) / (width[:, None] * math.sqrt(2 * math.pi))
            )
        return np.nan_to_num(density * slope)

    def cdf(self, values: Any) -> np.ndarray:
        """Probability of less than ``values`` (n,), shape (n,): uniform over a sample where the prediction is calibrated (PIT)."""
        from scipy.special import ndtr  # noqa: PLC0415 (small, but only for this)

        at, _ = self.scaling.forward(np.asarray(values, float))
        return (self.weights * ndtr((at[:, None] - self.means) / self.scatters)).sum(1)


@dataclass(frozen=True)
class CategoryPrediction:
    """The probabilities of a categorical attribute.

    Parameters
    ----------
    name
        The attribute.
    categories
        Its values.
    probabilities
        Shape (n, category).
    """

    name: str
    categories: tuple[str, ...]
    probabilities: np.ndarray

    @property
    def best(self) -> np.ndarray:
        """The most probable category of each galaxy, shape (n,)."""
        return np.array(self.categories)[self.probabilities.argmax(1)]


@cache
def _even_pairs() -> tuple[np.ndarray, np.ndarray]:
    """512 pairs of a uniform and a standard normal number, evenly spread, both (1, 512): a mean over them depends on its galaxy alone."""
    from scipy.special import ndtri  # noqa: PLC0415 (as above)
    from scipy.stats import qmc  # noqa: PLC0415 (heavy, and only for attributes on a logarithmic scale)

    even, other = qmc.Sobol(2, rng=np.random.default_rng(0)).random_base2(9).T
    return even[None], ndtri(other)[None]


def joined(parts: Sequence[Prediction | CategoryPrediction]) -> Prediction | CategoryPrediction:
    """Predictions of one attribute for the parts of a sample, one after the other, as one."""
    first: Any = parts[0]  # all are of one of the two classes
    fields = ("weights", "means", "scatters") if isinstance(first, Prediction) else ("probabilities",)
    return replace(first, **{field: np.concatenate([getattr(part, field) for part in parts]) for field in fields})


def predict(
    name: str, modality: Any, z: torch.Tensor, inputs: Inputs, group: str, *, seen: bool = False
) -> Prediction | CategoryPrediction:
    """The predictive distribution of one attribute from draws of the latent.

    Parameters
    ----------
    name, group
        The attribute and its modality's name.
    modality
        The modality.
    z
        Draws from the posterior, shape (draw, n, d).
    inputs
        The model's inputs.
    seen
        Whether the posterior may know the attribute itself, as that of a galaxy that was drawn or edited.
    """
    draws, n = z.shape[:2]
    if not isinstance(modality, CategoryModality | MixtureModality | ColumnsModality):
        raise TypeError(f"{group} has no attribute to predict")
    parameters = (modality.decode if seen else modality.foretell)(z.flatten(0, 1))
    if isinstance(modality, CategoryModality):
        return CategoryPrediction(name, MORPHOLOGIES, parameters.softmax(1).view(draws, n, -1).mean(0).double().numpy())
    if isinstance(modality, MixtureModality):
        logits, means, log_scatter = parameters.chunk(3, 1)
        parts = (logits.softmax(1) / draws, means, log_scatter.clamp(*MIXTURE_SCATTER).exp())
    else:
        column = inputs.groups[group].index(name)
        means, scatter = (part[:, column : column + 1] for part in modality.predictive(parameters))
        parts = (means.new_full(means.shape, 1 / draws), means, scatter)
    weights, centers, widths = (part.view(draws, n, -1).transpose(0, 1).reshape(n, -1).double().numpy() for part in parts)
    return Prediction(name, weights, centers, widths, inputs.scalings[name])


def evidence(data: Mapping[str, Images | Columns]) -> np.ndarray:
    """Which of `EVIDENCE` each galaxy has, as its index, (n,), from the model's tensors by modality."""
    nothing = torch.zeros(len(next(iter(data.values())).present), dtype=torch.bool)
    columns = {name: part for name, part in data.items() if isinstance(part, Columns)}
    image = data["image"].present if "image" in data else nothing
    attributes = torch.stack([nothing, *(part.present for part in columns.values())]).any(0)
    more = torch.stack([nothing, *(part.present for name, part in columns.items() if name not in PHOTOMETRY)]).any(0)
    measured = torch.stack([nothing, *((part.mask & (part.error > 0)).any(1) for part in columns.values())]).any(0)
    exact = torch.where(image & attributes, 2, torch.where(image, 0, 1))
    noted = torch.where(image, 4, 3) + torch.where(more, 0, 2)
    return torch.where(measured, noted, exact).numpy()


def tempered(experts: Experts, trust: torch.Tensor) -> Experts:
    """The experts of a galaxy's attributes to the power ``trust`` (n,); the image's as it is."""
    return {
        name: (one if name == "image" else Gaussian(one.mean, one.precision * trust[:, None]), here)
        for name, (one, here) in experts.items()
    }


def trusted_posterior(name: str, mvae: MVAE, data: Mapping[str, Images | Columns], about: Mapping[str, Any]) -> Gaussian:
    """The latent's posterior where the attribute ``name`` is to be predicted, (n, d).

    The product of experts, in which those of attributes beside an image count for as much as the model's calibration found best: an
    expert of attributes does not know how much surer of a colour the pixels are, and magnitudes measured on an image say again what it
    says. Log-linear pooling of opinions (Genest & Zidek 1986, Stat. Sci. 1, 114).
    """
    trust = about.get("trust", {}).get(name)
    if not trust:
        return mvae.encode(data)
    shares = torch.tensor([trust.get(kind, 1.0) for kind in EVIDENCE])[torch.from_numpy(evidence(data))]
    return mvae.combine(tempered(mvae.experts(data), shares))


def brightness_at(mvae: MVAE, mean: torch.Tensor) -> np.ndarray:
    """The magnitude that a model sees at points ``mean`` (n, d) of its latent space, standardised, (n,); 0 where it knows none."""
    if "brightness" not in mvae.modalities:
        return np.zeros(len(mean))
    return mvae.decode(mean, "brightness")[:, 0].double().numpy()
