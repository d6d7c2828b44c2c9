"""Photometric redshifts: a density for each galaxy from whatever was seen of it, and what its picture adds to its magnitudes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from astropy.table import QTable

from galwidget.evaluation.scores import bootstrap
from galwidget.even_draws import even_draws
from galwidget.galaxies import Galaxies
from galwidget.latent import Latent
from galwidget.model.modalities import MixtureModality
from galwidget.predicted import with_unit
from galwidget.prediction import Prediction, brightness_at, evidence, predict, trusted_posterior
from galwidget.progress import Progress, steps
from galwidget.science.densities import Density
from galwidget.science.photoz_joint import joint_draws
from galwidget.science.recalibration import Recalibration
from galwidget.survey_check import refuse_another_survey
from galwidget.widening import calibrated

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from galwidget.galaxy_model import GalaxyModel

__all__ = ["Gain", "PhotoZ", "photoz"]

_BATCH = 256
_INTERVAL = (0.16, 0.5, 0.84)


@dataclass(frozen=True, eq=False)
class Gain:
    """Information gained on the redshift, in nats.

    Parameters
    ----------
    nats
        Entropy before less entropy after, of each galaxy, (n,).
    median, error
        Over the galaxies, and its bootstrap error.
    """

    nats: np.ndarray
    median: float
    error: float

    def __repr__(self) -> str:
        return f"<Gain: {self.median:.3f} +- {self.error:.3f} nats a galaxy>"


@dataclass(frozen=True, eq=False)
class PhotoZ:
    """Redshift densities of n galaxies, kept as the latents that they come from: 8 d bytes a galaxy, whatever the density's form.

    Parameters
    ----------
    model
        The model.
    latent
        Where the galaxies are in latent space, their redshifts not looked at.
    evidence
        What each density rests on, an index of `galwidget.prediction.EVIDENCE`, (n,): it says how far the calibration widens it.
    draws, seed
        Points of each posterior that a density averages over, and the seed of these and of `samples`.
    using
        What was looked at, as in ``model.encode``.
    recalibration
        What `calibrated` found; None before.
    """

    model: GalaxyModel = field(repr=False)
    latent: Latent
    evidence: np.ndarray
    draws: int = 64
    seed: int = 0
    using: tuple[str, ...] | None = None
    recalibration: Recalibration | None = None
    progress: Progress = field(default=False, repr=False)

    def __post_init__(self) -> None:
        # one set of draws for all: a galaxy's density is the same alone, in any batch and in any sample
        object.__setattr__(self, "_noise", even_draws(self.draws, self.latent.mean.shape[1], self.seed))
        object.__setattr__(self, "_table", None)

    def __len__(self) -> int:
        return len(self.latent)

    def __getitem__(self, item: int | slice | Sequence[int] | np.ndarray) -> PhotoZ:
        rows = [int(item)] if isinstance(item, (int, np.integer)) else item
        return replace(self, latent=self.latent[item], evidence=self.evidence[rows])

    def _densities(self, words: str) -> Iterator[tuple[slice, Density]]:
        with steps(self.progress, words, len(self)) as tell:
            for start in range(0, len(self), _BATCH):
                rows = slice(start, min(start + _BATCH, len(self)))
                drawn, magnitude = _mixture(self.model, self.latent[rows], self._noise)  # type: ignore[attr-defined]
                widened = calibrated(drawn, self.evidence[rows], magnitude, self.model.about)
                yield rows, Density(widened, self.recalibration, drawn)
                tell(rows.stop - start)

    def _each(self, words: str, what: Callable[[slice, Density], np.ndarray], shape: tuple[int, ...] = ()) -> np.ndarray:
        found = [what(rows, density) for rows, density in self._densities(words)]
        return np.concatenate(found) if found else np.zeros((0, *shape))

    @property
    def table(self) -> QTable:
        """One row a galaxy: ``z_mean``, ``z_std``, ``z_median``, ``z_mode``, ``z_low`` and ``z_high`` (16 and 84 %), ``odds``, ``entropy``.

        ``odds`` is the probability within 0.06 (1 + z) of the mode (Benitez 2000), ``entropy`` the differential entropy in nats.
        """
        if self._table is None:  # type: ignore[attr-defined]
            names = ("z_mean", "z_std", "z_median", "z_mode", "z_low", "z_high", "odds", "entropy")
            numbers = self._each("redshifts", lambda _, density: _estimates(density), (len(names),))
            object.__setattr__(self, "_table", QTable(numbers, names=names))
        return self._table.copy()  # type: ignore[attr-defined]

    def pdf(self, grid: Any) -> np.ndarray:
        """Density at redshifts ``grid`` (m,), shape (n, m)."""
        grid = np.asarray(grid, float)
        return self._each("densities", lambda _, density: density.pdf(grid), grid.shape)

    def pit(self, redshift: Any) -> np.ndarray:
        """Probability of less than ``redshift`` (n,), shape (n,): even from 0 to 1 where the densities are true (PIT)."""
        truth = np.asarray(redshift, float)
        if truth.shape != (len(self),):
            raise ValueError(f"redshift has shape {truth.shape} for {len(self)} galaxies; give one redshift a galaxy")
        return self._each("distribution functions", lambda rows, density: density.pit(truth[rows]))

    def quantile(self, levels: Any) -> np.ndarray:
        """Redshifts below which a galaxy is with probabilities ``levels`` (k,), shape (n, k)."""
        levels = np.atleast_1d(np.asarray(levels, float))
        return self._each("quantiles", lambda _, density: density.quantile(levels), levels.shape)

    def samples(self, count: int = 256) -> np.ndarray:
        """Draws of redshift, shape (n, count)."""
        random = np.random.default_rng(self.seed)
        return self._each("draws", lambda rows, density: density.quantile(random.random((rows.stop - rows.start, count))), (count,))

    def joint(self, count: int = 256) -> QTable:
        """Draws from p(redshift, colours, type | what was seen): a row a galaxy, each column of shape (n, count).

        Colours and magnitude are as `galwidget.measure` would find them without noise; the type is a Hubble type.
        What one draw has of each belongs together, so that a galaxy that is either near and old or far and young shows as two groups.
        """
        parts = []
        for rows, density in self._densities("joint draws"):
            # a stream for each galaxy: the same whatever the batch
            randoms = [np.random.default_rng([self.seed, row]) for row in range(rows.start, rows.stop)]
            parts.append(joint_draws(self.model, self.latent[rows], density, count, randoms))
        if not parts:
            return QTable()
        return QTable({name: with_unit(name, np.concatenate([part[name] for part in parts])) for name in parts[0]})

    def gain(self, before: PhotoZ) -> Gain:
        """Information that these densities have over others of the same galaxies, such as those from magnitudes alone.

        The entropy of each galaxy's density before, less that now; over many galaxies its mean is the mutual information of the redshift
        and what was seen beside, if both densities are calibrated.

        Parameters
        ----------
        before
            The other densities.
        """
        if len(before) != len(self):
            raise ValueError(f"these are densities of {len(self)} galaxies, those before of {len(before)}; give the same galaxies")
        nats = np.asarray(before.table["entropy"]) - np.asarray(self.table["entropy"])
        median, error = bootstrap(np.median, nats) if len(nats) else (np.nan, np.nan)
        return Gain(nats, float(median), float(error))

    def calibrated(self, on: Galaxies) -> PhotoZ:
        """The same with densities whose probability integral transforms are uniform on a validation sample.

        Parameters
        ----------
        on
            At least 100 galaxies with redshifts that neither trained the model nor will judge it, like those of this sample.

        Returns
        -------
        PhotoZ
            Every density through one monotone map of its distribution function (`galwidget.science.recalibration.Recalibration`).

        Raises
        ------
        ValueError
            Too few of the validation galaxies have a redshift.
        """
        truth = on.attribute("redshift")
        known = np.isfinite(truth)
        seen = photoz(self.model, on[known], self.using, draws=self.draws, seed=self.seed, progress=self.progress)
        return replace(self, recalibration=Recalibration.fit(seen.pit(truth[known])))

    def to_qp(self, grid: Any = None) -> Any:
        """An ensemble of `qp` (``pip install qp-prob``): densities interpolated on a grid, with `table` as its ancillary data.

        Parameters
        ----------
        grid
            Redshifts (m,); default: 301 from 0 to where the last density ends.

        Raises
        ------
        ModuleNotFoundError
            qp is not installed.
        """
        try:
            import qp  # noqa: PLC0415 (optional)
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError("to_qp needs the package qp; install it with: pip install 'galwidget[photoz]'") from error
        if grid is None:
            grid = np.linspace(0, self.quantile(0.9999).max(initial=0.1), 301)
        ensemble = qp.Ensemble(qp.interp, data={"xvals": np.asarray(grid, float), "yvals": self.pdf(grid)})
        ensemble.set_ancil({name: np.asarray(column) for name, column in self.table.items()})
        return ensemble

    def figure(self, row: int = 0, before: PhotoZ | None = None) -> Figure:
        """The joint density of one galaxy's redshift, colours and type; dashed, what was known ``before`` (from magnitudes alone)."""
        from galwidget.science.photoz_picture import draw  # noqa: PLC0415 (matplotlib only when a figure is wanted)

        return draw(self, row, before)

    def __repr__(self) -> str:
        seen = "all that was measured" if self.using is None else ", ".join(self.using)
        return f"<PhotoZ: {len(self)} galaxies, from {seen}{', recalibrated' if self.recalibration else ''}>"


def photoz(
    model: GalaxyModel,
    galaxies: Galaxies,
    using: Sequence[str] | None = None,
    *,
    draws: int = 64,
    seed: int = 0,
    progress: Progress = True,
) -> PhotoZ:
    """Photometric redshifts of galaxies; a redshift that they have is not looked at.

    Parameters
    ----------
    model
        A model that was trained with redshifts.
    galaxies
        n galaxies: images, attributes or both.
    using
        Modalities or attributes to look at, as in ``model.encode``: ``["image"]``, ``["brightness", "colours"]``; None takes all there is.
    draws
        Points of the latent posterior that a density averages over, even.
    seed
        Of those points, which are the same for every galaxy, and of samples.
    progress
        Show a progress bar; or a function of what is done, how many galaxies are ready, and of how many.

    Returns
    -------
    PhotoZ
        ``table`` (point estimates, interval, odds), ``pdf(grid)``, ``samples()``, ``joint()``, ``gain(before)``, ``calibrated(on=...)``,
        ``to_qp()`` and ``figure()``.

    Raises
    ------
    ValueError
        The model knows no redshifts, the galaxies are not of its survey, or nothing in ``using`` is there.

    Examples
    --------
    >>> import galwidget as gw
    >>> model = gw.load()
    >>> galaxies = gw.simulate(3, "KiDS", seed=1, progress=False)
    >>> found = gw.photoz(model, galaxies, ["brightness", "colours"], progress=False)
    >>> found.pdf([0.1, 0.2]).shape, found.samples(10).shape
    ((3, 2), (3, 10))
    """
    _redshift_modality(model)
    refuse_another_survey(model, galaxies)
    latents, kinds = [], []
    with steps(progress, "photo-z", len(galaxies)) as tell:
        for start in range(0, len(galaxies), _BATCH):
            part = galaxies[start : start + _BATCH]
            with model.lock, torch.no_grad():
                data = model.inputs.tensors(part, using, without="redshift")
                where = trusted_posterior("redshift", model.mvae, data, model.about)
            kinds.append(evidence(data))
            latents.append(Latent(where.mean.numpy(), where.std.numpy()))
            tell(len(part))
    latent = Latent.concatenate(latents) if latents else Latent(np.zeros((0, model.latent_size)))
    seen = np.concatenate(kinds) if kinds else np.zeros(0, int)
    return PhotoZ(model, latent, seen, draws, seed, None if using is None else tuple(using), None, progress)


def _redshift_modality(model: GalaxyModel) -> MixtureModality:
    if "redshift" not in model.inputs.groups:
        raise ValueError(
            f"the model was trained without redshifts (it knows {', '.join(model.inputs.modalities)}); train one with a column redshift"
        )
    modality = model.mvae.modalities["redshift"]
    assert isinstance(modality, MixtureModality)  # noqa: S101 (narrows the type)
    return modality


def _mixture(model: GalaxyModel, latent: Latent, noise: torch.Tensor) -> tuple[Prediction, np.ndarray]:
    """Densities as the model has them, and the magnitudes by which they are calibrated."""
    with model.lock, torch.no_grad():
        mean = torch.from_numpy(latent.mean)
        z = mean + torch.from_numpy(latent.std) * noise[:, None]
        found = predict("redshift", _redshift_modality(model), z, model.inputs, "redshift")
        magnitude = brightness_at(model.mvae, mean)
    assert isinstance(found, Prediction)  # noqa: S101 (narrows the type)
    return found, magnitude


def _estimates(density: Density) -> np.ndarray:
    low, median, high = density.quantile(np.array(_INTERVAL)).reshape(-1, 3).T
    return np.stack([density.mean, density.std, median, density.mode, low, high, density.odds, density.entropy], 1)
