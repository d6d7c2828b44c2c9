"""The editor's second picture: the reconstruction, or the galaxy denoised or deconvolved, as Python gives them."""

import numpy as np
import pytest

import galwidget as gw


@pytest.fixture(scope="module")
def galaxies():
    return gw.simulate(2, "KiDS", seed=4, mag_limit=20, progress=False)


@pytest.fixture
def editor(galaxies):
    made = gw.GalaxyEditor(gw.load(), galaxies, index=1)
    yield made
    made.close()


def test_denoised_is_what_denoise_gives_and_leaves_a_residual_of_its_own(editor, galaxies):
    before = editor._shown(editor._wanted())
    editor.view, editor.selection = "denoised", [1]
    shown = editor._shown(editor._wanted())
    clean = gw.denoise(editor.model, galaxies[1], progress=False)
    np.testing.assert_allclose(editor.selected.flux, clean.flux, rtol=1e-5)
    np.testing.assert_allclose(editor.selected.ivar, clean.ivar, rtol=1e-5)
    np.testing.assert_allclose(shown.residual, (galaxies[1].flux - clean.flux) * np.sqrt(galaxies[1].ivar), atol=1e-4)
    assert shown.about["chi2"] < before.about["chi2"]


def test_deconvolved_is_through_the_psf_asked_for_and_measured_there(editor, galaxies):
    editor.view, editor.fwhm, editor.selection = "deconvolved", 0.4, [1]
    sharp = gw.deconvolve(editor.model, galaxies[1], fwhm=0.4, progress=False)
    np.testing.assert_allclose(editor.selected.flux, sharp.flux, rtol=1e-5)
    margin = (editor.selected.psfs.shape[-1] - sharp.psfs.shape[-1]) // 2
    np.testing.assert_array_equal(editor.selected.psfs[0, :, margin:-margin, margin:-margin], sharp.psfs[0])
    radius = editor.selected.attribute("r_half")
    editor.view = "reconstruction"
    assert radius < 0.95 * editor.selected.attribute("r_half")


@pytest.mark.parametrize("view", ["denoised", "deconvolved"])
def test_the_stitched_cell_makes_it_again(editor, galaxies, view):
    editor.view, editor.selection = view, [1]
    names = {"galaxies": galaxies}
    exec(editor.code(), names)  # noqa: S102 (the claim is that this text runs)
    np.testing.assert_array_equal(names["selected"].flux, editor.selected.flux)
    assert view in {text.get_text() for text in editor.figure().axes[0].texts}


def test_another_view_is_refused_in_words(editor):
    with pytest.raises(ValueError, match="view is 'sharp'; give reconstruction, denoised, deconvolved"):
        editor.view = "sharp"
    assert editor.view == "reconstruction"
