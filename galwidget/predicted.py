"""The attributes of the galaxies that a model draws: measured on the picture where it shows them, else its decoders' most likely."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from astropy import units as u
from astropy.table import QTable
from torch import Tensor

from galwidget.attributes import MORPHOLOGIES, describe, ellipticity_and_angle
from galwidget.galaxies import Galaxies
from galwidget.latent import Latent
from galwidget.measurement import measure, measured_columns
from galwidget.model.inputs import Inputs
from galwidget.model.mvae import MVAE
from galwidget.observation import observe

__all__ = ["SHOWN", "attribute_table", "conditions_at", "pixel_ivar", "shown_table", "with_unit"]

#: The modalities that a picture shows: what is measured there is what was drawn, whatever an attribute's decoder says.
SHOWN = frozenset({"brightness", "colours", "shape"})


def attribute_table(mvae: MVAE, inputs: Inputs, z: Tensor, flux: np.ndarray | None = None) -> QTable:
    """The attributes of the galaxies at ``z``, one row a galaxy.

    Parameters
    ----------
    mvae, inputs, z
        The model and points of latent space, (n, d).
    flux
        The pictures drawn there, nJy, before the telescope, (n, band, y, x); None for a model without images.

    Returns
    -------
    astropy.table.QTable
        Brightness, colours, size and shape as `galwidget.measure` finds them on the picture seen through the survey's PSF, masked where it
        finds nothing; redshift and type, and for a model without images everything, as the decoders' most likely values.
    """
    table = QTable() if flux is None else shown_table(inputs, flux)
    for group, names in inputs.groups.items():
        if flux is not None and group in SHOWN:
            continue
        likely = _likely(mvae, z, group).numpy()
        if group == "morphology":
            table[group] = np.array(MORPHOLOGIES)[likely.argmax(1)]
            continue
        for name, values in zip(names, likely.T, strict=False):  # a scatter follows the mean
            table[name] = with_unit(name, inputs.scalings[name].inverse(values))
    if {"e1", "e2"} <= set(table.colnames) and "ellipticity" not in table.colnames:
        ellipticity, angle = ellipticity_and_angle(*(np.asarray(table[name], float) for name in ("e1", "e2")))
        ratio = (1 - ellipticity) / (1 + ellipticity)
        for name, values in (("ellipticity", ellipticity), ("position_angle", angle), ("axis_ratio", ratio)):
            table[name] = with_unit(name, values)
    return table


def shown_table(inputs: Inputs, flux: np.ndarray) -> QTable:
    """What `galwidget.measure` finds on the pictures ``flux``, nJy, (n, band, y, x), seen through the survey's PSF without noise."""
    return measure(_seen(inputs, flux), noiseless=True).table if len(flux) else QTable()


def conditions_at(mvae: MVAE, inputs: Inputs, z: Tensor, flux: np.ndarray | None = None) -> tuple[Tensor, Tensor]:
    """`attribute_table` as the flow takes it: standardised values, and whether there is one, both (n, condition)."""
    # without the table, which costs more than to measure a galaxy
    measured = {} if flux is None else measured_columns(_seen(inputs, flux), noiseless=True)
    parts = []
    for group, names in inputs.groups.items():
        if group in SHOWN and measured:
            parts.append(np.stack([inputs.scalings[name].forward(measured[name])[0] for name in names], 1))
        elif group == "morphology":
            likely = _likely(mvae, z, group)
            parts.append(np.eye(likely.shape[1])[likely.argmax(1).numpy()])
        else:
            parts.append(_likely(mvae, z, group)[:, : len(names)].numpy())
    values = np.concatenate(parts, 1, dtype=np.float32) if parts else np.zeros((len(z), 0), np.float32)
    known = np.isfinite(values)
    return torch.from_numpy(np.where(known, values, np.float32(0))), torch.from_numpy(known)


def _seen(inputs: Inputs, flux: np.ndarray) -> Galaxies:
    return observe(Galaxies(flux, survey=inputs.survey), noise=False)


def _likely(mvae: MVAE, z: Tensor, group: str) -> Tensor:
    """Most likely values of a modality of attributes at ``z``, standardised, a column a name, and maybe more; of types, their logits."""
    parameters = mvae.decode(z, group)
    if group != "redshift":
        return parameters
    logits, means, _ = parameters.chunk(3, 1)
    return (logits.softmax(1) * means).sum(1, keepdim=True)


def pixel_ivar(flux_at: Callable[[Latent], np.ndarray], latent: Latent, center: np.ndarray, draws: int, seed: int | None) -> np.ndarray:
    """Inverse variance of each pixel over ``draws`` draws of the latent, shape of ``center``, which is the flux at the means."""
    if draws < 2:
        raise ValueError(f"draws is {draws}; a variance needs at least 2, and 16 give it to a third")
    random = np.random.default_rng(seed)
    total, square = np.zeros_like(center), np.zeros_like(center)
    for _ in range(draws):
        noise = random.standard_normal(latent.mean.shape).astype(np.float32)
        # about the flux at the mean: sums of squares of bright pixels would lose all figures in single precision
        difference = flux_at(Latent(latent.mean + latent.std * noise)) - center
        total, square = total + difference, square + difference**2
    variance = (square - total**2 / draws) / (draws - 1)
    return 1 / np.maximum(variance, np.maximum(1e-6 * center, 1e-6) ** 2)


def with_unit(name: str, values: np.ndarray) -> Any:
    """Values of attribute ``name`` as a quantity, where it has a unit."""
    unit = describe(name).unit
    return values * u.Unit(unit) if unit and values.dtype.kind == "f" else values
