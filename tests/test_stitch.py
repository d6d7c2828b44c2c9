"""Stitched code: it runs from scratch in every form, it says which model it needs, and what it cannot have it says in words."""

import base64
import gzip
import json
import queue
import re

import numpy as np
import pytest
from toy_model import ToyModel

import galwidget as gw
from galwidget.galaxy_model import load
from galwidget.widgets import stitch
from galwidget.widgets.stitch import check_model, fingerprint, latent_text, name_of


class Saved(ToyModel):
    """A toy whose weights are one number, in a folder like those of `GalaxyModel`."""

    def __init__(self, weight=1.0, versions="1.0"):
        super().__init__()
        self.weight, self.versions, self.path = weight, versions, None

    def save(self, folder):
        from safetensors.numpy import save_file

        save_file({"w": np.array([self.weight], np.float32)}, f"{folder}/model.safetensors")
        with open(f"{folder}/model.json", "w") as file:  # noqa: PTH123
            json.dump({"versions": self.versions, "stamp": self.stamp}, file)


@pytest.fixture
def model(monkeypatch):
    toy = ToyModel()
    monkeypatch.setattr(gw, "load", lambda: toy, raising=False)
    return toy


def run(code, **names):
    exec(code, names)  # noqa: S102 (the claim is that this text runs)
    return names


@pytest.fixture
def grid(model):
    widget = gw.GalaxyGrid(model, rows=2, columns=3, seed=4)
    widget.selection = [4, 1]
    yield widget
    widget.close()


def test_table_arrays_and_fits_are_those_of_the_selection(grid, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    expected = grid.selected
    table = run(grid.code("table"))["table"]
    assert table.colnames == expected.table.colnames
    np.testing.assert_array_equal(table["mag_r"], expected.table["mag_r"])
    arrays = run(grid.code("arrays"))
    for name in ("flux", "ivar"):
        np.testing.assert_array_equal(arrays[name], getattr(expected, name))
    np.testing.assert_array_equal(arrays["psf"], expected.psfs)
    for _ in range(2):  # a cell can be run again
        run(grid.code("fits"))
    assert gw.read(tmp_path / "selected.fits") == expected


def test_galaxies_that_nobody_saw_are_not_compressed(grid):
    with pytest.raises(ValueError, match="only galaxies that were seen are compressed"):
        grid.code("compressed")


def test_form_that_is_none_names_those_there_are(grid):
    with pytest.raises(ValueError, match="code as 'csv'; it is one of galaxies, table, arrays, fits, compressed"):
        grid.code("csv")


def test_none_selected_is_all(grid):
    grid.selection = []
    assert run(grid.code())["selected"] == grid.shown


def test_selection_of_a_sweep_of_own_galaxies_needs_no_galaxies(model):
    galaxies = gw.observe(model.sample(3, seed=3), seed=1)
    for widget in (gw.AttributeSweep(model, "mag_r", of=galaxies, rows=3), gw.LatentTraversal(model, of=galaxies, dims=[0, 1], steps=3)):
        widget.selection = [0, 4]
        assert run(widget.code())["selected"] == widget.selected
        widget.close()


def test_editor_gives_galaxy_reconstruction_and_edit_as_they_are_selected(model):
    galaxies = gw.observe(model.sample(3, seed=3), seed=1)
    editor = gw.GalaxyEditor(model, galaxies, index=1)
    editor.edits = {"mag_r": 18.0}
    for selection in ([0], [1, 2], []):
        editor.selection = selection
        expected = editor.selected if selection else editor.shown
        np.testing.assert_array_equal(run(editor.code(), galaxies=galaxies)["selected"].flux, expected.flux)
    editor.telescope, editor.selection = False, [2]
    np.testing.assert_array_equal(run(editor.code(), galaxies=galaxies)["selected"].flux, editor.selected.flux)
    editor.close()


def test_latent_as_text_comes_back_to_the_bit():
    latent = gw.Latent(np.random.default_rng(1).normal(size=(3, 40)) * 10.0 ** np.arange(-20, 20))
    again = eval(latent_text(latent), {"gw": gw})  # noqa: S307 (the claim is that this text runs)
    np.testing.assert_array_equal(again.mean, latent.mean)
    assert max(map(len, latent_text(latent).splitlines())) <= 112


def test_galaxies_go_by_their_name_in_the_notebook(monkeypatch):
    from IPython.core.interactiveshell import InteractiveShell

    assert name_of([], "galaxies") == "galaxies"
    thing = []

    class Shell:
        user_ns = {"_7": thing, "kids": thing, "other": []}  # noqa: RUF012

    monkeypatch.setattr(InteractiveShell, "initialized", staticmethod(lambda: True))
    monkeypatch.setattr(InteractiveShell, "instance", staticmethod(lambda: Shell))
    assert name_of(thing, "galaxies") == "kids"
    assert name_of([], "galaxies") == "galaxies"


def test_fingerprint_is_of_the_weights_and_not_of_the_programs():
    assert fingerprint(Saved()) == fingerprint(Saved(versions="2.0")) != fingerprint(Saved(weight=1.0 + 1e-6))
    assert re.fullmatch("[0-9a-f]{16}", fingerprint(Saved()))


def test_shipped_model_is_known_by_its_files_whatever_precision_they_have():
    try:
        model = load()
    except FileNotFoundError as error:
        pytest.skip(f"the shipped model is not here: {error}")
    assert fingerprint(model) == stitch._shipped()


def test_another_model_is_refused_in_words():
    model = Saved()
    assert check_model(model, fingerprint(model)) is model
    with pytest.raises(ValueError, match=f"came from the model {fingerprint(Saved(2))}, this one is {fingerprint(Saved())}"):
        check_model(Saved(), fingerprint(Saved(2)))


def test_model_of_a_file_is_loaded_from_it_and_checked(tmp_path, monkeypatch):
    model = Saved()
    model.path = tmp_path / "it's"
    paths = []
    monkeypatch.setattr(gw, "load", lambda *path: paths.append(path) or Saved(), raising=False)
    grid = gw.GalaxyGrid(model, rows=1, columns=2)
    assert run(grid.code())["selected"] == grid.shown
    assert paths == [(str(model.path),)]
    monkeypatch.setattr(gw, "load", lambda *_: Saved(weight=3))
    with pytest.raises(ValueError, match="load the model that they came from"):
        run(grid.code())
    grid.close()


def test_model_without_a_file_is_taken_from_the_notebook_and_the_cell_says_how_to_keep_it(monkeypatch):
    monkeypatch.setattr(stitch, "_shipped", lambda: "")
    model = Saved()
    grid = gw.GalaxyGrid(model, rows=1, columns=2)
    assert 'model.save("my-model/")' in grid.code()
    assert run(grid.code(), model=model)["selected"] == grid.shown
    grid.close()


def test_browser_is_sent_the_code_and_the_widgets_name(grid):
    answers = queue.Queue()
    grid.send = lambda content, _=None: answers.put(content)
    grid._receive(None, {"type": "code", "seq": 3, "form": "table", "state": {"selection": [5]}})
    answer = answers.get(timeout=60)
    assert answer == {"type": "code", "seq": 3, "code": grid.code("table"), "model_id": grid.model_id}
    assert "shown[[5]]" in answer["code"]
    grid._receive(None, {"type": "code", "seq": 4, "form": "poem"})
    answer = answers.get(timeout=60)
    assert (answer["type"], answer["seq"]) == ("error", 4)
    assert "it is one of galaxies, table, arrays, fits, compressed" in answer["message"]


def buffers_of(saved):
    return [gzip.decompress(base64.b64decode(text)) for text in saved["buffers"]]


def test_page_holds_the_exact_frame_and_every_strip(model, tmp_path):
    traversal = gw.LatentTraversal(model, dims=[0, 2], steps=3)
    traversal.export_html(tmp_path / "page.html", title="<b> & co")
    text = (tmp_path / "page.html").read_text()
    assert "<title>&lt;b&gt; &amp; co</title>" in text
    assert not re.search(r"(?:src|href|@import|url)\s*[=(]\s*['\"]?(?:https?:)?//", text)
    stored = json.loads(re.search(r'id="saved">(.*?)</script>', text, re.DOTALL)[1])
    (saved,) = stored["widgets"]
    assert saved["state"]["kind"] == "traversal"
    (layer,) = saved["frame"]["content"]["layers"]
    flux = np.frombuffer(buffers_of(saved["frame"])[0], "<f2").reshape(layer["shape"])
    np.testing.assert_allclose(flux, traversal.shown.flux, rtol=1e-3, atol=1e-5)
    assert [strip["content"]["row"] for strip in saved["strips"]] == [0, 1]
    assert all(strip["content"]["bands"] == list(model.survey.band_names) for strip in saved["strips"])
    traversal.close()


def test_strip_of_a_sweep_passes_through_its_rows(model):
    sweep = gw.AttributeSweep(model, "r_half", rows=4, columns=2)
    wanted = sweep._wanted()
    fine, rows = sweep._show_strip(wanted, 0), sweep.shown
    finer = (fine.rows - 1) // 3
    assert finer > 1
    steps = fine.galaxies.flux.reshape(fine.rows, 2, *fine.galaxies.flux.shape[1:])
    np.testing.assert_allclose(steps[::finer].reshape(rows.flux.shape), rows.flux, rtol=1e-5)
    with pytest.raises(ValueError, match="strip 1 of r_half; there are 1"):
        sweep._show_strip(wanted, 1)
    sweep.attribute = "morphology"
    assert sweep._strip_rows(sweep._wanted()) == 0
    sweep.close()


def test_fits_and_png_of_a_widget(grid, tmp_path):
    from PIL import Image

    grid.to_fits(tmp_path / "two.fits")
    assert gw.read(tmp_path / "two.fits") == grid.selected
    with pytest.raises(OSError, match="exists"):
        grid.to_fits(tmp_path / "two.fits")
    grid.to_png(tmp_path / "sheet.png", zoom=2)
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    side = 2 * grid.model.stamp
    assert sheet.shape == (2 * side + 2, 3 * side + 4, 3)
    np.testing.assert_array_equal(sheet[:side:2, :side:2], grid.shown.rgb(**grid.display)[0][::-1])
    with pytest.raises(ValueError, match="zoom is 0"):
        grid.to_png(tmp_path / "sheet.png", zoom=0)
