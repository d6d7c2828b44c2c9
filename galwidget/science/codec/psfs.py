"""PSFs in a few numbers: one that all share is kept to the bit, those that differ are sums of the sample's principal components."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from galwidget.galaxies import Galaxies
from galwidget.science.codec.container import join, split
from galwidget.science.codec.entropy import Decoder, Encoder

__all__ = ["TOLERANCE", "PsfCode"]

#: Largest error of a PSF's pixel, in units of its peak.
TOLERANCE = 1e-3

_MOST_COMPONENTS = 48
_WHOLE = 32767
_SHARED, _COMPONENTS, _WHOLE_PSFS = range(3)


@dataclass(frozen=True)
class PsfCode:
    """How PSFs are coded.

    Parameters
    ----------
    shared
        Whether the first galaxies share one PSF in each band, whether it was given once or for each.
    mean
        That PSF, or the mean over the galaxies, (band, k, k).
    components
        Principal components over galaxies and bands, (r, k k).
    steps, scatter
        To what each component's coefficient is rounded, (r,), and its standard deviation in each band, (band, r).
    grain
        To what each component's own pixels are rounded, (r,).
    """

    shared: bool
    mean: np.ndarray
    components: np.ndarray
    steps: np.ndarray
    scatter: np.ndarray
    grain: np.ndarray

    @classmethod
    def fit(cls, galaxies: Galaxies) -> PsfCode:
        """From the PSFs of a sample."""
        psf = galaxies.psf
        assert psf is not None  # noqa: S101 (narrows the type)
        side = psf.shape[-1]
        none = np.zeros(0, np.float32)
        if psf.ndim == 3 or (psf == psf[0]).all():
            return cls(True, psf if psf.ndim == 3 else psf[0], none.reshape(0, side**2), none, none, none)
        mean = psf.mean(0, dtype=float).astype(np.float32)
        left = (psf.astype(float) - mean).reshape(-1, side**2)
        peak = psf.max((2, 3)).ravel()
        _, vectors = np.linalg.eigh(left.T @ left)
        vectors = vectors[:, ::-1].T[:_MOST_COMPONENTS].astype(np.float32)
        most = max(len(left) // 8, 1)  # a component that few PSFs need costs more than they do
        rank = 0
        while rank < min(most, len(vectors)):
            error = np.abs(left - (left @ vectors[:rank].T) @ vectors[:rank]).max(1) / peak
            if np.quantile(error, 0.99) <= TOLERANCE / 2:
                break
            rank += 1
        vectors = vectors[:rank]
        # as fine as the largest coefficient needs, and no more bits than two bytes have
        reach = np.maximum(np.abs(left @ vectors.T).max(0), 1e-12)
        grain = np.maximum(TOLERANCE * float(peak.min()) / (16 * reach), np.abs(vectors).max(1) / _WHOLE).astype(np.float32)
        grained = np.round(vectors / grain[:, None]).astype(float)
        vectors = (grained * grain[:, None]).astype(np.float32)
        steps = TOLERANCE * float(peak.min()) / (2 * np.sqrt(max(rank, 1)) * np.abs(vectors).max(1)) if rank else none
        scatter = np.sqrt(((left @ np.linalg.pinv(vectors.astype(float))) ** 2).reshape(*psf.shape[:2], rank).mean(0))
        return cls(False, mean, vectors, np.asarray(steps, np.float32), np.asarray(scatter, np.float32), grain)

    def to_bytes(self) -> bytes:
        """The tables, deflated."""
        shape = np.array([self.shared, *self.mean.shape], "<u4")
        grained = np.round(self.components / self.grain[:, None]).astype("<i2")
        floats = (part.astype("<f4").tobytes() for part in (self.steps, self.scatter, self.grain))
        return zlib.compress(join([shape.tobytes(), _shuffled(self.mean.astype("<f4")), _shuffled(grained), *floats]), 9)

    @classmethod
    def from_bytes(cls, data: bytes) -> PsfCode:
        """What `to_bytes` gave."""
        shape, flat, grained, *floats = split(zlib.decompress(data))
        shared, bands, side, _ = np.frombuffer(shape, "<u4").tolist()
        mean = _unshuffled(flat, "<f4").astype(np.float32).reshape(bands, side, side)
        steps, scatter, grain = (np.frombuffer(part, "<f4").astype(np.float32) for part in floats)
        components = _unshuffled(grained, "<i2").reshape(-1, side**2).astype(float) * grain[:, None]
        return cls(
            bool(shared), mean, components.astype(np.float32), steps, scatter.reshape(bands, len(steps)) if not shared else scatter, grain
        )

    def encode(self, encoder: Encoder, galaxies: Galaxies) -> tuple[bytes, np.ndarray]:
        """Put the PSFs of these galaxies into the coder: what does not go there, and the PSFs that will come out, as `Galaxies.psf`."""
        psf = galaxies.psf
        assert psf is not None  # noqa: S101 (narrows the type)
        if self.shared and psf.shape[-3:] == self.mean.shape and (psf == self.mean).all():
            return bytes([_SHARED]), self.mean
        psf = galaxies.psfs
        side = psf.shape[-1]
        if self.shared or side != self.mean.shape[-1]:
            whole = np.arange(len(psf))
            return bytes([_WHOLE_PSFS]) + _pack(whole, psf), _unpack(_pack(whole, psf), psf.shape[1])[1]
        left = (psf - self.mean).reshape(-1, side**2)
        # rounded components are no longer orthogonal: least squares, not a projection
        integers = np.round((left @ np.linalg.pinv(self.components.astype(float))) / self.steps)
        encoder.integers(integers.ravel(), np.tile((self.scatter / self.steps).ravel(), len(psf)))
        decoded = self._compose(integers, psf.shape[1])
        poor = np.flatnonzero((np.abs(decoded - psf).max((2, 3)) > TOLERANCE * psf.max((2, 3))).any(1))
        extra = _pack(poor, psf[poor]) if len(poor) else b""
        if len(poor):
            decoded[poor] = _unpack(extra, psf.shape[1])[1]
        return bytes([_COMPONENTS]) + extra, decoded

    def decode(self, decoder: Decoder, extra: bytes, count: int, bands: int) -> np.ndarray:
        """The PSFs of the next ``count`` galaxies, (band, k, k) or (n, band, k, k)."""
        kind, extra = extra[0], extra[1:]
        if kind == _SHARED:
            return self.mean
        if kind == _WHOLE_PSFS:
            return _unpack(extra, bands)[1]
        integers = decoder.integers(np.tile((self.scatter / self.steps).ravel(), count)).reshape(count * bands, len(self.steps))
        psf = self._compose(integers, bands)
        if extra:
            rows, whole = _unpack(extra, bands)
            psf[rows] = whole
        return psf

    def _compose(self, integers: np.ndarray, bands: int) -> np.ndarray:
        side = self.mean.shape[-1]
        left = (integers * self.steps).astype(np.float32) @ self.components
        return _unit(left.reshape(-1, bands, side, side) + self.mean)


def _unit(psf: np.ndarray) -> np.ndarray:
    return (psf / psf.sum((-2, -1), keepdims=True, dtype=float)).astype(np.float32)


def _pack(rows: np.ndarray, psf: np.ndarray) -> bytes:
    """PSFs of some galaxies as 16-bit integers, the largest pixel of each band 32767."""
    scaled = np.round(psf / np.abs(psf).max((-2, -1), keepdims=True) * _WHOLE).astype("<i2")
    return zlib.compress(join([np.array([psf.shape[-1]], "<u4").tobytes(), rows.astype("<u4").tobytes(), _shuffled(scaled)]), 9)


def _unpack(data: bytes, bands: int) -> tuple[np.ndarray, np.ndarray]:
    side, rows, scaled = split(zlib.decompress(data))
    width = int(np.frombuffer(side, "<u4")[0])
    return np.frombuffer(rows, "<u4").astype(int), _unit(_unshuffled(scaled, "<i2").reshape(-1, bands, width, width).astype(float))


def _shuffled(values: np.ndarray) -> bytes:
    """All first bytes, then all second bytes and so on: deflates better."""
    return np.ascontiguousarray(values).view(np.uint8).reshape(-1, values.itemsize).T.tobytes()


def _unshuffled(data: bytes, dtype: str) -> np.ndarray:
    size = np.dtype(dtype).itemsize
    return np.ascontiguousarray(np.frombuffer(data, np.uint8).reshape(size, -1).T).view(dtype).ravel()
