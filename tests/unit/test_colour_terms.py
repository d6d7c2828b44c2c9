"""Colour terms between surveys bring magnitudes over, and back."""

from dataclasses import replace

import numpy as np
import pytest

from galwidget.simulation import band_transformation
from galwidget.simulation.population import Population
from galwidget.survey import Survey, nanojansky_to_magnitude

SDSS = Survey.named("SDSS")
KIDS = Survey.named("KiDS").select("ugriZ")


def magnitudes(seed):
    """The same galaxies in the bands of both surveys."""
    both = replace(SDSS, bands=SDSS.bands + tuple(replace(band, name=f"KiDS {band.name}") for band in KIDS.bands))
    sources = Population(both, both.index("r"), 18.0).draw(np.random.default_rng(seed), 500)
    seen = nanojansky_to_magnitude(sources.flux).T
    return dict(zip(SDSS.band_names, seen[:5], strict=True)), dict(zip(KIDS.band_names, seen[5:], strict=True))


def test_a_survey_is_itself():
    same = band_transformation(SDSS, SDSS)
    for nearest, _, a, b, scatter in same.terms.values():
        assert nearest in SDSS.band_names
        assert (a, b, scatter) == pytest.approx((0, 0, 0), abs=1e-8)


def test_there_and_back_again_is_where_one_was():
    there, back = band_transformation(SDSS, KIDS, 18.0), band_transformation(KIDS, SDSS, 18.0)
    before, _ = magnitudes(seed=1)
    after = back(there(before))
    for band in SDSS.band_names:
        assert np.std(after[band] - before[band]) < 0.02
        assert abs(np.mean(after[band] - before[band])) < 0.01


def test_transformed_magnitudes_are_those_the_other_survey_sees():
    there = band_transformation(SDSS, KIDS, 18.0)
    before, expected = magnitudes(seed=2)
    seen = there(before)
    for band, (nearest, _, _, _, scatter) in there.terms.items():
        assert scatter < 0.03
        assert np.std(seen[band] - expected[band]) < 1.5 * scatter
        assert np.std(seen[band] - expected[band]) < np.std(before[nearest] - expected[band])


def test_missing_band_names_the_band():
    with pytest.raises(KeyError, match="no magnitudes in 'z'"):
        band_transformation(SDSS, KIDS)(dict.fromkeys("ugri", 18.0))


def test_a_single_band_has_no_colour():
    with pytest.raises(ValueError, match="only the band 'r'"):
        band_transformation(SDSS.select("r"), KIDS)
