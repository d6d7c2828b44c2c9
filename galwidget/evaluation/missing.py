"""Missing modalities: what is left of reconstruction and photometric redshift for every subset, and with attributes gone at random."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import MaskedColumn
from astropy.utils.masked import Masked

from galwidget.evaluation.prediction import InParts
from galwidget.evaluation.reconstruction import chi2_per_pixel
from galwidget.evaluation.scores import Curve, Part, Score, bootstrap, robust_scatter
from galwidget.galaxies import Galaxies

if TYPE_CHECKING:
    from galwidget.galaxy_model import GalaxyModel

__all__ = ["SHARES", "missing", "without_attributes"]

_SECTION = "missing modalities"
#: Shares of the attributes that are removed.
SHARES = (0.0, 0.25, 0.5, 0.75, 0.9)


def without_attributes(galaxies: Galaxies, names: list[str], share: float, *, seed: int = 0) -> Galaxies:
    """The same galaxies with this share of the entries of the columns ``names`` masked, each by itself and at random."""
    random = np.random.default_rng(seed)
    table = galaxies.to_table()
    for name in names:
        if name not in table.colnames:
            continue
        gone = random.random(len(galaxies)) < share
        column = table[name]
        plain = getattr(column, "unmasked", getattr(column, "data", column))
        plain = getattr(plain, "data", plain) if isinstance(column, MaskedColumn) else plain
        mask = gone | np.asarray(getattr(column, "mask", False))
        unit = getattr(column, "unit", None)
        table[name] = Masked(plain, mask=mask) if unit is not None else MaskedColumn(np.asarray(plain), mask=mask)
    return galaxies.with_table(table)


def missing(model: GalaxyModel, galaxies: Galaxies, *, subsets: int = 100, seed: int = 0) -> Part:
    """Scores at inference for every subset of modalities, and with 0 to 90 % of the attributes masked at random.

    Parameters
    ----------
    model
        The model.
    galaxies
        Galaxies with images and attributes.
    subsets
        How many of them are used for each of the 2^modalities - 1 subsets.
    seed
        Of what is removed, and of the bootstrap.
    """
    part = Part()
    modalities = model.inputs.modalities
    few = galaxies[:subsets]
    rows: list[dict[str, Any]] = []
    for size in range(1, len(modalities) + 1):
        for subset in combinations(modalities, size):
            chi2, redshift = _chi2(model, few, list(subset)), _redshift_error(model, few, [name for name in subset if name != "redshift"])
            rows.append(
                {"using": ", ".join(subset), "chi2 a pixel": float(np.nanmean(chi2)), "photo-z sigma_NMAD": robust_scatter(redshift)}
            )
    part.tables["every subset of modalities"] = rows
    everything = list(modalities)
    whole = bootstrap(np.nanmean, _chi2(model, galaxies, everything), seed=seed)[0]
    for left_out in everything:
        using = [name for name in everything if name != left_out]
        if not using:
            continue
        value, error = bootstrap(np.nanmean, _chi2(model, galaxies, using), seed=seed)
        part.scores.append(Score(_SECTION, f"chi2 a pixel without {left_out}", value, float(error), 1.0, whole, "with every modality"))
    _removed(part, model, galaxies, seed)
    return part


def _chi2(model: GalaxyModel, galaxies: Galaxies, using: list[str]) -> np.ndarray:
    return chi2_per_pixel(galaxies, model.reconstruct(galaxies, using=using))


def _redshift_error(model: GalaxyModel, galaxies: Galaxies, using: list[str]) -> np.ndarray:
    """Error dz / (1 + z) of the predicted redshift, (n,), NaN where the model or the galaxies have none."""
    truth = galaxies.attribute("redshift")
    if "redshift" not in model.inputs.groups or not using or not np.isfinite(truth).any():
        return np.full(len(galaxies), np.nan)
    return (_guess(model, galaxies, using) - truth) / (1 + truth)


def _guess(model: GalaxyModel, galaxies: Galaxies, using: list[str]) -> np.ndarray:
    """Median of the predicted redshift, (n,)."""
    return np.asarray(np.median(InParts(model, galaxies, "redshift", using, 0).samples(100, 0), 1))


def _removed(part: Part, model: GalaxyModel, galaxies: Galaxies, seed: int) -> None:
    groups = list(model.inputs.groups)
    names = [name for group in groups for name in model.inputs.groups[group]]
    lines: dict[str, list[tuple[float, float]]] = {"image and attributes": [], "attributes": []}
    chi2: list[tuple[float, float]] = []
    # the truth to compare with stays; only what the model is shown is masked
    truth = galaxies.attribute("redshift")
    for share in SHARES:
        shown = without_attributes(galaxies, names, share, seed=seed)
        for how, using in (("image and attributes", ["image", *groups]), ("attributes", groups)):
            if "redshift" not in model.inputs.groups or not np.isfinite(truth).any():
                continue
            lines[how].append(bootstrap(robust_scatter, (_guess(model, shown, using) - truth) / (1 + truth), seed=seed))
        chi2.append(bootstrap(np.nanmean, chi2_per_pixel(galaxies, model.reconstruct(shown)), seed=seed))
    x = np.array(SHARES)
    half = SHARES.index(0.5)
    found = {"chi2 a pixel": chi2} | {f"photo-z sigma_NMAD from {how}": values for how, values in lines.items() if values}
    for name, values in found.items():
        y, error = (np.array(column) for column in zip(*values, strict=True))
        perfect = 1.0 if name == "chi2 a pixel" else np.nan
        part.scores.append(
            Score(_SECTION, f"{name}, half of the attributes removed", y[half], error[half], perfect, y[0], "no attribute removed")
        )
        title = f"{name} with attributes removed"
        part.curves[title] = Curve(name, "share of the attributes removed", name.split(" from ")[0], x, {"model": (y, error)})
