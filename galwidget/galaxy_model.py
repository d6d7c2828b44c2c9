"""GalaxyModel: the verbs. Ask a trained model for galaxies, for its view of yours, and for what was not measured."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from galwidget.card import card
from galwidget.conditions import Condition, conditions_of, request, values_asked
from galwidget.familiarity import Familiarity, familiarity
from galwidget.galaxies import Galaxies
from galwidget.latent import Latent
from galwidget.model import checkpoint
from galwidget.model.census import Census
from galwidget.model.inputs import Inputs
from galwidget.model.mvae import MVAE
from galwidget.model.network import Architecture
from galwidget.model.prior import FlowPrior
from galwidget.model.refinement import refine as improve
from galwidget.model.telescope import convolve_in_batches
from galwidget.paths import edited, sweep_path, traverse_path
from galwidget.predicted import attribute_table, pixel_ivar, with_unit
from galwidget.prediction import CategoryPrediction, Prediction
from galwidget.prediction_batches import predict_sample
from galwidget.progress import Progress

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["GalaxyModel", "Latent", "load"]

_BATCH = 128


def load(path: str | PathLike[str] | None = None) -> GalaxyModel:
    """A trained model: the one that ships with the package, or a folder that ``model.save`` wrote.

    Raises
    ------
    FileNotFoundError, ValueError
        There is no model, or it is damaged, foreign or newer.
    """
    folder = Path(__file__).parent / "weights" / "kids" if path is None else Path(path)
    model = GalaxyModel(*checkpoint.load(folder))
    model.path = None if path is None else folder
    return model


class GalaxyModel:
    """A trained multimodal variational autoencoder of galaxies, with its prior.

    Every verb takes and returns `galwidget.Galaxies`; those that draw take ``seed=``, and the same seed gives the same pixels. Verbs may be
    called from several threads: they take turns (`lock`).

    Parameters
    ----------
    mvae, prior
        The networks.
    inputs
        Survey, bands, attributes and their scales.
    architecture
        Sizes of the networks.
    about
        Training data and metrics; JSON.
    census
        What the training data had: ``census.count(mag_r=(18, 19))`` (`galwidget.model.census.Census`); None where it was not kept.
    """

    def __init__(
        self,
        mvae: MVAE,
        prior: FlowPrior,
        inputs: Inputs,
        architecture: Architecture,
        about: dict[str, Any] | None = None,
        census: Census | None = None,
    ) -> None:
        self.mvae, self.prior = mvae.eval(), prior.eval()
        self.inputs, self.architecture, self.about, self.census = inputs, architecture, about or {}, census
        self.conditions: dict[str, Condition] = conditions_of(inputs)
        self.lock = threading.RLock()
        #: Folder that the model was loaded from; None for the shipped one and for a fresh one.
        self.path: Path | None = None

    survey = property(lambda self: self.inputs.survey, doc="The survey whose galaxies the model knows.")
    stamp = property(lambda self: self.inputs.stamp, doc="Side of the images in pixels.")
    latent_size = property(lambda self: self.mvae.latent_size, doc="Size d of the latent.")

    @property
    def active_dimensions(self) -> list[int]:
        """Latent dimensions in the order of how much they change the picture."""
        return list(self.about.get("active_dimensions", range(self.latent_size)))

    def encode(self, galaxies: Galaxies, using: Sequence[str] | None = None, *, refine: int = 0) -> Latent:
        """Where the galaxies are in latent space, from every modality that they have.

        Parameters
        ----------
        galaxies
            n galaxies of the model's survey; any modality may be missing, any attribute masked.
        using
            Names of modalities (``image``, ``brightness``, ``colours``, ``shape``, ``redshift``, ``morphology``) or of single attributes
            to use, instead of all.
        refine
            Steps towards the best latent of each galaxy after the encoder's answer (`galwidget.model.refinement`): 100 of them bring bright
            galaxies nearer, at some 0.3 s a galaxy.

        Returns
        -------
        Latent
            Mean and standard deviation of the posterior, (n, d).

        Raises
        ------
        ValueError
            Bands, pixels or stamp size are not the model's, or nothing that it knows is there.
        """
        parts = []
        with self.lock, torch.no_grad():
            for start in range(0, len(galaxies), _BATCH):
                data = self.inputs.tensors(galaxies[start : start + _BATCH], using)
                posterior = self.mvae.encode(data)
                if refine:
                    posterior = improve(self.mvae, data, posterior, refine)
                parts.append(Latent(posterior.mean.numpy(), posterior.std.numpy()))
        return Latent.concatenate(parts) if parts else Latent(np.zeros((0, self.latent_size)))

    def decode(self, latent: Latent, *, attributes: bool = True, draws: int = 0, seed: int | None = 0) -> Galaxies:
        """The galaxies at these points of latent space (at the means), before the telescope.

        Parameters
        ----------
        latent
            n points.
        attributes
            Whether the table has the attributes of what is drawn: measured on the picture seen through the survey's PSF, some 3 ms a
            galaxy; redshift and type as the decoders say.
        draws, seed
            How many draws from N(mean, std) of the latent give each pixel's variance, so that ``ivar`` says how well the pixel is known;
            0: ``ivar`` is that of the survey's sky.

        Returns
        -------
        Galaxies
            Noiseless, PSF-free flux in nJy, (n, band, y, x).
        """
        flux = self.flux(latent)
        ivar = pixel_ivar(self.flux, latent, flux, draws, seed) if draws else None
        if not attributes:
            return Galaxies(flux, ivar, survey=self.survey)
        with self.lock, torch.no_grad():
            table = attribute_table(self.mvae, self.inputs, torch.from_numpy(latent.mean), flux)
        return Galaxies(flux, ivar, survey=self.survey).with_table(table)

    def flux(self, latent: Latent) -> np.ndarray:
        """Pixels of `decode` alone, nJy, shape (n, band, y, x)."""
        if not self.stamp:
            raise ValueError("the model was trained without images and cannot draw; it can encode and predict")
        flux = np.empty((len(latent), len(self.survey.bands), self.stamp, self.stamp), np.float32)
        with self.lock, torch.no_grad():
            for start in range(0, len(latent), _BATCH):
                flux[start : start + _BATCH] = self.mvae.decode(torch.from_numpy(latent.mean[start : start + _BATCH]), "image").numpy()
        return flux

    def reconstruct(
        self, galaxies: Galaxies, using: Sequence[str] | None = None, *, refine: int = 0, latent: Latent | None = None
    ) -> Galaxies:
        """The galaxies as the model sees them: encoded (arguments as there), decoded, through their own PSF, noiseless; ivar is theirs.

        ``latent`` is where they are, if they were encoded before.
        """
        _, ivar = galaxies.require_images()
        flux = self.flux(self.encode(galaxies, using, refine=refine) if latent is None else latent)
        return Galaxies(convolve_in_batches(flux, galaxies.psfs), ivar, galaxies.psf, galaxies.table, survey=galaxies.survey)

    def draw(self, n: int, *, seed: int | None = None, temperature: float = 1.0, **conditions: Any) -> Latent:
        """Points of latent space from the prior, or from the prior given attributes.

        Parameters
        ----------
        n
            How many.
        seed
            Same seed, same draws.
        temperature
            Standard deviation of the draws before the flow: below 1 for more typical galaxies.
        **conditions
            Attributes by name (see `conditions`): a value, a range ``(low, high)``, an array of n, or a category; those not given are free.

        Returns
        -------
        Latent
            n points.
        """
        if n < 0 or not temperature >= 0:
            raise ValueError(f"n is {n} and temperature {temperature}; neither may be negative")
        random = np.random.default_rng(seed)
        u_prior = torch.from_numpy((temperature * random.standard_normal((n, self.latent_size))).astype(np.float32))
        value, mask = request(self.inputs, n, values_asked(self.conditions, n, conditions, random), random)
        with self.lock, torch.no_grad():
            return Latent(self.prior.transform(u_prior, value, mask).numpy())

    def sample(self, n: int = 64, *, seed: int | None = None, temperature: float = 1.0, **conditions: Any) -> Galaxies:
        """Galaxies that do not exist; arguments are those of `draw`.

        Examples
        --------
        >>> import galwidget as gw
        >>> model = gw.load()
        >>> model.sample(4, seed=1, redshift=0.3, mag_r=(18, 20)).flux.shape
        (4, 5, 64, 64)
        """
        return self.decode(self.draw(n, seed=seed, temperature=temperature, **conditions))

    def edit_latent(self, of: Galaxies | Latent, *, seed: int | None = None, draft: bool = False, **attributes: Any) -> Latent:
        """Where the same galaxies are with some attributes changed, as in `edit`; a ``draft`` is not corrected, and much faster."""
        return edited(self, of, seed, attributes, draft=draft)

    def edit(self, of: Galaxies | Latent, *, seed: int | None = None, **attributes: Any) -> Galaxies:
        """The same galaxies with some attributes changed, before the telescope.

        What a galaxy is beside its attributes, u = f^-1(z; a), is kept, and these are replaced: z' = f(u; a'), asked for anew, up to four
        times, where the picture lacks them. Where no galaxy has all, others of the modality give way; area goes with brightness and shape.

        Parameters
        ----------
        of
            Galaxies, or points of latent space.
        seed
            For ranges.
        **attributes
            As in `draw`.
        """
        return self.decode(self.edit_latent(of, seed=seed, **attributes))

    def sweep_latent(self, attribute: str, *, of: Galaxies | Latent | None = None, draft: bool = False, **steps: Any) -> Latent:
        """Points of `sweep`, whose arguments these are; a ``draft`` as in `edit_latent`."""
        return sweep_path(self, attribute, of, draft=draft, **steps)[0]

    def sweep(
        self,
        attribute: str,
        *,
        of: Galaxies | Latent | None = None,
        values: int | Sequence[Any] = 8,
        columns: int = 8,
        seed: int | None = None,
    ) -> Galaxies:
        """One attribute changed step by step: a row a value, increasing downwards, a column a galaxy.

        Parameters
        ----------
        attribute
            Its name.
        of
            The galaxies (or points) of the columns; None draws ``columns`` of them.
        values
            The values, or how many between the bounds of the training data.
        columns, seed
            Of the draw.

        Returns
        -------
        Galaxies
            Row after row; the table has the value asked for in ``requested_<attribute>``.
        """
        latent, asked = sweep_path(self, attribute, of, values=values, columns=columns, seed=seed)
        galaxies = self.decode(latent)
        galaxies.table[f"requested_{attribute}"] = with_unit(attribute, asked)
        return galaxies

    def traverse_latent(
        self,
        dims: Sequence[int] | None = None,
        *,
        of: Galaxies | Latent | None = None,
        extent: float = 3.0,
        steps: int = 9,
        seed: int | None = None,
    ) -> Latent:
        """Points of `traverse`."""
        return traverse_path(self, dims, of, extent, steps, seed)

    def traverse(
        self,
        dims: Sequence[int] | None = None,
        *,
        of: Galaxies | Latent | None = None,
        extent: float = 3.0,
        steps: int = 9,
        seed: int | None = None,
    ) -> Galaxies:
        """One latent dimension changed step by step: a row a dimension.

        Parameters
        ----------
        dims
            The dimensions; None takes the eight that change the picture most.
        of
            The galaxy (or point) to start from; None draws one.
        extent
            How far, in standard deviations of the dimension over the training data.
        steps
            Pictures a row.
        seed
            Of the draw.
        """
        return self.decode(self.traverse_latent(dims, of=of, extent=extent, steps=steps, seed=seed))

    def predict(
        self,
        galaxies: Galaxies,
        attribute: str,
        using: Sequence[str] | None = None,
        *,
        draws: int = 32,
        seed: int | None = 0,
        progress: Progress = False,
    ) -> Prediction | CategoryPrediction:
        """An attribute from whatever else the galaxies have; its own column, where there is one, is not looked at.

        Parameters
        ----------
        galaxies
            n galaxies.
        attribute
            Its name: a column of one of the model's groups.
        using
            As in `encode`.
        draws
            How many draws of the latent, at least, the distribution averages over: whole sets of two a latent dimension are taken
            (`galwidget.even_draws.balanced_draws`).
        seed
            Of those draws, which are the same for every galaxy: it gets the same answer alone and in any sample.
        progress
            Show a progress bar; or a function of what is done, how many galaxies are ready, and of how many.

        Returns
        -------
        Prediction or CategoryPrediction
            ``mean``, ``std``, ``samples``, ``pdf(grid)`` and ``cdf``; or ``probabilities`` and ``best``.

        Raises
        ------
        TypeError, ValueError
            The attribute is no name, the model does not know it, or the galaxies are not of its survey.

        Examples
        --------
        >>> import galwidget as gw
        >>> galaxies = gw.simulate(3, "KiDS", seed=1, progress=False)
        >>> found = gw.load().predict(galaxies, "r_half", ["image"])
        >>> found.mean.shape, found.pdf([0.5, 1.0]).shape
        ((3,), (3, 2))
        """
        return predict_sample(self, galaxies, attribute, using, draws, seed, progress)

    def familiarity(self, galaxies: Galaxies, latent: Latent | None = None) -> Familiarity:
        """Whether the model knows galaxies like these: what it says of others is not to be trusted.

        Parameters
        ----------
        galaxies
            n galaxies.
        latent
            Where they are, if they were encoded before.

        Returns
        -------
        Familiarity
            ``density`` and ``residual``, each the share of known galaxies that is stranger; ``outside``; ``reason``.

        Examples
        --------
        >>> import galwidget as gw
        >>> galaxies = gw.simulate(3, "KiDS", seed=1, progress=False)
        >>> galaxies.flux[0] = galaxies.flux[0].transpose(0, 2, 1)[::-1]  # bands in the wrong order
        >>> gw.load().familiarity(galaxies).outside
        array([ True, False, False])
        """
        return familiarity(self, galaxies, latent)

    def card(self) -> str:
        """What the model was trained on, what it reaches, and what it must not be used for; print it."""
        return card(self.inputs, self.latent_size, self.about)

    def save(self, path: str | PathLike[str], *, half: bool = False) -> None:
        """Write the model to a folder: weights as safetensors (``half``: as half floats, half of the size), everything else as JSON."""
        checkpoint.save(Path(path), self.mvae, self.prior, self.inputs, self.architecture, self.about, self.census, half=half)

    def __repr__(self) -> str:
        return (
            f"<GalaxyModel: {self.survey.name} {' '.join(self.survey.band_names)}, {self.stamp} x {self.stamp} pixels, "
            f"{self.latent_size} latent dimensions, {', '.join(self.inputs.modalities)}>"
        )
