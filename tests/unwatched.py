"""A Chromium that nobody listens in on: Playwright has every websocket frame copied to it, which costs more than some of what is measured.

It has the few verbs of Playwright's pages that `jupyter_in_browser.Notebook` uses, over the DevTools protocol with its network domain off.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from jupyter_in_browser import _FLAGS, chromium
from tornado.websocket import WebSocketClientConnection, websocket_connect

#: What Playwright adds so that a page that no screen shows runs as if one did.
_AWAKE = ("--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding")


class Page:
    """One tab, by the names that Playwright gives its verbs."""

    def __init__(self, address: str) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._number = 0
        self._channel = self._wait(self._connected(address))
        self._ask("Page.enable")
        self._ask("Emulation.setFocusEmulationEnabled", enabled=True)

    @staticmethod
    async def _connected(address: str) -> WebSocketClientConnection:
        return await websocket_connect(address, max_message_size=1 << 28, ping_interval=None)

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = json.dumps({"id": self._number, "method": method, "params": parameters})
        return self._wait(self._asked(message, self._number))

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(320)

    async def _asked(self, message: str, number: int) -> dict[str, Any]:
        await self._channel.write_message(message)
        while (text := await asyncio.wait_for(self._channel.read_message(), 300)) is not None:
            answer = json.loads(text)
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"the browser refused: {answer['error']['message']}")
                return answer["result"]
        raise RuntimeError("the browser closed the page")

    def evaluate(self, script: str, argument: Any = None) -> Any:
        """The value of a script, or of a function called with ``argument``, once its promise is kept."""
        code = f"(async () => {{ const it = ({script}); return typeof it === 'function' ? it({json.dumps(argument)}) : it; }})()"
        answer = self._ask("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"].get("exception", {}).get("description", "the script failed"))
        return answer["result"].get("value")

    def goto(self, url: str, **_: Any) -> None:
        self._ask("Page.navigate", url=url)

    def on(self, event: str, listener: Callable[..., Any]) -> None:
        """Nobody listens."""

    def wait_for_timeout(self, milliseconds: float) -> None:
        time.sleep(milliseconds / 1000)

    def wait_for_function(self, script: str, timeout: float = 20_000, **_: Any) -> None:
        deadline = time.monotonic() + timeout / 1000
        while not self.evaluate(f"() => Boolean({script})"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"still not true after {timeout / 1000:g} s: {script}")
            time.sleep(0.1)

    def wait_for_selector(self, selector: str, timeout: float = 20_000, **_: Any) -> None:
        self.wait_for_function(f"document.querySelector({json.dumps(selector)})", timeout)

    def query_selector(self, selector: str) -> bool:
        return self.evaluate(f"() => Boolean(document.querySelector({json.dumps(selector)}))")

    def eval_on_selector_all(self, selector: str, script: str) -> Any:
        return self.evaluate(f"() => ({script})([...document.querySelectorAll({json.dumps(selector)})])")

    def collect_garbage(self) -> None:
        self._ask("HeapProfiler.collectGarbage")

    def heap(self) -> int:
        """Bytes of JavaScript objects, after a collection."""
        self.collect_garbage()
        return int(self._ask("Runtime.getHeapUsage")["usedSize"])

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._channel.close)
        self._loop.call_soon_threadsafe(self._loop.stop)


class Context:
    """The only tab of the browser, as a Playwright context."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def new_page(self) -> Page:
        return self._page

    def set_default_timeout(self, milliseconds: float) -> None:
        """Each verb has its own."""

    def close(self) -> None:
        self._page.close()


class Chromium:
    """A browser with one tab, as Playwright's."""

    def __init__(self, address: str) -> None:
        self._address = address

    def new_context(self, viewport: dict[str, int]) -> Context:
        page = Page(self._address)
        page._ask("Emulation.setDeviceMetricsOverride", **viewport, deviceScaleFactor=1, mobile=False)
        return Context(page)


@contextlib.contextmanager
def unwatched_browser() -> Iterator[Any]:
    folder = tempfile.mkdtemp(prefix="unwatched-")
    program = chromium() or "chromium"
    command = [program, *_FLAGS, *_AWAKE, "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        port = next(found[1] for line in lines if (found := re.search(r"DevTools listening on ws://[^:]+:(\d+)", line)))
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=20) as answer:
            tabs = json.load(answer)
        yield Chromium(next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page"))
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)
