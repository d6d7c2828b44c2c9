"""The galaxies beneath a map: the decoded point and the selected ones, with what the side panel says of them; and the map by keys."""

import threading

import numpy as np
import pytest
from patience import SOON, until
from toy_model import ToyModel
from wire import Browser

import galwidget as gw


@pytest.fixture(scope="module")
def model():
    return ToyModel()


@pytest.fixture(scope="module")
def galaxies(model):
    return gw.observe(model.sample(40, seed=3), seed=1)


@pytest.fixture
def chart(model, galaxies):
    made = gw.LatentMap(model, galaxies)
    assert made.wait(SOON)
    yield made
    made.close()


def shown(chart):
    return chart._beneath._shown(chart._beneath._wanted())


def titles(chart):
    until(lambda: chart._beneath.layout.display != "none")
    return shown(chart).about["titles"]


def test_nothing_is_beneath_a_map_of_which_nothing_was_asked(chart):
    assert chart._beneath.layout.display == "none"
    assert len(shown(chart).galaxies) == 0


def test_the_decoded_point_comes_first_and_then_the_selected_galaxies_as_they_were_seen(chart, galaxies, model):
    chart.selection = [7, 3]
    chart.at = (0.5, -0.25)
    before = chart._beneath.revision
    until(lambda: chart._beneath.revision > before)
    assert titles(chart) == ["decoded at (0.50, -0.25)", "galaxy 3 of 40", "galaxy 7 of 40"]
    now = shown(chart)
    np.testing.assert_array_equal(now.galaxies.flux[1:], galaxies[[3, 7]].flux)
    np.testing.assert_allclose(now.galaxies.flux[:1], chart.decoded.flux, rtol=1e-6)
    np.testing.assert_allclose(now.latent().mean[1:], model.encode(galaxies[[3, 7]]).mean, rtol=1e-5)
    browser = Browser(chart._beneath)
    browser.say({"type": "details", "seq": 1, "cell": 2, "state": {}})
    content, _ = browser.hear()
    np.testing.assert_allclose(content["latent"]["mean"], now.latent().mean[2], atol=1e-4)
    chart.at = None
    chart.selection = []
    until(lambda: chart._beneath.layout.display == "none")


def test_many_selected_galaxies_are_shown_by_some_of_them(model):
    chart = gw.LatentMap(model, n=200, seed=2)
    assert chart.wait(SOON)
    chart.selection = list(range(150))
    names = titles(chart)
    assert (names[0], names[-1], len(names)) == ("galaxy 0 of 200", "galaxy 149 of 200", 31)
    chart.close()


def test_a_catalogue_without_units_or_images_is_shown_as_the_model_has_it(model):
    drawn = model.draw(30, seed=3)
    catalogue = gw.Galaxies(table={"mag_r": 19.5 - drawn.mean[:, 0], "name": [f"<b>{i}" for i in range(30)]}, survey=model.survey)
    chart = gw.LatentMap(model, catalogue, latent=drawn)
    assert chart.wait(SOON)
    chart.selection, chart.at = [4, 5], (0.0, 0.0)
    assert titles(chart) == ["decoded at (0.00, 0.00)", "galaxy 4 of 30", "galaxy 5 of 30"]
    now = shown(chart).galaxies
    np.testing.assert_array_equal(now.flux[1:], model.decode(drawn[[4, 5]]).flux)
    np.testing.assert_allclose(now.attribute("mag_r")[1:], catalogue.attribute("mag_r")[[4, 5]])
    chart.close()


def test_its_stitch_is_the_maps(chart):
    chart.selection, chart.at = [1, 2], (0.0, 0.5)
    browser = Browser(chart._beneath)
    browser.say({"type": "code", "seq": 1, "form": "galaxies", "state": {}})
    content, _ = browser.hear()
    assert content["code"] == chart.code()
    assert content["model_id"] == chart._beneath.model_id
    assert chart._beneath in chart.children


def test_a_map_that_is_being_made_is_not_waited_for_with_the_model_locked(chart, model, monkeypatch):
    chart.selection = [1]
    titles(chart)
    going = threading.Event()
    monkeypatch.setattr("galwidget.widgets.map_jobs.Plane", lambda *_: going.wait(SOON) and None)
    chart.projection = "UMAP"
    until(lambda: not chart.ready)
    chart._beneath._cache = None
    assert len(shown(chart).galaxies) == 0
    assert model.lock.acquire(timeout=SOON)
    model.lock.release()
    going.set()


def test_a_condition_and_a_point_are_typed(chart, galaxies):
    chart._where.value = "mag_r < 19.5"
    assert chart.selection == np.flatnonzero(galaxies.attribute("mag_r") < 19.5).tolist()
    chart._where.value = "size < 2"
    assert "no attribute is named 'size'" in chart._status.value
    assert chart.selection
    chart._place[0].value = 1.5
    chart._place[1].value = -0.5
    assert chart.at == (1.5, -0.5)
    chart.at = (0.25, 0.75)
    assert [field.value for field in chart._place] == [0.25, 0.75]
    assert chart.at == (0.25, 0.75)
