"""Galaxies that were given to be swept or traversed: each is encoded when it is first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from galwidget.latent import Latent

if TYPE_CHECKING:
    from galwidget.galaxies import Galaxies
    from galwidget.galaxy_model import GalaxyModel

__all__ = ["Given"]


class Given:
    """Latents of galaxies.

    Parameters
    ----------
    of
        The galaxies, with images, or their latents.
    """

    def __init__(self, of: Galaxies | Latent) -> None:
        self._of = of
        self._known: dict[int, Latent] = {}

    def __len__(self) -> int:
        return len(self._of)

    def latent(self, model: GalaxyModel, rows: Sequence[int]) -> Latent:
        """Latent of the galaxies ``rows``, (n, d)."""
        if isinstance(self._of, Latent):
            return self._of[list(rows)]
        if missing := [row for row in rows if row not in self._known]:
            found = model.encode(self._of[np.array(missing)])
            self._known |= {row: found[[at]] for at, row in enumerate(missing)}
        return Latent.concatenate([self._known[row] for row in rows])
