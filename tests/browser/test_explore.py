"""notebooks/explore.ipynb in a real JupyterLab and a real browser: Run All, and then what an astronomer does with it."""

import time
from pathlib import Path

import numpy as np
import pytest
from jupyter_in_browser import Notebook, pixels

import galwidget as gw

NOTEBOOK = Path(__file__).parents[2] / "notebooks/explore.ipynb"
GRID = ".gw-widget[aria-label='Galaxies that do not exist']"
TRAVERSAL = ".gw-widget[aria-label='Latent traversal']"
EDITOR = ".gw-widget[aria-label='Galaxy editor']"


@pytest.fixture(scope="module")
def notebook(lab, chromium, shipped):
    del shipped
    opened = Notebook(chromium, lab, NOTEBOOK)
    opened.run_all()
    yield opened
    opened.close()


@pytest.fixture
def grid(notebook):
    return use(notebook, GRID)


def use(notebook, selector):
    """The first widget of a kind, on the screen, with its newest picture."""
    widget = notebook.page.locator(selector).first
    widget.scroll_into_view_if_needed()
    widget.locator(".gw-head").click()  # JupyterLab gives the focus to the cell first
    notebook.settle(widget)
    return widget


def canvas_of(widget, index=0):
    return pixels(widget.locator("canvas").nth(index))


def press(notebook, slider, key="ArrowRight", times=12):
    slider.focus()
    for _ in range(times):
        notebook.page.keyboard.press(key)


def quiet(notebook, seconds=1.0, limit=40.0):
    """Wait until the page has sent no message for a while, and return how many it has sent."""
    sent, since = notebook.comm_messages(), time.monotonic()
    begun = since
    while time.monotonic() - since < seconds:
        assert time.monotonic() - begun < limit, "the page goes on sending messages"
        notebook.page.wait_for_timeout(100)
        if notebook.comm_messages() != sent:
            sent, since = notebook.comm_messages(), time.monotonic()
    return sent


def test_run_all_shows_galaxies_that_do_not_exist(grid):
    seen = canvas_of(grid)
    assert seen["deviation"] > 5
    assert seen["colours"] > 200
    assert grid.get_by_role("gridcell").count() == 64


def test_every_widget_of_the_notebook_shows_galaxies(notebook):
    for selector in (".gw-widget[aria-label='Attribute sweep']", TRAVERSAL, EDITOR):
        assert canvas_of(use(notebook, selector))["deviation"] > 3


def test_picture_is_make_lupton_rgb_within_one_level(notebook, grid, tmp_path):
    file = tmp_path / "expected.npy"
    notebook.run("import numpy; from galwidget.picture import mosaic")
    notebook.run(f"numpy.save({str(file)!r}, mosaic(grid.shown.rgb(**grid.display), 8, 2))")
    expected = np.load(file)
    drawn = pixels(grid.locator("canvas").first, whole=True)["data"]
    assert drawn.shape == expected.shape
    cells = (np.arange(expected.shape[0]) % 66 < 64)[:, None] & (np.arange(expected.shape[1]) % 66 < 64)
    assert np.abs(drawn.astype(int) - expected)[cells].max() <= 1


def test_slider_changes_the_picture_and_python_hears_the_condition(notebook, grid):
    before = canvas_of(grid)
    press(notebook, grid.get_by_role("slider", name="half-light radius", exact=True))
    notebook.settle(grid)
    assert canvas_of(grid)["hash"] != before["hash"]
    assert float(notebook.run("print(grid.conditions['r_half'])")) > float(notebook.run("print(model.conditions['r_half'].low)"))


def test_conditions_of_python_reach_the_browser(notebook, grid):
    before = canvas_of(grid)
    notebook.run("grid.conditions = {'mag_r': 18.5}")
    notebook.page.wait_for_timeout(300)
    notebook.settle(grid)
    assert canvas_of(grid)["hash"] != before["hash"]
    assert grid.get_by_role("slider", name="r magnitude", exact=True).get_attribute("aria-valuetext") == "18.50 mag"


def test_clicked_galaxies_are_selected_in_python(notebook, grid):
    cells = grid.get_by_role("gridcell")
    cells.nth(10).click()
    cells.nth(19).click(modifiers=["Shift"])
    cells.nth(63).click(modifiers=["Control"])
    assert notebook.run("print(grid.selection, len(grid.selected), len(grid.latent), len(grid.table))") == "[10, 11, 18, 19, 63] 5 5 5\n"
    assert cells.nth(63).get_attribute("aria-selected") == "true"
    assert "5 selected" in grid.locator(".gw-readout").inner_text() or "galaxy 63" in grid.locator(".gw-readout").inner_text()


def test_keys_move_and_select_inside_jupyterlab(notebook, grid):
    page = notebook.page
    grid.get_by_role("gridcell").nth(0).click()
    for key in ("ArrowDown", "ArrowRight", "Enter", "ArrowRight", " "):
        page.keyboard.press(key)
    quiet(notebook)  # ipywidgets sends what was chosen second when the kernel has heard of the first
    assert notebook.run("print(grid.selection)") == "[9, 10]\n"
    page.keyboard.press("Escape")
    assert notebook.run("print(grid.selection)") == "[]\n"


def test_code_of_the_selection_runs_and_gives_the_same_pixels(notebook, grid):
    grid.get_by_role("gridcell").nth(7).click()
    code = "names = {}\nexec(grid.code(), names)\nprint(names['selected'] == grid.selected, len(grid.selected))"
    assert notebook.run(code) == "True 1\n"


def test_stretch_changes_the_picture_and_sends_no_message(notebook, grid):
    before, sent = canvas_of(grid), quiet(notebook)
    press(notebook, grid.get_by_role("slider", name="stretch", exact=True), times=20)
    press(notebook, grid.get_by_role("slider", name="softening Q", exact=True), times=5)
    notebook.page.wait_for_timeout(300)
    assert canvas_of(grid)["hash"] != before["hash"]
    assert notebook.comm_messages() == sent
    grid.get_by_role("button", name="back to the display of the survey").click()


def test_another_band_is_shown_without_a_message(notebook, grid):
    before, sent = canvas_of(grid), quiet(notebook, 2.0)
    grid.get_by_role("combobox", name="band shown as blue").select_option("u")
    notebook.page.wait_for_timeout(200)
    notebook.settle(grid)
    assert canvas_of(grid)["hash"] != before["hash"]
    assert notebook.comm_messages() == sent
    grid.get_by_role("button", name="back to the display of the survey").click()


def test_error_is_shown_in_words_and_the_next_picture_clears_it(notebook, grid):
    typed = grid.get_by_role("textbox", name="ellipticity, typed", exact=True)
    typed.click(click_count=3)
    notebook.page.keyboard.type("5\n")
    error = grid.get_by_role("alert")
    error.wait_for(state="visible", timeout=20_000)
    assert "ellipticity is (a - b)/(a + b)" in error.inner_text()
    grid.get_by_role("button", name="ask for nothing").click()
    error.wait_for(state="hidden", timeout=20_000)


def test_widget_answers_beside_a_running_cell(notebook, grid, tmp_path):
    before = canvas_of(grid)
    with notebook.busy_cell(tmp_path):
        press(notebook, grid.get_by_role("slider", name="r magnitude", exact=True), "ArrowLeft", 10)
        notebook.page.wait_for_timeout(200)
        notebook.settle(grid)
        assert canvas_of(grid)["hash"] != before["hash"]
    assert notebook.run("print('the kernel goes on')") == "the kernel goes on\n"


def test_scrub_moves_every_row_and_sends_no_message(notebook):
    traversal = use(notebook, TRAVERSAL)
    sent = quiet(notebook, 2.0)
    seen = {canvas_of(traversal)["hash"]}
    traversal.get_by_role("slider", name="scrub", exact=True).focus()
    for step in range(42):
        notebook.page.keyboard.down("ArrowRight")  # held: it repeats
        if step % 7 == 6:
            notebook.page.wait_for_timeout(80)
            seen.add(canvas_of(traversal)["hash"])
    assert len(seen) == 7
    assert notebook.comm_messages() == sent
    notebook.page.keyboard.up("ArrowRight")
    traversal.get_by_role("button", name="play there and back").click()
    notebook.page.wait_for_timeout(100)
    sent = quiet(notebook)
    notebook.page.wait_for_timeout(1500)
    moving = canvas_of(traversal)["hash"]
    assert notebook.comm_messages() == sent
    traversal.get_by_role("button", name="play there and back").click()
    assert moving not in seen
    assert quiet(notebook) == sent + 1  # the exact pictures of where it stopped


def test_slider_of_a_dimension_moves_the_galaxy(notebook):
    traversal = use(notebook, TRAVERSAL)
    before = canvas_of(traversal, 2)
    press(notebook, traversal.get_by_role("slider").first, times=20)
    notebook.page.wait_for_timeout(200)
    notebook.settle(traversal)
    assert canvas_of(traversal, 2)["hash"] != before["hash"]


def test_edit_changes_the_edited_galaxy_and_not_the_observed_one(notebook):
    editor = use(notebook, EDITOR)
    before = pixels(editor.locator("canvas").first, whole=True)["data"]
    side = (before.shape[1] - 6) // 4
    flux = float(notebook.run("print(editor.edited.flux.sum())"))
    press(notebook, editor.get_by_role("slider", name="r magnitude", exact=True), "ArrowRight", 30)
    notebook.page.wait_for_timeout(200)
    notebook.settle(editor)
    after = pixels(editor.locator("canvas").first, whole=True)["data"]
    assert np.array_equal(after[:, :side], before[:, :side])
    assert not np.array_equal(after[:, -side:], before[:, -side:])
    assert float(notebook.run("print(editor.edited.flux.sum())")) < flux
    assert notebook.run("print(list(editor.edits))") == "['mag_r']\n"


def test_closed_widget_leaves_the_page_and_its_thread_ends(notebook):
    page = notebook.page
    notebook.run("extra = gw.GalaxyGrid(model, rows=2, columns=2)")
    shown = page.locator(GRID).count()
    assert shown >= 1
    notebook.run("grid.close()")
    page.wait_for_function("([selector, n]) => document.querySelectorAll(selector).length === n", arg=[GRID, shown - 1], timeout=20_000)
    assert notebook.run("print(grid._worker.alive)") == "False\n"


def test_explorer_in_light_and_dark(notebook, photograph):
    page = notebook.page
    explorer = page.locator(".jp-OutputArea-output .widget-tab, .jp-OutputArea-output .jupyter-widget-tab").last
    explorer.scroll_into_view_if_needed()
    inks = {}
    for theme in ("Light", "Dark"):
        notebook.theme(theme)
        for tab in ("Sample", "Sweep", "Traverse", "Edit", "Galaxies"):
            explorer.get_by_role("tab", name=tab, exact=True).click()
            widget = explorer.locator(".gw-widget:visible").first
            notebook.settle(widget)
            page.wait_for_timeout(400)
            assert canvas_of(widget)["deviation"] > 3
            inks[theme] = widget.evaluate("el => getComputedStyle(el).color")
            explorer.scroll_into_view_if_needed()
            photograph(page, f"explorer_{tab.lower()}_{theme.lower()}")
    assert inks["Light"] != inks["Dark"]
    notebook.theme("Light")


def test_nothing_left_the_host_and_the_console_has_no_error(notebook):
    assert notebook.elsewhere == []
    assert notebook.console == []


def test_saved_notebook_is_small_and_keeps_a_picture(notebook):
    notebook.command("docmanager:save")
    notebook.page.wait_for_timeout(1500)
    saved = notebook.copy.read_text()
    assert "image/png" in saved
    assert len(saved) < 1_500_000
    assert gw.__name__ in saved
