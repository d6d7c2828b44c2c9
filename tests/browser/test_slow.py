"""A picture that takes long, in a real JupyterLab: that it is being made is seen at once, and it can be stopped."""

import pytest
from jupyter_in_browser import pixels

CELL = """
import time
import galwidget as gw
from toy_model import ToyModel


class Slow(ToyModel):
    slow = False

    def decode(self, latent, *, attributes=True):
        with self.lock:
            while self.slow:
                time.sleep(0.01)
        return super().decode(latent, attributes=attributes)


model = Slow(32)
grid = gw.GalaxyGrid(model, rows=2, columns=3, seed=1)
grid
"""


@pytest.fixture(scope="module")
def notebook(run_cells):
    return run_cells("slow", [CELL], height=900)


def test_a_slow_picture_shows_that_it_is_made_and_is_stopped_with_the_one_before_back(notebook):
    grid = notebook.page.locator(".gw-widget").first
    notebook.settle(grid)
    before = pixels(grid.locator("canvas").first)["hash"]
    bar, stop = grid.get_by_role("progressbar", name="the picture is being made"), grid.get_by_role("button", name="stop: ")
    assert not bar.is_visible()
    notebook.run("model.slow = True")
    grid.get_by_role("gridcell").first.focus()
    begun = notebook.page.evaluate("performance.now()")
    notebook.page.keyboard.press("n")
    bar.wait_for(state="visible", timeout=5000)
    assert notebook.page.evaluate("performance.now()") - begun < 1000  # 0.3 s, and the test's own
    assert not stop.is_visible()
    stop.wait_for(state="visible", timeout=5000)
    assert notebook.run("print(grid.seed)") == "2\n"
    stop.press("Enter")
    notebook.run("model.slow = False")
    notebook.settle(grid)
    assert notebook.run("print(grid.seed)") == "1\n"
    assert pixels(grid.locator("canvas").first)["hash"] == before
    assert not bar.is_visible()
    assert not stop.is_visible()
    grid.get_by_role("gridcell").first.focus()
    notebook.page.keyboard.press("n")
    notebook.page.wait_for_timeout(300)
    notebook.settle(grid)
    assert pixels(grid.locator("canvas").first)["hash"] != before
    assert notebook.console == []
