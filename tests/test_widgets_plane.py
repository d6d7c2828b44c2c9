"""A sweep of two attributes as Python sees it: axes, requests, code, figure, and misuse in words."""

import numpy as np
import pytest
from toy_model import ToyModel
from traitlets import TraitError

import galwidget as gw
from galwidget.widgets.grid import GalaxyGrid
from galwidget.widgets.sweep import AttributeSweep


@pytest.fixture(scope="module")
def model():
    return ToyModel()


@pytest.fixture(scope="module")
def galaxies(model):
    return gw.observe(model.sample(3, seed=3), seed=1)


def test_rows_increase_downwards_and_columns_to_the_right(model):
    sweep = AttributeSweep(model, "mag_r", across="r_half", rows=3, columns=4, low=20, high=18, across_low=1.2, across_high=0.6)
    shown = sweep._shown(sweep._wanted())
    assert (shown.rows, shown.columns) == (3, 4)
    assert shown.row_labels == ["18.0 mag", "19.0 mag", "20.0 mag"]
    assert [float(label) for label in shown.column_labels] == pytest.approx(np.geomspace(0.6, 1.2, 4), abs=0.01)
    np.testing.assert_allclose(shown.galaxies.attribute("mag_r").reshape(3, 4), np.array([[18], [19], [20]]) + np.zeros(4), atol=1e-5)
    np.testing.assert_allclose(shown.galaxies.attribute("r_half").reshape(3, 4), np.geomspace(0.6, 1.2, 4) + np.zeros((3, 1)), atol=1e-5)


def test_every_cell_has_what_was_asked_and_what_is_measured(model):
    sweep = AttributeSweep(model, "mag_r", across="g_r", rows=2, columns=2)
    content, _ = sweep._frame(sweep._shown(sweep._wanted()), sweep.display, draft=False)
    names = [column["name"] for column in content["attributes"]]
    assert names[:4] == ["requested_mag_r", "requested_g_r", "mag_r", "g_r"]
    assert len(content["row_labels"]) == len(content["column_labels"]) == 2


@pytest.mark.parametrize(
    "make",
    [
        lambda model, _: AttributeSweep(model, "mag_r", across="ellipticity", rows=3, columns=2, seed=5),
        lambda model, _: AttributeSweep(model, "morphology", across="mag_r", columns=3),
        lambda model, galaxies: AttributeSweep(model, "r_half", of=galaxies, across="morphology", rows=3, galaxy=2),
    ],
    ids=["drawn", "rows of types", "columns of types of one's own"],
)
def test_code_of_a_plane_makes_its_galaxies_again_to_the_pixel(make, model, galaxies, monkeypatch):
    monkeypatch.setattr(gw, "load", lambda: model, raising=False)
    sweep = make(model, galaxies)
    sweep.selection = [1, 5]
    names = {}
    exec(sweep.code(), names)  # noqa: S102 (the claim is that this text runs)
    assert names["selected"] == sweep.selected == sweep.shown[[1, 5]]
    np.testing.assert_array_equal(model.decode(sweep.latent).flux, sweep.selected.flux)
    sweep.close()


def test_plane_of_given_galaxies_is_of_the_one_that_is_asked_for(model, galaxies):
    sweep = AttributeSweep(model, "r_half", of=galaxies, across="ellipticity", rows=2, columns=2)
    kept = [np.unique(sweep.shown.attribute("mag_r").round(4))]
    sweep.galaxy = 2
    kept.append(np.unique(sweep.shown.attribute("mag_r").round(4)))
    np.testing.assert_allclose(
        [float(each[0]) for each in kept], model.decode(model.encode(galaxies[[0, 2]])).attribute("mag_r"), atol=1e-3
    )
    assert [len(each) for each in kept] == [1, 1]


def test_figure_of_a_plane_names_both_axes(model):
    figure = AttributeSweep(model, "mag_r", across="r_half", rows=2, columns=3, across_low=0.5, across_high=2).figure()
    words = [text.get_text() for text in (*figure.texts, *figure.axes[0].texts)]
    assert {"r magnitude", "half-light radius (arcsec)", "17.0 mag", "0.50", "2.00"} <= set(words)


def test_scrub_of_a_plane_runs_through_its_rows(model):
    sweep = AttributeSweep(model, "mag_r", across="g_r", rows=5, columns=3)
    strip = sweep._show_strip(sweep._wanted(), 0)
    assert strip.columns == 3
    assert strip.rows > 20
    assert strip.about == {"low": 17.0, "high": 22.0}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda model, _: AttributeSweep(model, "mag_r", across="mag_x"), "no attribute is named 'mag_x'; this model sweeps mag_r"),
        (lambda model, _: AttributeSweep(model, ""), "no attribute is named ''"),
        (lambda model, _: AttributeSweep(model, "mag_r", across="mag_r").shown, "a plane needs two attributes"),
        (lambda model, galaxies: AttributeSweep(model, "mag_r", galaxies, across="g_r", galaxy=3).shown, "but there are 3, from 0"),
        (lambda model, galaxies: gw.sweep_plane(model, "mag_r", "g_r", of=galaxies, rows=[18], columns=[1]), "3 galaxies were given"),
        (lambda model, _: GalaxyGrid(model, corners=[1, 2]), "give four seeds"),
        (lambda _, galaxies: setattr(GalaxyGrid(galaxies=galaxies), "corners", [1, 2, 3, 4]), "corners came without a model"),
    ],
)
def test_misuse_is_said_in_words(make, words, model, galaxies):
    with pytest.raises((ValueError, TraitError), match=words):
        make(model, galaxies)
