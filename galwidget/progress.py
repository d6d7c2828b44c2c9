"""How far a slow verb is: a bar in the notebook, or a function of the caller's own, which may also stop it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

__all__ = ["EnoughError", "Progress", "steps"]

#: Show a bar or none; or a function that is called with what is done, how much is ready, and of how much (0: not known).
Progress = bool | Callable[[str, int, int], None]


class EnoughError(Exception):
    """Raised by a function of progress: what is done so far will do. Work that is of no use in part gives up."""


@contextmanager
def steps(
    progress: Progress, what: str, total: int | None = None, *, unit: str = "gal", partial: bool = False
) -> Iterator[Callable[[int], object]]:
    """Yield a function that is told how much more is ready.

    Parameters
    ----------
    progress
        A bar or none; or a function, and what it raises ends the work.
    what, total, unit
        What is done, of how much (None: not known), in what.
    partial
        Whether a part of the work is of use: then `EnoughError` leaves the block, and goes no further.
    """
    try:
        if callable(progress):
            ready = 0

            def tell(more: int) -> None:
                nonlocal ready
                ready += more
                progress(what, ready, total or 0)

            with suppress(*[EnoughError] * partial):  # nothing is of no use
                tell(0)
            yield tell
            return
        from tqdm.auto import tqdm  # noqa: PLC0415 (tqdm.auto loads ipywidgets in a notebook)

        with tqdm(total=total, desc=what, unit=unit, disable=not progress) as bar:
            yield bar.update
    except EnoughError:
        if not partial:
            raise
