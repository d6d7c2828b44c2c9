"""marimo, which has no ipywidgets: every widget of galaxies that stands on anywidget alone shows, answers and reaches Python there."""

import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from jupyter_in_browser import pixels

NOTEBOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    from toy_model import ToyModel

    import galwidget as gw

    model = ToyModel(32)
    galaxies = gw.observe(model.sample(3, seed=1), seed=1)
    return galaxies, gw, mo, model


@app.cell
def _(gw, mo, model):
    grid = mo.ui.anywidget(gw.GalaxyGrid(model, rows=2, columns=3, seed=3))
    grid
    return (grid,)


@app.cell
def _(mo):
    ask = mo.ui.run_button(label="read")
    ask
    return (ask,)


@app.cell
def _(ask, grid, mo):
    mo.md(f"selected {grid.selection}: {len(grid.selected)} of seed {grid.seed}") if ask.value else None


@app.cell
def _(galaxies, gw, mo, model):
    made = [gw.AttributeSweep(model, "mag_r", rows=3, columns=3), gw.LatentTraversal(model, dims=[0, 2], steps=3)]
    mo.vstack([mo.ui.anywidget(widget) for widget in [*made, gw.GalaxyEditor(model, galaxies)]])


if __name__ == "__main__":
    app.run()
"""


@pytest.fixture
def marimo(tmp_path):
    if importlib.util.find_spec("marimo") is None:
        pytest.skip("marimo is not installed: pip install marimo")
    (tmp_path / "notebook.py").write_text(NOTEBOOK)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    paths = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "marimo", "run", "notebook.py", "--headless", "--no-token", "--host", "127.0.0.1", "--port", str(port)]
    home = {"XDG_CONFIG_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=tmp_path, env={**os.environ, **home, "PYTHONPATH": paths}, stdout=log, stderr=log)
    try:
        _wait(f"http://127.0.0.1:{port}/health", server, tmp_path / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(15)


def _wait(address, server, log):
    for _ in range(240):
        try:
            with urllib.request.urlopen(address, timeout=2):  # noqa: S310 (loopback)
                return
        except OSError:
            time.sleep(0.25)
        if server.poll() is not None:
            break
    raise RuntimeError(f"marimo did not start:\n{log.read_text()[-2000:]}")


def test_widgets_show_answer_and_reach_python_in_marimo(marimo, chromium):
    context = chromium.new_context(viewport={"width": 1360, "height": 1400})
    page, wrong = context.new_page(), []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(marimo)
    page.locator(".gw-widget").nth(3).wait_for(state="attached", timeout=90_000)
    names = ("Galaxies that do not exist", "Attribute sweep", "Latent traversal", "Galaxy editor")
    for name in names:
        widget = page.locator(f".gw-widget[aria-label='{name}']")
        widget.scroll_into_view_if_needed()
        page.wait_for_selector(f".gw-widget[aria-label='{name}'][data-picture='here'][data-busy='false']", timeout=30_000)
        assert pixels(widget.locator("canvas").first)["deviation"] > 3
    grid = page.locator(".gw-widget").first
    grid.get_by_role("gridcell").nth(4).click()
    canvas = grid.locator("canvas").first.element_handle()
    shown = canvas.evaluate("canvas => canvas.toDataURL()")
    page.keyboard.press("n")
    page.wait_for_function("([canvas, shown]) => canvas.toDataURL() !== shown", arg=[canvas, shown], timeout=20_000)
    page.get_by_role("button", name="read", exact=True).click()
    page.get_by_text("selected [4]: 1 of seed 4").wait_for(timeout=20_000)
    # no cell can be put there: the code is shown, to be copied
    grid.get_by_role("gridcell").nth(4).focus()
    page.keyboard.press("s")
    shown = grid.locator(".gw-stitched pre")
    shown.wait_for(timeout=20_000)
    assert "shown[[4]]" in shown.inner_text()
    assert "this host takes no new cell" in grid.locator(".gw-stitched").inner_text()
    assert wrong == []
    context.close()
