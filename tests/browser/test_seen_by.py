"""The editor's galaxy as other surveys see it, in a page: one scale on the sky, grey where there is one band, words where there is none."""

import numpy as np
import pytest
from jupyter_in_browser import pixels
from toy_model import ToyModel
from widget_page import WidgetPage

import galwidget as gw


@pytest.fixture(scope="module")
def editor(chromium):
    model = ToyModel(stamp=32)
    page = WidgetPage(chromium, gw.GalaxyEditor(model, gw.observe(model.sample(2, seed=5, mag_r=18.5), seed=6)))
    for name in ("LSST", "SDSS", "Euclid VIS", "Euclid NISP"):
        page.root.get_by_role("button", name=f"seen by {name}", exact=True).click()
        page.settle()
    yield page
    assert page.console == []
    page.close()


def figures(page):
    return page.root.locator(".gw-seen figure")


def picture(page, index):
    return pixels(figures(page).nth(index).locator("canvas"), whole=True)["data"].astype(int)


def test_surveys_that_are_chosen_are_shown_in_their_own_words(editor):
    assert editor.widget.surveys == ["LSST", "SDSS", "Euclid_VIS", "Euclid_NISP"]
    captions = figures(editor).locator("figcaption").all_inner_texts()
    assert [caption.split("\n")[0] for caption in captions] == ["LSST", "SDSS", "Euclid VIS", "Euclid NISP"]
    assert "not y: beyond the model's bands" in captions[0]
    assert figures(editor).nth(3).locator("canvas").count() == 0
    assert "not YE, JE, HE" in captions[3]


def test_pictures_are_of_one_size_on_the_screen_and_of_as_many_pixels_as_the_survey_has(editor):
    assert {picture(editor, index).shape for index in range(3)} == {(116, 116, 3)}
    coarse = editor.widget.seen["SDSS"].flux.shape[-1]
    rows = picture(editor, 1)
    assert len(np.unique(rows.reshape(116, -1), axis=0)) == coarse


def test_one_band_is_grey_and_three_are_not(editor):
    colour, grey = picture(editor, 0), picture(editor, 2)
    assert np.ptp(grey, axis=-1).max() == 0
    assert np.ptp(colour, axis=-1).max() > 20


def test_other_noise_is_another_picture_and_a_stretch_sends_no_message(editor):
    before = picture(editor, 1)
    editor.root.get_by_role("button", name="next noise").click()
    editor.settle()
    assert editor.widget.seed == 2
    noise = picture(editor, 1)
    assert not np.array_equal(noise, before)
    sent = editor.messages()
    editor.root.get_by_role("slider", name="stretch", exact=True).focus()
    for _ in range(10):
        editor.page.keyboard.press("ArrowRight")
    editor.settle()
    assert not np.array_equal(picture(editor, 1), noise)
    assert editor.messages() == sent


def test_a_survey_that_is_let_go_is_gone(editor):
    editor.root.get_by_role("button", name="seen by SDSS", exact=True).click()
    editor.settle()
    assert figures(editor).count() == 3
    assert list(editor.widget.seen) == ["LSST", "Euclid_VIS"]


class Doubting(ToyModel):
    """Knows no galaxy brighter than 18.5 mag."""

    def familiarity(self, galaxies, latent=None):
        del galaxies
        return type("Found", (), {"reason": ["no known galaxy is like it" * bool(z[0] > 1) for z in latent.mean]})()


def test_an_unknown_galaxy_is_flagged_under_the_pictures_and_in_the_side_panel(chromium):
    model = Doubting(stamp=32)
    page = WidgetPage(chromium, gw.GalaxyEditor(model, gw.observe(model.sample(1, seed=5, mag_r=20), seed=6)))
    assert page.root.locator(".gw-flag").first.is_hidden()
    page.widget.edits = {"mag_r": 18.0}
    page.page.evaluate("model.set('edits', {mag_r: 18})")
    page.settle()
    flag = page.root.locator(".gw-stage .gw-flag")
    assert flag.inner_text() == "edited ⚠ outside of what the model knows: no known galaxy is like it"
    page.cell(3).click()
    page.keys("Enter")
    assert "outside of what the model knows" in page.root.locator(".gw-inspector .gw-flag").inner_text()
    page.close()


def test_unknown_galaxies_of_a_sweep_are_flagged_counted_and_named(chromium):
    sweep = gw.AttributeSweep(Doubting(stamp=32), "mag_r", rows=3, columns=2, low=18.0, high=20.0, seed=4)
    page = WidgetPage(chromium, sweep)
    flagged = page.root.locator(".gw-cell[data-flag]")
    assert [cell.get_attribute("data-cell") for cell in flagged.all()] == ["0", "1"]
    assert page.root.locator(".gw-flags").inner_text() == "2 of 6 are outside of what the model knows"
    assert "no known galaxy is like it" in flagged.first.get_attribute("aria-label")
    page.widget.low = 19.0
    page.page.evaluate("model.set('low', 19)")
    page.settle()
    assert flagged.count() == 0
    assert page.root.locator(".gw-flags").is_hidden()
    page.close()
