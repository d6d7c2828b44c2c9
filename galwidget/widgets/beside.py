"""What the page says to a widget is heard while a cell runs, even when that cell wrote to the widget."""

from __future__ import annotations

from typing import Any

import ipywidgets

from galwidget.widgets.parts import parts_of

__all__ = ["hear_beside_cells"]

#: ipykernel 7.4 asks a comm by this name which shell is to handle a message.
_ROUTE = "_reply_subshell_for"


def hear_beside_cells(widget: ipywidgets.Widget) -> None:
    """Have messages to ``widget``, and to what it is made of, handled on the subshell that the page addressed.

    From version 7.4 on, ipykernel hands them to the shell that wrote to the widget last, for code that awaits an answer there. Nothing here
    does; and a cell that makes a widget or sets a trait, and then computes on, would keep it deaf until it ends: its sliders, and the
    buttons that stop what the cell has begun. Other kernels, and versions before, do as the page says already.
    """
    for part in (widget, *parts_of(widget)):
        if hasattr(part.comm, _ROUTE):
            setattr(part.comm, _ROUTE, _as_addressed)


def _as_addressed(_: Any, subshell: str | None) -> str | None:
    return subshell
