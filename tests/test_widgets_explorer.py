"""What the explorer reads and writes, tab by tab: that of the open tab, and a refusal in words where there are no galaxies."""

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from toy_model import ToyModel

import galwidget as gw


@pytest.fixture
def explorer():
    model = ToyModel(stamp=16)
    made = gw.explore(model, gw.observe(model.sample(40, seed=3), seed=1))
    yield made
    made.close()


def opened(explorer, title):
    explorer.selected_index = explorer.titles.index(title)
    return explorer


@pytest.mark.parametrize("title", ["Sample", "Sweep", "Traverse", "Edit", "Galaxies", "Find", "Map"])
def test_every_tab_of_galaxies_is_written_as_fits_png_and_figure(explorer, title, tmp_path):
    opened(explorer, title).widget.selection = [0, 2]
    explorer.to_fits(tmp_path / "selected.fits")
    np.testing.assert_allclose(gw.read(tmp_path / "selected.fits").flux, explorer.selected.flux, rtol=1e-6)
    assert len(explorer.table) == len(explorer.latent or [0, 0]) == 2
    explorer.to_png(tmp_path / "sheet.png")
    assert np.asarray(Image.open(tmp_path / "sheet.png").convert("L")).std() > 5
    assert explorer.figure(width=4).get_size_inches()[0] == pytest.approx(4)
    assert "selected = " in explorer.code()


@pytest.mark.parametrize(
    "ask",
    [
        lambda explorer, _: explorer.selected,
        lambda explorer, _: explorer.latent,
        lambda explorer, _: explorer.table,
        lambda explorer, _: explorer.code(),
        lambda explorer, _: explorer.figure(),
        lambda explorer, folder: explorer.to_fits(folder / "none.fits"),
        lambda explorer, folder: explorer.to_png(folder / "none.png"),
    ],
)
def test_the_tab_train_refuses_in_words(explorer, ask, tmp_path):
    opened(explorer, "Train")
    with pytest.raises(
        ValueError, match=r"the tab Train is open, which shows no galaxies; open another \(Sample, Sweep, .*explorer.training"
    ):
        ask(explorer, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert explorer.widget is explorer.training


def test_a_map_without_a_selection_writes_all_and_refuses_values(explorer, tmp_path):
    opened(explorer, "Map").to_fits(tmp_path / "all.fits")
    assert len(gw.read(tmp_path / "all.fits")) == 40
    with pytest.raises(ValueError, match="a map has no pictures to write them into"):
        explorer.figure(values=["mag_r"])
    with pytest.raises(OSError, match=r"all\.fits"):
        explorer.to_fits(tmp_path / "all.fits")


def test_a_map_of_drawn_galaxies_writes_them_decoded(tmp_path):
    chart = gw.LatentMap(ToyModel(stamp=16), n=12, seed=4)
    assert chart.wait(60)
    chart.to_fits(tmp_path / "drawn.fits")
    np.testing.assert_allclose(gw.read(tmp_path / "drawn.fits").flux, ToyModel(stamp=16).sample(12, seed=4).flux, rtol=1e-5)
    chart.close()


def page_of(explorer, folder):
    explorer.export_html(folder / "page.html")
    text = (folder / "page.html").read_text()
    stored = json.loads(re.search(r'id="saved">(.*?)</script>', text, re.DOTALL)[1])
    return text, [saved["state"]["kind"] for saved in stored["widgets"]]


def test_a_page_has_the_map_where_it_was_opened(explorer, tmp_path):
    text, kinds = page_of(explorer, tmp_path)
    assert kinds == ["grid", "sweep", "traversal", "editor", "grid"]
    assert "<img" not in text
    opened(explorer, "Map").widget.selection = [1, 5]
    explorer.map.at = (0.5, -0.2)
    text, kinds = page_of(explorer, tmp_path)
    assert kinds == ["grid", "sweep", "traversal", "editor", "grid"]
    pictures = [Image.open(io.BytesIO(base64.b64decode(data))) for data in re.findall(r'src="data:image/png;base64,([^"]+)"', text)]
    assert [picture.size for picture in pictures] == [(700, 560), (16, 16), (33, 16)]
    assert all(np.asarray(picture.convert("L")).std() > 1 for picture in pictures)
    assert "Latent map of 40 galaxies, coloured by r magnitude" in text
    assert "Decoded at (0.50, -0.20)" in text
