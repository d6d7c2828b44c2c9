"""The training objective: ELBOs of the joint, of each modality alone and of random subsets, and an optional alignment."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from galwidget.model.mvae import MVAE

__all__ = ["Objective", "elbo", "random_subset"]


@dataclass(frozen=True)
class Objective:
    r"""The negative of a sum of evidence lower bounds, in nats a galaxy.

    .. math:: \mathrm{ELBO}(x_S) = E_{q(z|x_S)} \Big[\sum_{i \in S} \lambda_i \ln p(x_i | z)\Big] - \beta\, KL(q(z|x_S) \| p(z))

    summed over S = everything that a galaxy has, each modality alone, and ``subsets`` random subsets.

    Parameters
    ----------
    weights
        :math:`\lambda_i` by modality; 1 where not given.
    beta
        :math:`\beta`, the weight of the KL divergence (Higgins et al. 2017).
    unimodal
        Whether each modality alone has its term.
    subsets
        How many random subsets k.
    alignment
        Weight of :math:`KL(\mathrm{sg}[q(z|x)] \| q(z|x_S))` for each of those subsets: each subset's posterior is drawn to cover the
        joint one, and the joint one is not moved.
    cross
        Modalities whose likelihood also counts where they are not in S, as in MMVAE: the image's posterior must then know the attributes,
        not only those attributes that an attribute's expert told the joint one.
    shares
        By modality: the share of the galaxies, drawn at random, whose likelihood is computed in the single and subset terms; it is scaled
        up by as much, so the expectation stays. Decoding images is most of the cost, and the joint term decodes them all.

    References
    ----------
    Wu & Goodman 2018, https://arxiv.org/abs/1802.05335, equations 4 and 5; for ``cross``, Shi et al. 2019, *Variational mixture-of-experts
    autoencoders for multi-modal deep generative models*, https://arxiv.org/abs/1911.03393.
    """

    weights: Mapping[str, float] = field(default_factory=dict)
    beta: float = 1.0
    unimodal: bool = True
    subsets: int = 1
    alignment: float = 0.0
    cross: Collection[str] = ()
    shares: Mapping[str, float] = field(default_factory=dict)

    def __call__(self, model: MVAE, data: Mapping[str, Any], beta: float | None = None) -> dict[str, Tensor]:
        """The loss and its parts, each a scalar: ``loss``, ``kl``, ``alignment`` and the nats of each modality in the joint term."""
        beta = self.beta if beta is None else beta
        experts = model.experts(data)
        present = torch.stack([here for _, here in experts.values()])  # (modality, n)
        names = list(experts)
        keeps = [present]
        if self.unimodal and len(names) > 1:
            keeps += [present & _one_hot(i, present) for i in range(len(names))]
        keeps += [present & random_subset(present) for _ in range(self.subsets) if len(names) > 1]

        joint = model.combine(experts)
        total = joint.mean.new_zeros(joint.mean.shape[0])
        parts: dict[str, Tensor] = {}
        aligned = torch.zeros_like(total)
        for term, keep in enumerate(keeps):
            speaks = keep.any(0)
            if not speaks.any():
                continue
            posterior = joint if term == 0 else model.combine(experts, dict(zip(names, keep, strict=True)))
            counted, weights = dict(zip(names, keep, strict=True)), dict(self.weights)
            for name in self.cross:
                if name in counted:
                    counted[name] = experts[name][1] & speaks
            for name in self.shares.keys() & counted.keys() if term else ():
                share = self.shares[name]
                counted[name] = counted[name] & (torch.rand(len(total), device=total.device) < share)
                weights[name] = weights.get(name, 1.0) / share
            likelihood, kl, each = elbo(model, data, posterior, counted, weights)
            total = total + torch.where(speaks, beta * kl - likelihood, 0.0)
            if term == 0:
                parts = {"kl": kl.mean(), **{name: nats.sum() / keep[names.index(name)].sum().clamp(min=1) for name, nats in each.items()}}
            elif self.alignment:
                fixed = type(joint)(joint.mean.detach(), joint.precision.detach())
                aligned = aligned + torch.where(speaks & (keep != present).any(0), fixed.kl_to(posterior), 0.0)
        loss = (total + self.alignment * aligned).mean()
        return {"loss": loss, "alignment": aligned.mean(), **parts}


def elbo(
    model: MVAE,
    data: Mapping[str, Any],
    posterior: Any,
    keep: Mapping[str, Tensor],
    weights: Mapping[str, float],
    noise: Tensor | None = None,
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """The two parts of an evidence lower bound for each galaxy, with one draw of the latent.

    Parameters
    ----------
    model, data
        The model, and the modalities by name.
    posterior
        q(z | x_S), a `galwidget.model.gaussian.Gaussian` (n, d).
    keep
        Which galaxies have modality i in S, boolean (n,), by name.
    weights
        lambda_i by name; 1 where not given.
    noise
        Standard normal numbers (n, d); default: drawn.

    Returns
    -------
    likelihood, kl, each
        The weighted sum of log likelihoods, the divergence from the prior (both (n,), nats), and the unweighted nats by name.
    """
    z = posterior.sample(noise)
    likelihood = z.new_zeros(len(z))
    each = {}
    for name, here in keep.items():
        if not here.any():
            continue
        rows = here.nonzero()[:, 0]
        part = type(data[name])(*(tensor[rows] for tensor in data[name]))
        nats = z.new_zeros(len(z)).index_put((rows,), model.log_likelihood({name: part}, z[rows], name))
        each[name] = nats
        likelihood = likelihood + weights.get(name, 1.0) * nats
    return likelihood, posterior.kl_to_standard(), each


def _one_hot(index: int, present: Tensor) -> Tensor:
    chosen = torch.zeros_like(present)
    chosen[index] = True
    return chosen


def random_subset(present: Tensor) -> Tensor:
    """Who keeps which modality, (modality, n), at random: half the time all but one of those present, else a coin for each; at least one.

    What is asked of a model is most often the one thing that was not measured: coins alone would show it that once in 2^modalities.
    """
    coins = torch.rand(present.shape, device=present.device) < 0.5
    order = torch.where(present, torch.rand(present.shape, device=present.device), -1.0)
    lucky = torch.arange(len(present), device=present.device)[:, None] == order.argmax(0)
    one_left_out = (torch.rand(present.shape[1], device=present.device) < 0.5) & (present.sum(0) > 1)
    return torch.where(one_left_out, ~lucky, coins | lucky)
