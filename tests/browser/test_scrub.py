"""Scrubs in a page: nothing is sent while one is held, and where it is let go stands the exact decode of that very place."""

import numpy as np
import pytest
from jupyter_in_browser import pixels
from toy_model import ToyModel

import galwidget as gw
from galwidget.latent import Latent
from galwidget.picture import rgb

SIDE = 32
MODEL = ToyModel(stamp=SIDE)


def cells(canvas, *, across):
    """Pixels of a row or a column of galaxies, as (n, y, x, 3)."""
    sheet = pixels(canvas, whole=True)["data"].astype(int)
    factor = min(sheet.shape[:2]) // SIDE
    step = SIDE * factor + 2
    starts = range(0, max(sheet.shape[:2]), step)
    parts = [sheet[:, at : at + SIDE * factor] if across else sheet[at : at + SIDE * factor] for at in starts]
    return np.array([part[factor // 2 :: factor, factor // 2 :: factor] for part in parts])


def held_then_let_go(page, presses):
    """Where the scrub stands, from -1 to 1, after it was moved by a key that is held and let go again."""
    slider = page.root.get_by_role("slider", name="scrub", exact=True)
    slider.focus()
    page.page.wait_for_timeout(600)  # the strips
    sent = page.messages()
    for _ in range(presses):
        page.page.keyboard.down("ArrowRight")
    page.page.wait_for_timeout(700)
    assert page.messages() == sent
    page.page.keyboard.up("ArrowRight")
    page.page.wait_for_function("before => sent.length > before", arg=sent)
    page.page.wait_for_timeout(200)
    assert page.messages() == sent + 1
    return float(slider.evaluate("slider => slider.value")) / 100 - 1


def test_a_traversal_rests_on_the_exact_galaxies(opened):
    widget = gw.LatentTraversal(MODEL, dims=[0, 2, 3], steps=5, seed=2)
    page = opened(widget)
    at = held_then_let_go(page, 6)  # between two steps of the strips
    here = MODEL.draw(1, seed=2)
    mean = np.repeat(here.mean, 3, axis=0)
    center, spread = widget._units()
    for row, dim in enumerate((0, 2, 3)):
        mean[row, dim] = center[dim] + at * widget.extent * spread[dim]
    expected = rgb(MODEL.decode(Latent(mean)), **widget.display)[:, ::-1].astype(int)
    drawn = cells(page.root.locator("canvas").first, across=False)
    assert np.abs(drawn - expected).max() <= 1
    strip = rgb(widget._show_strip(widget._wanted(), 0).galaxies, **widget.display)[:, ::-1].astype(int)
    assert min(np.abs(drawn[0] - step).max() for step in strip) > 1


@pytest.mark.parametrize("attribute", ["mag_r", "r_half"])
def test_a_sweep_rests_on_the_exact_galaxies(opened, attribute):
    widget = gw.AttributeSweep(MODEL, attribute, rows=3, columns=4, seed=2)
    page = opened(widget)
    at = held_then_let_go(page, 57)
    condition = MODEL.conditions[attribute]
    part = (at + 1) / 2
    low, high = condition.low, condition.high
    value = low * (high / low) ** part if condition.log else low + (high - low) * part
    expected = rgb(MODEL.sweep(attribute, of=MODEL.draw(4, seed=2), values=[value], seed=2), **widget.display)[:, ::-1].astype(int)
    drawn = cells(page.root.locator(".gw-scrubbed canvas"), across=True)
    assert np.abs(drawn - expected).max() <= 1
    said = page.root.get_by_role("slider", name="scrub", exact=True).get_attribute("aria-valuetext")
    assert float(said.split()[0]) == pytest.approx(value, rel=0.01)


def test_a_place_that_is_none_is_an_error_in_words():
    widget = gw.AttributeSweep(MODEL, "mag_r", rows=2, columns=2)
    answers = []
    widget.send = lambda content, _=None: answers.append(content)
    for at in (None, "x", 2, float("nan"), True):
        widget._answer({"kind": "exact", "seq": 1, "at": at, "wanted": widget._wanted(), "display": dict(widget.display)})
    assert ["give a number from -1 to 1" in answer["message"] for answer in answers] == [True] * 5
    widget.close()
