"""A model on disk: a folder with the weights (safetensors) and a description (JSON); nothing is unpickled, ever."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from galwidget.model.census import Census
from galwidget.model.inputs import Inputs
from galwidget.model.mvae import MVAE
from galwidget.model.network import Architecture, build
from galwidget.model.prior import FlowPrior

__all__ = ["FILES", "FORMAT", "digest", "load", "save"]

#: Version of the layout; a reader refuses a larger one.
FORMAT = 1
#: What a model is in its folder: weights and description.
_WEIGHTS, _DESCRIPTION = FILES = ("model.safetensors", "model.json")
#: Sizes of the flow of models that were saved before they could be chosen.
_BEFORE = {"hidden": 128, "passes": 2}


def digest(*networks: nn.Module) -> str:
    """A digest of the weights of networks, hexadecimal."""
    found = hashlib.sha256()
    for network in networks:
        for name, tensor in network.state_dict().items():
            found.update(name.encode())
            found.update(np.ascontiguousarray(tensor.detach().cpu().numpy()).tobytes())
    return found.hexdigest()


def save(
    path: str | Path,
    mvae: MVAE,
    prior: FlowPrior,
    inputs: Inputs,
    architecture: Architecture,
    about: dict[str, Any],
    census: Census | None = None,
    *,
    half: bool = False,
) -> None:
    """Write a model's folder.

    Parameters
    ----------
    path
        The folder; it is made, and the two files in it are replaced.
    mvae, prior, inputs, architecture
        The model.
    about
        Anything that JSON can hold: training data, metrics, active dimensions.
    census
        What the training data had, where that is known.
    half
        Whether matrices and kernels are stored as half floats: half of the size, and a relative error of 5e-4 in each weight.
    """
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    description = {
        "format": FORMAT,
        "versions": {name: _version(name) for name in ("galwidget", "torch", "zuko")},
        "inputs": inputs.to_dict(),
        "architecture": asdict(architecture),
        "about": about,
        "census": None if census is None else census.total,
    }
    tensors = {f"mvae.{name}": tensor.contiguous() for name, tensor in mvae.state_dict().items()}
    tensors |= {f"prior.{name}": tensor.contiguous() for name, tensor in prior.state_dict().items()}
    if census is not None:
        tensors["census"] = census.values.contiguous()
    if half:
        tensors = {name: tensor.half() if tensor.is_floating_point() and tensor.ndim > 1 else tensor for name, tensor in tensors.items()}
    # each under a name of its own first: a reader never meets half of a file
    for name, write in (
        (_WEIGHTS, lambda target: save_file(tensors, target, metadata={"format": str(FORMAT)})),
        (_DESCRIPTION, lambda target: target.write_text(json.dumps(description, indent=1) + "\n")),
    ):
        partial = folder / f".{name}.partial"
        write(partial)
        partial.chmod(0o644)  # safetensors makes it for its owner alone
        partial.replace(folder / name)


def load(path: str | Path) -> tuple[MVAE, FlowPrior, Inputs, Architecture, dict[str, Any], Census | None]:
    """Read a model's folder.

    Raises
    ------
    FileNotFoundError
        The folder, or one of its two files, is not there.
    ValueError
        The files are damaged, of another program, of a newer version, or do not belong together.
    """
    folder = Path(path)
    for name in (_DESCRIPTION, _WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"no model in {folder}: {name} is missing; a model is a folder written by model.save(...)")
    try:
        description = json.loads((folder / _DESCRIPTION).read_text())
        number = int(description["format"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder / _DESCRIPTION} is damaged or not galwidget's ({error}); save or copy the model again") from error
    if number > FORMAT:
        raise ValueError(f"{folder} has model layout {number}, this version reads up to {FORMAT}; install a newer galwidget")
    try:
        inputs = Inputs.from_dict(description["inputs"])
        log_flux = description["architecture"]["log_flux"]
        sizes = {**_BEFORE, **description["architecture"], "log_flux": log_flux and tuple(map(tuple, log_flux))}
        architecture = Architecture(**sizes)
        mvae, prior = build(inputs, architecture)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{folder / _DESCRIPTION} does not describe a model ({error}); save or copy the model again") from error
    try:
        tensors = load_file(folder / _WEIGHTS)
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(f"{folder / _WEIGHTS} is damaged or not safetensors ({error}); save or copy the model again") from error
    for name, module in (("mvae", mvae), ("prior", prior)):
        _fill(module, {key.removeprefix(f"{name}."): tensor for key, tensor in tensors.items() if key.startswith(f"{name}.")}, folder)
    census = _census(inputs, tensors, description.get("census"), folder)
    return mvae.eval(), prior.eval(), inputs, architecture, description["about"], census


def _census(inputs: Inputs, tensors: dict[str, torch.Tensor], total: Any, folder: Path) -> Census | None:
    if "census" not in tensors or not isinstance(total, int):
        return None  # of a model that was saved before there was one
    try:
        return Census(inputs, tensors["census"], total)
    except ValueError as error:
        raise ValueError(
            f"the census in {folder} is not of the model that {_DESCRIPTION} describes ({error}); copy both files again"
        ) from error


def _fill(module: torch.nn.Module, tensors: dict[str, torch.Tensor], folder: Path) -> None:
    try:
        module.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        reason = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise ValueError(
            f"the weights in {folder} are not those that {_DESCRIPTION} describes ({reason}); copy both files again"
        ) from error


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
