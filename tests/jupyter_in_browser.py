"""A real JupyterLab on a free port and a real Chromium looking at it, for tests, benchmarks and screenshots."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from playwright.sync_api import Browser, Locator, Page, sync_playwright

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_SETTINGS = {
    "apputils-extension/themes.jupyterlab-settings": {"theme": "JupyterLab Light"},
    "apputils-extension/notification.jupyterlab-settings": {"fetchNews": "false", "checkForUpdates": False},
    "docmanager-extension/plugin.jupyterlab-settings": {"autosave": False},
    "notebook-extension/tracker.jupyterlab-settings": {"windowingMode": "none"},
}


def chromium() -> str | None:
    """The browser: GALWIDGET_CHROMIUM, or one on the path; None is Playwright's own."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return os.environ.get("GALWIDGET_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=_FLAGS)
        try:
            yield opened
        finally:
            opened.close()


def write_notebook(path: Path, cells: Iterable[str]) -> Path:
    """A notebook of these cells at ``path``."""
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = [nbformat.v4.new_code_cell(source.strip()) for source in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=made, metadata={"kernelspec": kernelspec}), path)
    return path


class Lab:
    """A JupyterLab server whose settings, kernels and notebooks all live in one folder."""

    def __init__(self, folder: Path, extra_path: Path | None = None, extensions: tuple[str, ...] = ()) -> None:
        self.notebooks = folder / "notebooks"
        self.notebooks.mkdir(parents=True)
        for name, settings in _SETTINGS.items():
            file = folder / "config/lab/user-settings/@jupyterlab" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(settings))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        environment = {
            **os.environ,
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTERLAB_SETTINGS_DIR": str(folder / "config/lab/user-settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(folder / "config/lab/workspaces"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "IPYTHONDIR": str(folder / "ipython"),
            "OMP_NUM_THREADS": "1",
        }
        if extra_path:
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(extra_path), os.environ.get("PYTHONPATH")]))
        options = (
            "--no-browser",
            "--allow-root",
            f"--ServerApp.port={port}",
            "--ServerApp.port_retries=0",
            "--ServerApp.ip=127.0.0.1",
            "--IdentityProvider.token=",
            f"--ServerApp.root_dir={self.notebooks}",
            "--LabApp.expose_app_in_browser=True",
            f"--ServerApp.jpserver_extensions={dict.fromkeys(extensions, True)}",
        )
        self._log = (folder / "server.log").open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], env=environment, stdout=self._log, stderr=subprocess.STDOUT
        )
        try:
            self._wait(folder / "server.log")
        except BaseException:
            self.close()
            raise

    def _wait(self, log: Path) -> None:
        for _ in range(240):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/api/status", timeout=2):  # noqa: S310 (loopback)
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.25)
        raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


class Notebook:
    """One notebook open in the browser, with everything that the page said, asked and sent."""

    def __init__(self, opened: Browser, lab: Lab, path: Path, *, theme: str = "Light", width: int = 1360, height: int = 1000) -> None:
        self.copy = lab.notebooks / path.name
        shutil.copy(path, self.copy)
        self.context = opened.new_context(viewport={"width": width, "height": height})
        self.context.set_default_timeout(20_000)
        self.page: Page = self.context.new_page()
        self.console: list[str] = []
        self.elsewhere: list[str] = []
        self.sent: list[bytes | str] = []
        self.page.on("console", lambda message: self.console.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.console.append(str(error)))
        self.page.on("request", lambda request: self._note(request.url, lab.url))
        self.page.on("websocket", lambda channel: channel.on("framesent", self._sent))
        self.page.goto(f"{lab.url}/lab/workspaces/test/tree/{path.name}?reset", wait_until="domcontentloaded")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)
        self.page.wait_for_function("window.jupyterapp && document.querySelector('.jp-NotebookPanel')", timeout=60_000)
        self.command("application:toggle-left-area") if self.page.query_selector("#jp-left-stack:not(.lm-mod-hidden)") else None
        if theme != "Light":
            self.theme(theme)
        self._wait_for_kernel()

    def _note(self, url: str, home: str) -> None:
        if not url.startswith((home, home.replace("http", "ws"), "data:", "blob:", "about:")):
            self.elsewhere.append(url)

    def _sent(self, frame: bytes | str) -> None:
        self.sent.append(frame)

    def _wait_for_kernel(self) -> None:
        self.page.wait_for_function(
            "window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'", timeout=90_000
        )

    def command(self, name: str, **arguments: Any) -> None:
        self.page.evaluate("([name, args]) => window.jupyterapp.commands.execute(name, args)", [name, arguments])

    def theme(self, name: str) -> None:
        self.command("apputils:change-theme", theme=f"JupyterLab {name}")
        self.page.wait_for_selector(f"body[data-jp-theme-light='{str(name == 'Light').lower()}']", state="attached")

    def prompts(self) -> list[str]:
        return self.page.eval_on_selector_all(".jp-CodeCell .jp-InputArea-prompt", "all => all.map(prompt => prompt.textContent)")

    def errors(self) -> list[str]:
        """Name and message of every error that a cell ended with."""
        script = """() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells
            .flatMap(cell => cell.toJSON().outputs ?? []).filter(output => output.output_type === "error")
            .map(output => output.ename + ": " + output.evalue)"""
        return self.page.evaluate(script)

    def run_all(self, timeout: float = 240.0) -> None:
        """Run every cell and wait for all of them; on a fresh kernel the command is sometimes not heard, so it is repeated."""
        deadline = time.monotonic() + timeout
        for _ in range(4):
            self.command("notebook:run-all-cells")
            self.page.wait_for_timeout(1500)
            if any(prompt not in ("[ ]:", "") for prompt in self.prompts()):
                break
        while time.monotonic() < deadline:
            prompts = self.prompts()
            if all(prompt.strip("[]: ").isdigit() for prompt in prompts):
                return
            if failed := self.errors():
                raise AssertionError(f"a cell failed: {failed[0]}")
            self.page.wait_for_timeout(200)
        raise AssertionError(f"cells did not finish within {timeout:g} s: {self.prompts()}")

    def run(self, code: str, timeout: float = 60.0) -> str:
        """Run ``code`` in the notebook's kernel, beside its cells, and return what it prints."""
        script = """async ([code, limit]) => {
            const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            const future = kernel.requestExecute({code, store_history: false});
            let text = "";
            future.onIOPub = message => {
                if (message.header.msg_type === "stream") text += message.content.text;
                if (message.header.msg_type === "error") text += "ERROR " + message.content.ename + ": " + message.content.evalue;
            };
            await Promise.race([future.done, new Promise((_, no) => setTimeout(() => no(new Error("kernel is busy")), limit))]);
            return text;
        }"""
        return self.page.evaluate(script, [code, 1000 * timeout])

    @contextlib.contextmanager
    def busy_cell(self, folder: Path, first: str = "") -> Iterator[None]:
        """A cell that has done ``first`` runs in the kernel for as long as the block does."""
        begun, released = folder / "begun", folder / "released"
        code = f"""
import pathlib, time
{first}
pathlib.Path({str(begun)!r}).touch()
while not pathlib.Path({str(released)!r}).exists():
    time.sleep(0.02)
"""
        script = (
            "code => void window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({code, store_history: false})"
        )
        self.page.evaluate(script, code)
        try:
            for _ in range(600):
                if begun.exists():
                    break
                self.page.wait_for_timeout(50)
            assert begun.exists(), "the cell did not begin"
            yield
        finally:
            released.touch()

    def comm_messages(self) -> int:
        """Messages of widgets that the page has sent so far."""
        return sum(b"comm_msg" in (frame if isinstance(frame, bytes) else frame.encode()) for frame in self.sent)

    def settle(self, widget: Locator, patience: float = 30.0) -> None:
        """Wait until a widget shows the picture of its state."""
        newest = """async ([widget, limit]) => {
            const begun = performance.now();
            const ready = () => widget.dataset.picture === "here" && widget.dataset.busy === "false";
            while (!ready() && performance.now() - begun < limit) await new Promise(done => setTimeout(done, 20));
            return ready();
        }"""
        assert widget.evaluate("(w, limit) => (" + newest + ")([w, limit])", 1000 * patience), "the widget has no new picture"

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        self.context.close()


def pixels(canvas: Locator, *, whole: bool = False) -> dict[str, Any]:
    """Mean, deviation, number of colours and checksum of a canvas's pixels; with ``whole`` also ``data``, (y, x, 3) uint8."""
    script = """async (canvas, whole) => {
        await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
        const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        const colours = new Set();
        let sum = 0, squares = 0, hash = 0, n = 0, text = "";
        for (let i = 0; i < data.length; i += 4) {
            colours.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
            for (let c = 0; c < 3; c++) {
                const v = data[i + c]; sum += v; squares += v * v; n += 1; hash = (Math.imul(hash, 31) + v) | 0;
            }
        }
        if (whole) for (let i = 0; i < data.length; i += 32768) text += String.fromCharCode(...data.subarray(i, i + 32768));
        const deviation = Math.sqrt(Math.max(0, squares / n - (sum / n) ** 2));
        return {mean: sum / n, deviation, hash, colours: colours.size, width: canvas.width, data: btoa(text)};
    }"""
    seen = canvas.evaluate(script, whole)
    if whole:
        seen["data"] = np.frombuffer(base64.b64decode(seen["data"]), np.uint8).reshape(-1, seen["width"], 4)[:, :, :3]
    return seen
