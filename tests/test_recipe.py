"""The recipe of the shipped model, start to end, on a hundredth of its galaxies."""

import json
from dataclasses import replace

import numpy as np
import pytest

import galwidget as gw
from galwidget import recipe


@pytest.fixture
def small(monkeypatch):
    """Every sample of the recipe cut to what a minute bears; each stage, and what is learnt of the model after, as it is."""
    simulate, field, redshifts = recipe._simulate, recipe.kids_field, recipe.spectroscopic_sample

    def few(n, seed, **options):
        return simulate(min(n, 128 if seed in range(300, 303) else 48), seed, **options)  # calibration has a least number

    monkeypatch.setattr(recipe, "_simulate", few)
    monkeypatch.setattr(recipe, "kids_field", lambda folder: field(folder)[::12])
    monkeypatch.setattr(recipe, "spectroscopic_sample", lambda path, survey: redshifts(path, survey)[::50])
    monkeypatch.setattr(recipe, "_PRIOR_EPOCHS", 1)
    monkeypatch.setattr(recipe.os, "cpu_count", lambda: 1)


@pytest.mark.usefixtures("small")
def test_the_recipe_makes_a_model_that_does_all_that_the_shipped_one_does(data, tmp_path):
    made = recipe.train_shipped(tmp_path / "made", data, epochs=1, second_epochs=1, third_epochs=1, fourth_epochs=1, run=tmp_path / "run")
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"first", "second", "third", "fourth"}
    model, shipped = gw.load(tmp_path / "made"), gw.load()
    assert model.survey == made.survey
    assert model.inputs.modalities == shipped.inputs.modalities
    assert model.about.keys() == shipped.about.keys()
    assert json.loads(json.dumps(model.about["metrics"])).keys() == shipped.about["metrics"].keys()
    drawn = model.sample(8, seed=0)
    assert np.all(np.isfinite(drawn.flux))
    predicted = model.predict(gw.simulate(8, "KiDS", seed=1, bands=recipe.BANDS, progress=False), "redshift", using=["image"])
    assert np.all(np.isfinite(predicted.mean))
    assert model.about["limits"] == shipped.about["limits"]


@pytest.mark.usefixtures("small")
def test_the_recipe_goes_on_from_a_model_with_the_survey_as_it_is_now(data, tmp_path):
    before = gw.load()
    bands = tuple(replace(band, wavelength=band.wavelength + 5) for band in before.survey.bands)
    before.inputs = replace(before.inputs, survey=replace(before.survey, bands=bands))
    recipe.train_shipped(tmp_path / "made", data, start=before, fourth_epochs=1, run=tmp_path / "run")
    made, ours = gw.load(tmp_path / "made"), before.inputs.scalings
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["fourth"]
    assert made.survey == gw.Survey.named("KiDS").select(recipe.BANDS)
    assert [scaling.center for scaling in made.inputs.scalings.values()] == [scaling.center for scaling in ours.values()]
    assert made.inputs.scalings["mag_r"].typical != ours["mag_r"].typical
    assert np.all(np.isfinite(made.sample(4, seed=0, mag_r=20.0).flux))
