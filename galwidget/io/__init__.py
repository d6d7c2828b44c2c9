"""Galaxies in: survey fields, cutouts, files."""
