"""Widgets look as they did: screenshots against the pictures in ``references``, light and dark.

GALWIDGET_NEW_REFERENCES=1 writes the pictures anew; look at them before they are committed.
"""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from toy_model import ToyModel
from widget_page import WidgetPage

import galwidget as gw

REFERENCES = Path(__file__).parent / "references"
#: Pixels of the screen in one of a reference: letters of other fonts are alike from so far. Levels in the mean, and in all but a hundredth.
BLOCK, MEAN, MOST = 8, 2.0, 32.0


def toy():
    return ToyModel(stamp=32)


def editor():
    model = toy()
    return gw.GalaxyEditor(model, gw.observe(model.sample(3, seed=2), seed=1))


KINDS = {
    "grid": lambda: gw.GalaxyGrid(toy(), rows=3, columns=4, seed=5, conditions={"mag_r": 19.0}),
    "sweep": lambda: gw.AttributeSweep(toy(), "g_r", rows=4, columns=4, seed=2),
    "traversal": lambda: gw.LatentTraversal(toy(), dims=[0, 1, 2], steps=5, seed=2),
    "editor": editor,
}


def seen(chromium, widget, *, dark):
    """The widget from afar: means of blocks of pixels, (y, x, 3)."""
    page = WidgetPage(chromium, widget, dark=dark)
    picture = np.asarray(Image.open(io.BytesIO(page.root.screenshot(animations="disabled", caret="hide"))).convert("RGB"), float)
    page.close()
    height, width = (side // BLOCK * BLOCK for side in picture.shape[:2])
    blocks = picture[:height, :width].reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK, 3)
    return blocks.mean((1, 3)).round().astype(np.uint8)


def apart(one, other):
    """Mean difference in levels, and the hundredth largest; a picture of another size is as far as can be."""
    if abs(one.shape[0] - other.shape[0]) > 1 or one.shape[1] != other.shape[1]:
        return 255.0, 255.0
    height = min(len(one), len(other))
    difference = np.abs(one[:height].astype(float) - other[:height])
    return difference.mean(), np.percentile(difference, 99)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_widget_looks_as_it_did(chromium, kind, dark):
    path = REFERENCES / f"{kind}_{'dark' if dark else 'light'}.png"
    now = seen(chromium, KINDS[kind](), dark=dark)
    if os.environ.get("GALWIDGET_NEW_REFERENCES"):
        Image.fromarray(now).save(path, optimize=True)
        pytest.skip(f"{path.name} is written anew: look at it")
    mean, most = apart(now, np.asarray(Image.open(path).convert("RGB")))
    assert mean <= MEAN
    assert most <= MOST


def test_other_galaxies_another_theme_and_another_layout_do_not_look_the_same(chromium):
    light, dark = (np.asarray(Image.open(REFERENCES / f"grid_{theme}.png").convert("RGB")) for theme in ("light", "dark"))
    assert apart(light, dark)[0] > MEAN
    other = seen(chromium, gw.GalaxyGrid(toy(), rows=3, columns=4, seed=6, conditions={"mag_r": 19.0}), dark=False)
    assert apart(light, other)[1] > MOST
    smaller = seen(chromium, gw.GalaxyGrid(toy(), rows=2, columns=4, seed=5, conditions={"mag_r": 19.0}), dark=False)
    assert apart(light, smaller)[0] > MEAN
