"""Galaxies that were given to a sweep or a traversal: any of them, one after the other, or drawn ones in their place."""

import numpy as np
import pytest
from toy_model import ToyModel

import galwidget as gw
from galwidget.widgets.given import Given


@pytest.fixture
def model():
    return ToyModel(24)


@pytest.fixture
def galaxies(model):
    return gw.observe(model.sample(12, seed=2, mag_r=18), seed=3)


def test_each_galaxy_is_encoded_once_and_only_when_it_is_asked_for(model, galaxies, monkeypatch):
    asked, encode = [], ToyModel.encode
    monkeypatch.setattr(ToyModel, "encode", lambda self, some: asked.append(len(some)) or encode(self, some))
    given = Given(galaxies)
    first = given.latent(model, [3, 4])
    again = given.latent(model, [5, 4])
    assert asked == [2, 1]
    np.testing.assert_array_equal(again.mean[1], first.mean[1])
    np.testing.assert_allclose(again.mean[0], model.encode(galaxies[5]).mean[0])


@pytest.mark.parametrize("of", ["galaxies", "latents"])
def test_a_traversal_begins_at_any_galaxy_given_or_drawn(model, galaxies, of):
    every = model.encode(galaxies)
    widget = gw.LatentTraversal(model, of=galaxies if of == "galaxies" else every, galaxy=7, seed=4)
    widget.selection = [0]

    def start():
        return widget._galaxy(widget._wanted()).mean

    np.testing.assert_allclose(start(), every.mean[7:8], rtol=1e-6)
    widget.galaxy = 11
    np.testing.assert_allclose(start(), every.mean[11:12], rtol=1e-6)
    widget.drawn = True
    np.testing.assert_array_equal(start(), model.draw(1, seed=4).mean)
    with pytest.raises(ValueError, match="galaxy 12 was asked for, but there are 12, from 0"):
        widget.galaxy = 12


def test_a_sweep_walks_through_the_given_galaxies_and_may_draw_others(model, galaxies):
    widget = gw.AttributeSweep(model, "mag_r", of=galaxies, columns=5, rows=2, seed=4)
    assert len(widget.shown) == 10
    expected = model.sweep("mag_r", of=galaxies[5:10], values=widget._values(widget._wanted()).tolist(), seed=4)
    widget.galaxy = 5
    np.testing.assert_allclose(widget.shown.flux, expected.flux, rtol=1e-5)
    widget.galaxy = 10  # the last two
    assert len(widget.shown) == 4
    widget.drawn = True
    assert len(widget.shown) == 10
    assert "model.draw(5, seed=4)" in widget.code()


@pytest.mark.parametrize("drawn", [False, True])
def test_their_code_makes_them_again_to_the_pixel(model, galaxies, monkeypatch, drawn):
    monkeypatch.setattr(gw, "load", lambda: model, raising=False)
    for widget in (
        gw.LatentTraversal(model, of=galaxies, galaxy=6, seed=4),
        gw.AttributeSweep(model, "mag_r", of=galaxies, columns=3, rows=2, galaxy=4, seed=4),
    ):
        widget.drawn, widget.selection = drawn, [1, 3]
        names = {}
        exec(widget.code(), names)  # noqa: S102 (the claim is that this text runs)
        np.testing.assert_array_equal(names["selected"].flux, widget.selected.flux)
