"""Simulated galaxies: a population of the sky (`population`, `spectra`), drawn by GalSim (`drawing`) and seen by a survey (`generator`)."""

from galwidget.simulation.generator import simulate

__all__ = ["simulate"]
