"""What a tool learns of a model, which may take a minute: once for the same weights, however often they are loaded."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

if TYPE_CHECKING:
    from torch import nn

    from galwidget.galaxy_model import GalaxyModel

__all__ = ["Kept", "digest"]

T = TypeVar("T")
#: Models whose knowledge is kept; of more, that of the one which was asked longest ago is learnt again.
_MOST = 4


def digest(*networks: nn.Module) -> str:
    """A digest of the weights of networks, hexadecimal."""
    found = hashlib.sha256()
    for network in networks:
        for name, tensor in network.state_dict().items():
            found.update(name.encode())
            found.update(np.ascontiguousarray(tensor.detach().cpu().numpy()).tobytes())
    return found.hexdigest()


class Kept(Generic[T]):
    """What was learnt of the last few models, by their weights."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[Any, ...], T] = OrderedDict()

    def __call__(self, model: GalaxyModel, learn: Callable[[], T], *how: Hashable) -> T:
        """What ``learn`` gives for this model, learnt in this way; it is called where nothing is kept."""
        # a model of one's own need not have these networks: it is known by itself
        known = digest(model.mvae, model.prior) if hasattr(model, "mvae") and hasattr(model, "prior") else model
        key = (known, model.survey, *how)
        if key not in self._known:
            self._known[key] = learn()
        self._known.move_to_end(key)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        return self._known[key]
