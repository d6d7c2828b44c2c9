"""The editor's galaxy as other surveys see it, and the flag of what the model does not know."""

from types import SimpleNamespace

import numpy as np
import pytest
from toy_model import ToyModel
from traitlets import TraitError

import galwidget as gw
from galwidget.widgets.editor import GalaxyEditor
from galwidget.widgets.grid import GalaxyGrid
from galwidget.widgets.traversal import LatentTraversal


@pytest.fixture(scope="module")
def model():
    return ToyModel(stamp=32)


@pytest.fixture(scope="module")
def galaxies(model):
    return gw.observe(model.sample(3, seed=3, mag_r=18.5), seed=1)


@pytest.fixture
def editor(model, galaxies):
    made = GalaxyEditor(model, galaxies, surveys=["LSST", "SDSS", "Euclid_VIS", "Euclid_NISP"], seed=5)
    yield made
    made.close()


def test_each_survey_sees_the_edited_galaxy_on_its_own_pixels_with_its_own_noise(editor):
    editor.edits = {"mag_r": 18.0}
    seen = editor.seen
    assert list(seen) == ["LSST", "SDSS", "Euclid_VIS"]
    assert [galaxies.survey.pixel_scale for galaxies in seen.values()] == pytest.approx([0.2, 0.396, 0.1])
    for name, galaxies in seen.items():
        assert galaxies == gw.observe(editor.edited, survey=name, seed=5)
    assert np.sum(seen["LSST"].flux[0, 2]) == pytest.approx(10 ** ((31.4 - 18.0) / 2.5), rel=0.03)


def test_another_seed_is_other_noise_on_the_same_galaxy(editor):
    before = editor.seen["SDSS"]
    editor.seed = 6
    difference = editor.seen["SDSS"].flux - before.flux
    assert np.std(difference * np.sqrt(before.ivar / 2)) == pytest.approx(1, abs=0.06)


def test_what_a_survey_cannot_show_is_said(editor):
    said = {survey["name"]: survey["words"] for survey in editor._shown(editor._wanted()).about["seen"]}
    assert "not y: beyond the model's bands" in said["LSST"]
    assert "one band" in said["Euclid_VIS"]
    assert said["Euclid_NISP"] == "not YE, JE, HE: beyond the model's bands u, g, r, i, Z"


def test_frame_has_a_layer_for_each_survey_that_sees(editor):
    content, buffers = editor._frame(editor._shown(editor._wanted()), editor.display, draft=False)
    layers = [(layer["name"], layer["shape"]) for layer in content["layers"]]
    assert layers[2:] == [("seen", list(galaxies.flux.shape)) for galaxies in editor.seen.values()]
    assert len(buffers) == len(layers)


def test_stitched_cell_has_what_the_surveys_see(editor, galaxies, model, monkeypatch):
    monkeypatch.setattr(gw, "load", lambda: model, raising=False)
    names = {"galaxies": galaxies}
    exec(editor.code(), names)  # noqa: S102 (the claim is that this text runs)
    assert names["seen_by"] == editor.seen


def test_a_survey_that_is_no_preset_is_refused(model, galaxies):
    with pytest.raises(TraitError, match="no survey is named 'Hubble'; there are KiDS"):
        GalaxyEditor(model, galaxies, surveys=["Hubble"])


FAINT, MASKED = "no known galaxy is like it", "its image is not redrawn"


class Judging(ToyModel):
    """Knows no galaxy fainter than usual, and redraws no masked image."""

    calibrated = True

    def familiarity(self, galaxies, latent=None):
        if not self.calibrated:
            raise ValueError("the model does not know what it knows")
        masked = [False] * len(latent) if galaxies.flux is None else (galaxies.ivar == 0).any(axis=(1, 2, 3))
        return SimpleNamespace(reason=[FAINT * bool(z[0] < 0) + MASKED * bool(bad) for z, bad in zip(latent.mean, masked, strict=True)])


def test_galaxies_that_the_model_does_not_know_are_flagged_cell_by_cell():
    model = Judging()
    grid = GalaxyGrid(model, rows=3, columns=4)
    shown = grid._shown(grid._wanted())
    assert [bool(words) for words in shown.about["outside"]] == list(shown.latent().mean[:, 0] < 0)
    traversal = LatentTraversal(model, dims=[0], steps=3)
    outside = traversal._shown(traversal._wanted()).about["outside"]
    assert outside[0] == FAINT
    assert outside[2] == ""


def test_editor_judges_the_galaxy_by_its_image_and_the_edit_by_its_place(galaxies):
    masked = gw.Galaxies(galaxies.flux, np.where(galaxies.flux > 0, galaxies.ivar, 0), galaxies.psf, galaxies.table, survey=galaxies.survey)
    editor = GalaxyEditor(Judging(stamp=32), masked)
    assert editor._shown(editor._wanted()).about["outside"] == [MASKED, "", ""]
    editor.edits = {"mag_r": 21.0}
    assert editor._shown(editor._wanted()).about["outside"][2] == FAINT


def test_a_model_that_was_never_calibrated_flags_nothing():
    model = Judging()
    model.calibrated = False
    grid = GalaxyGrid(model, rows=2, columns=2)
    assert grid._shown(grid._wanted()).about["outside"] == [""] * 4
