"""Simulated galaxies beside the galaxies of a real KiDS field: counts, colours, sizes and shapes, with a two-sample statistic for each.

Run it as ``GALWIDGET_DATA=... python tests/benchmarks/compare_population.py figure.png [stamps.png]``.
The simulation takes the field's own seeing and noise, and both are measured in the same noisy way.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.stats import ks_2samp

import galwidget as gw
from galwidget.picture import mosaic, png, rgb

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


def half_light_radius(psf):
    """Radius (pixels) of half the light of PSF images (band, k, k), from their growth curve."""
    half = psf.shape[-1] // 2
    y, x = np.indices(psf.shape[-2:]) - half
    radius = np.hypot(x, y).ravel()
    order = np.argsort(radius)
    growth = np.cumsum(psf.reshape(len(psf), -1)[:, order], axis=1)
    return np.array([np.interp(0.5, curve, radius[order]) for curve in growth])


def survey_of(galaxies):
    """The survey with the seeing and the sky noise that these galaxies really have."""
    survey = galaxies.survey
    seeing = half_light_radius(galaxies.psfs[0]) / half_light_radius(survey.psf())
    sky = [np.median(ivar[ivar > 0]) ** -0.5 for ivar in np.moveaxis(galaxies.ivar, 1, 0)]
    bands = (
        replace(band, psf_fwhm=band.psf_fwhm * float(s), sky_sigma=float(n)) for band, s, n in zip(survey.bands, seeing, sky, strict=True)
    )
    return replace(survey, bands=tuple(bands))


def within(galaxies):
    """Those of the magnitudes compared, of which everything was measured."""
    magnitude = galaxies.attribute("mag_r")
    measured = np.all([np.isfinite(galaxies.attribute(name)) for name in QUANTITIES], axis=0)
    return galaxies[measured & (magnitude > BRIGHT) & (magnitude < FAINT)]


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
        axis.set(xlabel="r", ylabel=label, ylim=np.percentile(real.attribute(name), [0.5, 99.5]) * 1.1)
    axes[2, 0].legend()
    fig.savefig(path, dpi=70)


def stamps(real, fake, path):
    """Forty real galaxies above forty simulated ones, from bright to faint."""
    rows = [
        galaxies[np.argsort(galaxies.attribute("mag_r"))[np.linspace(0, len(galaxies) - 1, 40).astype(int)]] for galaxies in (real, fake)
    ]
    Path(path).write_bytes(png(np.concatenate([mosaic(rgb(row), 10, gap=2) for row in rows])))


def main(path, stamps_path=None):
    """Print the statistics and write the figure."""
    if "GALWIDGET_DATA" not in os.environ:
        sys.exit("GALWIDGET_DATA is not set: there is no real field to compare with")
    folder = Path(os.environ["GALWIDGET_DATA"]) / "kids"
    every = gw.read_field({band: folder / f"{band}.fits.fz" for band in "ugriZ"}, survey="KiDS")
    survey = survey_of(every)
    real = within(every)
    fake = within(gw.measure(gw.simulate(SIMULATED, survey, seed=1, mag_limit=FAINT + 0.3, measured=False)))
    print(f"{len(real)} galaxies of KiDS, {len(fake)} simulated, {BRIGHT} < r < {FAINT}")
    print(f"{'':>14} {'KS D':>6} {'p':>8}   medians, 16 and 84%: real | simulated")
    for name in QUANTITIES:
        one, two = real.attribute(name), fake.attribute(name)
        test = ks_2samp(one, two)
        spread = " | ".join(" ".join(f"{value:6.2f}" for value in np.percentile(sample, [16, 50, 84])) for sample in (one, two))
        print(f"{name:>14} {test.statistic:6.3f} {test.pvalue:8.2g}   {spread}")
    figure(real, fake, path)
    if stamps_path:
        stamps(real, fake, stamps_path)


if __name__ == "__main__":
    main(*sys.argv[1:])
