"""A cell that is run again, and a kernel that is shut down: nothing piles up, and the page goes on with what it has."""

import pytest
from jupyter_in_browser import pixels

CELLS = (
    "import galwidget as gw\nfrom toy_model import ToyModel\n\nmodel = ToyModel(32)",
    "gw.explore(model, gw.observe(model.sample(6, seed=1), seed=1))",
    "gw.AttributeSweep(model, 'mag_r', rows=3, columns=3)",
)
GRID = ".gw-widget[aria-label='Galaxies that do not exist']"
SWEEP = ".gw-widget[aria-label='Attribute sweep']"
OPEN = "import ipywidgets, threading; print(len(ipywidgets.Widget.widgets))"
MODELS = """async () => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const {content} = await kernel.requestCommInfo({target_name: "jupyter.widget"});
    return Object.keys(content.comms).length;
}"""


@pytest.fixture(scope="module")
def notebook(run_cells):
    return run_cells("again", CELLS, height=1400)


def run_again(notebook, cell):
    notebook.page.evaluate(f"() => {{ window.jupyterapp.shell.currentWidget.content.activeCellIndex = {cell}; }}")
    before = notebook.prompts()[cell]
    notebook.command("notebook:run-cell")
    prompt = f"document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')[{cell}].textContent"
    notebook.page.wait_for_function(f"/\\d/.test({prompt}) && {prompt} !== '{before}'", timeout=30_000)
    notebook.settle(notebook.page.locator(GRID).first)


def test_an_explorer_whose_cell_is_run_again_leaves_nothing_in_the_kernel_or_the_page(notebook):
    notebook.settle(notebook.page.locator(GRID).first)
    run_again(notebook, 1)
    kernel, page = notebook.run(OPEN), notebook.page.evaluate(MODELS)
    for _ in range(4):
        run_again(notebook, 1)
    assert notebook.page.locator(GRID).count() == 1
    assert notebook.run(OPEN) == kernel
    assert notebook.page.evaluate(MODELS) == page
    assert notebook.errors() == []


def test_a_kernel_that_is_shut_down_is_said_and_scrub_and_stretch_go_on(notebook):
    page = notebook.page
    sweep = page.locator(SWEEP).last
    sweep.scroll_into_view_if_needed()
    notebook.settle(sweep)
    scrub = sweep.get_by_role("slider", name="scrub", exact=True)
    scrub.press("ArrowRight")
    line = sweep.locator(".gw-scrubbed canvas")
    page.wait_for_timeout(2500)  # the strip, and the exact pictures of where it stands
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.wait_for_selector(f"{SWEEP}[data-kernel='gone'][data-picture='here']", timeout=60_000)
    assert "the kernel is gone" in sweep.get_by_role("status").first.inner_text()
    seen = set()
    for _ in range(4):
        for _ in range(30):
            scrub.press("ArrowRight")
        page.wait_for_timeout(150)
        seen.add(pixels(line)["hash"])
    assert len(seen) == 4
    before = pixels(sweep.locator("canvas").first)["hash"]
    stretch = sweep.get_by_role("slider", name="stretch", exact=True)
    for _ in range(15):
        stretch.press("ArrowRight")
    page.wait_for_timeout(150)
    assert pixels(sweep.locator("canvas").first)["hash"] != before
    assert notebook.console == []
