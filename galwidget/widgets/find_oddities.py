"""Which oddities GalaxyFinder shows: in the order that marks taught, or those to mark next; and the code that shows them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from galwidget.science.anomaly import Anomalies
from galwidget.widgets.shown import StateError
from galwidget.widgets.stitch import listed

__all__ = ["Page", "checked_marks", "ordered", "page_code", "page_of"]


@dataclass(frozen=True)
class Page:
    """Rows of the oddities that are shown, the number of the first, and how many there are on all pages."""

    rows: list[int]
    first: int
    total: int


def checked_marks(marks: Mapping[str, Sequence[int]], count: int) -> dict[str, list[int]]:
    """Rows by ``interesting`` and ``boring``, where all are among ``count`` galaxies."""
    if not set(marks) <= {"interesting", "boring"}:
        raise StateError(f"marks are called {', '.join(map(str, marks))}; they are interesting or boring")
    rows = {name: [int(row) for row in given] for name, given in marks.items()}
    if any(not 0 <= row < count for given in rows.values() for row in given):
        raise StateError(f"a galaxy was marked that is not there; there are {count}, from 0")
    return rows


def ordered(found: Anomalies, marks: Mapping[str, Sequence[int]]) -> Anomalies:
    """Most interesting first in the light of marks; oddest first where there are none."""
    return found.marked(**marks) if any(marks.values()) else found


def page_of(found: Anomalies, wanted: Mapping[str, Any]) -> Page:
    """What the finder's state asks for; of what is to be marked next, those that were marked are none."""
    marks, k = wanted["learned"], wanted["k"]
    marking = wanted["order"] == "marking"
    total = len(found) - len({row for rows in marks.values() for row in rows}) if marking else len(found)
    first = min(wanted["page"], max(total - 1, 0) // k) * k
    rows = found.to_mark(first + k, **marks) if marking else ordered(found, marks).order[: first + k].tolist()
    return Page(rows[first:], first, total)


def page_code(order: str, marks: Mapping[str, Sequence[int]], first: int, k: int) -> str:
    """Lines that make ``rows`` of a page from ``found``."""
    told = ", ".join(f"{kind}={listed(rows)}" for kind, rows in marks.items() if rows)
    if order == "marking":
        return f"rows = found.to_mark({', '.join(filter(None, [str(first + k), told]))})[{first}:]\n"
    return (f"found = found.marked({told})\n" if told else "") + f"rows = found.order[{first}:{first + k}]\n"
