"""One thread a widget that answers the browser's requests, the latest of each kind only."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import Any

__all__ = ["LatestWorker"]


class _Halted(BaseException):
    """Whoever waited for the running job does so no longer."""


class LatestWorker:
    """Runs jobs one after the other on a thread of its own; a waiting job gives way to a newer one of its kind.

    Parameters
    ----------
    run
        Called with each job, on the worker's thread. It must not raise.
    kinds
        The kinds of job, the most urgent first.
    idle
        Seconds without a job after which the thread ends; the next job starts another.
    name
        Name of the thread.
    halted
        Called with a job that `halt` ended.

    Notes
    -----
    JupyterLab's subshells deliver messages beside the running cell, so a job may be submitted from any thread.
    """

    def __init__(
        self,
        run: Callable[[Any], None],
        kinds: tuple[str, ...],
        *,
        idle: float = 5.0,
        name: str = "galwidget",
        halted: Callable[[Any], None] = lambda _: None,
    ) -> None:
        self._run = run
        self._halted = halted
        #: The thread whose job may be halted, and the lock for it: no condition, whose own code an exception could leave half done.
        self._haltable: int | None = None
        self._told = False
        self._halting = threading.Lock()
        self._kinds = kinds
        self._idle = idle
        self._name = name
        self._waiting: dict[str, Any] = {}
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, kind: str, job: Any) -> Any | None:
        """Queue ``job`` and return the waiting job of its kind that it replaces (the job itself when the worker is closed)."""
        if kind not in self._kinds:
            raise ValueError(f"a job of kind {kind!r}; this worker does {', '.join(self._kinds)}")
        with self._wake:
            if self._closed:
                return job
            replaced = self._waiting.get(kind)
            self._waiting[kind] = job
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name=self._name, daemon=True)
                self._thread.start()
            self._wake.notify()
            return replaced

    def drop(self, kind: str) -> None:
        """Forget the waiting job of a kind, where there is one: nobody wants it any more."""
        with self._wake:
            self._waiting.pop(kind, None)

    def halt(self) -> list[Any]:
        """Forget what waits, end the running job as an interrupt of the kernel ends a cell, and return what waited."""
        with self._wake:
            waiting = list(self._waiting.values())
            self._waiting.clear()
        with self._halting:
            if self._haltable is not None:
                _raise(self._haltable, _Halted)
                self._haltable, self._told = None, True  # once a job: whoever catches it is not to be hit again
        return waiting

    def settle(self) -> None:
        """The running job goes on undisturbed from here: what it made is handed over. Where it was halted just now, it ends here."""
        with self._halting:
            told = self._told
            if told:
                _raise(threading.get_ident(), None)
            self._haltable, self._told = None, False
        if told:
            raise _Halted

    def _attempt(self, job: Any) -> None:
        try:
            with self._halting:
                self._haltable = threading.get_ident()
            self._run(job)
            self.settle()
        except _Halted:
            with self._halting:
                self._haltable, self._told = None, False
            self._halted(job)

    def _loop(self) -> None:
        while True:
            with self._wake:
                if not self._waiting and not self._closed:
                    self._wake.wait(self._idle)
                kind = next((k for k in self._kinds if k in self._waiting), None)
                if kind is None or self._closed:
                    self._thread = None
                    return
                job = self._waiting.pop(kind)
            self._attempt(job)

    @property
    def alive(self) -> bool:
        """Whether the thread is running."""
        with self._wake:
            return self._thread is not None

    def close(self, timeout: float = 5.0) -> None:
        """Drop what waits, let the running job finish, and end the thread."""
        with self._wake:
            self._closed = True
            self._waiting.clear()
            thread = self._thread
            self._wake.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)


def _raise(thread: int, exception: type[BaseException] | None) -> None:
    """Have a thread raise an exception at its next step; None takes back one that it has not raised yet."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), exception and ctypes.py_object(exception))
