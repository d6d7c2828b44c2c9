"""How the models before the MVAE are trained: one loop for a loss, one for layers, one for a decoder against a critic."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from galwidget.attributes import MORPHOLOGIES
from galwidget.model.baselines import Autoencoder, ConditionalAutoencoder, Loss, StackedAutoencoder, reconstruction
from galwidget.model.baselines_adversarial import Critic, critic_loss, decoder_loss, seen_like
from galwidget.model.dataset import Batches
from galwidget.model.inputs import Inputs
from galwidget.model.modalities import Columns, ImageModality
from galwidget.model.network import Architecture, build
from galwidget.progress import steps

__all__ = ["Run", "with_given"]

#: The decoder's relative error falls from this to its own over this share of a training: one that is still wrong everywhere would learn
#: from the brightest galaxies alone.
_FIRST_MODEL_ERROR, _SOFTENED = 0.5, 0.6
#: Of Adam in an adversarial game, where momentum would chase an opponent that has moved on (Radford et al. 2016, 1511.06434).
_ADVERSARIAL_BETAS = (0.0, 0.99)


@dataclass(frozen=True)
class Run:
    """What the trainings of one comparison share.

    Parameters
    ----------
    inputs, architecture
        As for an MVAE: the image networks are those of `galwidget.model.network.build`.
    batches
        The training sample.
    learning_rate
        Of Adam; it falls to zero as a cosine.
    progress
        Whether to draw progress bars.
    """

    inputs: Inputs
    architecture: Architecture
    batches: Batches
    learning_rate: float
    progress: bool

    def image(self, latent_size: int) -> ImageModality:
        """Fresh image networks with a latent of this size."""
        mvae, _ = build(self.inputs, replace(self.architecture, latent_size=latent_size))
        return cast("ImageModality", mvae.modalities["image"])

    def minimise(self, model: Autoencoder, parameters: Iterable[nn.Parameter], loss: Loss, epochs: int, name: str) -> None:
        """Train ``parameters`` of ``model``, in place."""
        optimizer = torch.optim.Adam(list(parameters), self.learning_rate)
        final = model.image.model_error
        model.train()
        for batch, done in self._passes(epochs, name, optimizer):
            model.image.model_error = max(final, _FIRST_MODEL_ERROR * (final / _FIRST_MODEL_ERROR) ** min(1.0, done / _SOFTENED))
            nats = loss(model, with_given(model, self.inputs, batch), done).mean()
            optimizer.zero_grad()
            nats.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1000.0)
            optimizer.step()
        model.image.model_error = final
        model.eval()

    def stacked(self, latent_size: int, epochs: int) -> StackedAutoencoder:
        """Layer by layer, each on the code of the one below, then all of them together."""
        depth = 2
        model = StackedAutoencoder(self.image(latent_size * 2**depth), latent_size, depth)
        share = max(1, epochs // (2 * (depth + 1)))
        for level in range(depth + 1):
            model.level = level
            if level == 0:
                self.minimise(model, model.image.parameters(), reconstruction, share, "stacked, pixels")
            else:
                layers = [*model.down[level - 1].parameters(), *model.up[level - 1].parameters()]
                self.minimise(model, layers, _code_error, share, f"stacked, layer {level}")
        self.minimise(model, model.parameters(), reconstruction, max(1, epochs - share * (depth + 1)), "stacked, all")
        return model

    def gan(self, latent_size: int, epochs: int) -> Autoencoder:
        """A decoder that has only ever met a critic."""
        image = self.image(latent_size)
        del image.encoder
        self._against_critic(image, lambda n: torch.randn(n, latent_size), None, epochs, "gan", self.learning_rate / 2.5)
        return Autoencoder(image, latent_size).eval()

    def refine(
        self,
        image: ImageModality,
        posterior: Callable[[Mapping[str, Any]], Tensor],
        draw: Callable[[int], Tensor],
        epochs: int,
        weight: float = 10.0,
    ) -> None:
        r"""Go on training an image decoder, in place, on its likelihood and against a critic at once (VAE-GAN).

        The encoders are held, so the rest of the ELBO stays what it was:
        :math:`-\ln p(x | z) + w\,[\ell(D(\hat x_{z \sim q})) + \ell(D(\hat x_{z \sim p}))]`.

        Parameters
        ----------
        image
            The modality whose decoder is refined.
        posterior
            Codes of a batch, (n, d).
        draw
            As many codes from the prior.
        epochs
            Passes over the sample.
        weight
            w, in nats.

        References
        ----------
        Larsen et al. 2016, *Autoencoding beyond pixels using a learned similarity metric*, https://arxiv.org/abs/1512.09300; the likelihood
        of the pixels is kept where they put that of the critic's features.
        """

        def likelihood(batch: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
            with torch.no_grad():
                z = posterior(batch)
            return z, -image.log_likelihood(batch["image"], z).mean()

        self._against_critic(image, draw, likelihood, epochs, "adversarial", self.learning_rate / 5, weight)

    def _against_critic(
        self,
        image: ImageModality,
        draw: Callable[[int], Tensor],
        likelihood: Callable[[Mapping[str, Any]], tuple[Tensor, Tensor]] | None,
        epochs: int,
        name: str,
        rate: float,
        weight: float = 1.0,
    ) -> None:
        critic = Critic(self.image(1))
        gain = torch.from_numpy(self.inputs.survey.gain.astype("float32"))
        optimizer = torch.optim.Adam(image.decoder.parameters(), rate, betas=_ADVERSARIAL_BETAS)
        opponent = torch.optim.Adam(critic.parameters(), rate, betas=_ADVERSARIAL_BETAS)
        image.train()
        for batch, _ in self._passes(epochs, name, optimizer, opponent):
            real = batch["image"]
            z, nats = (draw(len(real.flux)), torch.zeros(())) if likelihood is None else likelihood(batch)
            fake = seen_like(real, image.decode(z), gain)
            fakes = [fake] if likelihood is None else [fake, seen_like(real, image.decode(draw(len(real.flux))), gain)]
            judged = sum(critic_loss(critic, real, fake) for fake in fakes)
            opponent.zero_grad()
            cast("Tensor", judged).backward()
            opponent.step()
            loss = nats + weight * sum(decoder_loss(critic, fake) for fake in fakes)
            optimizer.zero_grad()
            loss.backward(inputs=list(image.decoder.parameters()))
            nn.utils.clip_grad_norm_(image.decoder.parameters(), 1000.0)
            optimizer.step()
        image.eval()

    def _passes(self, epochs: int, name: str, *optimizers: torch.optim.Optimizer) -> Iterator[tuple[dict[str, Any], float]]:
        """Batches of all epochs, with how much is done; the optimizers' rates rise quickly and fall to zero as a cosine."""
        total = epochs * len(self.batches)
        rise = min(200, total // 10 + 1)
        rates = [
            torch.optim.lr_scheduler.LambdaLR(
                optimizer, lambda step: min(1.0, (step + 1) / rise) * 0.5 * (1 + math.cos(math.pi * min(1.0, step / total)))
            )
            for optimizer in optimizers
        ]
        with steps(self.progress, name, total, unit="step") as tell:
            for epoch in range(epochs):
                self.batches.epoch = epoch
                for number, batch in enumerate(self.batches):
                    yield batch, (epoch * len(self.batches) + number) / total
                    for schedule in rates:
                        schedule.step()
                    tell(1)


def with_given(model: nn.Module, inputs: Inputs, data: Mapping[str, Any]) -> dict[str, Any]:
    """``data`` as ``model`` takes it: with ``given``, the attributes side by side, (n, 3 c), if it is a conditional one."""
    if not isinstance(model, ConditionalAutoencoder):
        return dict(data)
    n, parts = len(data["image"].flux), []
    for group, names in inputs.groups.items():
        absent = torch.zeros(n, len(MORPHOLOGIES) if group == "morphology" else len(names))
        parts.append(data.get(group, Columns(absent, absent, absent.bool())))
    value, error, mask = (torch.cat(column, 1) for column in zip(*parts, strict=True))
    return {**data, "given": model.given(value, error, mask)}


def _code_error(model: Autoencoder, data: Mapping[str, Any], _done: float) -> Tensor:
    """What the topmost layer of a stack loses of the code below it, (n,)."""
    stack = cast("StackedAutoencoder", model)
    with torch.no_grad():
        below = stack.image.encode(data["image"]).mean
        for layer in stack.down[: stack.level - 1]:
            below = layer(below)
    return (stack.up[stack.level - 1](stack.down[stack.level - 1](below)) - below).square().sum(1)
