"""The last step of a request: move a latent, as little as it takes, to where the decoders give exactly the attributes asked for."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["project"]


def project(z: Tensor, wanted: Tensor, mask: Tensor, attributes: Callable[[Tensor], Tensor], spread: Tensor, steps: int = 2) -> Tensor:
    r"""Gauss-Newton steps of smallest norm, in units of the prior's spread :math:`S`, onto :math:`a(z) = a`.

    .. math:: z \leftarrow z + S J^T (J S J^T + \epsilon I)^{-1} (a - a(z))

    with :math:`J = \partial a / \partial z`. A flow comes near to the attributes that it is given; what is left is a small step.

    Parameters
    ----------
    z
        Where the flow came to, shape (n, d).
    wanted, mask
        Standardised attributes and which of them are asked for, shape (n, attribute).
    attributes
        The decoders' standardised attributes, (n, d) to (n, attribute).
    spread
        Standard deviation of each latent dimension over the galaxies, shape (d,).
    steps
        How many steps.

    Returns
    -------
    torch.Tensor
        Shape (n, d).
    """
    jacobian = torch.func.vmap(torch.func.jacrev(lambda point: attributes(point[None])[0]))
    variance = spread**2
    for _ in range(steps):
        asked = mask.to(z.dtype)
        slope = jacobian(z) * asked[:, :, None]
        gap = torch.where(mask, wanted - attributes(z), 0.0).clamp(-1, 1)  # a far request is walked to, not jumped to
        gram = (slope * variance) @ slope.transpose(1, 2)
        # attributes that are not asked for have a row of zeros; the small ridge keeps those that hardly depend on z from exploding
        ridge = torch.eye(gram.shape[1]) * (1e-3 + (1 - asked)[:, None, :])
        step = torch.linalg.solve(gram + ridge, gap)
        z = z + variance * (slope.transpose(1, 2) @ step[:, :, None])[:, :, 0]
    return z
