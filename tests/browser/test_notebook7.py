"""Jupyter Notebook 7, which shares JupyterLab's server and widgets: the explorer shows its galaxies there and answers."""

import importlib.util

import pytest
from jupyter_in_browser import pixels, write_notebook

CELL = "import galwidget as gw\nfrom toy_model import ToyModel\n\ngw.explore(ToyModel(32))"


@pytest.mark.skipif(importlib.util.find_spec("notebook") is None, reason="Notebook 7 is not installed: pip install notebook")
def test_explorer_shows_galaxies_and_answers_in_notebook_7(lab, chromium):
    write_notebook(lab.notebooks / "notebook7.ipynb", [CELL])
    context = chromium.new_context(viewport={"width": 1360, "height": 1000})
    page = context.new_page()
    page.goto(f"{lab.url}/notebooks/notebook7.ipynb", wait_until="domcontentloaded")
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=90_000)
    assert page.locator("body").get_attribute("data-notebook") == "notebooks"
    for _ in range(20):  # a kernel that is not connected yet does not hear
        page.locator(".jp-Cell .cm-content").first.click()
        page.keyboard.press("Control+Enter")
        page.wait_for_timeout(2000)
        if page.locator(".jp-InputArea-prompt").first.inner_text().strip() not in ("", "[ ]:"):
            break
    ready = ".gw-widget[data-picture='here'][data-busy='false']"
    page.wait_for_selector(ready, timeout=120_000)
    wrong = []  # from here on: what Notebook's own plugins say while it starts is not ours
    page.on("pageerror", lambda error: wrong.append(str(error)))
    grid = page.locator(".gw-widget:visible").first
    before = pixels(grid.locator("canvas").first)
    assert before["deviation"] > 5
    grid.get_by_role("gridcell").first.click()
    canvas = grid.locator("canvas").first.element_handle()
    shown = canvas.evaluate("canvas => canvas.toDataURL()")
    page.keyboard.press("n")
    page.wait_for_function("([canvas, shown]) => canvas.toDataURL() !== shown", arg=[canvas, shown], timeout=20_000)
    page.get_by_role("tab", name="Sweep", exact=True).click()
    page.wait_for_selector(f"[aria-label='Attribute sweep']{ready}", timeout=30_000)
    assert pixels(page.locator("[aria-label='Attribute sweep'] canvas").first)["deviation"] > 3
    assert wrong == []
    context.close()
