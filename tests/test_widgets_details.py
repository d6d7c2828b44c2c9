"""What the side panel says beside the picture: where a galaxy is in latent space, and what the model predicts, with errors."""

import numpy as np
import pytest

import galwidget as gw
from galwidget.widgets.details import details


@pytest.fixture(scope="module")
def model():
    return gw.load()


@pytest.fixture(scope="module")
def galaxies():
    return gw.simulate(2, "KiDS", seed=4, mag_limit=20, progress=False)


def test_a_drawn_galaxy_is_a_point_with_what_its_decoders_say(model):
    latent = model.draw(2, seed=3, mag_r=18.5)
    told = details(model, latent[[1]])
    np.testing.assert_allclose(told["latent"]["mean"], latent.mean[1], atol=1e-4)
    assert set(told["latent"]["std"]) == {0.0}
    value, error = told["predicted"]["mag_r"]
    assert value == pytest.approx(18.5, abs=0.3)
    assert 0 < error < 0.5
    kind, probability = told["predicted"]["morphology"]
    assert kind in gw.attributes.MORPHOLOGIES
    assert 0.2 <= probability <= 1


def test_a_galaxy_that_was_seen_is_predicted_as_predict_does_without_its_own_column(model, galaxies):
    editor = gw.GalaxyEditor(model, galaxies, index=1)
    editor.edits = {"mag_r": 18.0}
    seen, edited = (editor._details(editor._wanted(), cell) for cell in (0, 2))
    expected = model.predict(galaxies[1], "redshift")
    assert seen["predicted"]["redshift"] == pytest.approx([expected.mean[0], expected.std[0]])
    z, density = (np.array(seen["redshift"][part]) for part in ("z", "density"))
    assert np.trapezoid(density, z) == pytest.approx(1, abs=0.02)
    assert np.trapezoid(density * z, z) == pytest.approx(expected.mean[0], abs=0.01)
    assert min(seen["latent"]["std"]) > 0
    np.testing.assert_allclose(seen["latent"]["mean"], model.encode(galaxies[1]).mean[0], atol=1e-4)
    changed = details(model, model.edit_latent(galaxies[1], mag_r=18.0))
    assert edited["predicted"]["mag_r"] == pytest.approx(changed["predicted"]["mag_r"], rel=1e-4)
    assert edited["predicted"]["mag_r"][0] == pytest.approx(18, abs=0.3)
    editor.close()


def test_given_galaxies_are_told_of_by_the_model_that_they_are_known_to(model, galaxies):
    grid = gw.GalaxyGrid(galaxies=galaxies, rows=1, columns=1, known_to=model)
    grid.page = 1
    finder = gw.GalaxyFinder(model, galaxies, query=1)
    for told in (grid._details(grid._wanted(), 0), finder._details(finder._wanted(), 0)):
        np.testing.assert_allclose(told["latent"]["mean"], model.encode(galaxies[1]).mean[0], atol=1e-4)
        expected = model.predict(galaxies[1], "mag_r")
        assert told["predicted"]["mag_r"] == pytest.approx([expected.mean[0], expected.std[0]])
    finder.edits = {"mag_r": 18.0}
    sought = finder._details(finder._wanted(), 1)
    changed = details(model, model.edit_latent(galaxies[1], mag_r=18.0))
    assert sought["predicted"]["mag_r"] == pytest.approx(changed["predicted"]["mag_r"], rel=1e-4)
    assert sought["predicted"]["mag_r"][0] == pytest.approx(18, abs=0.3)
    assert finder.wait(60)
    finder.close()
    grid.close()


def test_galaxies_without_a_model_are_nowhere(galaxies):
    grid = gw.GalaxyGrid(galaxies=galaxies)
    assert grid._details(grid._wanted(), 0) == {"latent": None, "predicted": {}}
    grid.close()
