"""A change of the stretch on 64 galaxies of 64 x 64 pixels: milliseconds in the page from the slider's event to the painted canvas."""

import pytest
from jupyter_in_browser import browser
from toy_model import ToyModel
from widget_page import WidgetPage

import galwidget as gw

FRAME = 1000 / 60
# what it takes of the processor alone is the fastest; the rest is what the machine does besides
DRAG = """async widget => {
    const slider = widget.querySelector("input[aria-label='stretch']"), times = [];
    for (let turn = 0; turn < 300; turn++) {
        await new Promise(requestAnimationFrame);
        await new Promise(done => setTimeout(done, 20));
        slider.value = 40 + turn % 120;
        const begun = performance.now();
        slider.dispatchEvent(new Event("input", {bubbles: true}));
        times.push(performance.now() - begun);
    }
    times.sort((a, b) => a - b);
    return {fastest: times[0], median: times[150], p95: times[285]};
}"""


@pytest.mark.parametrize(("bands", "label"), [("", "three bands"), ("r", "one band")])
def test_stretch_change_fits_a_frame_of_the_screen(bands, label):
    with browser() as opened:
        page = WidgetPage(opened, gw.GalaxyGrid(ToyModel(stamp=64), rows=8, columns=8))
        page.root.get_by_label("bands shown").select_option(bands)
        page.settle()
        took = page.root.evaluate(DRAG)
        page.close()
    numbers = ", ".join(f"{name} {value:.1f} ms" for name, value in took.items())
    print(f"\nstretch change, {label}: {numbers} (must be {FRAME:.1f} at p95)")
    assert took["p95"] <= FRAME
