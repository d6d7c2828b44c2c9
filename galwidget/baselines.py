"""The models that the talk tells before the MVAE, with its verbs: PCA, autoencoders, VAE, CVAE, GAN and VAE-GAN."""

from __future__ import annotations

import copy
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from galwidget.conditions import Condition, conditions_of, request, values_asked
from galwidget.evaluation.references import PixelPCA
from galwidget.flow import fit_prior
from galwidget.galaxies import Galaxies
from galwidget.galaxy_model import GalaxyModel
from galwidget.latent import Latent
from galwidget.model.baselines import (
    Autoencoder,
    ConditionalAutoencoder,
    Loss,
    PrincipalComponents,
    contractive,
    denoising,
    negative_elbo,
    reconstruction,
    sparse,
)
from galwidget.model.baselines_training import Run, with_given
from galwidget.model.dataset import Batches
from galwidget.model.inputs import Inputs
from galwidget.model.modalities import ImageModality
from galwidget.model.prior import FlowPrior
from galwidget.model.telescope import convolve
from galwidget.train import _inputs

__all__ = ["BASELINES", "Baseline", "fit_baseline", "refine_adversarially"]

#: The models by name, in the order of the talk.
BASELINES = {
    "pca": "principal components",
    "ae": "autoencoder",
    "stacked": "stacked autoencoder",
    "sparse": "sparse autoencoder",
    "contractive": "contractive autoencoder",
    "denoising": "denoising autoencoder",
    "vae": "VAE",
    "cvae": "conditional VAE",
    "gan": "GAN",
    "vae_gan": "VAE-GAN",
}

_BATCH = 128


class Baseline:
    """A trained model with one code a galaxy.

    Parameters
    ----------
    name
        One of `BASELINES`.
    network
        A network of `galwidget.model.baselines`.
    inputs
        Survey, bands, stamp, attributes and their scales.
    gaussian
        Mean (d,) and Cholesky factor (d, d) of the Gaussian that codes are drawn from; default: N(0, I), for a model trained to have it.
    prior
        A flow fitted to the training codes; then draws come from it.
    """

    def __init__(
        self,
        name: str,
        network: Autoencoder | PrincipalComponents,
        inputs: Inputs,
        gaussian: tuple[Tensor, Tensor] | None = None,
        prior: FlowPrior | None = None,
    ) -> None:
        self.name, self.network, self.inputs, self.gaussian, self.prior = name, network.eval(), inputs, gaussian, prior
        asked = prior is not None or isinstance(network, ConditionalAutoencoder)
        self.conditions: dict[str, Condition] = conditions_of(inputs) if asked else {}

    survey = property(lambda self: self.inputs.survey, doc="The survey whose galaxies the model knows.")
    latent_size = property(lambda self: self.network.latent_size, doc="Size d of the code.")
    encodes = property(lambda self: self.name != "gan", doc="Whether the model has an encoder.")

    @property
    def psf(self) -> np.ndarray | None:
        """PSF that `galwidget.observe` is to put on what the model draws: one pixel where the PSF is in it already, else the survey's."""
        return np.ones((len(self.survey.bands), 1, 1), np.float32) if isinstance(self.network, PrincipalComponents) else None

    @property
    def size(self) -> int:
        """Number of the networks' parameters."""
        modules = [self.network] if self.prior is None else [self.network, self.prior]
        learnt = sum(parameter.numel() for module in modules for parameter in module.parameters())
        components = self.network.components.numel() if isinstance(self.network, PrincipalComponents) else 0
        return learnt + components

    def encode(self, galaxies: Galaxies) -> Latent:
        """Codes of n galaxies, (n, d), from their images; a CVAE's are z and the attributes side by side.

        Raises
        ------
        ValueError
            The model has no encoder (a GAN), or the galaxies' bands, pixels or size are not its own.
        """
        if not self.encodes:
            raise ValueError("a GAN has no encoder; it can only sample. Use a VAE-GAN to encode")
        parts = []
        with torch.no_grad():
            for start in range(0, len(galaxies), _BATCH):
                code = self.network.encode(with_given(self.network, self.inputs, self._tensors(galaxies[start : start + _BATCH])))
                parts.append(Latent(code.mean.numpy(), code.std.numpy()))
        return Latent.concatenate(parts) if parts else Latent(np.zeros((0, self.latent_size)))

    def _tensors(self, galaxies: Galaxies) -> dict[str, Any]:
        galaxies.require_images()
        return self.inputs.tensors(galaxies, None if isinstance(self.network, ConditionalAutoencoder) else ["image"])

    def decode(self, latent: Latent) -> Galaxies:
        """Noiseless galaxies at n codes, before the telescope (PCA's have the PSF in them, see `psf`)."""
        flux = np.empty((len(latent), len(self.survey.bands), self.inputs.stamp, self.inputs.stamp), np.float32)
        with torch.no_grad():
            for start in range(0, len(latent), _BATCH):
                flux[start : start + _BATCH] = self.network.decode(torch.from_numpy(latent.mean[start : start + _BATCH])).numpy()
        return Galaxies(flux, psf=self.psf, survey=self.survey)

    def reconstruct(self, galaxies: Galaxies) -> Galaxies:
        """The galaxies as the model sees them: encoded, decoded, through their own PSF, noiseless."""
        flux = self.decode(self.encode(galaxies)).require_images()[0]
        for start in range(0, len(flux) if self.psf is None else 0, _BATCH):
            psf = torch.from_numpy(np.ascontiguousarray(galaxies[start : start + _BATCH].psfs))
            flux[start : start + _BATCH] = convolve(torch.from_numpy(flux[start : start + _BATCH]), psf).numpy()
        return Galaxies(flux, galaxies.ivar, galaxies.psf, galaxies.table, survey=galaxies.survey)

    def draw(self, n: int, *, seed: int | None = None, **conditions: Any) -> Latent:
        """Codes of galaxies that do not exist; conditions as `galwidget.GalaxyModel.draw` takes them.

        Raises
        ------
        ValueError
            The model cannot be asked for that (or for anything).
        """
        if conditions and not self.conditions:
            raise ValueError(f"{BASELINES[self.name]} cannot be asked for {', '.join(conditions)}; a CVAE can, or a model with a flow")
        random = np.random.default_rng(seed)
        u = torch.from_numpy(random.standard_normal((n, self.latent_size)).astype(np.float32))
        z = u if self.gaussian is None else self.gaussian[0] + u @ self.gaussian[1].T
        if self.conditions:
            value, mask = request(self.inputs, n, values_asked(self.conditions, n, conditions, random), random)
            with torch.no_grad():
                if self.prior is not None:
                    z = self.prior.transform(u, value, mask)
                else:
                    z = torch.cat([z, cast("ConditionalAutoencoder", self.network).given(value, torch.zeros_like(value), mask)], 1)
        return Latent(z.numpy())

    def sample(self, n: int = 64, *, seed: int | None = None, **conditions: Any) -> Galaxies:
        """Galaxies that do not exist; arguments are those of `draw`."""
        return self.decode(self.draw(n, seed=seed, **conditions))

    def with_flow(self, galaxies: Galaxies, *, epochs: int = 40, seed: int = 0, progress: bool = True) -> Baseline:
        """The same network, its codes drawn from a flow fitted to those of ``galaxies``: what the MVAE has, given to another model.

        Such a model can be asked for attributes too: the flow is conditional.

        Raises
        ------
        ValueError
            The model has no encoder, or takes attributes already.
        """
        if not self.encodes or isinstance(self.network, ConditionalAutoencoder):
            raise ValueError(f"a flow needs codes that images alone decide; {BASELINES[self.name]} has none")
        torch.manual_seed(seed)
        prior = FlowPrior(self.latent_size, len(self.inputs.condition_names))
        fit_prior(prior, cast("Any", self.network), self.inputs, [galaxies], epochs=epochs, seed=seed, progress=progress)
        return Baseline(self.name, self.network, self.inputs, self.gaussian, prior)

    def __repr__(self) -> str:
        return f"<Baseline: {BASELINES[self.name]}, {self.survey.name} {' '.join(self.survey.band_names)}, code of {self.latent_size}>"


def fit_baseline(
    name: str,
    galaxies: Galaxies,
    *,
    latent_size: int = 32,
    epochs: int = 20,
    beta: float = 1.0,
    batch_size: int = 32,
    learning_rate: float = 2.5e-3,
    seed: int = 0,
    progress: bool = True,
) -> Baseline:
    """Train one of the models that came before the MVAE, on images (and a CVAE on their attributes).

    Parameters
    ----------
    name
        One of `BASELINES`.
    galaxies
        Galaxies with images.
    latent_size
        Numbers of a code, d.
    epochs
        Passes over the galaxies. A stacked autoencoder spends half of them on its layers, one by one, and half on the whole; a VAE-GAN is a
        VAE of as many, refined over a quarter as many again.
    beta
        Weight of the divergence from the prior, of the models that have one.
    batch_size, learning_rate
        Of Adam; the rate falls to zero as a cosine.
    seed
        Decides weights, order, augmentation and draws.
    progress
        Whether to draw progress bars.

    Raises
    ------
    ValueError
        There is no such model, or the galaxies have no images.

    Examples
    --------
    >>> import galwidget as gw
    >>> galaxies = gw.simulate(40, "KiDS", seed=1, stamp=16, bands=["g", "r"], progress=False)
    >>> fit_baseline("pca", galaxies, latent_size=4).sample(3, seed=1).flux.shape
    (3, 2, 16, 16)
    """
    if name not in BASELINES:
        raise ValueError(f"there is no model {name!r}; choose from {', '.join(BASELINES)}")
    galaxies.require_images()
    torch.manual_seed(seed)
    inputs, architecture = _inputs([galaxies], None, latent_size)
    if name == "pca":
        return _with_gaussian(Baseline(name, _principal_components(galaxies, latent_size), inputs), galaxies)
    run = Run(inputs, architecture, Batches([galaxies], inputs, batch_size, seed), learning_rate, progress)
    if name == "gan":
        return Baseline(name, run.gan(latent_size, epochs), inputs)
    if name == "stacked":
        return _with_gaussian(Baseline(name, run.stacked(latent_size, epochs), inputs), galaxies)
    network = _network(name, run, latent_size)
    # what is given is free and z is not, from the first step: or the decoder learns to take from z what it could be told
    elbo = negative_elbo(beta, 0.0 if name == "cvae" else 0.25)
    losses: dict[str, Loss] = {"ae": reconstruction, "sparse": sparse(), "contractive": contractive(), "denoising": denoising()}
    run.minimise(network, network.parameters(), losses.get(name, elbo), epochs, name)
    model = Baseline(name, network, inputs)
    if name == "vae_gan":
        run.refine(network.image, lambda data: network.encode(data).sample(), lambda n: torch.randn(n, latent_size), max(1, epochs // 4))
    return _with_gaussian(model, galaxies) if name in losses else model


def _network(name: str, run: Run, latent_size: int) -> Autoencoder:
    if name == "cvae":
        columns = len(run.inputs.condition_names)
        if not columns:
            raise ValueError("a conditional VAE needs attributes, and the galaxies have none; measure them first (galwidget.measure)")
        return ConditionalAutoencoder(run.image(latent_size + 3 * columns), latent_size, columns)
    return Autoencoder(run.image(latent_size), latent_size, variational=name in ("vae", "vae_gan"))


def _principal_components(galaxies: Galaxies, latent_size: int) -> PrincipalComponents:
    if latent_size > len(galaxies):
        raise ValueError(f"{len(galaxies)} galaxies have no {latent_size} principal components; give more, or a smaller latent_size")
    found, sky_sigma = PixelPCA(galaxies, latent_size).pca, galaxies.survey.sky_sigma
    mean, components, sigma = (torch.from_numpy(np.float32(part)) for part in (found.mean_, found.components_, sky_sigma))
    return PrincipalComponents(mean, components, sigma, galaxies.require_images()[0].shape[-1])


def _with_gaussian(model: Baseline, galaxies: Galaxies) -> Baseline:
    """The same model, its codes drawn from the Gaussian of those of ``galaxies``: an autoencoder's loss asks for no distribution."""
    codes = torch.from_numpy(model.encode(galaxies).mean).double()
    # a code that never varies has no variance to invert: the Cholesky factor wants a little
    covariance = torch.cov(codes.T).reshape(model.latent_size, model.latent_size)
    covariance = covariance + 1e-6 * covariance.diagonal().mean() * torch.eye(model.latent_size)
    return Baseline(model.name, model.network, model.inputs, (codes.mean(0).float(), torch.linalg.cholesky(covariance).float()))


def refine_adversarially(
    model: GalaxyModel,
    galaxies: Galaxies,
    *,
    epochs: int = 3,
    weight: float = 10.0,
    batch_size: int = 32,
    learning_rate: float = 2.5e-3,
    seed: int = 0,
    progress: bool = True,
) -> GalaxyModel:
    """A copy of a trained model whose image decoder has also met a critic (VAE-GAN): encoders, attributes and prior stay as they are.

    Parameters
    ----------
    model
        The model.
    galaxies
        Galaxies with images and attributes, of its survey.
    epochs
        Passes over them.
    weight
        Of the critic's word, in nats, beside the likelihood of a galaxy's pixels; see `galwidget.model.baselines_training.Run.refine`.
    batch_size, learning_rate
        Of Adam; the decoder and the critic learn at a fifth of ``learning_rate``, which falls to zero as a cosine.
    seed
        Decides the critic's weights, order, augmentation and draws.
    progress
        Whether to draw a progress bar.
    """
    galaxies.require_images()
    torch.manual_seed(seed)
    mvae, prior = copy.deepcopy(model.mvae), copy.deepcopy(model.prior)
    run = Run(model.inputs, model.architecture, Batches([galaxies], model.inputs, batch_size, seed), learning_rate, progress)
    columns = len(model.inputs.condition_names)

    def draw(n: int) -> Tensor:
        free = torch.zeros(n, columns)
        with torch.no_grad():
            return prior.transform(torch.randn(n, model.latent_size), free, free.bool())

    run.refine(cast("ImageModality", mvae.modalities["image"]), lambda data: mvae.encode(data).sample(), draw, epochs, weight)
    return GalaxyModel(mvae, prior, model.inputs, model.architecture, {**model.about, "refined_adversarially": len(galaxies)}, model.census)
