"""Simulated galaxies beside real ones of KiDS and SDSS, with a two-sample statistic for each quantity.

Counts, colours, sizes and shapes of a KiDS field; redshifts and colours of the SDSS Main Galaxy Sample.
Run it as ``GALWIDGET_DATA=... python tests/benchmarks/compare_population.py figure.png [stamps.png]``.
The simulation takes the field's own PSF and noise, and both are measured in the same noisy way.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.stats import ks_2samp

import galwidget as gw
from galwidget.picture import mosaic, png, rgb
from galwidget.simulation.population import BRIGHTEST, Population
from galwidget.survey import nanojansky_to_magnitude

BRIGHT, FAINT = 17.5, 22.0
SIMULATED = 3000
QUANTITIES = {
    "mag_r": "r",
    "u_g": "u - g",
    "g_r": "g - r",
    "r_i": "r - i",
    "i_Z": "i - Z",
    "r_half": "half-light radius (arcsec)",
    "ellipticity": "ellipticity",
    "concentration": "concentration",
}


def survey_of(galaxies):
    """The survey with the sky noise that these galaxies really have."""
    sky = [np.median(ivar[ivar > 0]) ** -0.5 for ivar in np.moveaxis(galaxies.ivar, 1, 0)]
    bands = (replace(band, sky_sigma=float(noise)) for band, noise in zip(galaxies.survey.bands, sky, strict=True))
    return replace(galaxies.survey, bands=tuple(bands))


def within(galaxies):
    """Those of the magnitudes compared, seen in every band: that leaves out what a chip gap or the halo of a star makes in some of them."""
    magnitude = galaxies.attribute("mag_r")
    everywhere = np.all([np.isfinite(galaxies.attribute(name)) for name in QUANTITIES], axis=0)
    return galaxies[everywhere & (magnitude > BRIGHT) & (magnitude < FAINT)]


def figure(real, fake, path):
    """Histograms of each quantity, and colour-magnitude and size-magnitude diagrams."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(3, 4, figsize=(17, 12), layout="constrained")
    for axis, (name, label) in zip(axes.flat, QUANTITIES.items(), strict=False):
        samples = [real.attribute(name), fake.attribute(name)]
        edges = np.linspace(*np.percentile(np.concatenate(samples), [0.5, 99.5]), 26)
        for sample, text, style in zip(
            samples, ("KiDS", "simulated"), ({"color": "0.7"}, {"histtype": "step", "color": "C3", "lw": 2}), strict=True
        ):
            axis.hist(sample, edges, density=True, label=text, **style)
        axis.set_title(f"{label}: D = {ks_2samp(*samples).statistic:.3f}")
    axes[0, 0].legend()
    for axis, (name, label) in zip(axes[2], (("g_r", "g - r"), ("u_g", "u - g"), ("r_i", "r - i"), ("r_half", "r_half")), strict=True):
        some = fake[: len(real)]
        axis.plot(some.attribute("mag_r"), some.attribute(name), "C3.", ms=4, label="simulated, as many")
        axis.plot(real.attribute("mag_r"), real.attribute(name), "k.", ms=4, label="KiDS")
        axis.set(xlabel="r", ylabel=label, ylim=np.percentile(real.attribute(name), [1, 99]) * 1.1)
    axes[2, 0].legend()
    fig.savefig(path, dpi=70)


def stamps(real, fake, path):
    """Forty real galaxies above forty simulated ones, from bright to faint."""
    rows = [
        galaxies[np.argsort(galaxies.attribute("mag_r"))[np.linspace(0, len(galaxies) - 1, 40).astype(int)]] for galaxies in (real, fake)
    ]
    Path(path).write_bytes(png(np.concatenate([mosaic(rgb(row), 10, gap=2) for row in rows])))


def compare(names, samples):
    """Print the Kolmogorov-Smirnov statistic of each pair of samples (real, simulated)."""
    print(f"{'':>14} {'KS D':>6} {'p':>8}   16, 50, 84%: real | simulated")
    for name, (real, fake) in zip(names, samples, strict=True):
        test = ks_2samp(real, fake)
        spread = " | ".join(" ".join(f"{value:6.2f}" for value in np.percentile(sample, [16, 50, 84])) for sample in (real, fake))
        print(f"{name:>14} {test.statistic:6.3f} {test.pvalue:8.2g}   {spread}")


def compare_with_sdss(path, faint=17.7):
    """Redshifts and true colours of bright simulated galaxies beside those of a spectroscopic sample limited at 17.7 mag in r."""
    redshift, *magnitudes = np.loadtxt(path, usecols=range(6), unpack=True)
    real = np.vstack([redshift, -np.diff(magnitudes, axis=0)])[:, (magnitudes[2] < faint) & (magnitudes[2] > BRIGHTEST)]
    survey = gw.Survey.named("SDSS")
    sources = Population(survey, survey.index("r"), faint).draw(np.random.default_rng(1), 10 * SIMULATED)
    fake = np.vstack([sources.redshift, -np.diff(nanojansky_to_magnitude(sources.flux).T, axis=0)])
    print(f"{real.shape[1]} galaxies of SDSS, {fake.shape[1]} simulated, r < {faint}")
    compare(("redshift", "u - g", "g - r", "r - i", "i - z"), zip(real, fake, strict=True))


def main(path, stamps_path=None):
    """Print the statistics and write the figure."""
    if "GALWIDGET_DATA" not in os.environ:
        sys.exit("GALWIDGET_DATA is not set: there is no real field to compare with")
    folder = Path(os.environ["GALWIDGET_DATA"]) / "kids"
    every = gw.read_field({band: folder / f"{band}.fits.fz" for band in "ugriZ"}, survey="KiDS")
    real = within(every)
    fake = within(gw.measure(gw.simulate(SIMULATED, survey_of(every), seed=1, mag_limit=FAINT + 0.3, psf=every.psfs[0], measured=False)))
    print(f"{len(real)} galaxies of KiDS, {len(fake)} simulated, {BRIGHT} < r < {FAINT}")
    compare(QUANTITIES, [(real.attribute(name), fake.attribute(name)) for name in QUANTITIES])
    figure(real, fake, path)
    compare_with_sdss(Path(os.environ["GALWIDGET_DATA"]) / "sdss_mgs" / "sdss_mgs_train.txt")
    if stamps_path:
        stamps(real, fake, stamps_path)


if __name__ == "__main__":
    main(*sys.argv[1:])
