"""Widgets stand among ipywidgets' own: in boxes, linked, observed, in interactive_output."""

import ipywidgets
import pytest
from patience import SOON
from toy_model import ToyModel
from wire import Browser

import galwidget as gw
from galwidget.widgets.parts import parts_of


@pytest.fixture(scope="module")
def model():
    return ToyModel()


def test_a_slider_of_ipywidgets_that_is_linked_draws_other_galaxies_and_follows_the_page(model):
    grid, slider = gw.GalaxyGrid(model, rows=1, columns=2), ipywidgets.IntSlider(min=0, max=50)
    ipywidgets.link((slider, "value"), (grid, "seed"))
    before = grid.shown
    slider.value = 7
    assert grid.seed == 7
    assert grid.shown != before
    Browser(grid).say({"type": "state", "state": {"seed": 9}})
    assert slider.value == 9
    grid.close()


def test_two_widgets_that_are_linked_show_the_same(model):
    one, other = (gw.GalaxyGrid(model, rows=1, columns=2, seed=seed) for seed in (1, 2))
    for trait in ("seed", "conditions", "display", "selection"):
        ipywidgets.link((one, trait), (other, trait))
    Browser(one).say({"type": "state", "state": {"seed": 5, "conditions": {"mag_r": 18.0}, "selection": [1]}})
    assert other.shown == one.shown
    assert other.selected == one.selected
    assert len(other.selected) == 1
    one.close()
    other.close()


def test_what_the_page_changes_is_observed_and_redraws_an_output(model):
    sweep, seen = gw.AttributeSweep(model, "mag_r", rows=2, columns=2), []
    sweep.observe(lambda change: seen.append((change["name"], change["new"])), ["attribute", "selection"])
    output = ipywidgets.interactive_output(lambda **asked: seen.append(asked), {"attribute": sweep_value(sweep)})
    Browser(sweep).say({"type": "state", "state": {"attribute": "r_half", "selection": [2]}})
    assert ("attribute", "r_half") in seen
    assert ("selection", [2]) in seen
    assert {"attribute": "r_half"} in seen
    output.close()
    sweep.close()


def sweep_value(sweep):
    """The attribute as a widget with a value, which interactive_output takes."""
    value = ipywidgets.Text(sweep.attribute)
    ipywidgets.dlink((sweep, "attribute"), (value, "value"))
    return value


@pytest.mark.parametrize("box", [ipywidgets.VBox, ipywidgets.HBox, ipywidgets.Accordion])
def test_boxes_hold_every_widget(model, box):
    galaxies = gw.observe(model.sample(4, seed=1), seed=1)
    made = [
        gw.GalaxyGrid(model, rows=1, columns=2), gw.AttributeSweep(model, "mag_r"), gw.LatentTraversal(model),
        gw.GalaxyEditor(model, galaxies), gw.LatentMap(model, galaxies), gw.TrainingMonitor(galaxies, model),
    ]  # fmt: skip
    held = box(made)
    assert set(made) <= parts_of(held)
    assert made[4].wait(SOON)
    for widget in made:
        widget.close()
    held.close()
