"""The notebook of the models: every cell runs, on a sample too small to mean anything."""

import json
from pathlib import Path

import matplotlib as mpl
import pytest

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "models.ipynb"


@pytest.fixture
def cells():
    return [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]


def test_the_notebook_is_kept_without_outputs(cells):
    assert cells
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells)


def test_every_cell_of_the_notebook_runs(cells, monkeypatch, capsys):
    monkeypatch.setenv("GALWIDGET_QUICK", "1")
    mpl.use("agg")
    names = {}
    for cell in cells:
        exec(compile("".join(cell["source"]), NOTEBOOK.name, "exec"), names)  # noqa: S102 (our own notebook)
    assert "vae_gan" in capsys.readouterr().out
