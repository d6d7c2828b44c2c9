"""Standard normal points spread evenly, the same for every galaxy: posterior averages that no batch and no neighbour changes."""

from __future__ import annotations

import numpy as np
import torch

__all__ = ["balanced_draws", "even_draws"]


def even_draws(count: int, dimensions: int, seed: int | None) -> torch.Tensor:
    """Sobol points through the normal's quantile function, each with its mirror image: their mean is 0 to the bit.

    Parameters
    ----------
    count
        How many, an even number; powers of two spread most evenly.
    dimensions
        Of each.
    seed
        Of Owen's scrambling; None: another one each time.

    Returns
    -------
    torch.Tensor
        Shape (count, dimensions).

    Raises
    ------
    ValueError
        ``count`` is odd or less than 2.
    """
    if count < 2 or count % 2:
        raise ValueError(f"draws is {count}; give an even number, at least 2")
    from scipy.stats import qmc  # noqa: PLC0415 (heavy: a model is loaded without it)

    half = qmc.MultivariateNormalQMC(np.zeros(dimensions), rng=np.random.default_rng(seed)).random(count // 2)
    return torch.from_numpy(np.concatenate([half, -half]).astype(np.float32))


def balanced_draws(dimensions: int, seed: int | None, *, at_least: int = 0) -> torch.Tensor:
    """Few points whose mean is 0 and whose covariance is 1 to rounding, in every direction: sqrt(d) times the rows of random rotations.

    32 points in 32 dimensions, however even, have directions in which they hardly differ. The points are the same for every galaxy, so that
    in these directions all would be predicted too surely.

    Parameters
    ----------
    dimensions
        d of each point.
    seed
        Of the rotations; None: others each time.
    at_least
        How many points are wanted; 2 d of them are a whole set, of which as many follow as are needed.

    Returns
    -------
    torch.Tensor
        Shape (2 d k, dimensions), each point with its mirror image.

    References
    ----------
    Yu et al. 2016, *Orthogonal random features*, https://arxiv.org/abs/1610.09072.
    """
    random = np.random.default_rng(seed)
    sets = max(1, -(-at_least // (2 * dimensions)))
    rotations = [np.linalg.qr(random.standard_normal((dimensions, dimensions)))[0] for _ in range(sets)]
    half = np.sqrt(dimensions) * np.concatenate(rotations)
    return torch.from_numpy(np.concatenate([half, -half]).astype(np.float32))
