"""A small field of known stars and galaxies, seen by two bands of KiDS: what the tests of reading a field share."""

from __future__ import annotations

import numpy as np

from galwidget import Survey

SIZE = 420
SURVEY = Survey.named("KiDS").select(["g", "r"])
COLOUR = 0.8  # g - r of everything in the field


def positions(seed: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Columns and rows on a shaken grid (pixels), r magnitudes, and sigma in pixels (0 for a star) of the sources."""
    rng = np.random.default_rng(seed)
    grid = np.arange(40, SIZE - 20, 68)
    x, y = (plane.ravel() + rng.uniform(-4, 4, plane.size) for plane in np.meshgrid(grid, grid))
    star = np.arange(x.size) % 3 == 0
    return x, y, rng.uniform(18.5, 20.5, x.size), np.where(star, 0, rng.uniform(2.5, 5, x.size))


def light(
    x: np.ndarray, y: np.ndarray, magnitude: np.ndarray, sigma: np.ndarray, fwhm: float, shift: tuple[float, float] = (0, 0)
) -> np.ndarray:
    """Noiseless image (y, x) in nJy: Gaussian galaxies and stars through a Gaussian PSF of ``fwhm`` pixels, moved by ``shift`` (x, y)."""
    image = np.zeros((SIZE, SIZE))
    rows, columns = np.arange(SIZE)[:, None], np.arange(SIZE)
    for column, row, flux, width in zip(x + shift[0], y + shift[1], 10 ** (0.4 * (31.4 - magnitude)), sigma, strict=True):
        variance = width**2 + (fwhm / 2.3548) ** 2
        image += flux / (2 * np.pi * variance) * np.exp(-0.5 * ((columns - column) ** 2 + (rows - row) ** 2) / variance)
    return image


def images(seed: int = 5, shift: tuple[float, float] = (0, 0), *, stars: bool = True, galaxies: bool = True) -> dict[str, np.ndarray]:
    """Noisy images of both bands in nJy; ``shift`` moves g against r."""
    rng = np.random.default_rng(seed + 1)
    x, y, magnitude, sigma = positions(seed)
    kept = np.where(sigma == 0, stars, galaxies)
    pictures = {}
    for band, colour, offset in (("g", COLOUR, shift), ("r", 0.0, (0.0, 0.0))):
        described = SURVEY[band]
        flux = light(x[kept], y[kept], magnitude[kept] + colour, sigma[kept], described.psf_fwhm / SURVEY.pixel_scale, offset)
        pictures[band] = flux + rng.normal(size=flux.shape) * np.sqrt(described.sky_sigma**2 + flux / described.gain)
    return pictures
