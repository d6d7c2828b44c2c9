"""The map and the training in a real JupyterLab: a lasso and a click that reach Python, thumbnails, a free notebook while it trains."""

import time

import pytest
from accessible import serious

CELLS = (
    """
import galwidget as gw
from toy_model import ToyModel

model = ToyModel(32)
galaxies = gw.observe(model.sample(300, seed=3), seed=1)
explorer = gw.explore(model, galaxies)
explorer
""",
    """
drawn = model.draw(100_000, seed=3)
many = gw.Galaxies(table={"mag_r": 19.5 - drawn.mean[:, 0]}, survey=model.survey)
chart = gw.LatentMap(model, many, latent=drawn)
chart
""",
    """
monitor = gw.TrainingMonitor()
monitor
""",
)


@pytest.fixture(scope="module")
def notebook(run_cells):
    return run_cells("map", CELLS, height=1500)


def until(notebook, expression, limit=90.0):
    """Wait until an expression is true in the kernel."""
    begun = time.monotonic()
    while notebook.run(f"print(bool({expression}))") != "True\n":
        assert time.monotonic() - begun < limit, f"{expression} did not become true"
        notebook.page.wait_for_timeout(200)


def figure_of(notebook, cell, index=0):
    """The drawn figure of a cell, on the screen, and its box."""
    figure = notebook.page.locator(".jp-CodeCell").nth(cell).locator(".bqplot").nth(index)
    figure.wait_for(timeout=60_000)
    figure.scroll_into_view_if_needed()
    notebook.page.wait_for_timeout(500)
    return figure, figure.bounding_box()


def drag(page, corners):
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=6)
    page.mouse.up()


def around(box, x=0.45, y=0.45, half=70):
    middle_x, middle_y = box["x"] + x * box["width"], box["y"] + y * box["height"]
    return [(middle_x + half * i, middle_y + half * j) for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))]


def test_lasso_selects_among_a_hundred_thousand_galaxies(notebook, photograph):
    until(notebook, "chart.ready")
    cell = notebook.page.locator(".jp-CodeCell").nth(1)
    cell.get_by_role("button", name="Lasso").click()
    notebook.page.wait_for_timeout(2500)
    _, box = figure_of(notebook, 1)
    drag(notebook.page, around(box))
    until(notebook, "3000 < len(chart.selection) < 100_000")
    inside = "chart._plane.points[chart.selection]"
    notebook.run("import numpy as np")
    hull = f"(lambda p: ((chart._plane.points >= p.min(0)) & (chart._plane.points <= p.max(0))).all(1).sum())({inside})"
    assert notebook.run(f"print({hull} == len(chart.selection), len(chart.selected) == len(chart.selection))") == "True True\n"
    notebook.page.wait_for_timeout(1500)
    photograph(notebook.page, "map_lasso")
    cell.get_by_role("button", name="Look").click()


def test_click_decodes_any_point_of_the_plane(notebook):
    _, box = figure_of(notebook, 1)
    notebook.page.mouse.click(box["x"] + 0.12 * box["width"], box["y"] + 0.08 * box["height"])  # a corner without galaxies
    until(notebook, "chart.at is not None and 'Decoded at' in chart._values.value")
    assert notebook.run("print(chart.decoded.flux.shape)") == "(1, 5, 32, 32)\n"
    left, right, _, top = (float(word) for word in notebook.run("print(*chart._plane.extent)").split())
    x, y = (float(word) for word in notebook.run("print(*chart.at)").split())
    assert left < x < left + 0.2 * (right - left)
    assert 0.7 * top < y < top


def test_click_is_answered_beside_a_running_cell(notebook, tmp_path):
    _, box = figure_of(notebook, 1)
    said = notebook.page.locator(".jp-CodeCell").nth(1).get_by_text("Decoded at")
    before = said.inner_text()
    with notebook.busy_cell(tmp_path):
        notebook.page.mouse.click(box["x"] + 0.12 * box["width"], box["y"] + 0.75 * box["height"])
        said.filter(has_not_text=before).wait_for(timeout=30_000)


def test_tab_map_is_made_when_it_is_opened_and_pointing_shows_a_galaxy(notebook, photograph):
    assert notebook.run("print(explorer.children[6]._made)") == "None\n"
    tab = notebook.page.get_by_role("tab", name="Map", exact=True)
    tab.scroll_into_view_if_needed()
    tab.click()
    until(notebook, "explorer.children[6]._made is not None and explorer.map.ready")
    figure, _ = figure_of(notebook, 0)
    figure.locator(".object_grp path").nth(40).hover(force=True)
    until(notebook, "explorer.map._chart.caption.value.startswith('galaxy ')")
    thumbnails = "[...document.querySelectorAll('.bqplot_mark_tooltip img')]"
    notebook.page.wait_for_function(f"() => {thumbnails}.some(image => image.naturalWidth === 32 && image.checkVisibility())")
    photograph(notebook.page, "map_hover")


def test_galaxies_of_the_map_are_selected_decoded_looked_at_and_stitched_by_keys(notebook, photograph):
    page = notebook.page
    tabs = page.locator(".jp-CodeCell").first
    place = tabs.get_by_label("x", exact=True)
    place.fill("0.5")
    place.press("Enter")
    until(notebook, "explorer.map.at is not None and explorer.map.at[0] == 0.5")
    condition = tabs.get_by_label("Select", exact=True)
    condition.fill("mag_r < 18.5")
    condition.press("Enter")
    until(notebook, "len(explorer.map.selection) > 3")
    beneath = tabs.locator(".gw-widget[aria-label='Galaxies of the map']")
    beneath.wait_for(timeout=30_000)
    beneath.scroll_into_view_if_needed()
    notebook.settle(beneath)
    galaxies = beneath.get_by_role("gridcell")
    page.wait_for_function("document.querySelector('[aria-label=\"Galaxies of the map\"] .gw-caption').textContent === 'decoded'")
    notebook.settle(beneath)
    galaxies.nth(0).focus()
    for key in ("ArrowRight", "Enter"):
        page.keyboard.press(key)
    panel = beneath.get_by_role("region", name="The galaxy at hand")
    first = notebook.run("print(explorer.map.selection[0])").strip()
    assert panel.get_by_role("heading").inner_text() == f"galaxy {first} of 300"
    panel.get_by_text("latent, 6 numbers").wait_for()
    photograph(page, "map_galaxies")
    galaxies.nth(1).focus()
    before = notebook.page.locator(".jp-CodeCell").count()
    page.keyboard.press("s")
    cells = "window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells"
    page.wait_for_function(f"{cells}.length === {before + 1}", timeout=30_000)
    source = page.evaluate(f"{cells}[1].getSource()")
    assert "decoded = model.decode" in source
    notebook.run("load, gw.load = gw.load, lambda: model")  # the toy is no file
    notebook.run(f"names = dict(globals()); exec({source!r}, names); gw.load = load; import numpy")
    assert notebook.run("print(numpy.array_equal(names['selected'].flux, explorer.map.selected.flux))") == "True\n"
    assert notebook.run("print(numpy.array_equal(names['decoded'].flux, explorer.map.decoded.flux))") == "True\n"
    notebook.command("notebook:undo-cell-action")
    page.wait_for_function(f"{cells}.length === {before}", timeout=30_000)


def test_notebook_is_free_while_it_trains_and_stop_keeps(notebook, photograph, tmp_path):
    notebook.run("monitor.fit(galaxies, epochs=400, latent_size=4, batch_size=32, prior_epochs=1)")
    until(notebook, "monitor.progress > 0", 240)
    assert notebook.run("print(6 * 7)") == "42\n"
    cell = notebook.page.locator(".jp-CodeCell").nth(2)
    cell.scroll_into_view_if_needed()
    with notebook.busy_cell(tmp_path):
        cell.get_by_role("button", name="Pause").click()
        cell.get_by_role("button", name="Go on").wait_for(timeout=30_000)
    assert notebook.run("print(monitor.phase)") == "paused\n"
    cell.get_by_role("button", name="Go on").click()
    until(notebook, "monitor.phase == 'training' and len(monitor._charts._lines['loss'].x) > 2")
    assert cell.locator(".bqplot").count() >= 5
    photograph(notebook.page, "monitor")
    cell.get_by_role("button", name="Stop and keep").click()
    until(notebook, "monitor.phase == 'stopped'", 120)
    assert notebook.run("print(len(monitor.model.sample(3, seed=1)))") == "3\n"


def test_nothing_went_wrong_in_the_page(notebook):
    assert notebook.errors() == []
    assert [line for line in notebook.console if "bqplot" in line or "Error" in line] == []
    assert notebook.elsewhere == []


@pytest.mark.parametrize("theme", ["Dark", "Light"])
def test_axe_finds_nothing_serious_in_any_tab_of_the_explorer(notebook, theme):
    notebook.theme(theme)
    explorer = notebook.page.locator(".widget-tab, .jupyter-widget-tab").first
    found = {}
    for tab in explorer.get_by_role("tab").all():
        tab.click()
        notebook.page.wait_for_timeout(1500 if tab.inner_text() in ("Find", "Map", "Train") else 400)
        found[tab.inner_text()] = serious(notebook.page, ".widget-tab, .jupyter-widget-tab")
    assert {tab: lines for tab, lines in found.items() if lines} == {}
    assert list(found) == ["Sample", "Sweep", "Traverse", "Edit", "Galaxies", "Find", "Map", "Train"]
