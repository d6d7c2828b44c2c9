"""A cell that is run again: what it made before is closed and forgotten, with its model, unless a name still leads to it."""

import gc
import weakref

import pytest
from IPython.core.interactiveshell import InteractiveShell
from ipywidgets.widgets import widget as ipywidget
from traitlets.config import Config

from galwidget.widgets import rerun

SETUP = "from toy_model import ToyModel; import galwidget as gw; import ipywidgets"


@pytest.fixture
def notebook(monkeypatch):
    """Runs a cell's text in a shell of its own, as a notebook would, under the cell's name."""
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    reruns = rerun.Reruns(shell)
    monkeypatch.setattr(rerun, "note", reruns.add)
    for module in ("frames", "explorer", "map"):
        monkeypatch.setattr(f"galwidget.widgets.{module}.note", reruns.add)

    def run(source, cell=None):
        result = shell.run_cell(source, store_history=True, silent=False, cell_id=cell or source)
        result.raise_error()
        return result.result

    run(SETUP)
    run.shell = shell
    yield run
    for made in list(ipywidget._instances.values()):
        made.close()


def open_widgets():
    return len(ipywidget._instances)


@pytest.mark.parametrize(
    "source",
    [
        "model = ToyModel(8)\ngrid = gw.GalaxyGrid(model, rows=2, columns=2)\ngrid",
        "model = ToyModel(8)\ngw.explore(model)",
        "model = ToyModel(8)\nchart = gw.LatentMap(model, n=8)\nassert chart.wait(30)\nchart",
        "model = ToyModel(8)\nbox = ipywidgets.VBox([gw.GalaxyGrid(model, rows=2, columns=2)])",
    ],
    ids=["a grid", "an explorer without a name", "a map", "a grid in a box"],
)
def test_running_a_cell_again_leaves_one_widget_and_one_model(notebook, source):
    notebook(source)
    first, models = open_widgets(), [weakref.ref(notebook.shell.user_ns["model"])]
    for _ in range(3):
        notebook(source)
        models.append(weakref.ref(notebook.shell.user_ns["model"]))
    gc.collect()
    boxes = 2 * 3 if "VBox" in source else 0  # the box is not ours: it and its layout stay
    assert open_widgets() == first + boxes
    if not boxes:
        assert [model() is not None for model in models] == [False, False, False, True]


def test_a_widget_that_a_name_still_leads_to_is_kept(notebook):
    notebook("kept, things = [], {}\nclass Mine: pass\nmine = Mine()")
    cell = "grid = gw.GalaxyGrid(ToyModel(8), rows=2, columns=2)\nkept.append(grid)\nthings['last'] = mine.grid = grid"
    for _ in range(3):
        notebook(cell)
    names = notebook.shell.user_ns
    assert [grid.comm is not None for grid in names["kept"]] == [True, True, True]
    notebook("first = kept[0]; kept.clear()")
    notebook(cell)
    assert names["first"].comm is not None
    assert sum(1 for made in ipywidget._instances.values() if type(made).__name__ == "GalaxyGrid") == 2


def test_widgets_of_other_cells_stay(notebook):
    notebook("gw.GalaxyGrid(ToyModel(8), rows=2, columns=2)", cell="a")
    notebook("gw.GalaxyGrid(ToyModel(8), rows=2, columns=2)", cell="b")
    before = open_widgets()
    notebook("gw.GalaxyGrid(ToyModel(8), rows=2, columns=2)", cell="b")
    assert open_widgets() == before


def test_a_cell_that_fails_keeps_what_it_made_before(notebook):
    grid = notebook("grid = gw.GalaxyGrid(ToyModel(8), rows=2, columns=2)\ngrid", cell="a")
    with pytest.raises(ZeroDivisionError):
        notebook("1 / 0", cell="a")
    assert grid.comm is not None


def test_explorer_that_trains_is_not_closed(notebook, monkeypatch):
    explorer = notebook("explorer = gw.explore(ToyModel(8))\nexplorer", cell="a")
    monkeypatch.setattr(type(explorer), "at_work", True)
    del explorer
    notebook("explorer = None", cell="b")
    kept = open_widgets()
    notebook("explorer = 1", cell="a")
    assert open_widgets() == kept
