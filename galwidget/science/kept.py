"""What a tool learns of a model, which may take a minute: once for the same weights, or never where it lies beside them."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from galwidget.model.checkpoint import digest

if TYPE_CHECKING:
    from os import PathLike

    from galwidget.galaxy_model import GalaxyModel

__all__ = ["Kept", "write"]

T = TypeVar("T")
#: Models whose knowledge is kept; of more, that of the one which was asked longest ago is learnt again.
_MOST = 4
_FILE, _SHIPPED = "tools.safetensors", Path(__file__).parent.parent / "weights" / "kids"


def _identity(model: GalaxyModel) -> Hashable:
    """What two models share that a tool learns the same of: weights, and the survey and scales of what they are shown."""
    if not (hasattr(model, "mvae") and hasattr(model, "prior")):
        return model  # one's own, without these networks: it is known by itself
    inputs = hashlib.sha256(json.dumps(model.inputs.to_dict(), sort_keys=True).encode()).hexdigest()
    return f"{digest(model.mvae, model.prior)} {inputs}"


class Kept(Generic[T]):
    """What was learnt of the last few models, by their weights.

    Parameters
    ----------
    name
        Of what is learnt, in the file beside a model (`write`); empty for what is never there.
    pack, unpack
        From what was learnt to arrays by name, and back.
    version
        Of how it is learnt: what another version of the tool left beside a model is not believed.
    """

    def __init__(
        self,
        name: str = "",
        pack: Callable[[T], Mapping[str, np.ndarray]] | None = None,
        unpack: Callable[[dict[str, np.ndarray]], T] | None = None,
        version: int = 1,
    ) -> None:
        self._name, self._pack, self._unpack, self._version = name, pack, unpack, version
        self._known: OrderedDict[tuple[Hashable, ...], T] = OrderedDict()
        self._unbelieved: set[Hashable] = set()

    def __call__(self, model: GalaxyModel, learn: Callable[[], T], *how: Hashable) -> T:
        """What ``learn`` gives for this model, learnt in this way; it is called where nothing is kept."""
        key = (_identity(model), *how)
        if key not in self._known:
            found = self._beside(model, key)
            self._known[key] = found if found is not None else learn()
        self._known.move_to_end(key)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        return self._known[key]

    def forget(self, model: GalaxyModel) -> None:
        """Learn of this model again, whatever is kept of it and lies beside it."""
        identity = _identity(model)
        self._unbelieved.add(identity)
        for key in [key for key in self._known if key[0] == identity]:
            del self._known[key]

    def believe(self, model: GalaxyModel) -> None:
        """What lies beside this model is what is kept of it now."""
        self._unbelieved.discard(_identity(model))

    @property
    def label(self) -> dict[str, str]:
        """What a file says of what it holds of this tool."""
        return {self._name: str(self._version)}

    def arrays(self, model: GalaxyModel) -> dict[str, np.ndarray]:
        """All that is kept of this model, by the names that it has in its file."""
        assert self._pack is not None  # noqa: S101 (only what has a name is written)
        identity = _identity(model)
        return {
            f"{self._path(key)}{name}": np.ascontiguousarray(array)
            for key, learnt in self._known.items()
            if key[0] == identity
            for name, array in self._pack(learnt).items()
        }

    def _path(self, key: tuple[Hashable, ...]) -> str:
        return "".join(f"{part}/" for part in (self._name, *key[1:]))

    def _beside(self, model: GalaxyModel, key: tuple[Hashable, ...]) -> T | None:
        """What lies beside the model, or beside the shipped one where that is the same; None where nothing does."""
        if self._unpack is None or key[0] in self._unbelieved:
            return None
        for folder in (getattr(model, "path", None), _SHIPPED):
            path = None if folder is None else folder / _FILE
            if path is None or not path.is_file():
                continue
            try:
                with safe_open(path, framework="numpy") as file:
                    said = {self._name: "1", **file.metadata()}  # files that say nothing are of the first version
                    if said["model"] == key[0] and said.items() >= self.label.items():
                        start = self._path(key)
                        found = {name.removeprefix(start): file.get_tensor(name) for name in file.keys() if name.startswith(start)}  # noqa: SIM118
                        if found:
                            return self._unpack(found)
            except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
                raise ValueError(f"{path} is damaged ({error}); copy it again, or delete it: what it holds is learnt again") from error
        return None


def write(folder: str | PathLike[str], model: GalaxyModel, *learnt: Kept) -> None:
    """Put all that is kept of a model beside its weights, where whoever loads it finds it."""
    arrays = {name: array for kept in learnt for name, array in kept.arrays(model).items()}
    partial = Path(folder) / f".{_FILE}.partial"
    labels = {name: version for kept in learnt for name, version in kept.label.items()}
    save_file(arrays, partial, metadata={**labels, "model": str(_identity(model))})
    partial.chmod(0o644)  # safetensors makes it for its owner alone
    partial.replace(Path(folder) / _FILE)
    for kept in learnt:
        kept.believe(model)
