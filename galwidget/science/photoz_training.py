"""An objective for models that shall predict one attribute well: its density from all others, as `galwidget.photoz` forms it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from galwidget.model.mvae import MVAE
from galwidget.model.objective import Objective

__all__ = ["PredictiveObjective"]


@dataclass(frozen=True)
class PredictiveObjective(Objective):
    r"""Minus the log density of one modality given all others, and a share of the generative objective.

    .. math:: -\ln \frac1K \sum_k p(x_t | z_k) + \beta\, KL(q \| p(z)), \qquad z_k \sim q(z | x_{\ne t})

    The average over draws is inside of the logarithm, as in the density that is predicted: with an ELBO, whose average is outside, the
    decoder's width must also carry what the posterior does not know, and the predicted density is then too wide or too narrow.

    Parameters
    ----------
    target
        The modality that is predicted.
    draws
        K.
    generative
        Weight of the ELBOs of `galwidget.model.objective.Objective`; without them the other decoders, and the target's own encoder, learn
        nothing.

    References
    ----------
    The bound is that of Burda, Grosse & Salakhutdinov 2016, *Importance weighted autoencoders*, https://arxiv.org/abs/1509.00519, for a
    conditional density.
    """

    target: str = "redshift"
    draws: int = 8
    generative: float = 0.0

    def __call__(self, model: MVAE, data: Mapping[str, Any], beta: float | None = None) -> dict[str, Tensor]:
        """The loss and its parts, each a scalar: ``loss``, ``kl`` and the predictive nats of the target."""
        if self.target not in data or len(data) < 2:
            return super().__call__(model, data, beta)
        others = {name: part for name, part in data.items() if name != self.target}
        experts = model.experts(others)
        posterior = model.combine(experts)
        usable = data[self.target].present & torch.stack([here for _, here in experts.values()]).any(0)
        nats = torch.stack([model.log_likelihood(data, posterior.sample(), self.target) for _ in range(self.draws)])
        predicted = torch.logsumexp(nats, 0) - math.log(self.draws)
        kl = posterior.kl_to_standard()
        count = usable.sum().clamp(min=1)
        weight = self.beta if beta is None else beta
        loss = torch.where(usable, weight * kl - predicted, 0.0).sum() / count
        if self.generative:
            loss = loss + self.generative * super().__call__(model, data, beta)["loss"]
        return {"loss": loss, "kl": kl.mean(), self.target: torch.where(usable, predicted, 0.0).sum() / count}
