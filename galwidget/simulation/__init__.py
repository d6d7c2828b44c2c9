"""Simulated galaxies: a population of the sky (`population`, `spectra`), drawn by GalSim (`drawing`) and seen by a survey (`generator`)."""

from galwidget.simulation.colour_terms import BandTransformation, band_transformation
from galwidget.simulation.generator import simulate

__all__ = ["BandTransformation", "band_transformation", "simulate"]
