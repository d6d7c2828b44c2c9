"""How many galaxies the training data had where a condition is: the same as counting in its table."""

import warnings

import numpy as np
import pytest
import torch

import galwidget as gw
from galwidget.model.census import Census

warnings.filterwarnings("ignore", module="lightning")


@pytest.fixture(scope="module")
def galaxies():
    return gw.simulate(300, "KiDS", seed=3, stamp=32, bands=["g", "r"], mag_limit=20.5, flatten=0.5, progress=False)


@pytest.fixture(scope="module")
def model(galaxies):
    bare = gw.Galaxies(table={"mag_r": [17.0, 18.0], "redshift": [0.1, 0.2]}, survey=galaxies.survey)
    return gw.fit(galaxies, bare, epochs=1, latent_size=6, prior_epochs=0, progress=False, seed=1, repeats=[1, 4])


def between(values, low, high):
    return int(((values >= low) & (values <= high)).sum())


def test_every_galaxy_of_every_sample_is_counted_once(model):
    assert model.census.count() == len(model.census) == 302


def test_a_range_has_what_the_table_has(model, galaxies):
    # standardised values are kept as half floats: a galaxy at the very edge may fall on either side
    magnitude = np.r_[galaxies.attribute("mag_r"), 17.0, 18.0]
    assert model.census.count(mag_r=(16, 18.5)) == pytest.approx(between(magnitude, 16, 18.5), abs=2)
    radius = galaxies.attribute("r_half")
    assert model.census.count(r_half=(0.5, 1.0)) == pytest.approx(between(radius, 0.5, 1.0), abs=2)


def test_a_value_stands_for_a_quarter_of_the_spread_around_it(model, galaxies):
    width = model.inputs.scalings["mag_r"].width
    magnitude = np.r_[galaxies.attribute("mag_r"), 17.0, 18.0]
    assert model.census.count(mag_r=18.0) == pytest.approx(between(magnitude, 18 - width / 4, 18 + width / 4), abs=2)


def test_types_shapes_and_several_conditions_at_once(model, galaxies):
    kind, ellipticity = galaxies.table["morphology"].astype(str), galaxies.attribute("ellipticity")
    assert model.census.count(morphology="E") == (kind == "E").sum()
    assert model.census.count(morphology=["E", "S0"]) == np.isin(kind, ["E", "S0"]).sum()
    assert model.census.count(ellipticity=(0.2, 0.4)) == pytest.approx(between(ellipticity, 0.2, 0.4), abs=2)
    both = (kind == "E") & (galaxies.attribute("mag_r") < 19)
    assert model.census.count(morphology="E", mag_r=(10, 19)) == pytest.approx(both.sum(), abs=2)


def test_an_angle_and_the_same_half_a_turn_on_are_one(model):
    assert model.census.count(position_angle=0) == model.census.count(position_angle=180) > 0
    assert model.census.count(position_angle=(0, 90)) + model.census.count(position_angle=(90, 180)) == pytest.approx(300, abs=2)


def test_nothing_is_where_no_galaxy_was(model):
    assert model.census.count(mag_r=30) == 0
    assert model.census.count(mag_r=17, redshift=5) == 0


def test_a_sample_of_many_still_counts_all(model):
    many = Census(model.inputs, model.census.values[:100], 1000)
    share = model.census.values[:100, 0].isfinite().float().mean().item()
    assert many.count(mag_r=(0, 40)) == round(1000 * share)


def test_it_is_saved_with_the_model(model, tmp_path):
    model.save(tmp_path / "m", half=True)
    again = gw.load(tmp_path / "m")
    assert torch.equal(again.census.values, model.census.values) or again.census.count(mag_r=18) == model.census.count(mag_r=18)
    assert len(again.census) == 302


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"size": 3}, "the training data had no 'size'"),
        ({"mag_r": [1, 2, 3]}, "a value or a range"),
        ({"mag_r": np.nan}, "a value or a range"),
    ],
)
def test_what_cannot_be_counted_is_refused_in_words(model, asked, words):
    with pytest.raises(ValueError, match=words):
        model.census.count(**asked)
