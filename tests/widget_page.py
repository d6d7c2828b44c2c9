"""A widget in a bare page: its Python side runs here, its browser side in Chromium, with no notebook between them."""

from __future__ import annotations

import base64
import json
import queue
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page

import galwidget
from galwidget.widgets.frames import FrameWidget

STATIC = Path(galwidget.__file__).parent / "static"
#: Variables of JupyterLab's dark theme that the style sheet reads.
DARK = """--jp-ui-font-color1:#fff;--jp-ui-font-color2:#ffffffb3;--jp-border-color1:#616161;--jp-border-color2:#424242;
--jp-layout-color1:#111;--jp-layout-color2:#424242;--jp-brand-color1:#2196f3;--jp-ui-inverse-font-color1:#fff"""
HTML = """<!doctype html><html lang="en"><meta charset="utf-8"><title>widget</title><style>{css}
body {{ margin: 8px; background: var(--jp-layout-color1, #fff); }} .dark {{ {dark} }}</style>
<body><div id="cell"></div></body></html>"""
# anywidget's model: traits, custom messages, and nothing else
PAGE = """
window.begin = async ([source, state]) => {
    const hear = {};
    window.sent = [];
    window.model = {
        get: name => state[name],
        set: (name, value) => { state[name] = value; model.say("change:" + name); },
        on: (name, act) => (hear[name] ??= []).push(act),
        off: (name, act) => { hear[name] = (hear[name] ?? []).filter(other => other !== act); },
        say: (name, ...values) => (hear[name] ?? []).forEach(act => act(...values)),
        send: async message => {
            sent.push(message);
            const view = text => new DataView(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer);
            for (const [content, buffers] of await toKernel(message)) model.say("msg:custom", content, buffers.map(view));
        },
    };
    const module = await import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})));
    const widget = module.default();
    widget.initialize({model});
    window.end = widget.render({model, el: document.querySelector("#cell")});
};
"""


class WidgetPage:
    """``widget`` shown alone in a page of its own."""

    def __init__(
        self, opened: Browser, widget: FrameWidget, *, width: int = 1180, height: int = 1000, dark: bool = False, density: float = 1
    ) -> None:
        self.widget = widget
        self._answers: queue.Queue[tuple[Any, list[bytes]]] = queue.Queue()
        widget.send = lambda content, buffers=None: self._answers.put((content, list(buffers or [])))
        self.context = opened.new_context(viewport={"width": width, "height": height}, device_scale_factor=density)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.console: list[str] = []
        self.page.on("console", lambda message: self.console.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.console.append(str(error)))
        self.page.expose_function("toKernel", self._to_kernel)
        self.page.set_content(HTML.format(css=(STATIC / "widget.css").read_text(), dark=DARK))
        if dark:
            self.page.evaluate("document.body.className = 'dark'")
        self.page.add_script_tag(content=PAGE)
        self.page.evaluate("values => begin(values)", [(STATIC / "widget.js").read_text(), self._state()])
        self.root: Locator = self.page.locator(".gw-widget")
        self.settle()

    def _state(self) -> dict[str, Any]:
        state = {name: value for name, value in self.widget.get_state().items() if not name.startswith("_")}
        return json.loads(json.dumps(state, default=str))

    def _to_kernel(self, message: dict[str, Any]) -> list[tuple[Any, list[str]]]:
        self.widget._receive(None, message)
        if message["type"] == "state" and self._answers.empty():
            return []
        answers = [self._answers.get(timeout=60)]
        while answers[-1][0].get("pending") or not self._answers.empty():  # what is measured on a picture follows it
            answers.append(self._answers.get(timeout=60))
        return [(content, [base64.b64encode(buffer).decode() for buffer in buffers]) for content, buffers in answers]

    def settle(self) -> None:
        """Wait until the widget shows the exact picture of its state."""
        self.page.wait_for_selector(".gw-widget[data-picture='here'][data-busy='false']")
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def messages(self) -> int:
        """Messages that the page has sent so far."""
        return self.page.evaluate("sent.length")

    def cell(self, index: int, sheet: int = 0) -> Locator:
        return self.root.locator(".gw-cells").nth(sheet).get_by_role("gridcell").nth(index)

    def keys(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def close(self) -> None:
        self.context.close()
        self.widget.close()
