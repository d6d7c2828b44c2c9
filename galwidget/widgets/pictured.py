"""A picture beside ipywidgets' own that says what it shows: their Image has no words for who does not see it."""

from __future__ import annotations

import base64
import html

import ipywidgets

__all__ = ["Pictured"]


class Pictured(ipywidgets.HTML):
    """A PNG with its words.

    Parameters
    ----------
    width
        CSS pixels, at most: a narrower cell makes it narrower.
    """

    def __init__(self, width: int) -> None:
        self.png = b""
        self._width = width
        super().__init__()

    def show(self, png: bytes, words: str) -> None:
        """Show the file ``png``; ``words`` are for those who do not see it."""
        self.png = png
        source = base64.b64encode(png).decode()
        style = f"display:block;width:{self._width}px;max-width:100%"
        self.value = f'<img alt="{html.escape(words)}" src="data:image/png;base64,{source}" style="{style}">'
