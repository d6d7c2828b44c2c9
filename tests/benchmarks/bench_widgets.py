"""What a hand feels, in one real JupyterLab and Chromium: the widgets against what a user would write, and against their own floor."""

import json
import statistics
from pathlib import Path

import pytest
from jupyter_in_browser import Lab, Notebook, write_notebook
from unwatched import unwatched_browser

import galwidget
from galwidget.galaxy_model import load

SETUP = """
import galwidget as gw
import anywidget, ipywidgets, json, os, statistics, threading, time
import matplotlib.pyplot as plt
from galwidget.picture import mosaic

model = gw.load()
low, high = model.conditions["mag_r"].low, model.conditions["mag_r"].high
"""
OURS = """
grid = gw.GalaxyGrid(model, rows=8, columns=8, seed=1, conditions={"mag_r": (low + high) / 2})
grid
"""
# the same decode of the same 64 galaxies; the picture as large on the screen
THEIRS = """
def draw(mag_r):
    galaxies = model.decode(model.draw(64, seed=1, mag_r=mag_r))
    plt.figure(figsize=(5.3, 5.3))
    plt.imshow(mosaic(galaxies.rgb(), 8, 2))
    plt.axis("off")
    plt.show()


ipywidgets.interactive(draw, mag_r=ipywidgets.FloatSlider((low + high) / 2, min=low, max=high, step=(high - low) / 200))
"""
# the floor: a widget that does nothing but answer with as many bytes as a draft of the grid has
ECHO = """
class Echo(anywidget.AnyWidget):
    _esm = '''export default { render({ model }) { window.echo = () => new Promise(done => {
        const begun = performance.now();
        const heard = () => { model.off("msg:custom", heard); requestAnimationFrame(() => done(performance.now() - begun)); };
        model.on("msg:custom", heard); model.send({}); }); } }'''

    def __init__(self):
        super().__init__()
        self.data = os.urandom(64 * 3 * model.stamp**2)
        self.on_msg(lambda *_: self.send({}, [self.data]))


Echo()
"""
SCRUB = """
gw.LatentTraversal(model, seed=1)
"""
# In the page: the clock starts with the slider's event and stops when the pixels are on the canvas, or the new image is decoded.
PAGE = """() => {
const put = CanvasRenderingContext2D.prototype.putImageData;
let hear = null;
CanvasRenderingContext2D.prototype.putImageData = function (...values) { put.apply(this, values); hear?.(); };
const write = WebSocket.prototype.send;
let sent = 0;
WebSocket.prototype.send = function (data) {
    if (new TextDecoder().decode(data).includes("comm_msg")) sent += 1;
    write.call(this, data);
};
const frame = () => new Promise(requestAnimationFrame);
const pause = (milliseconds) => new Promise(done => setTimeout(done, milliseconds));
window.bench = {
    painted() {
        return new Promise(done => { hear = () => { hear = null; requestAnimationFrame(() => done(performance.now())); }; });
    },
    slider(name) { return document.querySelector(`.gw-widget input[type=range][aria-label='${name}']`); },
    move(slider, by) {
        slider.value = Number(slider.value) + by;
        slider.dispatchEvent(new Event("input", {bubbles: true}));
    },
    hold(held) { bench.slider("r magnitude").dispatchEvent(new PointerEvent(held ? "pointerdown" : "pointerup", {bubbles: true})); },
    slide(by) { bench.move(bench.slider("r magnitude"), by); },
    async ours(by) {
        bench.hold(true);
        const painted = bench.painted(), begun = performance.now();
        bench.slide(by);
        const took = (await painted) - begun;
        bench.hold(false);
        return took;
    },
    image() {
        const output = document.querySelector(".widget-interact");
        const before = output.querySelector("img");
        return new Promise(done => {
            const watch = new MutationObserver(async () => {
                const now = output.querySelector("img");
                if (!now || now === before) return;
                watch.disconnect();
                await now.decode();
                requestAnimationFrame(() => done(performance.now()));
            });
            watch.observe(output, {childList: true, subtree: true});
        });
    },
    push(by) {
        const handle = document.querySelector(".widget-interact .noUi-handle");
        handle.dispatchEvent(new KeyboardEvent("keydown", {key: by > 0 ? "ArrowRight" : "ArrowLeft", bubbles: true}));
    },
    async theirs(by) {
        const image = bench.image(), begun = performance.now();
        bench.push(by);
        return (await image) - begun;
    },
    // events as fast as the screen for some seconds; the pictures that came, and how long after the last event the last of them
    async drag(push, next, seconds, hold) {
        let pictures = 0, last = 0, dragging = true, over = false;
        const begun = performance.now();
        (async () => { while (!over) { last = await next(); if (dragging) pictures += 1; } })();
        hold(true);
        for (let sign = 1; performance.now() - begun < 1000 * seconds; await frame()) {
            if (Math.random() < 0.05) sign = -sign;
            push(sign);
        }
        dragging = false;
        const ended = performance.now();
        hold(false);
        let measured = ended;
        while (performance.now() - Math.max(ended, last) < 1500) {
            await pause(5);
            if (document.querySelector(".gw-widget").dataset.busy === "true") measured = performance.now();
        }
        over = true;
        return {rate: pictures / seconds, settle: Math.max(0, last - ended), measured: measured - ended};
    },
    // the scrub of the traversal: pictures a second, and messages sent meanwhile
    async scrub(seconds) {
        // the strips of the traversal come one after the other: wait until nothing was asked for a while
        for (let seen = -1; seen !== sent; await pause(3000)) seen = sent;
        const slider = bench.slider("scrub"), [before, begun] = [sent, performance.now()];
        let frames = 0, sign = 20;
        while (performance.now() - begun < 1000 * seconds) {
            if (Number(slider.value) + sign > Number(slider.max) || Number(slider.value) + sign < 0) sign = -sign;
            const painted = bench.painted();
            bench.move(slider, sign);
            await painted;
            frames += 1;
        }
        return {rate: frames / seconds, messages: sent - before};
    },
    // main thread from the event to the painted canvas, with nothing waiting for the screen
    async stretch(times) {
        const slider = bench.slider("stretch"), took = [];
        for (let turn = 0; turn < times; turn++) {
            await pause(60);
            let painted = 0;
            hear = () => { painted = performance.now(); };
            const begun = performance.now();
            bench.move(slider, turn % 20 < 10 ? 5 : -5);
            while (!painted) await frame();
            took.push(painted - begun);
        }
        hear = null;
        return took;
    },
    async rerun(cell) {
        const app = window.jupyterapp, {content} = app.shell.currentWidget;
        content.activeCellIndex = cell;
        content.deselectAll();
        const painted = bench.painted(), begun = performance.now();
        await app.commands.execute("notebook:run-cell");
        return (await painted) - begun;
    },
    async restart() {
        const {sessionContext} = window.jupyterapp.shell.currentWidget;
        await sessionContext.session.kernel.restart();
        while (sessionContext.session.kernel.status !== "idle") await pause(50);
        await pause(2000);
    },
};
}"""
CELLS = (SETUP, OURS, THEIRS, ECHO, SCRUB)
KERNEL = """
def milliseconds(verb):
    times = []
    for _ in range(9):
        begun = time.perf_counter(); result = verb(); times.append(1e3 * (time.perf_counter() - begun))
    return statistics.median(times), result
parts = {}
parts["draw"], latent = milliseconds(lambda: model.draw(64, seed=1, mag_r=19.0))
parts["decode"], galaxies = milliseconds(lambda: model.decode(latent))
parts["decode, no table"], _ = milliseconds(lambda: model.decode(latent, attributes=False))
from galwidget.widgets.wire import companded, half_floats, hover_columns
pixels = galaxies.flux[:, [3, 2, 1]]
parts["companded"], _ = milliseconds(lambda: companded(pixels, [10.0] * 3))
parts["half floats"], _ = milliseconds(lambda: half_floats(pixels))
parts["attributes"], _ = milliseconds(lambda: hover_columns(galaxies))
print(json.dumps(parts))
"""

BARE = """
begun = time.perf_counter()
model.decode(model.draw(64, seed=1, mag_r=19.0), attributes=False)
print(1e3 * (time.perf_counter() - begun))
"""


class Table:
    """Rows of what was measured and asked, printed together at the end."""

    def __init__(self):
        self.rows = [("what", "ours", "theirs", "ratio", "asked")]

    def add(self, what, ours, theirs=None, asked="", unit="ms"):
        ratio = "" if theirs is None else f"{ours / theirs:.3f}"
        self.rows.append((what, f"{ours:.1f} {unit}", "" if theirs is None else f"{theirs:.1f} {unit}", ratio, asked))

    def print(self):
        widths = [max(map(len, column)) for column in zip(*self.rows, strict=True)]
        print("\n\n" + "\n".join("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in self.rows))


@pytest.fixture(scope="module")
def table():
    kept = Table()
    yield kept
    kept.print()


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    try:
        load()
    except FileNotFoundError as error:
        pytest.skip(f"the shipped model is not here: {error}")
    folder = tmp_path_factory.mktemp("bench")
    path = write_notebook(folder / "bench.ipynb", CELLS)
    server = Lab(folder / "home", extensions=("galwidget.server",))
    with unwatched_browser() as opened:
        shown = Notebook(opened, server, path, height=3200)
        shown.run_all()
        waiting = "[...document.querySelectorAll('.gw-widget')].every(w => w.dataset.picture === 'here' && w.dataset.busy === 'false')"
        shown.page.wait_for_function(f"document.querySelectorAll('.gw-widget').length === 2 && {waiting}", timeout=90_000)
        shown.page.wait_for_selector(".widget-interact img", timeout=60_000)
        shown.page.evaluate(PAGE)
        yield shown
        shown.close()
    server.close()


def test_slider_to_pixels(notebook, table):
    page, took, bare = notebook.page, {"ours": [], "theirs": [], "echo": []}, []
    for turn in range(28):
        step = 1 if turn % 8 < 4 else -1
        for name, script in (("ours", f"bench.ours({step})"), ("theirs", f"bench.theirs({step})"), ("echo", "echo()")):
            milliseconds = page.evaluate(script)
            page.wait_for_timeout(600)  # the exact picture after the draft must not disturb the others
            if turn >= 3:  # the first draws warm the caches of both
                took[name].append(milliseconds)
        bare.append(float(notebook.run(BARE)))  # as rested as the others: again and again in a loop it is faster than a hand ever is
        page.wait_for_timeout(600)
    kernel = json.loads(notebook.run(KERNEL))
    ours, theirs, echo = (statistics.median(took[name]) for name in ("ours", "theirs", "echo"))
    table.add("slider to pixels, 8 x 8, against interactive + imshow", ours, theirs, "ratio <= 1/4")
    quartiles = [statistics.quantiles(took[name], n=4) for name in ("ours", "theirs")]
    table.add("  lower quartile", quartiles[0][0], quartiles[1][0])
    table.add("  upper quartile", quartiles[0][2], quartiles[1][2])
    work = statistics.median(bare[3:])
    floor = echo + work
    table.add("  against echo of as many bytes + draw + decode", ours, floor, "ratio <= 1.3")
    table.add("  echo; draw + decode", echo, work)
    hot = kernel["draw"] + kernel["decode, no table"]
    table.add("  against echo + draw + decode in a loop", ours, echo + hot)
    for name, milliseconds in kernel.items():
        table.add(f"  kernel: {name}", milliseconds)
    assert ours <= theirs / 4
    assert ours <= 1.3 * floor


def test_frantic_dragging(notebook, table):
    ours = notebook.page.evaluate("bench.drag(bench.slide, bench.painted, 5, bench.hold)")
    theirs = notebook.page.evaluate("bench.drag(bench.push, bench.image, 5, () => {})")
    table.add("live pictures, 5 s of dragging", ours["rate"], theirs["rate"], ">= 12 /s", "/s")
    table.add("settled after it", ours["settle"], None, "<= 300 ms")
    table.add("  and its attributes measured", ours["measured"])
    assert ours["rate"] >= 12
    assert ours["settle"] <= 300


def test_scrub(notebook, table):
    seen = notebook.page.evaluate("bench.scrub(3)")
    table.add("scrub of a traversal", seen["rate"], None, ">= 55 /s", "/s")
    table.add("  messages sent meanwhile", seen["messages"], None, "0", "")
    assert seen["messages"] == 0
    assert seen["rate"] >= 55


def test_stretch(notebook, table):
    p95 = statistics.quantiles(notebook.page.evaluate("bench.stretch(60)"), n=20)[-1]
    table.add("stretch of 64 galaxies, p95 from event to canvas", p95, None, "<= 16.7 ms")
    assert p95 <= 16.7


SOURCE = "window.jupyterapp.shell.currentWidget.content.model.sharedModel.getCell(%d).setSource(%s)"
FRESH = """
import galwidget as gw
grid = gw.GalaxyGrid(gw.load(), rows=8, columns=8, seed=1)
grid
"""
MODELS = """async () => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const {content} = await kernel.requestCommInfo({target_name: "jupyter.widget"});
    return Object.keys(content.comms).length;
}"""


def test_running_the_cell_again(notebook, table):
    """A cell that closes its widget before it makes another leaves nothing behind."""
    page = notebook.page
    cell = CELLS.index(OURS)
    page.evaluate("() => void " + SOURCE % (cell, json.dumps("grid.close()" + OURS)))
    took, counted = [], []
    for turn in range(52):
        took.append(page.evaluate(f"bench.rerun({cell})"))
        if turn in (1, 51):
            page.wait_for_timeout(8000)  # a worker's thread ends when it had nothing to do for a while
            threads = int(notebook.run("print(threading.active_count())"))
            counted.append((page.evaluate(MODELS), threads, page.heap() / 2**20))
    table.add("cell run to first galaxies, model loaded", statistics.median(took), None, "<= 500 ms")
    for name, before, after in zip(("models", "kernel threads", "page heap, MiB"), *counted, strict=True):
        table.add(f"50 times run again: {name} after and before", after, before, "flat", "")
    assert statistics.median(took) <= 500
    assert counted[1][0] == counted[0][0]
    assert counted[1][1] <= counted[0][1]
    assert counted[1][2] - counted[0][2] < 5


def test_first_galaxies_of_a_fresh_kernel(notebook, table):
    page, cell = notebook.page, CELLS.index(OURS)
    page.evaluate("() => void " + SOURCE % (cell, json.dumps(FRESH)))
    alone, ours = [], []
    for _ in range(3):
        page.evaluate("bench.restart()")
        alone.append(
            1e3 * float(notebook.run("import time; begun = time.perf_counter(); import torch; print(time.perf_counter() - begun)"))
        )
        page.evaluate("bench.restart()")
        ours.append(page.evaluate(f"bench.rerun({cell})"))
    table.add("cell run to first galaxies, model not loaded, against import torch", statistics.median(ours), statistics.median(alone))
    beyond = statistics.median(ours) - statistics.median(alone)
    table.add("  beyond import torch", beyond, None, "<= 1500 ms")
    assert beyond <= 1500


def test_bundle(table):
    static = Path(galwidget.__file__).parent / "static"
    size = sum((static / name).stat().st_size for name in ("widget.js", "loader.js"))
    table.add("bundle", size / 1000, None, "<= 120 kB", "kB")
    assert size <= 120_000
