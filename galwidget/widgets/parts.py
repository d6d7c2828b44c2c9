"""The widgets that a widget is made of, to be told something together, or closed: no model is left in the kernel or in the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import ipywidgets

__all__ = ["close_parts", "parts_of"]


def parts_of(widget: ipywidgets.Widget) -> set[ipywidgets.Widget]:
    """Every widget that the state of ``widget`` refers to, and theirs: children, layouts, styles, marks, scales, axes; not itself."""
    seen = {widget}
    waiting = [widget]
    while waiting:
        for part in _referred(waiting.pop()):
            if part not in seen:
                seen.add(part)
                waiting.append(part)
    return seen - {widget}


def close_parts(widget: ipywidgets.Widget) -> None:
    """Close every widget that ``widget`` is made of."""
    for part in parts_of(widget):
        part.close()


def _referred(widget: ipywidgets.Widget) -> Iterator[ipywidgets.Widget]:
    for name in widget.keys:
        yield from _widgets_in(getattr(widget, name, None))


def _widgets_in(value: Any) -> Iterator[ipywidgets.Widget]:
    if isinstance(value, ipywidgets.Widget):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _widgets_in(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _widgets_in(part)
