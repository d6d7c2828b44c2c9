"""What is normal at each brightness: quantiles of a reference sample, so that odd means odd for a galaxy of this signal."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

__all__ = ["Normal"]

_NODES, _WINDOW = 12, 0.2
_FEWEST = 50


class Normal:
    """Medians and upper widths of several quantities as functions of brightness, from a reference sample.

    Parameters
    ----------
    brightness
        Of the reference, shape (n,), on any monotonic scale; NaN counts as the median.
    parts
        Quantities by name, (n,), larger is odder; NaN where there is none.
    """

    def __init__(self, brightness: np.ndarray, parts: Mapping[str, np.ndarray]) -> None:
        self.size = len(brightness)
        self._middle = float(np.nanmedian(brightness)) if np.isfinite(brightness).any() else 0.0
        brightness = np.nan_to_num(brightness, nan=self._middle)
        order = np.argsort(brightness, kind="stable")
        half = max(int(_WINDOW * self.size / 2), min(_FEWEST, self.size) // 2)
        centres = np.linspace(0, self.size - 1, _NODES).astype(int)
        windows = [order[max(0, centre - half) : centre + half + 1] for centre in centres]
        self._nodes = np.array([np.median(brightness[window]) for window in windows])
        self._median, self._width = {}, {}
        for name, values in parts.items():
            if np.isfinite(values).sum() < _FEWEST:
                continue
            self._median[name] = np.array([_quantile(values[window], 50, values) for window in windows])
            # the trend within a window is no width
            left = values - np.interp(brightness, self._nodes, self._median[name])
            self._width[name] = np.maximum([_quantile(left[window], 84, left) for window in windows], 1e-6)

    @property
    def names(self) -> tuple[str, ...]:
        """What the reference has enough of to judge by."""
        return tuple(self._median)

    def excess(self, name: str, values: np.ndarray, brightness: np.ndarray) -> np.ndarray:
        """How far above the median of galaxies as bright, in widths of the upper half (16% lie above 1), (n,); 0 where there is none."""
        at = np.nan_to_num(brightness, nan=self._middle)
        median, width = (np.interp(at, self._nodes, nodes[name]) for nodes in (self._median, self._width))
        return np.nan_to_num((values - median) / width, nan=0.0, posinf=1e6, neginf=-1e6)


def _quantile(values: np.ndarray, percent: float, everywhere: np.ndarray) -> float:
    """Of the finite values; where there are few, of all that are finite everywhere."""
    finite = values[np.isfinite(values)]
    if len(finite) < _FEWEST // 3:
        finite = everywhere[np.isfinite(everywhere)]
    return float(np.percentile(finite, percent))
