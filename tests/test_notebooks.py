"""The notebooks of the tools: kept without outputs, and every cell runs; on real data where GALWIDGET_DATA names them."""

import json
import os
from pathlib import Path

import matplotlib as mpl
import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
#: What each tells in the end. GALWIDGET_QUICK makes the trainings of those that have one too short to mean anything.
TOLD = {
    "classification": ("expected calibration error", "correlation with the votes"),
    "compression": ("bits a good pixel", "latents, PSFs and masks"),
    "denoise": ("denoised: squared error", "within 1 sigma"),
    "lookalikes": ("nearest: galaxy", "galaxies in 32 dimensions"),
    "models": ("vae_gan",),
    "oddities": ("after 20 marks", "trail", "colour outside the prior", "band Z shifted"),
    "photoz": ("at the true redshifts", "SDSS"),
}
#: Those that say whether their galaxies are real.
REAL = ("classification", "compression", "lookalikes", "oddities", "photoz")


def cells(name):
    return [cell for cell in json.loads((FOLDER / f"{name}.ipynb").read_text())["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.ipynb")))
def test_a_notebook_is_kept_without_outputs(name):
    assert cells(name)
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells(name))


@pytest.mark.parametrize("name", TOLD)
def test_every_cell_runs_and_tells_what_it_found(name, monkeypatch, capsys):
    monkeypatch.setenv("GALWIDGET_QUICK", "1")
    mpl.use("agg")
    names = {}
    for cell in cells(name):
        exec(compile("".join(cell["source"]), f"{name}.ipynb", "exec"), names)  # noqa: S102 (our own notebook)
    if "finder" in names:
        names["finder"].close()
    told = capsys.readouterr().out
    for words in TOLD[name]:
        assert words in told
    if name in REAL:
        assert ("real" if os.environ.get("GALWIDGET_DATA") else "SIMULATED") in told
