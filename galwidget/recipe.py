"""How the shipped model is made: simulated galaxies and spectroscopic redshifts first, then a real field; and what it reaches."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.table import QTable

from galwidget.attributes import colours
from galwidget.calibration import calibrate
from galwidget.evaluation import chi2_per_pixel, condition_scores, magnitude_scatter, pca_chi2
from galwidget.familiarity import calibrate_familiarity
from galwidget.galaxies import Galaxies
from galwidget.galaxy_model import GalaxyModel
from galwidget.io.field import read_field
from galwidget.model.inputs import Inputs
from galwidget.simulation import band_transformation, simulate
from galwidget.survey import Survey
from galwidget.train import fit

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["BANDS", "kids_field", "report", "spectroscopic_sample", "split_by_sky", "train_shipped"]

BANDS = ("u", "g", "r", "i", "Z")
#: Share of the field's rows, from the bottom, that trains; the sky above is held out.
_TRAINING_SKY = 0.7
#: Noise of the faint training galaxies over the survey's; numbers and faintest magnitudes of the galaxies that calibrate.
_DEEP, _CALIBRATION = 0.65, ((8000, 22.5), (2000, 23.5))
#: How many through the field's own PSFs are known beside those that calibrate.
_SHARPER = 2500
#: Passes of the prior's fit, and seeds of galaxies for it: as many at each magnitude as the training has them, and as the sky has them.
_PRIOR_EPOCHS, _FLATTENED, _SKY = 24, range(1050, 1053), (104, *range(1040, 1046))
#: What the shipped model must not be used for.
_LIMITS = (
    "Galaxies outside of r = 16 to 24, redshifts above 1.4, or wider than the stamp: it saw few or none.",
    "Images much deeper than two thirds of KiDS's noise, or noisier than three times it: it saw none.",
    "Types and redshifts of real galaxies as a measurement: all types, and all redshifts above 0.3, are the simulation's. Calibrate first.",
    "Errors of predictions for real galaxies, as they are: true of simulated ones; KiDS galaxies lie 0.9 to 1.5 times as far off.",
    "Statistics of a population: what it samples follows the counts of simulated galaxies to r = 22.5.",
    "Shear: PSF-free shapes carry the prior of the model, and no response was measured.",
    "Structure finer than the PSF, faint companions, arms of faint galaxies: plausible, not seen.",
)


def spectroscopic_sample(path: str | PathLike[str], survey: Survey) -> Galaxies:
    """SDSS Main Galaxy Sample: magnitudes and spectroscopic redshifts, no images, brought to the bands of ``survey``.

    SDSS's bandpasses are not the survey's: colour terms from synthetic photometry of the simulated population
    (`galwidget.simulation.band_transformation`) carry the magnitudes over, and their scatter joins each error in quadrature.

    Parameters
    ----------
    path
        The text table: ``zs u g r i z u-g g-r r-i i-z eg er ei ez eu-g eg-r er-i ei-z``, AB magnitudes.
    survey
        The survey whose bands are wanted.

    Returns
    -------
    Galaxies
        Attributes only: redshift, reference magnitude, colours, with errors.
    """
    columns = np.loadtxt(path, unpack=True)
    redshift, *magnitudes = columns[:6]
    errors = dict(zip("griz", columns[10:14], strict=True))
    errors["u"] = np.sqrt(np.maximum(columns[14] ** 2 - errors["g"] ** 2, 0))
    sdss = Survey.named("SDSS")
    transformation = band_transformation(sdss, survey, mag_limit=18.0)
    brought = transformation(dict(zip(sdss.band_names, magnitudes, strict=True)))
    error = {name: np.hypot(errors[nearest], scatter) for name, (nearest, _, _, _, scatter) in transformation.terms.items()}
    table = QTable({"redshift": redshift, "mag_r": brought["r"] * u.mag, "mag_r_err": error["r"] * u.mag})
    for name, blue, red in colours(survey.band_names):
        table[name] = (brought[blue] - brought[red]) * u.mag
        table[f"{name}_err"] = np.hypot(error[blue], error[red]) * u.mag
    return Galaxies(table=table, survey=survey)


def kids_field(folder: str | PathLike[str]) -> Galaxies:
    """The real galaxies of the KiDS field to r = 22.5, where their attributes are well measured, in the bands of the model."""
    return read_field({band: Path(folder) / f"{band}.fits.fz" for band in BANDS}, survey="KiDS", mag_limit=22.5)


def split_by_sky(galaxies: Galaxies) -> tuple[Galaxies, Galaxies]:
    """Training and held-out galaxies, by where they are on the sky and not at random, with a stamp's width between them."""
    y = galaxies.attribute("y")
    edge = np.nanmin(y) + _TRAINING_SKY * (np.nanmax(y) - np.nanmin(y))
    width = galaxies.require_images()[0].shape[-1]
    return galaxies[y < edge - width / 2], galaxies[y > edge + width / 2]


def train_shipped(
    out: str | PathLike[str],
    data: str | PathLike[str],
    *,
    start: GalaxyModel | None = None,
    simulated: int = 24_000,
    epochs: int = 13,
    second_epochs: int = 8,
    third_epochs: int = 3,
    fourth_epochs: int = 9,
    run: str | PathLike[str] | None = None,
    seed: int = 0,
) -> GalaxyModel:
    """Make the shipped model, from nothing or from the one before, and write it.

    Parameters
    ----------
    out
        Folder of the model.
    data
        Folder with ``kids/`` and ``sdss_mgs/``.
    start
        A model that this recipe made before, which goes on in the fourth stage: where the simulation has changed a little, an hour less.
    simulated
        Number of simulated galaxies to r = 22.5, half way between the counts of the sky and as many at each magnitude; half as many seen
        through the field's own PSF, which is sharper than the survey's usual; again half as many, of either seeing, to r = 24 in two
        thirds of the noise; and a third as many as the sky has them. The fourth stage has as many others. What is sampled is learnt from
        as many in the usual seeing and six times as many more of the sky, all in two thirds of the noise.
    epochs
        On simulated galaxies, redshifts, and the field's galaxies, each of those four times an epoch.
    second_epochs
        With an encoder that looks again at what its first answer leaves, and each of the field's galaxies twelve times an epoch.
    third_epochs
        With an encoder that looks again twice: its correction alone learns.
    fourth_epochs
        On other galaxies, with all but the encoder's first look.
    run
        Folder of checkpoints, to go on after a kill.
    seed
        Of everything.

    Notes
    -----
    It simulates in several processes: a script that calls it needs ``if __name__ == "__main__":``.
    """
    folder = Path(data)
    field = kids_field(folder / "kids")
    real, held_out = split_by_sky(field)
    redshifts = spectroscopic_sample(folder / "sdss_mgs" / "sdss_mgs_train.txt", Survey.named("KiDS").select(BANDS))

    def samples(at: int) -> list[Galaxies]:
        seen = _simulate(simulated, at, flatten=0.5), _simulate(simulated // 2, at + 1, flatten=0.5, psf=field.psfs)
        faint = _deep(simulated // 4, at + 2), _deep(simulated // 4, at + 3, psf=field.psfs)
        return [*seen, *faint, _simulate(simulated // 3, at + 4), redshifts, real]

    stages = ("first", "second", "third", "fourth")
    runs = [None if run is None else Path(run) / name for name in stages]
    whole: dict[str, Any] = {"prior_epochs": 0, "calibrated": False}
    often = [1, 1, 1, 1, 1, 1, 4]
    again = whole | {"model_error": 0.005, "warm_up": 0.0, "repeats": [1, 1, 1, 1, 1, 1, 12]}
    model = start
    if model is None:
        training = samples(100 + seed)
        model = fit(training, epochs=epochs, repeats=often, model_error=0.01, concentric=False, seed=seed, run=runs[0], **whole)
        model = fit(training, model=model, epochs=second_epochs, looks=1, learning_rate=1e-3, seed=seed + 1, run=runs[1], **again)
        model = fit(training, model=model, epochs=third_epochs, looks=2, learning_rate=5e-4, seed=seed + 2, run=runs[2], **again)
        del training  # ten gigabytes, before as many others are made
    training = samples(110 + seed)
    if start is not None:
        model = _as_seen_now(start, training)
    # what is sampled follows the sky as the survey usually sees it, though the training has bright galaxies in excess, and sharper ones;
    # in less noise, for what noise hides is nearer to the mean in a posterior than it is in the sky
    third = simulated // 3
    parts = [(third, at, 22.5, 0.5) for at in _FLATTENED] + [(simulated // 4, 102, 24.0, 0.6)] + [(third, at, 22.5, 0.0) for at in _SKY]
    seen = (_deep(n, at + seed, mag_limit=limit, flatten=flatten) for n, at, limit, flatten in parts)
    calibration = calibration_sample(300 + seed)
    again |= {"prior_epochs": _PRIOR_EPOCHS, "prior_of": seen, "population": calibration[: _CALIBRATION[0][0]]}
    model = fit(training, model=model, epochs=fourth_epochs, learning_rate=7e-4, seed=seed + 4, run=runs[3], **again)
    calibrate(model, calibration)
    # galaxies that a field sees more sharply are not sampled, but known
    sharper = _simulate(_SHARPER, 302 + seed, psf=field.psfs)
    calibrate_familiarity(model, Galaxies.concatenate([calibration, sharper]))
    # attributes are those of a picture in the survey's usual seeing: so are those that are asked for
    usual = model.survey.psf()
    counts = _simulate(2000, 990 + seed, psf=usual)
    flattened = _simulate(2000, 200 + seed, flatten=0.5, psf=usual)
    model.about["metrics"] = {
        "counts": report(model, counts, held_out, training[1][:8000]),
        "flattened": report(model, flattened, held_out),
    }
    model.about["limits"] = list(_LIMITS)
    model.save(out, half=True)
    return model


def _as_seen_now(model: GalaxyModel, samples: list[Galaxies]) -> GalaxyModel:
    """The model as it is, of the survey that these samples are of, and with what they have of each attribute; its scales are its own."""
    now = Inputs.fit(samples, samples[0].survey).scalings
    seen = {
        name: replace(ours, low=now[name].low, high=now[name].high, typical=now[name].typical)
        for name, ours in model.inputs.scalings.items()
    }
    inputs = replace(model.inputs, survey=samples[0].survey, scalings=seen)
    return GalaxyModel(model.mvae, model.prior, inputs, model.architecture, model.about, model.census)


def _simulate(n: int, seed: int, **options: Any) -> Galaxies:
    """In the bands of the model, on all processors."""
    return simulate(n, "KiDS", seed=seed, bands=BANDS, workers=os.cpu_count() or 1, **options)


def _deep(n: int, seed: int, *, mag_limit: float = 24.0, flatten: float = 0.6, **options: Any) -> Galaxies:
    """Galaxies in two thirds of the survey's noise, and fainter ones than are usual: what a model is to know of faint ones and of depth."""
    clean = _simulate(n, seed, mag_limit=mag_limit, flatten=flatten, noiseless=True, **options)
    flux, ivar = clean.require_images()
    ivar = ivar / np.float32(_DEEP**2)
    noise = np.random.default_rng(seed).standard_normal(flux.shape, np.float32) / np.sqrt(ivar)
    return Galaxies(flux + noise, ivar, clean.psf, clean.table, survey=clean.survey)


def calibration_sample(seed: int) -> Galaxies:
    """What the shipped model's predictions are calibrated on: the counts of the sky to r = 22.5, and a quarter of them to 23.5."""
    usual, faint = (_simulate(n, seed + at, mag_limit=limit) for at, (n, limit) in enumerate(_CALIBRATION))
    # side by side, for only the first of a sample are used
    return Galaxies.concatenate([usual, faint])


def report(model: GalaxyModel, test: Galaxies, real: Galaxies, training: Galaxies | None = None) -> dict[str, Any]:
    """What a model reaches on galaxies that it has not seen.

    Parameters
    ----------
    model
        The model.
    test
        Simulated galaxies.
    real
        Real galaxies.
    training
        Where given, a principal component analysis of these, with as many components, is judged beside the model.

    Returns
    -------
    dict
        Plain numbers by name.
    """
    band = model.inputs.groups["brightness"][0].removeprefix("mag_")
    bright = real[real.attribute(f"mag_{band}") < 21]
    requests = test[test.attribute(f"mag_{band}") < 22]  # fainter ones are mostly noise: a perfect model's R2 of ellipticity is 0.92 there
    numbers: dict[str, Any] = {
        "chi2_simulated": float(np.nanmean(chi2_per_pixel(test, model.reconstruct(test, using=["image"])))),
        "chi2_real": float(np.nanmean(chi2_per_pixel(real, model.reconstruct(real, using=["image"])))),
        "chi2_real_refined": float(np.nanmean(chi2_per_pixel(real, model.reconstruct(real, using=["image"], refine=100)))),
        "chi2_real_median": float(np.nanmedian(chi2_per_pixel(real, model.reconstruct(real, using=["image"])))),
        "magnitude_scatter_real": magnitude_scatter(bright, model.reconstruct(bright, using=["image"]), band)[1],
        "galaxies": {"simulated": len(test), "real": len(real), "real_bright": len(bright)},
        "conditions": {
            score.name: {name: round(value, 4) for name, value in vars(score).items() if name != "name"}
            for score in condition_scores(model, requests)
        },
        "conditions_noiseless": {score.name: round(score.r2, 4) for score in condition_scores(model, requests, noise=False)},
    }
    if training is not None:
        numbers["chi2_simulated_pca"] = float(np.nanmean(pca_chi2(training, test, model.latent_size)))
        numbers["chi2_real_pca"] = float(np.nanmean(pca_chi2(training, real, model.latent_size)))
    return numbers
