"""Integers to bytes and back with a range coder: as many bits as a Gaussian, or counts, say that they are worth."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np

__all__ = ["Decoder", "Encoder"]

# The coder gives each integer within the bound 2^-24 at least; the rare larger one is written as the bound and listed.
_BOUND = 4095
#: Narrower Gaussians cost the same: nothing but the 2^-24 of each integer that does not come.
_NARROWEST = 0.05
_COUNTS = struct.Struct("<II")


def _gaussian(std: float | None = None) -> Any:
    from constriction import stream  # noqa: PLC0415 (only for compression)

    if std is None:
        return stream.model.QuantizedGaussian(-_BOUND, _BOUND)
    return stream.model.QuantizedGaussian(-_BOUND, _BOUND, 0.0, max(float(std), _NARROWEST))


def _categorical(counts: np.ndarray) -> Any:
    from constriction import stream  # noqa: PLC0415 (only for compression)

    weights = np.append(counts, 0) + 0.5  # one class more: the coder wants two at least
    return stream.model.Categorical(weights / weights.sum(), perfect=False)


class Encoder:
    """A range coder (Martin 1979), by `constriction` (Bamler 2022, arXiv 2201.01741).

    What is put in comes out of `Decoder` in the same order, asked for with the same widths and counts.

    Examples
    --------
    >>> import numpy as np
    >>> encoder = Encoder()
    >>> encoder.integers(np.array([3, -1, 100_000]), np.array([2.0, 2.0, 2.0]))
    >>> Decoder(encoder.to_bytes()).integers(np.array([2.0, 2.0, 2.0]))
    array([     3,     -1, 100000])
    """

    def __init__(self) -> None:
        from constriction import stream  # noqa: PLC0415 (only for compression)

        self._coder = stream.queue.RangeEncoder()
        self._large: list[np.ndarray] = []

    def _bounded(self, values: np.ndarray) -> np.ndarray:
        values = np.asarray(values, np.int64)
        bounded = np.clip(values, -_BOUND, _BOUND)
        self._large.append(values[np.abs(bounded) == _BOUND])
        return bounded.astype(np.int32)

    def integers(self, values: np.ndarray, std: np.ndarray) -> None:
        """Integers (n,), each under a Gaussian of mean 0 and its own standard deviation (n,)."""
        wide = np.maximum(np.asarray(std, np.float64), _NARROWEST)
        self._coder.encode(self._bounded(values), _gaussian(), np.zeros(len(wide)), wide)

    def alike(self, values: np.ndarray, std: float) -> None:
        """Integers (n,), all under one Gaussian of mean 0."""
        if len(values):
            self._coder.encode(self._bounded(values), _gaussian(std))

    def classes(self, values: np.ndarray, counts: np.ndarray) -> None:
        """Classes (n,) from 0 that are as frequent as ``counts`` (class,)."""
        self._coder.encode(np.asarray(values, np.int32), _categorical(counts))

    def to_bytes(self) -> bytes:
        """All of it."""
        words = np.asarray(self._coder.get_compressed(), "<u4").tobytes()
        large = np.concatenate([*self._large, np.zeros(0, np.int64)])
        tail = zlib.compress(large.astype("<i8").tobytes(), 9) if len(large) else b""
        return _COUNTS.pack(len(words) // 4, len(large)) + words + tail


class Decoder:
    """What an `Encoder` encoded.

    Parameters
    ----------
    data
        Its bytes.
    """

    def __init__(self, data: bytes) -> None:
        from constriction import stream  # noqa: PLC0415 (only for compression)

        words, large = _COUNTS.unpack_from(data)
        middle = _COUNTS.size + 4 * words
        self._coder = stream.queue.RangeDecoder(np.frombuffer(data, "<u4", words, _COUNTS.size).astype(np.uint32))
        self._large = np.frombuffer(zlib.decompress(data[middle:]), "<i8") if large else np.zeros(0, np.int64)

    def _unbounded(self, values: np.ndarray) -> np.ndarray:
        values = np.asarray(values, np.int64)
        large = np.abs(values) == _BOUND
        count = int(large.sum())
        values[large], self._large = self._large[:count], self._large[count:]
        return values

    def integers(self, std: np.ndarray) -> np.ndarray:
        """What `Encoder.integers` took, int64."""
        wide = np.maximum(np.asarray(std, np.float64), _NARROWEST)
        return self._unbounded(self._coder.decode(_gaussian(), np.zeros(len(wide)), wide))

    def alike(self, count: int, std: float) -> np.ndarray:
        """What `Encoder.alike` took, int64."""
        return self._unbounded(self._coder.decode(_gaussian(std), count)) if count else np.zeros(0, np.int64)

    def classes(self, count: int, counts: np.ndarray) -> np.ndarray:
        """What `Encoder.classes` took."""
        return np.asarray(self._coder.decode(_categorical(counts), count))
