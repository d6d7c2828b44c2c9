"""Stitched cells in a real JupyterLab, where a host takes none, and the offline page; the saved notebook shows a picture."""

import nbformat
import numpy as np
import pytest
from jupyter_in_browser import pixels
from nbconvert import HTMLExporter, LatexExporter
from toy_model import ToyModel
from widget_page import WidgetPage

import galwidget as gw

GRID = ".gw-widget[aria-label='Galaxies that do not exist']"
CELLS = (
    "import galwidget as gw\nmodel = gw.load()\ngrid = gw.GalaxyGrid(model, rows=2, columns=3, seed=7)\ngrid",
    "tabs = gw.explore(model)\ntabs",
    "print('the end')",
)


@pytest.fixture(scope="module")
def notebook(run_cells, shipped):
    del shipped
    return run_cells("stitch", CELLS, height=1400)


def sources(notebook):
    return notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells.map(c => c.getSource())")


def stitched(notebook, count):
    """Wait until the notebook has ``count`` cells."""
    cells = "window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells.length"
    notebook.page.wait_for_function(f"{cells} === {count}", timeout=30_000)
    return sources(notebook)


def test_stitched_cell_stands_below_its_widget_and_gives_identical_pixels(notebook):
    grid = notebook.page.locator(GRID).first
    grid.scroll_into_view_if_needed()
    notebook.settle(grid)
    grid.get_by_role("gridcell").nth(4).click()
    grid.get_by_role("gridcell").nth(1).click(modifiers=["Control"])
    notebook.page.keyboard.press("s")
    cells = stitched(notebook, 4)
    assert (cells[0], cells[2:]) == (CELLS[0], list(CELLS[1:]))
    assert "shown[[1, 4]]" in cells[1]
    assert "check_model(gw.load()" in cells[1]
    notebook.page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1; }")
    notebook.command("notebook:run-cell")
    notebook.page.wait_for_function("document.querySelectorAll('.jp-CodeCell')[1].querySelector('.jp-OutputArea-output')", timeout=60_000)
    assert notebook.errors() == []
    same = "import numpy; print(numpy.array_equal(selected.flux, grid.selected.flux), selected == grid.selected, len(selected))"
    assert notebook.run(same) == "True True 2\n"


def test_inserted_cell_can_be_undone(notebook):
    grid = notebook.page.locator(GRID).first
    before = sources(notebook)
    grid.get_by_role("combobox", name="the new cell gives").select_option("fits")
    stitch = grid.get_by_role("button", name="a cell below this one that makes the selected galaxies again (s)")
    stitch.click()
    first = stitched(notebook, len(before) + 1)
    assert 'selected.write("selected.fits"' in first[1]
    stitch.click()
    stitched(notebook, len(before) + 2)
    notebook.command("notebook:undo-cell-action")
    assert stitched(notebook, len(before) + 1) == first  # one at a time, however fast they came
    assert "undo takes it away" in grid.locator(".gw-stitched").inner_text()
    notebook.command("notebook:undo-cell-action")
    assert stitched(notebook, len(before)) == before


def test_widget_in_a_tab_stitches_below_the_tabs(notebook):
    before = sources(notebook)
    place = before.index(CELLS[1])
    inner = notebook.page.locator(f".jp-CodeCell:nth-of-type(n) .widget-tab {GRID}, .jupyter-widget-tab {GRID}").first
    inner.scroll_into_view_if_needed()
    notebook.settle(inner)
    inner.get_by_role("gridcell").nth(0).click()
    notebook.page.keyboard.press("s")
    assert "model.sample(64, seed=1)" in stitched(notebook, len(before) + 1)[place + 1]
    notebook.command("notebook:undo-cell-action")


def test_saved_notebook_is_small_and_shows_a_picture_without_a_kernel(notebook):
    notebook.command("docmanager:save")
    notebook.page.wait_for_timeout(2000)
    saved = nbformat.read(notebook.copy, as_version=4)
    shown = [output for cell in saved.cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {})]
    assert len(shown) >= 2
    assert all("<img" in output.data["text/html"] for output in shown)
    assert notebook.copy.stat().st_size < 200_000  # with a grid and an explorer in it
    page, _ = HTMLExporter().from_notebook_node(saved)
    assert page.count('src="data:image/png;base64,') >= 2
    # what the PDF is typeset from
    text, files = LatexExporter().from_notebook_node(saved)
    drawn = [name for name in files["outputs"] if name.endswith(".png") and f"{{{name}}}" in text]
    assert len(drawn) >= 2
    assert all(files["outputs"][name].startswith(b"\x89PNG") for name in drawn)
    assert notebook.console == []


@pytest.fixture(scope="module")
def toy():
    return ToyModel(stamp=32)


def test_host_that_takes_no_cell_is_given_the_code_to_copy(chromium, toy):
    page = WidgetPage(chromium, gw.GalaxyGrid(toy, rows=2, columns=3, seed=3))
    page.cell(2).click()
    page.page.keyboard.press("s")
    shown = page.root.locator(".gw-stitched pre")
    shown.wait_for(state="visible")
    assert shown.inner_text() == page.widget.code()
    assert "this host takes no new cell" in page.root.locator(".gw-stitched").inner_text()
    assert page.console == []
    page.close()


def data(widget, index=0):
    return pixels(widget.locator("canvas").nth(index), whole=True)["data"].astype(int)


@pytest.mark.parametrize(
    ("make", "label"),
    [
        (lambda toy: gw.AttributeSweep(toy, "mag_r", rows=3, columns=3, seed=2), "Attribute sweep"),
        (lambda toy: gw.LatentTraversal(toy, dims=[0, 1, 2], steps=5, seed=2), "Latent traversal"),
    ],
    ids=["sweep", "traversal"],
)
def test_offline_page_scrubs_and_stretches(chromium, toy, tmp_path, make, label):
    made = make(toy)
    made.export_html(tmp_path / "page.html")
    expected = made.shown.rgb(**made.display)
    made.close()
    context = chromium.new_context(viewport={"width": 1180, "height": 1000}, offline=True)
    page, elsewhere, said = context.new_page(), [], []
    page.on("request", lambda request: None if request.url.startswith(("file:", "blob:", "data:")) else elsewhere.append(request.url))
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto((tmp_path / "page.html").as_uri())
    widget = page.locator(f".gw-widget[aria-label='{label}'][data-picture='here']")
    widget.wait_for()
    page.wait_for_timeout(500)
    sheet = 1 if label == "Latent traversal" else 0
    factor = data(widget, sheet).shape[0] // (3 * 32)
    first = data(widget, sheet)[: 32 * factor : factor, : 32 * factor : factor]
    assert np.abs(first - expected[0][::-1]).max() <= 1

    before = data(widget, sheet)
    stretch = widget.get_by_role("slider", name="stretch", exact=True)
    stretch.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(200)
    assert not np.array_equal(data(widget, sheet), before)

    scrub, seen = widget.get_by_role("slider", name="scrub", exact=True), set()
    scrub.focus()
    for _ in range(6):
        for _ in range(12):
            page.keyboard.press("ArrowRight")
        page.wait_for_timeout(200)
        seen.add(pixels(widget.locator("canvas").nth(0 if sheet else 1))["hash"])
    assert len(seen) == 6  # more than the rows or columns that lie between

    for name in ("seed", "resample"):
        for control in widget.get_by_role("button", name=name).all():
            assert control.evaluate("control => Boolean(control.closest('[inert]'))")
    assert elsewhere == []
    assert said == []
    context.close()
