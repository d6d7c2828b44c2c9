"""A fit that was killed goes on where it was: what it needs for that, in a file that each of its epochs replaces."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

__all__ = ["Resumed"]


class Resumed:
    """The state of a fit on disk.

    Parameters
    ----------
    folder
        Where it is; None: nowhere, nothing is kept.
    name
        Of the file, without its ending.
    of
        What the fit is of, such as a digest of the networks and the settings: what another fit left is not gone on from.
    """

    def __init__(self, folder: Path | None, name: str, of: str) -> None:
        self._path, self._of = None if folder is None else folder / f"{name}.pt", of

    def load(self) -> dict[str, Any]:
        """What was saved last; empty where this fit has saved nothing.

        Raises
        ------
        ValueError
            The file is damaged.
        """
        if self._path is None or not self._path.is_file():
            return {}
        try:
            found: dict[str, Any] = torch.load(self._path, weights_only=True)
            return found["state"] if found["of"] == self._of else {}
        except (RuntimeError, EOFError, OSError, KeyError, TypeError, pickle.UnpicklingError) as error:
            raise ValueError(f"{self._path} is damaged; delete it, and what it holds is done again") from error

    def save(self, **state: Any) -> None:
        """Put this in place of what was saved before: tensors, numbers, and lists and dictionaries of them."""
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        torch.save({"of": self._of, "state": state}, partial)
        partial.replace(self._path)

    def restore(self, generator: torch.Generator, **parts: Any) -> int:
        """Put what `keep` saved last into the generator and each of ``parts`` (networks, optimizer, schedule); how many epochs are done."""
        state = self.load()
        if state:
            generator.set_state(state["generator"])
            for name, part in parts.items():
                part.load_state_dict(state[name])
        return int(state.get("epochs", 0))

    def keep(self, epochs: int, generator: torch.Generator, **parts: Any) -> None:
        """Save where a fit is after so many epochs."""
        self.save(epochs=epochs, generator=generator.get_state(), **{name: part.state_dict() for name, part in parts.items()})
