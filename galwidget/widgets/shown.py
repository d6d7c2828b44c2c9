"""What the widgets of galaxies say to each other: what is shown, which traits are state, and what cannot be, in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from traitlets import TraitError

if TYPE_CHECKING:
    import numpy as np

    from galwidget.galaxies import Galaxies
    from galwidget.latent import Latent

__all__ = ["Shown", "StateError", "in_words", "state"]


def state(trait: Any) -> Any:
    """A trait of a widget's state: the same state gives the same picture. The browser's own changes are not echoed to it."""
    return trait.tag(sync=True, echo_update=False, state=True)


class StateError(TraitError, ValueError):
    """A state that a widget cannot have; a `TraitError`, so that traitlets takes back what was set with it."""


@dataclass(frozen=True)
class Shown:
    """The galaxies that a state of a widget shows, row by row, and how they are laid out."""

    galaxies: Galaxies
    rows: int
    columns: int
    latent: Callable[[], Latent | None] = lambda: None
    first: int = 0
    row_labels: list[str] = field(default_factory=list)
    column_labels: list[str] = field(default_factory=list)
    residual: np.ndarray | None = None
    seen: list[Galaxies] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)


def in_words(error: BaseException) -> str:
    """An error as a sentence for the widget: its own words where it has them."""
    words = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    ours = isinstance(error, (ValueError, TypeError, KeyError, TraitError)) and words
    return words if ours else f"{type(error).__name__}: {words or 'no message'}"
