"""Which galaxies and how many, by pointer and by key: the size of a grid, and the given or drawn galaxies of a sweep and a traversal."""

import numpy as np
import pytest
from jupyter_in_browser import pixels
from toy_model import ToyModel

import galwidget as gw

MODEL = ToyModel(stamp=32)


def galaxies(n=12):
    return gw.observe(MODEL.sample(n, seed=2, mag_r=18), seed=3)


def picture(page, index=0):
    return pixels(page.root.locator("canvas").nth(index), whole=True)["data"]


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (20, 20), (3, 32)])
def test_a_grid_has_any_size_that_is_typed(opened, rows, columns):
    page = opened(gw.GalaxyGrid(MODEL, rows=2, columns=2))
    for side, number in (("rows", rows), ("columns", columns)):
        field = page.root.get_by_role("textbox", name=f"number of {side}")
        field.fill(str(number))
        field.press("Enter")
        page.settle()
    assert (page.widget.rows, page.widget.columns) == (rows, columns)
    assert page.root.get_by_role("gridcell").count() == rows * columns
    assert picture(page).std() > 3
    page.cell(0).focus()
    page.keys("Control+z", "Control+z")
    assert (page.widget.rows, page.widget.columns) == (2, 2)


def test_given_galaxies_are_shown_so_many_a_page(opened):
    page = opened(gw.GalaxyGrid(galaxies=galaxies(), rows=2, columns=3))
    field = page.root.get_by_role("textbox", name="number of rows")
    field.fill("3")
    field.press("Enter")
    page.settle()
    assert page.root.get_by_text("0 to 8 of 12").is_visible()


def test_a_traversal_walks_through_the_given_galaxies_and_draws_others(opened):
    page = opened(gw.LatentTraversal(MODEL, of=galaxies(3), dims=[0, 2], steps=3))
    seen = {picture(page, 1).tobytes()}
    page.cell(1, 1).click()
    slider = page.root.get_by_role("slider").first
    slider.press("End")
    page.settle()
    assert page.widget.position
    for key, galaxy in (("n", 1), ("n", 2), ("n", 0), ("p", 2)):
        page.cell(1, 1).focus()
        page.keys(key)
        assert (page.widget.galaxy, page.widget.position) == (galaxy, {})
        seen.add(picture(page, 1).tobytes())
    page.root.get_by_label("galaxies given or drawn").select_option("drawn")
    page.settle()
    assert page.widget.drawn
    seen.add(picture(page, 1).tobytes())
    assert len(seen) == 4
    page.cell(1, 1).focus()
    page.keys("n")
    assert (page.widget.galaxy, page.widget.seed) == (2, 2)


def test_a_sweep_walks_through_the_given_galaxies_by_its_columns(opened):
    page = opened(gw.AttributeSweep(MODEL, "mag_r", of=galaxies(), rows=2, columns=5))
    page.root.get_by_role("button", name="next of the given galaxies").click()
    page.settle()
    assert (page.widget.galaxy, page.root.get_by_text("5 to 9 of 12").count()) == (5, 1)
    page.cell(3).click()
    page.keys("Enter")
    assert page.root.get_by_role("region", name="The galaxy at hand").get_by_role("heading").inner_text().startswith("galaxy 8:")
    np.testing.assert_allclose(page.widget.shown.attribute("mag_r")[:5], page.widget._values(page.widget._wanted())[0], atol=0.1)
    page.root.get_by_role("button", name="previous of the given galaxies").click()
    page.root.get_by_role("button", name="previous of the given galaxies").click()
    page.settle()
    assert page.root.get_by_text("10 to 11 of 12").count() == 1
    assert page.root.locator(".gw-sheet").first.get_by_role("gridcell").count() == 4
