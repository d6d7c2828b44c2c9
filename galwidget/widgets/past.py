"""What was done to a widget, to be taken back and done again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from traitlets import HasTraits

__all__ = ["Past"]

#: Steps that are remembered: a lasso may hold a hundred thousand galaxies.
_STEPS = 50


class Past:
    """Remembers the values that traits had, change by change.

    Parameters
    ----------
    owner
        Whose traits they are.
    names
        Of the traits.
    told
        Called when what can be undone or redone may have changed.
    """

    def __init__(self, owner: HasTraits, names: Sequence[str], told: Callable[[], None]) -> None:
        self._owner, self._told = owner, told
        self._before: list[tuple[str, Any]] = []
        self._after: list[tuple[str, Any]] = []
        self._moving = False
        owner.observe(self._changed, list(names))

    @property
    def can_undo(self) -> bool:
        """Whether there is something to take back."""
        return bool(self._before)

    @property
    def can_redo(self) -> bool:
        """Whether something was taken back and nothing done since."""
        return bool(self._after)

    def undo(self) -> None:
        """Take back the last change."""
        self._move(self._before, self._after)

    def redo(self) -> None:
        """Do again what was taken back last."""
        self._move(self._after, self._before)

    def forget(self) -> None:
        """Begin anew, from how things are."""
        self._before.clear()
        self._after.clear()
        self._told()

    def _changed(self, change: Any) -> None:
        if not self._moving:
            self._before = [*self._before[1 - _STEPS :], (change["name"], change["old"])]
            self._after.clear()
            self._told()

    def _move(self, source: list[tuple[str, Any]], target: list[tuple[str, Any]]) -> None:
        if not source:
            return
        name, value = source.pop()
        target.append((name, getattr(self._owner, name)))
        self._moving = True
        try:
            self._owner.set_trait(name, value)
        finally:
            self._moving = False
        self._told()
