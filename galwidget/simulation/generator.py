"""Simulated galaxies: a population, drawn by GalSim and seen by a survey."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from galwidget.attributes import MORPHOLOGIES
from galwidget.galaxies import Galaxies
from galwidget.measurement import measure, reference_band
from galwidget.progress import Progress, steps
from galwidget.simulation.drawing import Camera, Seeing
from galwidget.simulation.population import Population, Sources
from galwidget.survey import Survey, nanojansky_to_magnitude

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["simulate"]

#: Galaxies that share a random stream: the same whatever the number of processes.
BLOCK = 64
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
    psf: bool | ArrayLike = True,
    measured: bool = True,
    workers: int = 1,
    progress: Progress = True,
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
        True: the survey's seeing, different for each galaxy. An array (band, k, k), k odd, of unit sum: this PSF for all of them. An array
        (m, band, k, k): one of these for each, at random, such as those of a field's galaxies. False: the galaxies before the telescope
        and the atmosphere (``psf`` is a single pixel), at the survey's noise.
    measured
        Also measure them (in the noise-free, PSF-convolved image, whatever is returned); False is faster.
    workers
        Processes. Scripts that ask for more than one need ``if __name__ == "__main__":``.
    progress
        Show a progress bar; or a function of what is done, how many galaxies are ready, and of how many.

    Returns
    -------
    Galaxies
        ``flux`` (n, band, y, x) in nJy, ``ivar`` 1 / (sky_sigma^2 + flux / gain), ``psf`` (n, band, k, k), k 25 unless it was given.
        In the table: what `galwidget.measure` finds in the noise-free image, and the truth: ``redshift``, ``morphology``,
        ``bulge_fraction`` (of the reference band), ``true_mag_<band>``, ``true_r_half`` (arcsec, circularised, before the PSF),
        ``true_ellipticity``, ``true_position_angle``.

    Raises
    ------
    ValueError
        ``n``, ``stamp``, ``flatten``, ``workers`` or ``mag_limit`` is out of range.
    KeyError
        The survey has no such band.

    Notes
    -----
    Luminosity functions, spectra, sizes: `galwidget.simulation.population.Population`. GalSim (Rowe et al. 2015) draws bulge and disc once,
    in Fourier space. In spirals and irregulars a third component of young stars follows logarithmic arms (its disc times a von Mises
    function of the angle from the arm) and knots along them. The bands are sums of the three, times the PSF (a Moffat profile,
    a little elliptical). A galaxy of so low a surface brightness that nothing is above the isophote has masked measurements.

    Examples
    --------
    >>> galaxies = simulate(2, "KiDS", seed=1, bands=["g", "r", "i"], progress=False)
    >>> galaxies.flux.shape
    (2, 3, 64, 64)
    """
    seen_by = _chosen(survey, bands)
    _check(n, stamp, flatten, workers)
    given = None if isinstance(psf, bool) else _given_psf(psf, seen_by)
    task = _Task(seen_by, np.random.SeedSequence(seed).entropy, stamp, mag_limit, flatten, noiseless, psf is False, given, measured)
    counts = [min(BLOCK, n - start) for start in range(0, n, BLOCK)]
    blocks = []
    with steps(progress, "simulating galaxies", n) as tell:
        for block in _run(task, counts, workers):
            blocks.append(block)
            tell(len(block))
    return Galaxies.concatenate(blocks)


def _chosen(survey: str | Survey, bands: Iterable[str] | None) -> Survey:
    chosen = Survey.named(survey)
    if bands is not None:
        return chosen.select(bands)
    return chosen.select("ugriZ") if isinstance(survey, str) and survey.lower() == "kids" else chosen


def _check(n: int, stamp: int, flatten: float, workers: int) -> None:
    if n < 1:
        raise ValueError(f"n is {n}; ask for at least one galaxy")
    if stamp < 16:
        raise ValueError(f"stamp is {stamp} pixels; a galaxy needs at least 16")
    if not 0 <= flatten <= 1:
        raise ValueError(f"flatten is {flatten}; give a number from 0 (counts of the sky) to 1 (flat in magnitude)")
    if workers < 1:
        raise ValueError(f"workers is {workers}; give the number of processes, at least 1")


def _given_psf(psf: ArrayLike, survey: Survey) -> np.ndarray:
    given = np.asarray(psf, dtype=np.float32)
    if given.ndim not in (3, 4) or given.shape[-3] != len(survey.bands) or given.shape[-2] != given.shape[-1] or given.shape[-1] % 2 == 0:
        raise ValueError(f"psf has shape {given.shape}; expected (band, k, k) or (m, band, k, k) with k odd and {len(survey.bands)} bands")
    return given if given.ndim == 4 else given[None]


@dataclass(frozen=True)
class _Task:
    """What every block needs to know."""

    survey: Survey
    entropy: Any
    stamp: int
    mag_limit: float
    flatten: float
    noiseless: bool
    sharp: bool
    psf: np.ndarray | None
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
    seeing = Seeing.draw(telescope, BLOCK, len(survey.bands))
    given = () if task.psf is None else task.psf[telescope.integers(len(task.psf), size=BLOCK)]
    camera = Camera(survey, task.stamp, finer=task.psf is None)
    blurred = np.empty((count, len(survey.bands), task.stamp, task.stamp), np.float32)
    sharp = np.empty_like(blurred) if task.sharp else None
    psfs = []
    for index in range(count):
        spectrum = camera.spectrum(sources[index : index + 1], centres[index], clumps[index])
        fine_psf, psf = camera.psf(seeing, index) if task.psf is None else (given[index], given[index])
        blurred[index] = camera.image(spectrum, fine_psf)
        psfs.append(psf)
        if sharp is not None:
            sharp[index] = camera.image(spectrum, None)
    seen = _galaxies(blurred, np.stack(psfs), survey)
    table = _truth(sources, survey)
    measurements = measure(seen, noiseless=True).table if task.measured else None
    if measurements is not None:
        for name in table.colnames:
            measurements[name] = table[name]
        table = measurements
    if sharp is not None:
        seen = _galaxies(sharp, np.ones((count, len(survey.bands), 1, 1), np.float32), survey)
    if not task.noiseless:
        flux, ivar = seen.require_images()
        flux += noise.standard_normal(flux.shape, dtype=np.float32) / np.sqrt(ivar)
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
