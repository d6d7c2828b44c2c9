"""Select by attribute, the count of the training data, and latent dimensions by name: by key, a page each."""

import numpy as np
import pytest
from toy_model import ToyModel
from widget_page import WidgetPage

import galwidget as gw


@pytest.fixture(scope="module")
def paged(chromium):
    """Twenty given galaxies on three pages."""
    galaxies = ToyModel(stamp=32).sample(20, seed=4)
    page = WidgetPage(chromium, gw.GalaxyGrid(galaxies=galaxies, rows=2, columns=4))
    yield page
    assert page.console == []
    page.close()


@pytest.fixture(scope="module")
def drawn(chromium, shipped):
    page = WidgetPage(chromium, gw.GalaxyGrid(shipped, rows=2, columns=3, seed=3))
    yield page
    assert page.console == []
    page.close()


def marked(page):
    return page.root.locator('.gw-cell[aria-selected="true"]').count()


def asked(page, condition):
    page.cell(0).focus()
    page.page.keyboard.press("/")
    page.page.keyboard.insert_text(condition)
    page.page.keyboard.press("Enter")
    page.settle()


def told(page, **traits):
    """Python sets traits, and the page hears of it."""
    for name, value in traits.items():
        setattr(page.widget, name, value)
        page.page.evaluate("([name, value]) => model.set(name, value)", [name, value])
    page.settle()


def test_a_condition_selects_on_every_page_and_can_be_undone(paged):
    magnitude = paged.widget._galaxies.attribute("mag_r")
    field = paged.root.get_by_label("select by attribute")
    asked(paged, "mag_r < 19.5")
    paged.root.get_by_text(f"{(magnitude < 19.5).sum()} of 20").wait_for()
    assert paged.widget.selection == np.flatnonzero(magnitude < 19.5).tolist()
    assert marked(paged) == (magnitude[:8] < 19.5).sum()
    assert len(paged.widget.selected) == (magnitude < 19.5).sum()
    field.fill("")
    paged.cell(0).focus()
    paged.page.keyboard.press("Control+z")
    paged.settle()
    assert paged.widget.selection == []


def test_a_condition_that_cannot_be_read_says_so_and_leaves_the_selection(paged):
    paged.widget.select("mag_r > 0")
    paged.root.get_by_label("select by attribute").fill("")
    asked(paged, "size < 2")
    paged.root.locator(".gw-error").get_by_text("no attribute is named 'size'; there are mag_r").wait_for()
    assert len(paged.widget.selection) == 20
    paged.root.get_by_label("select by attribute").fill("")
    asked(paged, "g_r < 0.7")
    paged.root.locator(".gw-error").wait_for(state="hidden")
    assert 0 < len(paged.widget.selection) < 20


def test_conditions_say_how_many_galaxies_the_training_data_had_there(drawn):
    line, census = drawn.root.locator(".gw-census"), drawn.widget.model.census
    assert f"{census.total:,} of its {census.total:,} galaxies" in line.inner_text()
    told(drawn, conditions={"mag_r": [18, 19], "morphology": ["E"]})
    there = census.count(mag_r=(18, 19), morphology="E")
    assert 20 < there < census.total
    assert f"{there:,} of its" in line.inner_text()
    told(drawn, conditions={"mag_r": 16.0, "redshift": 0.9})
    assert "none of its" in line.inner_text()
    assert "goes beyond them" in line.inner_text()


def test_latent_dimensions_are_called_after_what_they_go_with_and_move_what_they_say(chromium):
    widget = gw.LatentTraversal(ToyModel(stamp=32), dims=[0, 2, 5], steps=3)
    page = WidgetPage(chromium, widget)
    labels = page.root.locator(".gw-dim").all_inner_texts()
    minus = "r\xa0=\xa0\N{MINUS SIGN}0.99"
    assert labels == [f"z0: mostly r magnitude, {minus}", "z2: partly half-light radius, r\xa0=\xa00.45", "z5: no one attribute"]
    # other dimensions, as many: the sliders are theirs
    told(page, dims=[1, 3, 4])
    assert page.root.locator(".gw-dim").first.inner_text().startswith("z1: mostly g - r")
    slider = page.root.get_by_role("slider", name="latent dimension z1")
    slider.focus()
    page.page.keyboard.press("Home")
    page.settle()
    assert set(widget.position) == {"1"}
    assert page.console == []
    page.close()
