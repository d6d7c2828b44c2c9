"""What is left of the pixels once the model has drawn the galaxy: the noise, the mask, and the residual in units of the noise."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from galwidget.science.codec.container import join, split
from galwidget.science.codec.entropy import Decoder, Encoder
from galwidget.survey import Survey

__all__ = [
    "PIXEL_STEP",
    "VARIANCE_STEP",
    "NoiseCode",
    "decode_integers",
    "decode_mask",
    "decode_residual",
    "encode_integers",
    "encode_mask",
    "encode_residual",
]

#: ln of variance is rounded to this: the noise to 1% at most.
VARIANCE_STEP = 0.02
#: ln of a pixel's own variance, beside a residual: inverse variances made from noisy pixels cost a bit a pixel more at 0.02.
PIXEL_STEP = 0.05
# Variances that come of single-precision arithmetic are this near to where they belong, in steps
_ROUNDING = 1e-3

_TILE = 8
#: Standard deviations of a tile's integers: half an octave apart.
_WIDTHS = 0.1 * 2 ** (np.arange(40) / 2)


@dataclass(frozen=True)
class NoiseCode:
    r"""The noise of a galaxy in a band as one number, :math:`\sigma^2 = v + s \max(f, 0) / g`, f the model's flux and g the gain.

    Parameters
    ----------
    survey
        Its sky noise is where v is expected, and its gains are g.
    shot
        s: whether the inverse variances hold the galaxy's own shot noise.
    center, scatter
        Mean and standard deviation of :math:`\ln v` over the survey's, in steps of 0.02, (band,).
    """

    survey: Survey
    shot: bool
    center: np.ndarray
    scatter: np.ndarray

    @classmethod
    def fit(cls, survey: Survey, ivar: np.ndarray, expected: np.ndarray) -> NoiseCode:
        """From a sample's ``ivar`` and its pixels as the model expects them, (n, band, y, x)."""
        nothing = np.zeros(len(survey.bands))
        misfit = []
        for shot in (False, True):
            code = cls(survey, shot, nothing, nothing)
            variance = code.variance(code.levels(ivar, expected), expected)
            good = ivar > 0
            misfit.append(np.abs(np.log((ivar * variance)[good])).mean() if good.any() else 0.0)
        code = cls(survey, misfit[1] < misfit[0], nothing, nothing)
        levels = code.levels(ivar, expected)
        center, scatter = np.round(levels.mean(0)), levels.std(0)
        return cls(survey, code.shot, center, np.float32(scatter).astype(float))

    @property
    def _sky(self) -> np.ndarray:
        return self.survey.sky_sigma**2

    def _light(self, expected: np.ndarray) -> np.ndarray:
        return self.shot * np.maximum(expected, 0) / self.survey.gain[:, None, None]

    def levels(self, ivar: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """Integers (n, band): the median v."""
        good = ivar > 0
        variance = np.divide(1.0, ivar, out=np.full(ivar.shape, np.nan), where=good)
        sky = np.maximum(variance - self._light(expected), 0.1 * variance)
        empty = ~good.any((2, 3))
        sky[empty] = self._sky[np.nonzero(empty)[1], None, None]
        return np.round(np.log(np.nanmedian(sky, axis=(2, 3)) / self._sky) / VARIANCE_STEP)

    def variance(self, levels: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """Variance of each pixel in nJy2, (n, band, y, x)."""
        return (self._sky * np.exp(VARIANCE_STEP * levels))[:, :, None, None] + self._light(expected)

    def encode(self, encoder: Encoder, levels: np.ndarray) -> None:
        """Put the levels (n, band) into the coder."""
        encoder.integers((levels - self.center).ravel(), np.tile(self.scatter, len(levels)))

    def decode(self, decoder: Decoder, count: int) -> np.ndarray:
        """The levels of the next ``count`` galaxies, (n, band)."""
        return decoder.integers(np.tile(self.scatter, count)).reshape(count, -1) + self.center


def encode_mask(masked: np.ndarray) -> bytes:
    """Which pixels are masked (n, band, y, x): bits that differ from the band before, deflated; nothing for none."""
    if not masked.any():
        return b""
    changed = masked.copy()
    changed[:, 1:] ^= masked[:, :-1]
    return zlib.compress(np.packbits(changed).tobytes(), 9)


def decode_mask(data: bytes, shape: tuple[int, ...]) -> np.ndarray:
    """What `encode_mask` encoded."""
    if not data:
        return np.zeros(shape, bool)
    changed = np.unpackbits(np.frombuffer(zlib.decompress(data), np.uint8), count=int(np.prod(shape))).reshape(shape)
    return np.bitwise_xor.accumulate(changed, axis=1).astype(bool)


def encode_residual(flux: np.ndarray, ivar: np.ndarray, expected: np.ndarray, variance: np.ndarray, quantum: float) -> bytes:
    """Pixels (n, band, y, x) less what is expected, in steps of ``quantum`` sigma; and by how much sigma is not what is expected.

    Where ``ivar`` is 0 nothing is written. Sigma is rounded down, by 2.5% at most, so that a pixel is off by half a quantum at most of the
    noise that it has.
    """
    good = ivar > 0
    scale = np.where(good, np.ceil(np.log(np.where(good, ivar * variance, 1.0)) / PIXEL_STEP - _ROUNDING), 0)
    step = quantum * np.sqrt(variance * np.exp(-PIXEL_STEP * scale))
    steps = np.where(good, np.round((flux - expected.astype(float)) / step), 0)
    return join([encode_integers(scale, good), encode_integers(steps, good)])


def decode_residual(
    data: bytes, good: np.ndarray, expected: np.ndarray, variance: np.ndarray, quantum: float
) -> tuple[np.ndarray, np.ndarray]:
    """Flux and ivar (n, band, y, x) that `encode_residual` encoded."""
    scale, steps = (decode_integers(part, good) for part in split(data))
    variance = variance * np.exp(-PIXEL_STEP * scale)
    flux = expected + quantum * np.sqrt(variance) * steps
    return flux.astype(np.float32), np.where(good, 1 / variance, 0).astype(np.float32)


def encode_integers(values: np.ndarray, good: np.ndarray) -> bytes:
    """Integers of good pixels (n, band, y, x): each tile of 8 x 8 pixels says how wide its own are, half an octave a class."""
    square, number = _tiles(np.where(good, values, 0) ** 2.0), _tiles(good.astype(float))
    rms2 = square / np.maximum(number, 1)
    # rounding added 1/12 to what the Gaussian's bins take back
    width = np.sqrt(np.maximum(rms2 - 1 / 12, _WIDTHS[0] ** 2))
    kinds = np.clip(np.round(2 * np.log2(width / _WIDTHS[0])), 0, len(_WIDTHS) - 1).astype(int)
    counts = np.bincount(kinds.ravel(), minlength=len(_WIDTHS))
    encoder = Encoder()
    encoder.classes(kinds.ravel(), counts)
    each = _spread(kinds, values.shape)
    for kind in np.flatnonzero(counts):
        encoder.alike(values[(each == kind) & good], _WIDTHS[kind])
    return counts.astype("<u4").tobytes() + encoder.to_bytes()


def decode_integers(data: bytes, good: np.ndarray) -> np.ndarray:
    """What `encode_integers` encoded; 0 where a pixel is not good."""
    counts = np.frombuffer(data, "<u4", len(_WIDTHS)).astype(int)
    decoder = Decoder(data[4 * len(_WIDTHS) :])
    values = np.zeros(good.shape, np.int64)
    tiles = (*good.shape[:2], -(-good.shape[2] // _TILE), -(-good.shape[3] // _TILE))
    each = _spread(decoder.classes(int(np.prod(tiles)), counts).reshape(tiles), good.shape)
    for kind in np.flatnonzero(counts):
        here = (each == kind) & good
        values[here] = decoder.alike(int(here.sum()), _WIDTHS[kind])
    return values


def _tiles(values: np.ndarray) -> np.ndarray:
    """Sums over tiles."""
    rows, columns = (np.arange(0, side, _TILE) for side in values.shape[2:])
    return np.add.reduceat(np.add.reduceat(values, rows, axis=2), columns, axis=3)


def _spread(tiles: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return tiles.repeat(_TILE, 2).repeat(_TILE, 3)[:, :, : shape[2], : shape[3]]
