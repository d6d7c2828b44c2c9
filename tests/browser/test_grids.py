"""Seeds that are walked, galaxies that are mixed, planes of two attributes: by pointer and by key, a page each."""

import numpy as np
import pytest
from jupyter_in_browser import pixels
from toy_model import ToyModel
from widget_page import WidgetPage

import galwidget as gw


@pytest.fixture(scope="module")
def mixed(chromium, shipped):
    page = WidgetPage(chromium, gw.GalaxyGrid(shipped, rows=3, columns=3, seed=3))
    yield page
    assert page.console == []
    page.close()


@pytest.fixture(scope="module")
def plane(chromium):
    sweep = gw.AttributeSweep(ToyModel(stamp=32), "mag_r", across="r_half", rows=3, columns=4, seed=2)
    page = WidgetPage(chromium, sweep)
    yield page
    assert page.console == []
    page.close()


def picture(page):
    return pixels(page.root.locator("canvas").first, whole=True)["data"]


def captions(page):
    return [text for text in page.root.locator(".gw-sheet").first.locator(".gw-caption").all_inner_texts() if text]


def test_n_and_p_walk_the_seeds_and_come_back(mixed):
    mixed.cell(0).click()
    before = picture(mixed)
    mixed.keys("n")
    assert mixed.widget.seed == 4
    assert not np.array_equal(picture(mixed), before)
    mixed.keys("p")
    assert mixed.widget.seed == 3
    assert np.array_equal(picture(mixed), before)


def test_four_seeds_are_mixed_named_walked_and_let_go(mixed):
    galaxies = mixed.root.get_by_label("galaxies of the grid")
    galaxies.select_option("mix")
    mixed.settle()
    assert mixed.widget.corners == [3, 5, 4, 6]
    assert captions(mixed) == ["seed 3", "seed 5", "seed 4", "seed 6"]
    right = mixed.widget.shown.flux[[2, 8]]
    mixed.cell(4).click()
    mixed.keys("n")
    assert mixed.widget.corners == [5, 7, 6, 8]
    np.testing.assert_allclose(mixed.widget.shown.flux[[0, 6]], right, rtol=1e-3)
    mixed.root.get_by_role("textbox", name="seed bottom right").fill("40")
    mixed.keys("Enter")
    assert mixed.widget.corners == [5, 7, 6, 40]
    galaxies.select_option("")
    mixed.settle()
    assert mixed.widget.corners == []
    assert captions(mixed) == []


def test_values_of_a_plane_stand_beside_the_rows_and_over_the_columns(plane):
    assert plane.root.locator(".gw-rowlabels > div").all_inner_texts() == ["17.0 mag", "19.5 mag", "22.0 mag"]
    heads = plane.root.locator(".gw-columnlabels > div")
    assert [float(text) for text in heads.all_inner_texts()] == pytest.approx(np.geomspace(0.4, 1.6, 4), abs=0.01)
    axes = plane.root.locator(".gw-axis").inner_text()
    assert axes == "r magnitude, increasing downwards ↓; half-light radius (arcsec), increasing to the right →"
    columns = [heads.nth(column).bounding_box() for column in range(4)]
    cells = [plane.cell(column).bounding_box() for column in range(4)]
    assert [box["x"] for box in columns] == pytest.approx([box["x"] for box in cells], abs=1)


def test_every_picture_has_the_values_requested_and_measured_until_they_are_put_away(plane):
    plane.cell(5).click()
    assert len(captions(plane)) == 12
    brightness, size = ([float(value.strip("\u200b")) for value in line.split("→")] for line in captions(plane)[5].splitlines())
    measured = plane.widget.shown.table[5]
    rows, columns = (plane.root.locator(f".gw-{side}labels > div").nth(1).inner_text() for side in ("row", "column"))
    assert [brightness[0], size[0]] == [float(rows.split()[0]), float(columns)]
    assert brightness[1] == pytest.approx(measured["mag_r"].value, abs=0.051)
    assert size[1] == pytest.approx(measured["r_half"].value, abs=0.0051)
    plane.keys("Enter")
    known = plane.root.locator(".gw-known")
    heads = known.locator("th[scope='col']").all_inner_texts()
    values = known.locator("tr", has_text="r magnitude").locator("td").all_inner_texts()
    assert dict(zip(heads, values, strict=False)) == {"requested": "19.50", "predicted": "", "measured": "19.50"}
    plane.keys("v")
    assert captions(plane) == []


def test_an_attribute_cannot_be_swept_against_itself(plane):
    right, down = plane.root.get_by_label("attribute to the right"), plane.root.get_by_label("attribute", exact=True)
    assert right.locator("option[value='mag_r']").is_disabled()
    assert down.locator("option[value='r_half']").is_disabled()


def test_second_attribute_is_taken_away_and_given_back(plane):
    right = plane.root.get_by_label("attribute to the right")
    right.select_option("")
    plane.settle()
    assert plane.widget.across == ""
    assert plane.root.locator(".gw-columnlabels > div").count() == 0
    right.select_option("morphology")
    plane.settle()
    assert plane.root.locator(".gw-columnlabels > div").all_inner_texts() == ["E", "S0", "Sb", "Sc", "Im"]
    right.select_option("r_half")
    plane.settle()


def test_saved_page_of_a_plane_has_both_axes_and_scrubs(plane, chromium, tmp_path):
    file = tmp_path / "plane.html"
    plane.widget.export_html(file)
    context = chromium.new_context(viewport={"width": 1180, "height": 900})
    page = context.new_page()
    page.goto(file.as_uri())
    page.wait_for_selector(".gw-widget[data-picture='here']")
    assert page.locator(".gw-columnlabels > div").count() == 4
    scrub = page.get_by_role("slider", name="scrub", exact=True)
    scrub.focus()
    seen = set()
    for _ in range(3):
        for _ in range(40):
            page.keyboard.press("ArrowRight")
        page.wait_for_timeout(100)
        seen.add(pixels(page.locator(".gw-scrubbed canvas"))["hash"])
    assert len(seen) == 3
    context.close()
