"""Simulated galaxies: a population, drawn by GalSim and seen by a survey."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import fft

from galwidget.attributes import MORPHOLOGIES
from galwidget.galaxies import Galaxies
from galwidget.measurement import measure, reference_band
from galwidget.population import Population, Sources
from galwidget.survey import Survey, nanojansky_to_magnitude

__all__ = ["simulate"]

#: Galaxies that share a random stream: the same whatever the number of processes.
BLOCK = 64
#: Side of the PSF images in pixels.
PSF_SIZE = 25
_MOFFAT_BETA = 3.0
#: Scatter of the seeing from galaxy to galaxy, and of each component of the PSF's ellipticity.
_SEEING_SCATTER, _PSF_ELLIPTICITY = 0.04, 0.012
#: A PSF narrower than this many pixels is drawn on a grid three times finer.
_UNDERSAMPLED = 2.5
#: Largest half-light radius, in sides of the stamp.
_LARGEST = 0.25


def simulate(
    n: int,
    survey: str | Survey = "KiDS",
    seed: int | None = None,
    *,
    stamp: int = 64,
    bands: Iterable[str] | None = None,
    mag_limit: float = 22.5,
    flatten: float = 0.0,
    noiseless: bool = False,
    psf: bool = True,
    measured: bool = True,
    workers: int = 1,
    progress: bool = True,
) -> Galaxies:
    """Galaxies that do not exist, as a survey would see them, with their true and their measured attributes.

    Parameters
    ----------
    n
        How many.
    survey
        A `Survey`, or the name of a preset.
    seed
        The same seed gives the same galaxies, bit for bit, in any number of processes; the first galaxies of a larger ``n`` are those
        of a smaller one. None: different ones each time.
    stamp
        Side of the images in pixels. A galaxy is within half a pixel of the centre; none has a half-light radius above a quarter of
        the side.
    bands
        Names of the survey's bands to draw; default: for KiDS u g r i Z, else all.
    mag_limit
        Faintest AB magnitude in the reference band (r, or the band nearest to it).
    flatten
        0: as many of each magnitude as on the sky. 1: as many of each magnitude from 16 to ``mag_limit``, so that bright ones are not
        rare. Between: counts to the power 1 - flatten.
    noiseless
        The flux without noise; ``ivar`` is still that of the survey.
    psf
        False: the galaxies before the telescope and the atmosphere (``psf`` is a single pixel), at the survey's noise.
    measured
        Also measure them (in the noise-free, PSF-convolved image, whatever is returned); False is faster.
    workers
        Processes. Scripts that ask for more than one need ``if __name__ == "__main__":``.
    progress
        Show a progress bar.

    Returns
    -------
    Galaxies
        ``flux`` (n, band, y, x) in nJy, ``ivar`` 1 / (sky_sigma^2 + flux / gain), ``psf`` (n, band, 25, 25). In the table: what
        `galwidget.measure` finds in the noise-free image, and the truth: ``redshift``, ``morphology``, ``bulge_fraction`` (of the
        reference band), ``true_mag_<band>``, ``true_r_half`` (arcsec, circularised, before the PSF), ``true_ellipticity``,
        ``true_position_angle``.

    Raises
    ------
    ValueError
        ``n``, ``stamp``, ``flatten``, ``workers`` or ``mag_limit`` is out of range.
    KeyError
        The survey has no such band.

    Notes
    -----
    Luminosity functions, spectra and sizes: `galwidget.population.Population`. Bulge and disc are drawn once by GalSim (Rowe et al. 2015)
    in Fourier space; in spirals and irregulars a third component of young stars follows logarithmic arms (its disc times a von Mises function
    of the angle from the arm) and knots along them; the bands are sums of the three, times the PSF (Moffat, beta 3, a little elliptical).

    Examples
    --------
    >>> galaxies = simulate(2, "KiDS", seed=1, bands=["g", "r", "i"], progress=False)
    >>> galaxies.flux.shape
    (2, 3, 64, 64)
    """
    seen_by = _chosen(survey, bands)
    _check(n, stamp, flatten, workers)
    task = _Task(seen_by, np.random.SeedSequence(seed).entropy, stamp, mag_limit, flatten, noiseless, psf, measured)
    counts = [min(BLOCK, n - start) for start in range(0, n, BLOCK)]
    blocks = []
    from tqdm.auto import tqdm  # noqa: PLC0415 (tqdm.auto loads ipywidgets in a notebook)

    with tqdm(total=n, desc="simulating galaxies", unit="gal", disable=not progress) as bar:
        for block in _run(task, counts, workers):
            blocks.append(block)
            bar.update(len(block))
    return Galaxies.concatenate(blocks)


def _chosen(survey: str | Survey, bands: Iterable[str] | None) -> Survey:
    chosen = Survey.named(survey)
    if bands is not None:
        return chosen.select(bands)
    return chosen.select("ugriZ") if survey == "KiDS" else chosen


def _check(n: int, stamp: int, flatten: float, workers: int) -> None:
    if n < 1:
        raise ValueError(f"n is {n}; ask for at least one galaxy")
    if stamp < 16:
        raise ValueError(f"stamp is {stamp} pixels; a galaxy needs at least 16")
    if not 0 <= flatten <= 1:
        raise ValueError(f"flatten is {flatten}; give a number from 0 (counts of the sky) to 1 (flat in magnitude)")
    if workers < 1:
        raise ValueError(f"workers is {workers}; give the number of processes, at least 1")


@dataclass(frozen=True)
class _Task:
    """What every block needs to know."""

    survey: Survey
    entropy: Any
    stamp: int
    mag_limit: float
    flatten: float
    noiseless: bool
    psf: bool
    measured: bool


def _run(task: _Task, counts: list[int], workers: int) -> Iterator[Galaxies]:
    if workers == 1 or len(counts) == 1:
        for number, count in enumerate(counts):
            yield _block(task, number, count)
        return
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415 (only when asked for)
    from multiprocessing import get_context  # noqa: PLC0415

    # spawn: a fork of a process with threads (torch, a notebook's kernel) may hang
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_block, [task] * len(counts), range(len(counts)), counts)


_POPULATIONS: dict[tuple[Survey, float, float], Population] = {}


def _population(task: _Task) -> Population:
    key = (task.survey, task.mag_limit, task.flatten)
    if key not in _POPULATIONS:
        reference = task.survey.index(reference_band(task.survey))
        _POPULATIONS[key] = Population(task.survey, reference, task.mag_limit, task.flatten)
    return _POPULATIONS[key]


def _block(task: _Task, number: int, count: int) -> Galaxies:
    # streams of their own: what is asked of the noise or of the PSF does not change the galaxies
    physics, telescope, noise = (
        np.random.default_rng(np.random.SeedSequence(task.entropy, spawn_key=(number, stream))) for stream in range(3)
    )
    survey, side = task.survey, task.stamp * task.survey.pixel_scale
    sources = _population(task).draw(physics, BLOCK, largest=_LARGEST * side)[:count]
    centres = physics.uniform(-0.5, 0.5, (BLOCK, 2))[:count]
    clumps = physics.spawn(BLOCK)[:count]
    seeing = _Seeing.draw(telescope, BLOCK, len(survey.bands))
    camera = _Camera(survey, task.stamp)
    blurred = np.empty((count, len(survey.bands), task.stamp, task.stamp), np.float32)
    sharp = np.empty_like(blurred) if not task.psf else None
    psfs = np.empty((count, len(survey.bands), PSF_SIZE, PSF_SIZE), np.float32)
    for index in range(count):
        spectrum = camera.spectrum(sources[index : index + 1], centres[index], clumps[index])
        fine_psf, psfs[index] = camera.psf(seeing, index)
        blurred[index] = camera.image(spectrum, fine_psf)
        if sharp is not None:
            sharp[index] = camera.image(spectrum, None)
    seen = _galaxies(blurred, psfs, survey)
    table = _truth(sources, survey)
    measurements = measure(seen, noiseless=True).table if task.measured else None
    if measurements is not None:
        for name in table.colnames:
            measurements[name] = table[name]
        table = measurements
    if sharp is not None:
        seen = _galaxies(sharp, np.ones((count, len(survey.bands), 1, 1), np.float32), survey)
    if not task.noiseless:
        sigma = 1 / np.sqrt(seen.ivar)
        shape = (BLOCK, *sigma.shape[1:])
        seen.flux += (sigma * noise.standard_normal(shape, dtype=np.float32)[:count]).astype(np.float32)
    return seen.with_table(table)


def _galaxies(flux: np.ndarray, psf: np.ndarray, survey: Survey) -> Galaxies:
    variance = survey.sky_sigma[:, None, None] ** 2 + np.maximum(flux, 0) / survey.gain[:, None, None]
    return Galaxies(flux, 1 / variance, psf, survey=survey)


def _truth(sources: Sources, survey: Survey) -> Any:
    from astropy import units as u  # noqa: PLC0415 (heavy)
    from astropy.table import QTable  # noqa: PLC0415

    reference = survey.index(reference_band(survey))
    flux = sources.flux
    bulge = sources.bulge_flux[:, reference] / flux[:, reference]
    columns: dict[str, Any] = {
        "redshift": sources.redshift,
        "morphology": np.array(MORPHOLOGIES)[sources.morphology],
        "bulge_fraction": bulge,
    }
    for name, magnitude in zip(survey.band_names, nanojansky_to_magnitude(flux).T, strict=True):
        columns[f"true_mag_{name}"] = magnitude * u.mag
    columns["true_r_half"] = sources.half_light_radius(reference) * u.arcsec
    ellipticity = [(1 - q) / (1 + q) for q in (sources.bulge_axis_ratio, sources.disc_axis_ratio)]
    columns["true_ellipticity"] = bulge * ellipticity[0] + (1 - bulge) * ellipticity[1]
    columns["true_position_angle"] = np.degrees(sources.angle) * u.deg
    return QTable(columns)


@dataclass(frozen=True)
class _Seeing:
    """The PSF of each galaxy and band, in units of the band's: width and two components of ellipticity, each (n, band)."""

    width: np.ndarray
    e1: np.ndarray
    e2: np.ndarray

    @classmethod
    def draw(cls, rng: np.random.Generator, n: int, bands: int) -> _Seeing:
        return cls(np.exp(rng.normal(0, _SEEING_SCATTER, (n, bands))), *rng.normal(0, _PSF_ELLIPTICITY, (2, n, bands)))


class _Camera:
    """Draws galaxies on the pixels of a stamp: in Fourier space, on a grid three times finer where the PSF is undersampled."""

    def __init__(self, survey: Survey, stamp: int) -> None:
        import galsim  # noqa: PLC0415 (heavy)

        self.galsim = galsim
        self.stamp, self.pixel = stamp, survey.pixel_scale
        self.fwhm = np.array([band.psf_fwhm for band in survey.bands])
        self.finer = 1 if self.fwhm.min() > _UNDERSAMPLED * self.pixel else 3
        self.scale = self.pixel / self.finer
        self._grids: dict[int, _Grid] = {}

    def spectrum(self, source: Sources, offset: np.ndarray, clump: np.random.Generator) -> tuple[_Grid, np.ndarray]:
        """The grid, and the Fourier transform of one galaxy before the PSF in each band, (band, ky, kx), complex64."""
        radius = max(source.bulge_radius[0], source.disc_radius[0]) / self.pixel
        # light that leaves the grid comes back at its other side: wide galaxies need a wide grid
        grid = self._grid(fft.next_fast_len(2 * self.stamp if radius < self.stamp / 8 else 4 * self.stamp, real=True))
        shift = grid.shift((self.stamp - 1) / 2 + offset[0], (self.stamp - 1) / 2 + offset[1])
        spectrum = np.zeros((len(source.bulge_flux[0]), *shift.shape), np.complex64)
        if source.bulge_flux[0].any():
            bulge = self._sersic(source, "bulge", grid)
            spectrum += source.bulge_flux[0].astype(np.float32)[:, None, None] * bulge
        if source.disc_flux[0].any():
            disc = self._sersic(source, "disc", grid)
            spectrum += source.disc_flux[0].astype(np.float32)[:, None, None] * disc
            if source.young_flux[0].any():
                young = grid.young(disc, source, clump)
                spectrum += source.young_flux[0].astype(np.float32)[:, None, None] * young
        return grid, spectrum * shift

    def _sersic(self, source: Sources, part: str, grid: _Grid) -> np.ndarray:
        galsim = self.galsim
        ratio = float(getattr(source, f"{part}_axis_ratio")[0])
        radius = float(getattr(source, f"{part}_radius")[0]) * np.sqrt(ratio)
        profile = galsim.Sersic(float(getattr(source, f"{part}_index")[0]), half_light_radius=radius)
        profile = profile.shear(q=ratio, beta=float(source.angle[0]) * galsim.radians)
        n = grid.n
        image = galsim.ImageCF(galsim.BoundsI(0, n // 2, -(n // 2), n - n // 2 - 1), scale=2 * np.pi / (n * self.scale))
        profile.drawKImage(image=image, recenter=False)
        return fft.ifftshift(image.array, axes=0)

    def psf(self, seeing: _Seeing, index: int) -> tuple[np.ndarray, np.ndarray]:
        """PSF of one galaxy on the fine grid and on the pixels, (band, k, k), each of unit sum."""
        side, sub = PSF_SIZE * self.finer, 5 if self.finer == 1 else 3
        fine = ((np.arange(side * sub) + 0.5) / sub - side / 2) * self.scale
        core = self.fwhm * seeing.width[index] / (2 * np.sqrt(2 ** (1 / _MOFFAT_BETA) - 1))
        e1, e2 = seeing.e1[index], seeing.e2[index]
        # r^2 of an ellipse of small ellipticity, of the area of the circle
        xx, yy, xy = ((1 - 2 * e1) / core**2, (1 + 2 * e1) / core**2, -4 * e2 / core**2)
        square = fine.astype(np.float32) ** 2
        cross = np.multiply.outer(fine, fine).astype(np.float32)
        radius2 = (
            xx.astype(np.float32)[:, None, None] * square[None, None, :]
            + yy.astype(np.float32)[:, None, None] * square[None, :, None]
            + xy.astype(np.float32)[:, None, None] * cross
        )
        profile = 1 / (1 + radius2) ** int(_MOFFAT_BETA)
        fine_psf = profile.reshape(-1, side, sub, side, sub).mean(axis=(2, 4))
        fine_psf /= fine_psf.sum(axis=(1, 2), keepdims=True)
        return fine_psf, _binned(fine_psf, self.finer)

    def image(self, galaxy: tuple[_Grid, np.ndarray], fine_psf: np.ndarray | None) -> np.ndarray:
        """Flux in the pixels of the stamp, (band, y, x); without a PSF, only the pixel is convolved with."""
        grid, spectrum = galaxy
        transfer = grid.pixel if fine_psf is None else grid.transfer(fine_psf)
        drawn = fft.irfft2(spectrum * transfer, s=(grid.n, grid.n), overwrite_x=True)
        side = self.stamp * self.finer
        return _binned(drawn[:, :side, :side], self.finer)

    def _grid(self, n: int) -> _Grid:
        if n not in self._grids:
            self._grids[n] = _Grid(n * self.finer, self.finer, self.scale)
        return self._grids[n]


def _binned(image: np.ndarray, factor: int) -> np.ndarray:
    if factor == 1:
        return image
    bands, height, width = image.shape
    return image.reshape(bands, height // factor, factor, width // factor, factor).sum(axis=(2, 4))


class _Grid:
    """A square of n x n (fine) pixels and its half-plane of Fourier space."""

    def __init__(self, n: int, finer: int, scale: float) -> None:
        self.n, self.finer, self.scale = n, finer, scale
        self.ky = (2 * np.pi * fft.fftfreq(n)).astype(np.float32)
        self.kx = (2 * np.pi * fft.rfftfreq(n)).astype(np.float32)
        # a fine pixel is a box of side one
        self.pixel = (np.sinc(self.ky / (2 * np.pi))[:, None] * np.sinc(self.kx / (2 * np.pi))).astype(np.float32)
        axis = fft.fftfreq(n, 1 / n).astype(np.float32) * np.float32(scale)
        self.x, self.y = axis[None, :], axis[:, None]

    def shift(self, x: float, y: float) -> np.ndarray:
        """Fourier factor that moves the origin to pixel (x, y) of the stamp."""
        x, y = (self.finer * (place + 0.5) - 0.5 for place in (x, y))
        return np.exp(-1j * self.ky * np.float32(y))[:, None] * np.exp(-1j * self.kx * np.float32(x))

    def transfer(self, psf: np.ndarray) -> np.ndarray:
        """Fourier transform of a PSF (band, k, k), its middle pixel at the origin."""
        half = psf.shape[-1] // 2
        padded = np.zeros((len(psf), self.n, self.n), np.float32)
        padded[:, : psf.shape[-2], : psf.shape[-1]] = psf
        return fft.rfft2(padded) * self.shift_of_middle(half)

    def shift_of_middle(self, half: int) -> np.ndarray:
        """Fourier factor that moves pixel (half, half) to the origin."""
        return np.exp(1j * self.ky * np.float32(half))[:, None] * np.exp(1j * self.kx * np.float32(half))

    def young(self, disc: np.ndarray, source: Sources, rng: np.random.Generator) -> np.ndarray:
        """Fourier transform of the young stars of a disc, of unit flux: arms, and knots along them."""
        angle, ratio = float(source.angle[0]), float(source.disc_axis_ratio[0])
        arms, pitch, phase = int(source.arms[0]), float(source.pitch[0]), float(source.phase[0])
        radius = float(source.disc_radius[0]) / 1.678
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        along, across = self.x * cos + self.y * sin, (self.y * cos - self.x * sin) / np.float32(ratio)
        r2 = along * along + across * across + np.float32((0.02 * radius) ** 2)
        wound = np.float32(1 / (2 * np.tan(pitch))) * np.log(r2 / np.float32(radius**2))
        crest = np.exp(np.float32(source.contrast[0]) * np.cos(arms * (np.arctan2(across, along) - wound - np.float32(phase))))
        # arms begin where bulge or bar end
        light = fft.irfft2(disc, s=(self.n, self.n)) * crest * (r2 / (r2 + np.float32(0.5 * radius**2)))
        young = fft.rfft2(light)
        young /= young[0, 0].real
        count = int(source.knots[0])
        if not count:
            return young
        share = np.float32(source.clumping[0])
        distance = np.float64(radius) * rng.gamma(2.5, 1.0, count)
        theta = np.log(distance / radius) / np.tan(pitch) + phase + 2 * np.pi * rng.integers(0, arms, count) / arms
        theta += rng.normal(0, 0.35 if arms > 1 else 1.2, count)
        u, v = distance * np.cos(theta), ratio * distance * np.sin(theta)
        x, y = (u * cos - v * sin) / self.scale, (u * sin + v * cos) / self.scale
        # luminosities of HII regions: a power law of slope -2 (Kennicutt et al. 1989), cut off at the bright end
        flux = 1 / rng.uniform(0.1, 1.0, count)
        flux /= flux.sum()
        width = 0.12 * radius / self.scale
        ey = np.exp(-1j * self.ky[:, None] * y) * np.exp(-0.5 * (self.ky[:, None] * width) ** 2)
        ex = np.exp(-1j * self.kx[:, None] * x) * np.exp(-0.5 * (self.kx[:, None] * width) ** 2)
        knots = ((ey * flux) @ ex.T).astype(np.complex64)
        return (1 - share) * young + share * knots
