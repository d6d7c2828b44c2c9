"""A cell that is run again: the widgets that it made before are closed, unless the notebook still has them by a name."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

import ipywidgets
from IPython.core.interactiveshell import InteractiveShell

__all__ = ["Reruns", "note"]

#: Things that are looked through for a widget: a notebook's own names, not all of its data.
_MOST, _LARGEST = 20_000, 1000


class Reruns:
    """Which cell of a notebook made which widgets.

    ipywidgets and ``Out`` keep every widget for ever, and a widget its model and pictures: a cell that makes one would cost their memory
    each time it is run. Its output is replaced then, and what no name leads to cannot be shown again.

    Parameters
    ----------
    shell
        The IPython shell of the notebook.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self._new: list[weakref.ref[ipywidgets.Widget]] = []
        self._made: dict[str, list[weakref.ref[ipywidgets.Widget]]] = {}
        shell.events.register("pre_run_cell", self._begun)
        shell.events.register("post_run_cell", self._ended)

    def add(self, widget: ipywidgets.Widget) -> None:
        """``widget`` was made; by the running cell, if that is on this thread."""
        if threading.current_thread() is threading.main_thread():
            self._new.append(weakref.ref(widget))

    def _begun(self, _: Any) -> None:
        self._new = []  # what a callback made between two cells belongs to none

    def _ended(self, result: Any) -> None:
        new, self._new = self._new, []
        cell = getattr(result.info, "cell_id", None)
        if cell is None or not result.info.store_history:
            return
        before = [widget for ref in self._made.get(cell, []) if (widget := ref()) is not None and widget.comm is not None]
        self._made[cell] = new
        if not before:
            return
        # ``Out`` and ``_5`` are nobody's choice
        roots = [value for name, value in self.shell.user_ns.items() if not name.startswith("_") and name not in ("In", "Out")]
        named = {id(thing) for thing in _reached(roots + [widget for widget in before if getattr(widget, "at_work", False)])}
        for widget in before:
            if id(widget) in named:
                self._made[cell].append(weakref.ref(widget))
            else:
                widget.close()
                self._forget(widget)

    def _forget(self, widget: ipywidgets.Widget) -> None:
        """Take a widget out of ``Out`` and its names (``_``, ``_5``): closed, it would still hold its model."""
        for name in [name for name, value in self.shell.user_ns.items() if value is widget]:
            if name in self.shell.user_ns:  # the first call takes all
                self.shell.del_var(name)


def _reached(roots: list[Any]) -> Iterator[Any]:
    """What is reached from ``roots`` through containers, widgets and objects of the notebook's own classes."""
    waiting = list(roots)
    seen: set[int] = set()
    while waiting and len(seen) < _MOST:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        yield thing
        waiting += _parts(thing)


def _parts(thing: Any) -> list[Any]:
    if isinstance(thing, Mapping):
        return list(thing.values()) if len(thing) <= _LARGEST else []
    if isinstance(thing, list | tuple | set | frozenset):
        return list(thing) if len(thing) <= _LARGEST else []
    if isinstance(thing, ipywidgets.Widget):
        return [*getattr(thing, "children", ()), *(value for value in vars(thing).values() if isinstance(value, ipywidgets.Widget))]
    own = type(thing).__module__ == "__main__" and hasattr(thing, "__dict__")
    return list(vars(thing).values()) if own else []


_reruns: Reruns | None = None


def note(widget: ipywidgets.Widget) -> None:
    """Remember which cell made ``widget``, where there is a notebook."""
    global _reruns  # noqa: PLW0603 (one notebook a process)
    if not InteractiveShell.initialized():
        return
    shell = InteractiveShell.instance()
    if _reruns is None or _reruns.shell is not shell:
        _reruns = Reruns(shell)
    _reruns.add(widget)
