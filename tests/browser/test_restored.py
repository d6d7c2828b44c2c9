"""The editor in a page: another picture beside the galaxy, named in the captions and in what is blinked."""

from itertools import pairwise

import numpy as np
import pytest
from jupyter_in_browser import pixels
from widget_page import WidgetPage

import galwidget as gw


@pytest.fixture(scope="module")
def page(chromium, shipped):
    made = WidgetPage(chromium, gw.GalaxyEditor(shipped, gw.simulate(1, "KiDS", seed=4, mag_limit=20, progress=False)))
    yield made
    assert made.console == []
    made.close()


def second(page):
    """Pixels of the second picture, from the canvas of all four."""
    whole = np.asarray(pixels(page.root.locator("canvas").first, whole=True)["data"])
    return whole[:, whole.shape[1] // 4 : whole.shape[1] // 2]


def captions(page):
    return page.root.locator(".gw-sheet").first.locator(".gw-caption").all_inner_texts()


def test_the_picture_beside_the_galaxy_is_chosen_and_named(page):
    beside, width = page.root.get_by_label("beside the galaxy"), page.root.get_by_label("width of the PSF of the deconvolved galaxy")
    assert captions(page)[1].startswith("reconstruction, χ² ")
    assert width.is_hidden()
    pictures = [second(page)]
    for view in ("denoised", "deconvolved"):
        beside.select_option(view)
        page.settle()
        assert page.widget.view == view
        assert captions(page)[1].startswith(view)
        assert page.root.get_by_label("blink", exact=True).locator("option").nth(1).inner_text() == view
        pictures.append(second(page))
    width.fill("0.3")
    width.press("Enter")
    page.settle()
    assert page.widget.fwhm == pytest.approx(0.3)
    assert captions(page)[1] == "deconvolved to 0.3″"
    pictures.append(second(page))
    for one, other in pairwise(pictures):
        assert not np.array_equal(one, other)
