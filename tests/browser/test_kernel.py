"""Widgets whose kernel is busy, shown twice, restarted: what the page shows, and that it goes on where it can."""

import pytest
from jupyter_in_browser import Notebook, pixels, write_notebook

GRID = ".gw-widget[aria-label='Galaxies that do not exist']"
TRAVERSAL = ".gw-widget[aria-label='Latent traversal']"
CELLS = (
    """
import galwidget as gw
from toy_model import ToyModel

model = ToyModel()
grid = gw.GalaxyGrid(model, rows=2, columns=3)
grid
""",
    "grid",
    "gw.LatentTraversal(model, dims=[0, 2], steps=5)",
)


def opened(lab, chromium, folder, *, subshells=True):
    notebook = Notebook(chromium, lab, write_notebook(folder / f"kernel_{subshells}.ipynb", CELLS), height=1900)
    if not subshells:
        kernel = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
        notebook.page.evaluate(f"() => {{ {kernel}.commsOverSubshells = 'disabled'; }}")
    notebook.run_all()
    return notebook


@pytest.fixture(scope="module")
def notebook(lab, chromium, tmp_path_factory):
    made = opened(lab, chromium, tmp_path_factory.mktemp("kernel"))
    yield made
    made.close()


@pytest.fixture
def without_subshells(lab, chromium, tmp_path):
    made = opened(lab, chromium, tmp_path, subshells=False)
    yield made
    made.close()


def shown(notebook, selector, index=0):
    widget = notebook.page.locator(selector).nth(index)
    widget.scroll_into_view_if_needed()
    notebook.settle(widget)
    return widget


def press(notebook, slider, times=10):
    slider.focus()
    for _ in range(times):
        notebook.page.keyboard.press("ArrowRight")


def picture(widget):
    return pixels(widget.locator("canvas").first)["hash"]


def test_two_views_of_one_widget_show_the_same_galaxies(notebook):
    first, second = shown(notebook, GRID, 0), shown(notebook, GRID, 1)
    before = picture(first)
    assert picture(second) == before
    press(notebook, second.get_by_role("slider", name="r magnitude", exact=True))
    notebook.page.wait_for_timeout(300)
    for view in (first, second):
        notebook.settle(view)
    assert picture(first) == picture(second) != before
    first.get_by_role("gridcell").nth(4).click()
    notebook.page.wait_for_timeout(300)
    assert second.get_by_role("gridcell").nth(4).get_attribute("aria-selected") == "true"
    assert notebook.run("print(grid.selection)") == "[4]\n"


def slide(notebook, grid):
    press(notebook, grid.get_by_role("slider", name="half-light radius", exact=True))


def assert_python_has_what_is_shown(notebook, grid):
    asked = float(grid.get_by_role("slider", name="half-light radius", exact=True).get_attribute("aria-valuetext").split()[0])
    assert float(notebook.run("print(grid.conditions['r_half'])")) == pytest.approx(asked, abs=0.01)


@pytest.mark.parametrize("first", ["", "grid.seed += 1"], ids=["untouched", "written to"])
def test_slider_is_answered_beside_a_busy_cell(notebook, tmp_path, first):
    grid = shown(notebook, GRID)
    with notebook.busy_cell(tmp_path, first):
        notebook.page.wait_for_timeout(500)
        notebook.settle(grid)
        before = picture(grid)
        slide(notebook, grid)
        notebook.settle(grid)
        assert picture(grid) != before
    assert_python_has_what_is_shown(notebook, grid)


def test_without_subshells_a_slider_is_answered_after_the_busy_cell(without_subshells, tmp_path):
    notebook = without_subshells
    grid = shown(notebook, GRID)
    before = picture(grid)
    with notebook.busy_cell(tmp_path):
        slide(notebook, grid)
        notebook.page.wait_for_timeout(2000)
        assert picture(grid) == before
    notebook.settle(grid)
    assert picture(grid) != before
    assert_python_has_what_is_shown(notebook, grid)


def test_restarted_kernel_is_said_the_last_picture_stays_and_the_scrub_goes_on(notebook):
    grid, traversal = shown(notebook, GRID), shown(notebook, TRAVERSAL)
    notebook.page.wait_for_timeout(3000)  # the strips come after the picture
    before = picture(grid)
    notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    notebook.page.wait_for_selector(f"{GRID}[data-kernel='gone']", timeout=60_000)
    assert "Run the cell again" in grid.get_by_role("status").first.inner_text()
    assert picture(grid) == before
    notebook.page.wait_for_timeout(3000)  # JupyterLab asks the new kernel which widgets it has
    sent = notebook.comm_messages()
    scrubbed = {picture(traversal)}
    for _ in range(4):
        press(notebook, traversal.get_by_role("slider", name="scrub", exact=True), 12)
        notebook.page.wait_for_timeout(150)
        scrubbed.add(picture(traversal))
    assert len(scrubbed) == 5
    press(notebook, grid.get_by_role("slider", name="r magnitude", exact=True))
    notebook.page.wait_for_timeout(500)
    assert picture(grid) == before
    assert notebook.comm_messages() == sent
    assert notebook.console == []


TWENTY = (
    """
import galwidget as gw
import ipywidgets
from toy_model import ToyModel

model = ToyModel()
grids = [gw.GalaxyGrid(model, rows=1, columns=3, seed=seed) for seed in range(20)]
ipywidgets.VBox(grids)
""",
    "grids[3]",
)


@pytest.fixture
def twenty(lab, chromium, tmp_path):
    made = Notebook(chromium, lab, write_notebook(tmp_path / "twenty.ipynb", TWENTY), height=3000)
    made.run_all()
    yield made
    made.close()


def test_twenty_widgets_of_a_page_share_one_front_end_and_each_shows_its_own(twenty):
    pictures = [picture(shown(twenty, GRID, index)) for index in range(21)]
    assert len(set(pictures)) == 20
    assert pictures[3] == pictures[20]
    assert twenty.page.evaluate("globalThis[Symbol.for('galwidget')].size") == 1
    press(twenty, shown(twenty, GRID, 7).get_by_role("slider", name="r magnitude", exact=True))
    twenty.settle(twenty.page.locator(GRID).nth(7))
    after = [picture(twenty.page.locator(GRID).nth(index)) for index in range(20)]
    assert [index for index in range(20) if after[index] != pictures[index]] == [7]
    assert twenty.console == []


def test_notebook_that_is_saved_and_opened_again_goes_on_with_its_kernel(twenty):
    slider = shown(twenty, GRID, 7).get_by_role("slider", name="r magnitude", exact=True)
    press(twenty, slider)
    before = picture(shown(twenty, GRID, 7))
    twenty.command("docmanager:save")
    twenty.page.wait_for_timeout(1000)
    twenty.page.reload(wait_until="domcontentloaded")
    twenty.page.wait_for_selector(f"{GRID}[data-picture='here']", timeout=60_000)
    assert picture(shown(twenty, GRID, 7)) == before
    press(twenty, shown(twenty, GRID, 7).get_by_role("slider", name="r magnitude", exact=True))
    twenty.page.wait_for_timeout(300)
    assert picture(shown(twenty, GRID, 7)) != before
