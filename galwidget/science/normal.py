"""What is normal at each brightness: quantiles of a reference sample, so that odd means odd for a galaxy of this signal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

__all__ = ["Normal"]

_FEWEST = 50
#: Galaxies that a trend is learnt from at most: beyond them it gets no better.
_MOST = 3000
#: A curve of three coefficients follows brightness over a survey's range, and is steady with a hundred galaxies.
_DEGREE = 2
_CURVE = _DEGREE + 1
#: The upper width is where a normal distribution has one sigma; it is a longer one where one in a hundred is beyond 2.33 of them.
_UPPER, _TAIL, _TAIL_SIGMA = 0.84, 99, 2.33
#: Least width anywhere, in the mean one: a curve may bend too low between few galaxies.
_LEAST = 0.2


class Normal:
    """Medians and upper widths of several quantities as functions of brightness, from a reference sample.

    Both are parabolas of brightness, fitted by quantile regression (Koenker & Bassett 1978, https://doi.org/10.2307/1913643); a quantity
    whose tail is longer than a normal distribution's is held to its tail.

    Parameters
    ----------
    brightness
        Of the reference, shape (n,), on any monotonic scale; NaN counts as the median.
    parts
        Quantities by name, (n,), larger is odder; NaN where there is none.
    """

    def __init__(self, brightness: np.ndarray, parts: Mapping[str, np.ndarray]) -> None:
        self._middle = float(np.nanmedian(brightness)) if np.isfinite(brightness).any() else 0.0
        brightness = np.nan_to_num(brightness, nan=self._middle)
        low, high = np.percentile(brightness, [1, 99]) if len(brightness) else (0.0, 1.0)
        self._low, self._high = float(low), float(high)
        powers = self._powers(brightness)
        self._trends = {name: _trend(powers, values) for name, values in parts.items() if np.isfinite(values).sum() >= _FEWEST}

    def arrays(self) -> dict[str, np.ndarray]:
        """As arrays by name, from which `of_arrays` makes it again."""
        curves = {
            f"{number:03}/{name}": np.array([*of.median, *of.width, of.least, of.tail])
            for number, (name, of) in enumerate(self._trends.items())
        }
        return {"brightness": np.array([self._middle, self._low, self._high]), **curves}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Normal:
        """What `arrays` was made of."""
        made = cls.__new__(cls)
        made._middle, made._low, made._high = arrays["brightness"].tolist()  # noqa: SLF001 (its own)
        made._trends = {  # noqa: SLF001
            name.partition("/")[2]: _Trend(numbers[:_CURVE], numbers[_CURVE:-2], float(numbers[-2]), float(numbers[-1]))
            for name, numbers in sorted(arrays.items())
            if name != "brightness"
        }
        return made

    @property
    def names(self) -> tuple[str, ...]:
        """What the reference has enough of to judge by."""
        return tuple(self._trends)

    def excess(self, name: str, values: np.ndarray, brightness: np.ndarray) -> np.ndarray:
        """How far above the median of galaxies as bright, in widths, (n,); 0 where there is none.

        Of the reference at most 16 % are above 1, and at most 1 % above 2.33.
        """
        powers = self._powers(np.nan_to_num(brightness, nan=self._middle))
        return np.nan_to_num(self._trends[name].excess(powers, values), nan=0.0, posinf=1e6, neginf=-1e6)

    def _powers(self, brightness: np.ndarray) -> np.ndarray:
        """Powers of brightness on a scale from -1 to 1, (n, 3); beyond the reference the ends hold."""
        scaled = 2 * (brightness - self._low) / max(self._high - self._low, 1e-9) - 1
        return np.vander(scaled.clip(-1.2, 1.2), _CURVE, increasing=True)


@dataclass(frozen=True)
class _Trend:
    median: np.ndarray
    width: np.ndarray
    least: float
    tail: float

    def excess(self, powers: np.ndarray, values: np.ndarray) -> np.ndarray:
        return (values - powers @ self.median) / np.maximum(powers @ self.width, self.least) / self.tail


def _trend(powers: np.ndarray, values: np.ndarray) -> _Trend:
    there = np.isfinite(values)
    powers, values = powers[there], values[there]
    some = np.argsort(powers[:, 1], kind="stable")[np.linspace(0, len(values) - 1, min(_MOST, len(values))).astype(int)]
    median = _quantile(powers[some], values[some], 0.5)
    left = values - powers @ median
    width = _quantile(powers[some], left[some], _UPPER)
    least = max(_LEAST * float(np.quantile(left, _UPPER)), 1e-6)
    trend = _Trend(median, width, least, 1.0)
    tail = float(np.percentile(trend.excess(powers, values), _TAIL)) / _TAIL_SIGMA
    return _Trend(median, width, least, max(tail, 1.0))


def _quantile(powers: np.ndarray, values: np.ndarray, share: float) -> np.ndarray:
    """Coefficients of the curve below which this share of the values is."""
    from sklearn.linear_model import QuantileRegressor  # noqa: PLC0415 (a second to import)

    return QuantileRegressor(quantile=share, alpha=0, fit_intercept=False).fit(powers, values).coef_
