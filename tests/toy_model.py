"""A galaxy model without a network: Gaussian blobs whose light follows six latent numbers, with the interface of `GalaxyModel`."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from astropy import units as u
from astropy.table import QTable

import galwidget as gw
from galwidget.attributes import MORPHOLOGIES
from galwidget.conditions import Condition, values_asked
from galwidget.latent import Latent
from galwidget.predicted import with_unit
from galwidget.survey import magnitude_to_nanojansky


class ToyModel:
    """Latent numbers: brightness, colour, size, e1, e2, and one that does nothing."""

    latent_size = 6
    active_dimensions = (0, 2, 1, 3, 4)
    about = {"meanings": [("mag_r", -0.99), ("g_r", 0.81), ("r_half", 0.45), ("e1", 0.9), ("e2", 0.9), ("g_r", 0.05)]}  # noqa: RUF012

    def __init__(self, stamp: int = 24) -> None:
        self.survey = gw.Survey.named("KiDS").select(["u", "g", "r", "i", "Z"])
        self.stamp = stamp
        self.lock = threading.RLock()
        self.decodes = 0
        self.conditions = {
            c.name: c
            for c in (
                Condition("mag_r", "r magnitude", "mag", 17.0, 22.0, 19.5),
                Condition("g_r", "g - r", "mag", 0.2, 1.2, 0.7),
                Condition("r_half", "half-light radius", "arcsec", 0.4, 1.6, 0.8, log=True),
                Condition("ellipticity", "ellipticity", "", 0.0, 0.6, 0.2),
                Condition("morphology", "Hubble type", "", 0.0, 4.0, "Sb", categories=MORPHOLOGIES),
            )
        }

    @staticmethod
    def _place(z: np.ndarray, values: dict[str, np.ndarray]) -> np.ndarray:
        if "mag_r" in values:
            z[:, 0] = 19.5 - values["mag_r"]
        if "g_r" in values:
            z[:, 1] = (values["g_r"] - 0.7) / 0.2
        if "morphology" in values:
            z[:, 1] = [1.5 - 0.75 * MORPHOLOGIES.index(name) for name in values["morphology"]]
        if "r_half" in values:
            z[:, 2] = np.log(values["r_half"] / 0.8) / 0.3
        if "ellipticity" in values:
            angle = np.arctan2(z[:, 4], z[:, 3])
            z[:, 3], z[:, 4] = values["ellipticity"] / 0.2 * np.cos(angle), values["ellipticity"] / 0.2 * np.sin(angle)
        return z

    def draw(self, n: int, *, seed: int | None = None, temperature: float = 1.0, **conditions: object) -> Latent:
        rng = np.random.default_rng(seed)
        z = temperature * rng.normal(size=(n, self.latent_size))
        z = self._place(z, values_asked(self.conditions, n, conditions, rng))
        return Latent(z, np.full_like(z, 0.1))

    def decode(self, latent: Latent, *, attributes: bool = True) -> gw.Galaxies:
        self.decodes += 1
        z = latent.mean.astype(float)
        magnitude, g_r, r_half = 19.5 - z[:, 0], 0.7 + 0.2 * z[:, 1], 0.8 * np.exp(0.3 * z[:, 2])
        e1, e2 = 0.2 * z[:, 3], 0.2 * z[:, 4]
        y, x = np.mgrid[: self.stamp, : self.stamp] - (self.stamp - 1) / 2
        width = (r_half / self.survey.pixel_scale / 1.177)[:, None, None]
        shape = np.exp(-0.5 * ((1 - e1[:, None, None]) * x**2 + (1 + e1[:, None, None]) * y**2 - 2 * e2[:, None, None] * x * y) / width**2)
        shape /= shape.sum(axis=(1, 2), keepdims=True)
        bands = [magnitude + 1.6 * g_r, magnitude + g_r, magnitude, magnitude - 0.5 * g_r, magnitude - 0.8 * g_r]
        flux = magnitude_to_nanojansky(np.stack(bands, axis=1))[:, :, None, None] * shape[:, None]
        if not attributes:
            return gw.Galaxies(flux, survey=self.survey)
        types = np.array(MORPHOLOGIES)[np.clip(np.round((1.5 - z[:, 1]) / 0.75), 0, 4).astype(int)]
        table = QTable(
            {
                "mag_r": magnitude * u.mag,
                "g_r": g_r * u.mag,
                "r_half": r_half * u.arcsec,
                "ellipticity": np.hypot(e1, e2),
                "morphology": types,
            }
        )
        return gw.Galaxies(flux, table=table, survey=self.survey)

    def sample(self, n: int, *, seed: int | None = None, temperature: float = 1.0, **conditions: object) -> gw.Galaxies:
        return self.decode(self.draw(n, seed=seed, temperature=temperature, **conditions))

    def encode(self, galaxies: gw.Galaxies, using: Sequence[str] | None = None) -> Latent:
        del using
        flux, _ = galaxies.require_images()
        if galaxies.survey.band_names != self.survey.band_names:
            raise ValueError(f"the model was trained on {self.survey.band_names}, these galaxies have {galaxies.survey.band_names}")
        total = np.maximum(flux.sum(axis=(2, 3)), 1e-3)
        z = np.zeros((len(flux), self.latent_size))
        z[:, 0] = 19.5 - (31.4 - 2.5 * np.log10(total[:, 2]))
        z[:, 1] = (2.5 * np.log10(total[:, 2] / total[:, 1]) - 0.7) / 0.2
        return Latent(z, np.full_like(z, 0.1))

    def reconstruct(self, galaxies: gw.Galaxies) -> gw.Galaxies:
        return self.decode(self.encode(galaxies))

    def _latent(self, of: gw.Galaxies | Latent | None, n: int, seed: int | None) -> Latent:
        if of is None:
            return self.draw(n, seed=seed)
        return of if isinstance(of, Latent) else self.encode(of)

    def _steps(self, attribute: str, values: int | Sequence) -> np.ndarray:
        condition = self.conditions[attribute]
        return np.linspace(condition.low, condition.high, values) if isinstance(values, int) else np.asarray(values)

    def sweep_latent(self, attribute: str, *, of=None, values=8, columns: int = 8, seed=None, draft: bool = False) -> Latent:
        del draft
        base = self._latent(of, columns, seed)
        steps = self._steps(attribute, values)
        return self.edit_latent(Latent(np.tile(base.mean, (len(steps), 1))), **{attribute: np.repeat(steps, len(base))})

    def sweep(self, attribute: str, *, of=None, values=8, columns: int = 8, seed: int | None = None) -> gw.Galaxies:
        steps = self._steps(attribute, values)
        galaxies = self.decode(self.sweep_latent(attribute, of=of, values=values, columns=columns, seed=seed))
        galaxies.table[f"requested_{attribute}"] = with_unit(attribute, np.repeat(steps, len(galaxies) // len(steps)))
        return galaxies

    def traverse_latent(self, dims=None, *, of=None, extent: float = 3.0, steps: int = 9, seed: int | None = None) -> Latent:
        dims = list(self.active_dimensions if dims is None else dims)
        base = self._latent(of, 1, seed)
        z = np.tile(base.mean[:1], (len(dims) * steps, 1))
        for row, dim in enumerate(dims):
            z[row * steps : (row + 1) * steps, dim] = np.linspace(-extent, extent, steps)
        return Latent(z, np.tile(base.std[:1], (len(z), 1)))

    def traverse(self, dims=None, **arguments: object) -> gw.Galaxies:
        return self.decode(self.traverse_latent(dims, **arguments))

    def edit_latent(self, of, *, seed: int | None = None, draft: bool = False, **attributes: object) -> Latent:
        del draft
        base = self._latent(of, 1, seed)
        z = self._place(base.mean.astype(float).copy(), values_asked(self.conditions, len(base), attributes, np.random.default_rng(seed)))
        return Latent(z, base.std)

    def edit(self, of, *, seed: int | None = None, **attributes: object) -> gw.Galaxies:
        return self.decode(self.edit_latent(of, seed=seed, **attributes))
