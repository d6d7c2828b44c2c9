"""Standard normal points spread evenly, the same for every galaxy: posterior averages that no batch and no neighbour changes."""

from __future__ import annotations

import numpy as np
import torch
from scipy.stats import qmc

__all__ = ["even_draws"]


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
    half = qmc.MultivariateNormalQMC(np.zeros(dimensions), rng=np.random.default_rng(seed)).random(count // 2)
    return torch.from_numpy(np.concatenate([half, -half]).astype(np.float32))
