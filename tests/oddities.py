"""Oddities put into images of normal galaxies: what surveys and the sky do to them, each in one function of flux and noise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from galwidget import Galaxies


def _noise(flux, galaxy, rng):
    """Shot noise of added light, as the survey's gain has it, (band, y, x)."""
    return np.sqrt(np.maximum(flux, 0) / galaxy.survey.gain[:, None, None]) * rng.standard_normal(flux.shape)


def _grid(flux):
    axes = [np.arange(side) - (side - 1) / 2 for side in flux.shape[-2:]]
    return np.meshgrid(*axes, indexing="ij")


def _extent(flux):
    """Radius of half of the light of the r band in pixels, roughly."""
    y, x = _grid(flux)
    light = np.clip(ndimage.gaussian_filter(flux[2], 1.5), 0, None) * (np.hypot(x, y) < 20)
    return float(np.clip(np.sqrt((light * (x**2 + y**2)).sum() / light.sum()) / 1.4, 2.5, 9))


def blend(galaxy, sample, rng):
    """Another galaxy of 0.3 to 1 of its light, one to two and a half half-light radii away: a blend, or a merger."""
    flux = galaxy.flux[0]
    angle, distance = rng.uniform(0, 2 * np.pi), _extent(flux) * rng.uniform(1.2, 2.5)
    other = sample[int(rng.integers(len(sample)))]
    companion = ndimage.shift(other.flux[0], (0, distance * np.sin(angle), distance * np.cos(angle)), order=1)
    scale = rng.uniform(0.3, 1) * flux[2].sum() / other.flux[0, 2].sum()
    return flux + _added(companion * scale, galaxy, rng)


def ring(galaxy, _sample, rng):
    """A blue ring of 0.2 to 0.5 of its light, at two to three half-light radii."""
    flux = galaxy.flux[0]
    y, x = _grid(flux)
    angle, ratio = rng.uniform(0, np.pi), rng.uniform(0.6, 1)
    along, across = x * np.cos(angle) + y * np.sin(angle), (y * np.cos(angle) - x * np.sin(angle)) / ratio
    shape = np.exp(-0.5 * ((np.hypot(along, across) - _extent(flux) * rng.uniform(2, 3)) / 1.8) ** 2)
    colour = np.array([0.35, 0.75, 1, 1.1, 1.15])[:, None, None]
    return flux + _added(rng.uniform(0.2, 0.5) * flux[2].sum() * colour * shape / shape.sum(), galaxy, rng)


def trail(galaxy, _sample, rng):
    """A satellite crosses in one band, 2 to 8 sigma of the sky a pixel."""
    flux = galaxy.flux[0]
    y, x = _grid(flux)
    angle, offset, band = rng.uniform(0, np.pi), rng.uniform(-15, 15), rng.integers(5)
    line = np.exp(-0.5 * ((y * np.cos(angle) - x * np.sin(angle) - offset) / 1.8) ** 2)
    light = np.zeros_like(flux)
    light[band] = rng.uniform(2, 8) * galaxy.survey.sky_sigma[band] * line
    return flux + _added(light, galaxy, rng)


def star(galaxy, _sample, rng):
    """A saturated star of 14 to 17 mag instead of a galaxy: clipped core, wings, spikes, a bleeding column."""
    flux = galaxy.flux[0]
    y, x = _grid(flux)
    psf = galaxy.psfs[0]
    total = 10 ** ((31.4 - rng.uniform(14, 17)) / 2.5) * np.array([0.2, 0.6, 1, 1.3, 1.5])[:, None, None]
    light = np.zeros_like(flux)
    half, middle = psf.shape[-1] // 2, flux.shape[-1] // 2
    light[:, middle - half : middle + half + 1, middle - half : middle + half + 1] = psf
    light = light + 0.02 / (2 * np.pi * (np.hypot(x, y) + 3) ** 2)
    tilt = rng.uniform(0, np.pi / 2)
    for turn in (tilt, tilt + np.pi / 2):
        across = y * np.cos(turn) - x * np.sin(turn)
        light = light + 1.5e-3 * np.exp(-0.5 * (across / 1.2) ** 2) / (1 + np.hypot(x, y) / 4)
    light = light * total
    full = 0.15 * light.max((1, 2), keepdims=True)
    bled = (light - full).clip(0).sum(1, keepdims=True) * (np.abs(y) < 20) / 60
    return _added(np.minimum(light + bled, full), galaxy, rng) + galaxy.survey.sky_sigma[:, None, None] * rng.standard_normal(flux.shape)


def shifted_band(galaxy, _sample, rng):
    """One of g, r, i, Z 1.5 to 4 pixels off."""
    flux = galaxy.flux[0]
    band, angle, size = rng.integers(1, 5), rng.uniform(0, 2 * np.pi), rng.uniform(1.5, 4)
    moved = flux.copy()
    moved[band] = ndimage.shift(flux[band], (size * np.sin(angle), size * np.cos(angle)), order=3, mode="reflect")
    return moved


def swapped_bands(galaxy, _sample, rng):
    """Two bands in each other's place."""
    flux = galaxy.flux[0]
    one, two = ((0, 2), (1, 3), (1, 4), (0, 3))[rng.integers(4)]
    moved = flux.copy()
    moved[one], moved[two] = flux[two], flux[one]
    return moved


def leftover(galaxy, _sample, rng):
    """A neighbour badly taken out: a hole in its middle, a bright rim, and a bite out of the galaxy."""
    flux = galaxy.flux[0]
    y, x = _grid(flux)
    angle, distance = rng.uniform(0, 2 * np.pi), _extent(flux) * rng.uniform(1.2, 3)
    radius = np.hypot(x - distance * np.cos(angle), y - distance * np.sin(angle))
    core, rim = np.exp(-0.5 * (radius / 2.2) ** 2), np.exp(-0.5 * ((radius - 5) / 1.5) ** 2)
    strength = rng.uniform(0.1, 0.3) * flux.sum((1, 2), keepdims=True).clip(min=20 * galaxy.survey.sky_sigma[:, None, None])
    return flux + strength * (rim / rim.sum() - 1.3 * core / core.sum())


KINDS: dict[str, Callable[..., np.ndarray]] = {
    kind.__name__: kind for kind in (blend, ring, trail, star, shifted_band, swapped_bands, leftover)
}


def _added(light, galaxy, rng):
    return light + _noise(light, galaxy, rng)


def with_oddity(galaxies: Galaxies, kind: str, seed: int) -> Galaxies:
    """The same galaxies, each with an oddity of this kind; ``ivar`` follows the light, masked pixels stay masked."""
    rng = np.random.default_rng(seed)
    odd = np.stack([KINDS[kind](galaxy, galaxies, rng) for galaxy in galaxies])
    variance = galaxies.survey.sky_sigma[:, None, None] ** 2 + np.maximum(odd, 0) / galaxies.survey.gain[:, None, None]
    return Galaxies(odd, np.where(galaxies.ivar > 0, 1 / variance, 0), galaxies.psf, survey=galaxies.survey)
