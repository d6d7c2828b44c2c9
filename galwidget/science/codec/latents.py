"""Latents as integers: rounded to a fraction of their posterior's width, and coded with what is known of a typical sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from galwidget.latent import Latent
from galwidget.science.codec.container import join, split
from galwidget.science.codec.entropy import Decoder, Encoder

__all__ = ["LatentCode"]

_MOST_CLASSES = 16
_GALAXIES_A_CLASS = 64
#: Galaxies of prior knowledge that a sample's covariance and the mean of a class are mixed with.
_KNOWN_COVARIANCE, _KNOWN_MEAN = 32.0, 8.0


@dataclass(frozen=True)
class LatentCode:
    r"""How latents are rounded and coded.

    Galaxies fall into classes of posterior width, mostly by their signal to noise. The class c is written first; then dimension j is
    rounded to a multiple of ``step`` times the class's width :math:`w_{cj}` from what its class and the dimensions before it make likely,

    .. math:: \hat z_j = m_{cj} + \sum_{i<j} B_{ji} (\tilde z_i - m_{ci}), \qquad
        k_j = \mathrm{round}\frac{z_j - \hat z_j}{\mathrm{step}\, w_{cj}}

    and k is coded under a Gaussian of width :math:`s_j / (\mathrm{step}\, w_{cj})`. Rounding adds :math:`\mathrm{step}^2/12` of the
    posterior's variance: 8% at a step of 1.

    Parameters
    ----------
    step
        In posterior widths.
    counts
        Galaxies of each class in the sample, (class,).
    widths, means
        :math:`w` and :math:`m`, (class, d).
    regression, scatter
        :math:`B`, lower triangular (d, d), and :math:`s`, (d,).
    """

    step: float
    counts: np.ndarray
    widths: np.ndarray
    means: np.ndarray
    regression: np.ndarray
    scatter: np.ndarray

    @classmethod
    def fit(cls, latent: Latent, step: float, center: np.ndarray, spread: np.ndarray) -> LatentCode:
        """From a sample (n, d); ``center`` and ``spread`` (d,) of the model's prior stand in for what few galaxies do not tell."""
        n, d = latent.mean.shape
        width = np.log(np.maximum(latent.std.astype(float), 1e-4))
        number = int(np.clip(n // _GALAXIES_A_CLASS, 1, _MOST_CLASSES))
        ranks = np.empty(n, int)
        ranks[np.argsort(width.mean(1), kind="stable")] = np.arange(n)
        kinds = ranks * number // n
        widths = _half(np.exp([np.median(width[kinds == kind], axis=0) for kind in range(number)]))
        kinds = _nearest(width, widths)
        z = latent.mean.astype(float)
        overall = (z.sum(0) + _KNOWN_MEAN * center) / (n + _KNOWN_MEAN)
        counts = np.bincount(kinds, minlength=number)
        totals = np.stack([z[kinds == kind].sum(0) for kind in range(number)])
        means = _half((totals + _KNOWN_MEAN * overall) / (counts[:, None] + _KNOWN_MEAN))
        left = z - means[kinds]
        covariance = (left.T @ left + _KNOWN_COVARIANCE * np.diag(spread.astype(float) ** 2)) / (n + _KNOWN_COVARIANCE)
        regression, scatter = np.zeros((d, d)), np.empty(d)
        for j in range(d):
            slope = np.linalg.solve(covariance[:j, :j], covariance[:j, j]) if j else np.zeros(0)
            regression[j, :j] = slope
            scatter[j] = np.sqrt(max(covariance[j, j] - slope @ covariance[:j, j], 1e-8))
        return cls(step, counts, widths, means, _half(regression), _half(scatter))

    def to_bytes(self) -> bytes:
        """The tables: counts as u32, all else as half floats."""
        lower = self.regression[np.tril_indices(len(self.scatter), -1)]
        return join(
            [self.counts.astype("<u4").tobytes(), *(p.astype("<f2").tobytes() for p in (self.widths, self.means, lower, self.scatter))]
        )

    @classmethod
    def from_bytes(cls, data: bytes, step: float) -> LatentCode:
        """What `to_bytes` gave."""
        counts, widths, means, lower, scatter = split(data)
        number = np.frombuffer(counts, "<u4").astype(int)
        narrow = np.frombuffer(scatter, "<f2").astype(float)
        regression = np.zeros((len(narrow), len(narrow)))
        regression[np.tril_indices(len(narrow), -1)] = np.frombuffer(lower, "<f2")
        width, mean = (np.frombuffer(part, "<f2").astype(float).reshape(len(number), -1) for part in (widths, means))
        return cls(step, number, width, mean, regression, narrow)

    def _expected(self, kinds: np.ndarray, left: np.ndarray, j: int) -> np.ndarray:
        """Mean of dimension j given those before it; a sum in one order, so that both ends and all machines agree to the bit."""
        expected = self.means[kinds, j]
        for i in range(j):
            expected = expected + self.regression[j, i] * left[:, i]
        return expected

    def encode(self, encoder: Encoder, latent: Latent) -> Latent:
        """Put latents (n, d) into the coder; what will come out of it."""
        kinds = _nearest(np.log(np.maximum(latent.std.astype(float), 1e-4)), self.widths)
        encoder.classes(kinds, self.counts)
        steps = self.step * self.widths[kinds]
        rounded = np.empty((len(latent), len(self.scatter)))
        left = np.empty_like(rounded)
        for j in range(len(self.scatter)):
            expected = self._expected(kinds, left, j)
            integers = np.round((latent.mean[:, j] - expected) / steps[:, j])
            encoder.integers(integers, self.scatter[j] / steps[:, j])
            rounded[:, j] = expected + integers * steps[:, j]
            left[:, j] = rounded[:, j] - self.means[kinds, j]
        return Latent(rounded, self.widths[kinds])

    def decode(self, decoder: Decoder, count: int) -> Latent:
        """The next ``count`` latents of the coder; ``std`` is the width of their class."""
        kinds = decoder.classes(count, self.counts)
        steps = self.step * self.widths[kinds]
        rounded = np.empty(steps.shape)
        left = np.empty_like(rounded)
        for j in range(len(self.scatter)):
            expected = self._expected(kinds, left, j)
            rounded[:, j] = expected + decoder.integers(self.scatter[j] / steps[:, j]) * steps[:, j]
            left[:, j] = rounded[:, j] - self.means[kinds, j]
        return Latent(rounded, self.widths[kinds])


def _nearest(width: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """The class of each galaxy, (n,): the least mean square difference of ln width."""
    return np.stack([((width - np.log(one)) ** 2).mean(1) for one in widths]).argmin(0)


def _half(values: np.ndarray) -> np.ndarray:
    """As the file has it: half floats, none of them 0 where a width is."""
    values = np.asarray(values, float)
    return values.astype("<f2").astype(float)
