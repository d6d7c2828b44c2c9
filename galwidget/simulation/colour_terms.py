"""From one survey's magnitudes to another's: colour terms by synthetic photometry of the simulated population."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from galwidget.measurement import reference_band
from galwidget.simulation.population import Population
from galwidget.survey import Survey, nanojansky_to_magnitude

__all__ = ["BandTransformation", "band_transformation"]

_GALAXIES = 4000


@dataclass(frozen=True)
class BandTransformation:
    """Magnitudes of one survey from those of another: ``m_target = m_source + a + b (colour)``, for each band of the target.

    Parameters
    ----------
    source, target
        The surveys.
    terms
        For each band of the target: the band of the source that is nearest, the colour (bluer, redder band of the source), a, b, and the
        scatter in mag (standard deviation over the population).
    """

    source: Survey
    target: Survey
    terms: dict[str, tuple[str, tuple[str, str], float, float, float]]

    def __call__(self, magnitudes: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Magnitudes in each band of the target.

        Parameters
        ----------
        magnitudes
            AB magnitudes in each band of the source, each (n,).

        Raises
        ------
        KeyError
            A band of the source is missing.
        """
        for band in self.source.band_names:
            if band not in magnitudes:
                raise KeyError(f"no magnitudes in {band!r}; {self.source.name} needs {', '.join(self.source.band_names)}")
        return {
            name: np.asarray(magnitudes[nearest]) + a + b * (np.asarray(magnitudes[blue]) - np.asarray(magnitudes[red]))
            for name, (nearest, (blue, red), a, b, _) in self.terms.items()
        }


def band_transformation(source: Survey, target: Survey, mag_limit: float = 20.0) -> BandTransformation:
    """Colour terms that bring galaxies' magnitudes in the bands of ``source`` to those of ``target``.

    Parameters
    ----------
    source, target
        The surveys, with the bands that are wanted: at least two of the source.
    mag_limit
        Faintest reference magnitude of the simulated galaxies whose colours are fitted: that of the catalogue.

    Returns
    -------
    BandTransformation
        A function of magnitudes; its ``terms`` hold the coefficients and their scatter.

    Raises
    ------
    ValueError
        The source has a single band, so no colour.

    Notes
    -----
    Linear least squares on 4,000 galaxies of `galwidget.simulation.population.Population`, seen by both surveys without noise.

    Examples
    --------
    >>> to_kids = band_transformation(Survey.named("SDSS"), Survey.named("KiDS").select("ugriZ"))
    >>> sorted(to_kids({band: 18.0 for band in "ugriz"}))
    ['Z', 'g', 'i', 'r', 'u']
    """
    if len(source.bands) < 2:
        raise ValueError(f"{source.name} has only the band {source.band_names[0]!r} here; a colour term needs two")
    apart = tuple(replace(band, name=f"target {band.name}") for band in target.bands)
    both = replace(source, bands=source.bands + apart)
    population = Population(both, source.index(reference_band(source)), mag_limit)
    sources = population.draw(np.random.default_rng(0), _GALAXIES)
    magnitudes = nanojansky_to_magnitude(sources.flux)
    seen = dict(zip(source.band_names, magnitudes.T, strict=False))
    order = sorted(source.bands, key=lambda band: band.wavelength)
    terms = {}
    for band, wanted in zip(target.bands, magnitudes.T[len(source.bands) :], strict=True):
        near = int(np.argmin([abs(np.log(candidate.wavelength / band.wavelength)) for candidate in order]))
        # the colour across the target's wavelength
        other = near + (1 if order[near].wavelength < band.wavelength else -1)
        other = other if 0 <= other < len(order) else 2 * near - other
        nearest, blue, red = (order[index].name for index in (near, min(near, other), max(near, other)))
        colour = seen[blue] - seen[red]
        design = np.stack([np.ones_like(colour), colour], axis=1)
        (a, b), *_ = np.linalg.lstsq(design, wanted - seen[nearest], rcond=None)
        scatter = float(np.std(wanted - seen[nearest] - design @ [a, b]))
        terms[band.name] = (nearest, (blue, red), float(a), float(b), scatter)
    return BandTransformation(source, target, terms)
