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
        if len(names) > 1:
            keeps += [present & _one_hot(i, present) for i in range(len(names)) if self.unimodal]
            keeps += [present & random_subset(present) for _ in range(self.subsets)]
        keep = torch.stack(keeps)  # (term, modality, n): all terms are one batch, for a hundred small steps take longer than one large one
        speaks = keep.any(1)
        counted, weights = dict(zip(names, keep.unbind(1), strict=True)), dict[str, float | Tensor](self.weights)
        posterior = model.combine(experts, counted)
        for name in counted.keys() & set(self.cross):
            counted[name] = experts[name][1] & speaks
        for name in names:  # in one order: each draws
            if name in self.shares:
                share = torch.ones(len(keeps), 1, device=present.device)
                share[1:] = self.shares[name]
                counted[name] = counted[name] & (torch.rand(speaks.shape, device=present.device) < share)
                weights[name] = self.weights.get(name, 1.0) / share
        likelihood, kl, each = elbo(model, data, posterior, counted, weights)
        total = torch.where(speaks, beta * kl - likelihood, 0.0).sum(0)
        fixed = type(posterior)(posterior.mean[0].detach(), posterior.precision[0].detach())
        others = speaks[1:] & (keep[1:] != present).any(1)
        subsets = type(posterior)(posterior.mean[1:], posterior.precision[1:])
        aligned = torch.where(others, fixed.kl_to(subsets), 0.0).sum(0) if self.alignment else torch.zeros_like(total)
        loss = (total + self.alignment * aligned).mean()
        nats = {name: values[0].sum() / present[names.index(name)].sum().clamp(min=1) for name, values in each.items()}
        return {"loss": loss, "alignment": aligned.mean(), "kl": kl[0].mean(), **nats}


def elbo(
    model: MVAE,
    data: Mapping[str, Any],
    posterior: Any,
    keep: Mapping[str, Tensor],
    weights: Mapping[str, float | Tensor],
    noise: Tensor | None = None,
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """The two parts of an evidence lower bound for each galaxy, with one draw of the latent.

    Parameters
    ----------
    model, data
        The model, and the modalities by name.
    posterior
        q(z | x_S), a `galwidget.model.gaussian.Gaussian` (n, d), or (..., n, d) for several S.
    keep
        Which galaxies have modality i in S, boolean (n,) or (..., n), by name.
    weights
        lambda_i by name; 1 where not given.
    noise
        Standard normal numbers of the shape of ``posterior``; default: drawn.

    Returns
    -------
    likelihood, kl, each
        The weighted sum of log likelihoods, the divergence from the prior (both (n,) or (..., n), nats), and the unweighted nats by name.
    """
    z = posterior.sample(noise)
    likelihood = z.new_zeros(z.shape[:-1])
    each = {}
    for name, here in keep.items():
        if not here.any():
            continue
        places = here.nonzero(as_tuple=True)
        part = type(data[name])(*(tensor[places[-1]] for tensor in data[name]))
        nats = torch.zeros_like(likelihood).index_put(places, model.log_likelihood({name: part}, z[places], name))
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
