"""A tab whose content is made when it is first opened, for content that is slow to import or to make."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import ipywidgets

from galwidget.widgets.parts import close_parts
from galwidget.widgets.shown import in_words

__all__ = ["LateTab"]


class LateTab(ipywidgets.VBox):
    """A place for a widget that is not made yet.

    Parameters
    ----------
    make
        Makes the widget; called once, on a thread where the tab is opened in the page.
    """

    def __init__(self, make: Callable[[], ipywidgets.Widget]) -> None:
        self._make = make
        self._made: ipywidgets.Widget | None = None
        self._once = threading.Lock()
        self._word = ipywidgets.Label(value="One moment")
        super().__init__([self._word])

    @property
    def made(self) -> Any:
        """The widget, if it has been made; else None."""
        return self._made

    @property
    def content(self) -> Any:
        """The widget, made now if it has not been."""
        with self._once:
            if self._made is None:
                self._made = self._make()
                self.children = [self._made]
            return self._made

    def begin(self) -> None:
        """Make the widget without waiting for it; what goes wrong is said in its place."""
        if self._made is None:
            threading.Thread(target=self._begin, name="galwidget tab", daemon=True).start()

    def _begin(self) -> None:
        try:
            _ = self.content
        except Exception as error:  # noqa: BLE001 (whatever it is, the tab says it; the kernel goes on)
            self._word.value = in_words(error)

    def close(self) -> None:
        """Close the widget, where there is one, and the place."""
        if hasattr(self, "_once"):
            with self._once:
                if self._made is not None:
                    self._made.close()
            self._word.close()
            close_parts(self)
        super().close()
