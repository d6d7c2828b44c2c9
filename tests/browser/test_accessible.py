"""Every widget for people who do not see it, or not well: axe-core finds nothing serious, light and dark, with all of it open."""

import pytest
from accessible import serious
from toy_model import ToyModel
from widget_page import WidgetPage

import galwidget as gw
from galwidget.science import metric

MODEL = ToyModel(32)


def observed():
    return gw.observe(MODEL.sample(12, seed=2, mag_r=18.5), seed=1)


def searched(finder):
    """A finder that has learnt what it searches by, and found something."""
    assert finder.wait(120)
    assert len(finder.shown) == 6
    return finder


@pytest.mark.parametrize(
    "make",
    [
        lambda: gw.GalaxyGrid(MODEL, rows=3, columns=3, conditions={"mag_r": 19, "r_half": (0.5, 1), "morphology": ["E"]}),
        lambda: gw.GalaxyGrid(galaxies=observed(), rows=2, columns=2),
        lambda: gw.AttributeSweep(MODEL, "mag_r", across="r_half", rows=3, columns=3),
        lambda: gw.LatentTraversal(MODEL, dims=[0, 2]),
        lambda: gw.GalaxyEditor(MODEL, observed(), surveys=["LSST", "Euclid_NISP"]),
        lambda: searched(gw.GalaxyFinder(gw.load(), gw.simulate(6, "KiDS", seed=1, progress=False))),
    ],
    ids=["grid", "given galaxies", "plane", "traversal", "editor", "finder"],
)
def test_axe_finds_nothing_serious(chromium, make, monkeypatch):
    monkeypatch.setattr(metric, "_DRAWN", 16)  # what noise does, from few galaxies: not what is tested here
    page = WidgetPage(chromium, make())
    page.cell(0).click()
    page.keys("Enter", "?")
    for theme in ("", "dark"):
        page.page.evaluate("theme => { document.body.className = theme; }", theme)
        assert serious(page.page, "#cell") == []
    assert page.console == []
    page.close()


def test_axe_would_find_a_button_without_a_name_and_pale_words(chromium):
    page = chromium.new_page()
    page.set_content("<html lang=en><body><div id=cell><button></button><p style='color:#ccc;background:#fff'>pale</p></div></body></html>")
    found = " ".join(serious(page, "#cell"))
    assert "button-name" in found
    assert "color-contrast" in found
    page.close()
