"""What goes over the wire while a hand drags: eight bits a pixel, no attributes, and the exact picture after it."""

import numpy as np
import pytest
from toy_model import ToyModel
from wire import Browser

import galwidget as gw
from galwidget.widgets.grid import GalaxyGrid
from galwidget.widgets.sweep import AttributeSweep
from galwidget.widgets.wire import companded, half_floats


@pytest.fixture
def grid():
    widget = GalaxyGrid(ToyModel(), rows=2, columns=3)
    yield widget
    widget.close()


def test_bright_flux_stays_finite_in_half_floats():
    pixels = np.array([[[[3.0e6, -2.0e6, 1.0, 0.0]]]], np.float32)
    layer, data = half_floats(pixels)
    assert np.log2(layer["scale"]).is_integer()
    np.testing.assert_allclose(np.frombuffer(data, "<f2").astype(float) * layer["scale"], pixels.ravel(), rtol=2**-10)


def flux_of_draft(content, data):
    """What the page makes of a draft, by the formula of `companded`."""
    layer = content["layers"][0]
    knee, top = (np.array(layer[name])[:, None, None] for name in ("knee", "top"))
    codes = np.frombuffer(data, np.uint8).reshape(layer["shape"])
    return knee * np.expm1(codes / 255 * np.log1p(top / knee))


@pytest.fixture(scope="module")
def large():
    widget = GalaxyGrid(ToyModel(64), rows=6, columns=6)
    yield widget
    widget.close()


@pytest.fixture
def dragged(large):
    """A grid whose newest picture is a draft, and that draft."""
    browser = Browser(large)
    large.model.decodes = 0
    browser.say({"type": "frame", "seq": 1, "draft": True, "state": {"seed": 6}})
    return large, *browser.hear()


def test_draft_has_a_byte_a_pixel_and_no_attributes(dragged):
    grid, content, buffers = dragged
    assert (content["draft"], content["attributes"], content["rows"]) == (True, [], 6)
    assert len(buffers[0]) == 36 * 3 * 64 * 64
    assert grid.model.decodes == 1


def test_draft_looks_like_the_exact_picture(dragged):
    from galwidget.picture import rgb

    grid, content, buffers = dragged
    exact = grid.shown
    drafted = exact.select_bands(content["bands"])
    drafted = gw.Galaxies(flux_of_draft(content, buffers[0]), survey=drafted.survey)
    off = np.abs(rgb(exact, **grid.display).astype(int) - rgb(drafted, **grid.display))
    assert off.max() <= 6
    assert off.mean() < 0.5


def test_python_never_sees_a_draft(dragged):
    grid, content, buffers = dragged
    grid.selection = [4]
    bands = grid.selected.select_bands(content["bands"])
    assert "mag_r" in grid.table.colnames
    expected = grid.model.decode(grid.model.draw(36, seed=6))[[4]].select_bands(content["bands"])
    np.testing.assert_array_equal(bands.flux, expected.flux)
    assert not np.array_equal(bands.flux, flux_of_draft(content, buffers[0])[[4]])


def test_exact_picture_follows_a_draft_with_its_attributes(dragged):
    grid, *_ = dragged
    browser = Browser(grid)
    browser.say({"type": "frame", "seq": 2, "state": {}})
    content, _ = browser.hear()
    assert content["draft"] is False
    assert set(browser.attributes(2)) >= {"mag_r", "r_half"}
    np.testing.assert_allclose(browser.flux(), grid.shown.select_bands(content["bands"]).flux, rtol=2**-11, atol=1e-6)


def test_small_or_negative_pictures_are_half_floats_in_a_draft_too(grid):
    galaxies = gw.observe(ToyModel(64).sample(16, seed=3), seed=1)
    noisy = GalaxyGrid(galaxies=galaxies)
    for widget in (grid, noisy):
        browser = Browser(widget)
        browser.say({"type": "frame", "seq": 1, "draft": True, "state": {}})
        content, _ = browser.hear()
        expected = widget.shown.select_bands(content["bands"]).flux
        np.testing.assert_allclose(browser.flux(), expected, rtol=2**-11, atol=1e-6)
    noisy.close()


def test_companded_steps_follow_the_scale_of_each_band():
    pixels = np.stack([np.geomspace(0.01, top, 64, dtype=np.float32).reshape(8, 8) for top in (30.0, 4000.0)])[None]
    layer, data = companded(pixels, [1.0, 9.0])
    assert layer["top"] == pytest.approx([30.0, 4000.0])
    off = np.abs(flux_of_draft({"layers": [layer]}, data) - pixels)
    steps = np.log1p(np.array(layer["top"]) / layer["knee"]) / 255
    # half a step of the logarithm, everywhere
    assert (off <= 0.51 * steps[:, None, None] * (np.array(layer["knee"])[:, None, None] + pixels)).all()


def test_companding_of_nothing_is_nothing():
    layer, data = companded(np.zeros((2, 1, 4, 4), np.float32), [1.0])
    assert data == bytes(32)
    assert np.isfinite(flux_of_draft({"layers": [layer]}, data)).all()


@pytest.mark.parametrize("across", ["", "r_half"])
def test_a_sweep_is_rough_while_it_is_held_and_exact_once_after(across):
    model, asked = ToyModel(), []
    edit = model.edit_latent
    model.edit_latent = lambda of, **asks: asked.append(asks.get("draft", False)) or edit(of, **asks)
    model.sweep_latent = lambda name, draft=False, **asks: asked.append(draft) or ToyModel.sweep_latent(ToyModel(), name, **asks)
    sweep = AttributeSweep(model, "mag_r", rows=3, columns=2, across=across)
    browser = Browser(sweep)
    asked.clear()
    browser.say({"type": "frame", "seq": 1, "draft": True, "state": {"seed": 6}})
    assert browser.hear()[0]["draft"]
    assert asked == [True]
    browser.say({"type": "frame", "seq": 2, "state": {}})
    assert not browser.hear(2)[0]["draft"]
    assert "requested_mag_r" in browser.attributes(2)
    assert asked == [True, False]
    browser.say({"type": "strip", "seq": 3, "row": 0, "state": {}})
    assert browser.hear(3)[0]["type"] == "strip"
    assert asked == [True, False, True]
    sweep.close()
