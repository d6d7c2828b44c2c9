"""The widgets as Python sees them: what is selected, the code that makes it again, still pictures, and misuse in words."""

import base64
import io

import numpy as np
import pytest
from PIL import Image
from toy_model import ToyModel
from traitlets import TraitError

import galwidget as gw
from galwidget.widgets.editor import GalaxyEditor
from galwidget.widgets.explorer import explore
from galwidget.widgets.grid import GalaxyGrid
from galwidget.widgets.sweep import AttributeSweep
from galwidget.widgets.traversal import LatentTraversal


@pytest.fixture(scope="module")
def model():
    return ToyModel()


@pytest.fixture(scope="module")
def galaxies(model):
    return gw.observe(model.sample(7, seed=3), seed=1)


@pytest.mark.parametrize(
    "make",
    [
        lambda model, _: GalaxyGrid(
            model, rows=2, columns=3, seed=4, conditions={"mag_r": (18, 20), "morphology": ["E", "S0"]}, temperature=0.7
        ),
        lambda model, _: AttributeSweep(model, "r_half", rows=3, columns=2, seed=2),
        lambda model, _: AttributeSweep(model, "morphology", columns=2),
        lambda model, galaxies: AttributeSweep(model, "mag_r", of=galaxies, rows=3, low=18, high=19),
        lambda model, _: LatentTraversal(model, dims=[0, 3], steps=3),
        lambda model, galaxies: LatentTraversal(model, of=galaxies[1], dims=[0, 3], steps=3),
    ],
    ids=["grid", "sweep", "sweep of a category", "sweep of galaxies", "traversal", "traversal of a galaxy"],
)
def test_code_makes_the_selected_galaxies_again_to_the_pixel(make, model, galaxies, monkeypatch):
    monkeypatch.setattr(gw, "load", lambda: model, raising=False)
    monkeypatch.setattr(gw, "Latent", type(model.draw(1)), raising=False)
    widget = make(model, galaxies)
    widget.selection = [4, 1]
    names = {"galaxies": galaxies}
    exec(widget.code(), names)  # noqa: S102 (the claim is that this text runs)
    assert names["selected"] == widget.selected == widget.shown[[1, 4]]
    assert len(widget.latent) == len(widget.table) == 2
    np.testing.assert_array_equal(model.decode(widget.latent).flux, widget.selected.flux)
    widget.close()


def test_traversal_moved_by_its_sliders_is_made_again(model, monkeypatch):
    monkeypatch.setattr(gw, "load", lambda: model, raising=False)
    monkeypatch.setattr(gw, "Latent", type(model.draw(1)), raising=False)
    traversal = LatentTraversal(model, dims=[0, 2], steps=3)
    traversal.position = {"0": 2.0}
    traversal.selection = [6]  # the galaxy where the sliders stand
    names = {}
    exec(traversal.code(), names)  # noqa: S102 (the claim is that this text runs)
    assert names["selected"] == traversal.selected
    assert traversal.latent.mean[0, 0] == pytest.approx(2.0)


def test_nothing_selected_is_no_galaxies(model):
    grid = GalaxyGrid(model, rows=2, columns=2)
    assert len(grid.selected) == len(grid.latent) == len(grid.table) == 0


def test_selection_beyond_a_smaller_grid_is_dropped(model):
    grid = GalaxyGrid(model, rows=4, columns=4)
    grid.selection = [0, 15]
    grid.rows = 2
    assert len(grid.selected) == 1


def test_rows_of_a_sweep_increase_downwards_and_say_so(model):
    sweep = AttributeSweep(model, "mag_r", rows=3, columns=2, low=20, high=18)
    shown = sweep._shown(sweep._wanted())
    assert shown.row_labels == ["18.0 mag", "19.0 mag", "20.0 mag"]
    np.testing.assert_allclose(shown.galaxies.attribute("requested_mag_r"), [18, 18, 19, 19, 20, 20])


def test_given_galaxies_are_shown_by_the_page_and_selected_across_pages(galaxies):
    grid = GalaxyGrid(galaxies=galaxies, rows=2, columns=2)
    grid.page = 1
    assert grid.shown == galaxies[4:]
    grid.selection = [0, 6]
    assert grid.selected == galaxies[[0, 6]]
    assert grid.latent is None
    names = {"galaxies": galaxies}
    exec(grid.code(), names)  # noqa: S102 (the claim is that this text runs)
    assert names["selected"] == grid.selected


def test_galaxies_without_attributes_can_be_shown(galaxies):
    bare = gw.Galaxies(galaxies.flux, survey=galaxies.survey)
    grid = GalaxyGrid(galaxies=bare)
    assert set(grid._repr_mimebundle_()[0]) >= {"image/png", "text/html"}


def test_editor_changes_the_attribute_that_is_asked_and_no_other(model, galaxies, monkeypatch):
    monkeypatch.setattr(gw, "load", lambda: model, raising=False)
    editor = GalaxyEditor(model, galaxies, index=2)
    before = editor.edited.table
    editor.edits = {"mag_r": 18.25}
    after = editor.edited.table
    assert after["mag_r"][0].value == pytest.approx(18.25, abs=1e-5)
    assert after["r_half"][0].value == pytest.approx(before["r_half"][0].value)
    names = {"galaxies": galaxies}
    exec(editor.code(), names)  # noqa: S102 (the claim is that this text runs)
    np.testing.assert_array_equal(names["selected"].flux, editor.selected.flux)


def test_editor_selects_galaxy_reconstruction_or_edit(model, galaxies):
    editor = GalaxyEditor(model, galaxies)
    editor.selection = [0, 1, 2]
    np.testing.assert_array_equal(editor.selected.flux[0], galaxies.flux[0])
    reconstruction = gw.observe(model.reconstruct(galaxies[0]), psf=galaxies[0].psfs[0], noise=False)
    np.testing.assert_allclose(editor.selected.flux[1], reconstruction.flux[0], rtol=1e-5, atol=1e-5)
    editor.telescope = False
    np.testing.assert_array_equal(editor.selected.flux[2], editor.edited.flux[0])


def test_saved_notebook_has_a_small_picture_and_its_html(model):
    data, _ = GalaxyGrid(model)._repr_mimebundle_()
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert np.asarray(image.convert("L")).std() > 5
    assert data["image/png"] in data["text/html"]
    assert len(data["image/png"]) + len(data["text/html"]) < 200_000
    assert "application/vnd.jupyter.widget-view+json" in data


def test_no_trait_carries_pixels(model, galaxies):
    for widget in (GalaxyGrid(model), AttributeSweep(model, of=galaxies), LatentTraversal(model), GalaxyEditor(model, galaxies)):
        state = {name: value for name, value in widget.get_state().items() if name not in ("_esm", "_css", "_bundle")}
        assert len(str(state)) < 4000
        widget.close()


def test_explorer_selects_from_the_open_tab_and_closes_all(model, galaxies):
    explorer = explore(model, galaxies)
    assert explorer.titles == ("Sample", "Sweep", "Traverse", "Edit", "Galaxies", "Find", "Map", "Train")
    explorer.selected_index = 4
    explorer.galaxies.selection = [2]
    assert explorer.selected == galaxies[[2]]
    assert "image/png" in explorer._repr_mimebundle_()
    children = explorer.children
    explorer.close()
    assert all(child.comm is None for child in children)


def test_closed_widget_leaves_no_model_behind(model, galaxies):
    from ipywidgets.widgets import widget as ipywidget

    before = set(ipywidget._instances)
    explorer = explore(model, galaxies)
    assert set(ipywidget._instances) - before
    explorer.close()
    assert set(ipywidget._instances) == before


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda *_: GalaxyGrid(), "neither of model and galaxies given"),
        (lambda model, galaxies: GalaxyGrid(model, galaxies=galaxies), "both of model and galaxies given"),
        (lambda model, _: GalaxyGrid(model, conditions={"mag_x": 1}), "no condition is named 'mag_x'; this model knows mag_r, g_r"),
        (lambda model, _: GalaxyGrid(model, rows=99), "rows"),
        (lambda model, _: AttributeSweep(model, "mag_x"), "no attribute is named 'mag_x'; this model sweeps mag_r"),
        (lambda model, _: LatentTraversal(model, dims=[0, 77]), "give at least one of 0 to 5"),
        (lambda model, galaxies: GalaxyEditor(model, galaxies[:0]), "no galaxies were given"),
        (lambda model, galaxies: GalaxyEditor(model, galaxies, index=7), "galaxy 7 was asked for, but there are 7"),
        (lambda model, galaxies: GalaxyEditor(model, gw.Galaxies(table=galaxies.table, survey="KiDS")), "no images"),
    ],
)
def test_misuse_is_said_in_words(make, words, model, galaxies):
    with pytest.raises((ValueError, TraitError), match=words):
        make(model, galaxies)
