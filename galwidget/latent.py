"""Where galaxies are in a model's latent space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Latent"]


@dataclass(frozen=True, eq=False)
class Latent:
    """A diagonal Gaussian for each galaxy; ``std`` is 0 for a point.

    Parameters
    ----------
    mean, std
        Shape (n, d), float32.

    Examples
    --------
    >>> import numpy as np
    >>> latent = Latent(np.zeros((3, 8), np.float32))
    >>> len(latent), latent[1:].mean.shape
    (3, (2, 8))
    """

    mean: np.ndarray
    std: np.ndarray = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        mean = np.ascontiguousarray(self.mean, dtype=np.float32)
        std = np.zeros_like(mean) if self.std is None else np.ascontiguousarray(self.std, dtype=np.float32)
        if mean.ndim != 2 or std.shape != mean.shape:
            raise ValueError(f"mean has shape {mean.shape} and std {std.shape}; both are (n, d)")
        if not np.isfinite(mean).all():
            raise ValueError("the latent has values that are not finite")
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "std", std)

    def __len__(self) -> int:
        return len(self.mean)

    def __getitem__(self, item: int | slice | Sequence[int] | np.ndarray) -> Latent:
        if isinstance(item, (int, np.integer)):
            item = [range(len(self))[int(item)]]
        elif not isinstance(item, slice):
            item = np.asarray(item) if len(item) > 0 else np.zeros(0, int)
        return Latent(self.mean[item], self.std[item])

    def __iter__(self) -> Iterator[Latent]:
        return (self[index] for index in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Latent):
            return NotImplemented
        return np.array_equal(self.mean, other.mean) and np.array_equal(self.std, other.std)

    __hash__ = None  # type: ignore[assignment]

    @staticmethod
    def concatenate(parts: Sequence[Latent]) -> Latent:
        """All of ``parts``, in order."""
        return Latent(np.concatenate([part.mean for part in parts]), np.concatenate([part.std for part in parts]))

    def sample(self, seed: int | None = None) -> Latent:
        """One draw of each, as points."""
        noise = np.random.default_rng(seed).standard_normal(self.mean.shape)
        return Latent(self.mean + self.std * noise)

    def __repr__(self) -> str:
        return f"<Latent: {len(self)} in {self.mean.shape[1]} dimensions>"
