"""Something slow that a widget needs once: made on a thread when it is first wanted, told of while it is made, dropped on close."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from galwidget.widgets.shown import in_words

__all__ = ["Chore"]

_Made = TypeVar("_Made")
#: Seconds between two reports of progress.
_REPORTS = 0.25


class _DroppedError(Exception):
    """The widget was closed."""


class Chore(Generic[_Made]):
    """Makes one thing on a thread of its own.

    Parameters
    ----------
    make
        Makes it; called once, with a function to report progress to: what is done, how many are ready, of how many.
    told
        Called on that thread with each report, and without one when the thing is there or cannot be made.
    name
        Name of the thread.
    """

    def __init__(
        self, make: Callable[[Callable[[str, int, int], None]], _Made], told: Callable[[tuple[str, int, int] | None], None], name: str
    ) -> None:
        self._make, self._told, self._name = make, told, name
        self._once, self._done = threading.Lock(), threading.Event()
        self._begun = self._dropped = False
        self._made: _Made | None = None
        self._error = ""
        self._last = 0.0

    def begin(self) -> None:
        """Start, where that was not done."""
        with self._once:
            if self._begun or self._dropped:
                return
            self._begun = True
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    @property
    def here(self) -> bool:
        """Whether it is there, or is known to be impossible: then `result` does not wait."""
        return self._done.is_set()

    def result(self, timeout: float | None = None) -> _Made:
        """It, begun and waited for where need be.

        Raises
        ------
        ValueError
            It cannot be made, or was not there in time.
        """
        self.begin()
        if not self._done.wait(timeout):
            raise ValueError(f"not ready after {timeout:g} s")
        if self._made is None:
            raise ValueError(self._error)
        return self._made

    def wait(self, timeout: float | None = None) -> bool:
        """Begin, and wait at most ``timeout`` seconds; whether it is there."""
        self.begin()
        return self._done.wait(timeout) and self._made is not None

    def drop(self) -> None:
        """Stop at the next report."""
        with self._once:
            self._dropped = True
            if not self._begun:
                self._error = "the widget was closed"
                self._done.set()

    def _run(self) -> None:
        try:
            self._made = self._make(self._report)
        except _DroppedError:
            self._error = "the widget was closed"
        except Exception as error:  # noqa: BLE001 (whatever it is, the widget says it; the kernel goes on)
            self._error = in_words(error)
        self._done.set()
        if not self._dropped:
            self._told(None)

    def _report(self, what: str, ready: int, total: int) -> None:
        if self._dropped:
            raise _DroppedError
        now = time.monotonic()
        if ready in (0, total) or now - self._last > _REPORTS:
            self._last = now
            self._told((what, ready, total))
