"""How far a slow verb is: a bar in the notebook, or a function of the caller's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm.auto import tqdm

__all__ = ["Progress", "steps"]

#: Show a bar or none; or a function that is called with what is done, how many galaxies are ready, and of how many (0: not known).
Progress = bool | Callable[[str, int, int], None]


@contextmanager
def steps(progress: Progress, what: str, total: int | None = None) -> Iterator[Callable[[int], object]]:
    """Yield a function that is told how many galaxies more are ready."""
    if callable(progress):
        ready = 0

        def tell(more: int) -> None:
            nonlocal ready
            ready += more
            progress(what, ready, total or 0)

        tell(0)
        yield tell
        return
    with tqdm(total=total, desc=what, unit="gal", disable=not progress) as bar:
        yield bar.update
