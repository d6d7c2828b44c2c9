"""Something slow that a widget needs once: made on a thread when it is first wanted, told of, stopped by whoever waits no longer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from traitlets import Dict, HasTraits, List, Unicode

from galwidget.progress import Progress
from galwidget.widgets.shown import in_words

__all__ = ["Chore", "Chores", "StoppedError"]

_Made = TypeVar("_Made")
_CLOSED, _STOPPED = "the widget was closed", "it was stopped in the widget; ask again, and it begins anew"
#: Seconds between two reports of progress.
_REPORTS = 0.25


class StoppedError(Exception):
    """The person stopped it, or the widget was closed."""


class Chore(Generic[_Made]):
    """Makes one thing on a thread of its own.

    Parameters
    ----------
    make
        Makes it, and reports progress to the function that it is called with; called again only where it was stopped before.
    told
        Called on that thread with each report, and without one when the thing is there, cannot be made, or was stopped.
    name
        Name of the thread.
    """

    def __init__(self, make: Callable[[Progress], _Made], told: Callable[[tuple[str, int, int] | None], None], name: str) -> None:
        self._make, self._told, self._name = make, told, name
        self._state, self._done = threading.Lock(), threading.Event()
        self._begun = self._halted = self._dropped = False
        self._made: _Made | None = None
        self._error = ""
        self._last = 0.0

    def begin(self, *, again: bool = False) -> None:
        """Start, where that was not done; where it was stopped, only ``again``."""
        with self._state:
            if again:
                self._halted = False  # a thread that has not noticed goes on as if nothing had been said
            if self._begun or self._dropped or self._halted:
                return
            self._begun = True
            self._done.clear()
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    @property
    def halted(self) -> bool:
        """Whether it was told to stop."""
        return self._halted

    @property
    def stopped(self) -> bool:
        """Whether it has stopped, and waits to be begun again."""
        return self._halted and not self._begun

    @property
    def here(self) -> bool:
        """Whether it is there, or is known to be impossible: then `result` does not wait."""
        return self._done.is_set() and not self.stopped

    def result(self, timeout: float | None = None) -> _Made:
        """It, begun (also where it was stopped before) and waited for where need be.

        Raises
        ------
        ValueError
            It cannot be made, was stopped meanwhile, or was not there in time.
        """
        self.begin(again=True)
        if not self._done.wait(timeout):
            raise ValueError(f"not ready after {timeout:g} s")
        if self._made is None:
            raise ValueError(self._error)
        return self._made

    def wait(self, timeout: float | None = None) -> bool:
        """Begin, where it was not stopped, and wait at most ``timeout`` seconds; whether it is there."""
        self.begin()
        return self._done.wait(timeout) and self._made is not None

    def stop(self) -> None:
        """Stop at the next report, where it is being made; it can be begun again, from the start."""
        with self._state:
            self._halted |= self._begun and not self._done.is_set()

    def drop(self) -> None:
        """Stop at the next report, for ever."""
        with self._state:
            self._dropped = True
            if not self._begun:
                self._error = _CLOSED
                self._done.set()

    def _run(self) -> None:
        while not self._attempted():
            pass
        if not self._dropped:
            self._told(None)

    def _attempted(self) -> bool:
        """Make it; False where it was stopped, and begun again before that was noticed."""
        try:
            self._made = self._make(self._report)
        except StoppedError:
            with self._state:
                if not (self._halted or self._dropped):
                    return False
                self._begun, self._error = self._dropped, _CLOSED if self._dropped else _STOPPED
                self._done.set()  # before anyone may begin again, which clears it
                return True
        except Exception as error:  # noqa: BLE001 (whatever it is, the widget says it; the kernel goes on)
            self._error = in_words(error)
        self._done.set()
        return True

    def _report(self, what: str, ready: int, total: int) -> None:
        if self._dropped or self._halted:
            raise StoppedError
        now = time.monotonic()
        if ready in (0, total) or now - self._last > _REPORTS:
            self._last = now
            self._told((what, ready, total))


class Chores(HasTraits):
    """The slow things that a widget makes, by name, and what the page knows of them.

    Attributes
    ----------
    ready, stopped
        Names of those that are there, or cannot be made, and of those that were stopped.
    progress
        What is being made: ``what``, and how many galaxies are ``ready`` of a ``total``; empty for nothing.
    """

    ready = List(Unicode()).tag(sync=True)
    stopped = List(Unicode()).tag(sync=True)
    progress = Dict().tag(sync=True)

    _chores: dict[str, Chore[Any]]

    def _chore(self, name: str, make: Callable[[Progress], _Made]) -> Chore[_Made]:
        made = Chore(make, lambda report: self._tell(name, report), f"galwidget {type(self).__name__} {name}")
        self.__dict__.setdefault("_chores", {})[name] = made
        return made

    def _tell(self, name: str, report: tuple[str, int, int] | None) -> None:
        if report is not None:
            self.stopped = [other for other in self.stopped if other != name]
            self.progress = dict(zip(("what", "ready", "total"), report, strict=True))
            return
        self.progress = {}
        there = "stopped" if self._chores[name].stopped else "ready"
        self.set_trait(there, [*getattr(self, there), name])

    def stop(self) -> None:
        """Stop what is being made, at its next step; `resume` begins it anew, and so does whatever in Python needs it."""
        for chore in self._chores.values():
            chore.stop()

    def resume(self) -> None:
        """Begin anew what was stopped."""
        for chore in self._chores.values():
            if chore.halted:
                chore.begin(again=True)

    def _drop_chores(self) -> None:
        for chore in self.__dict__.get("_chores", {}).values():
            chore.drop()
