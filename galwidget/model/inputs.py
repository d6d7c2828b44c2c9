"""From Galaxies to tensors and back: which attribute goes to which expert, on which scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from galwidget.attributes import MORPHOLOGIES, colours, describe, ellipticity_components
from galwidget.galaxies import Galaxies
from galwidget.measurement import reference_band
from galwidget.model.modalities import Columns, Images
from galwidget.survey import Survey

__all__ = ["Inputs", "Scaling"]

_SHAPE = ("r_half", "area", "e1", "e2", "concentration")


@dataclass(frozen=True)
class Scaling:
    """How one attribute becomes a number of order one, and what the training data had of it.

    Parameters
    ----------
    name
        Column name.
    scale
        ``linear``, ``log`` or ``log1p``, as in `galwidget.attributes.Attribute`.
    center, width
        Mean and standard deviation on that scale.
    low, high, typical
        1st and 99th percentile and median of the training data, in the attribute's unit.
    """

    name: str
    scale: str
    center: float
    width: float
    low: float
    high: float
    typical: float

    @classmethod
    def fit(cls, name: str, values: np.ndarray) -> Scaling:
        """From the values (NaN = not measured) of the training data."""
        scale = describe(name).scale
        values = values[np.isfinite(values)]
        values = values[values > 0] if scale == "log" else values
        if len(values) < 2:
            raise ValueError(f"attribute {name!r} has {len(values)} usable values in the training data; leave it out or give more")
        on_scale = _FORWARD[scale](values)
        # quantiles, not moments: a few failed measurements must not set the scale
        low, high = np.percentile(on_scale, [16, 84])
        center, width = float(np.median(on_scale)), float(max((high - low) / 2, 1e-3))
        low, typical, high = (float(q) for q in np.percentile(values, [1, 50, 99]))
        return cls(name, scale, center, width, low, high, typical)

    def forward(self, values: np.ndarray, errors: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Standardised values and errors; NaN where a value is not usable (a negative radius)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            on_scale = (_FORWARD[self.scale](values) - self.center) / self.width
            slope = _SLOPE[self.scale](values) / self.width
        on_scale = np.where(np.isfinite(on_scale), on_scale, np.nan)
        errors = np.zeros_like(on_scale) if errors is None else np.nan_to_num(np.abs(errors * slope))
        return on_scale, errors

    def inverse(self, standardised: np.ndarray) -> np.ndarray:
        """Values in the attribute's unit."""
        return _INVERSE[self.scale](np.asarray(standardised, dtype=float) * self.width + self.center)

    def slope(self, values: np.ndarray) -> np.ndarray:
        """d(standardised)/d(value), to turn a density on one scale into the other's."""
        return _SLOPE[self.scale](values) / self.width


_Function = Callable[[Any], np.ndarray]
_FORWARD: dict[str, _Function] = {"linear": lambda x: np.asarray(x, float), "log": np.log, "log1p": np.log1p}
_INVERSE: dict[str, _Function] = {"linear": lambda x: x, "log": np.exp, "log1p": np.expm1}
_SLOPE: dict[str, _Function] = {"linear": np.ones_like, "log": lambda x: 1 / x, "log1p": lambda x: 1 / (1 + x)}


@dataclass(frozen=True)
class Inputs:
    """What a model takes: its survey, stamp size, and the attributes of each expert with their scales.

    Parameters
    ----------
    survey
        The survey whose galaxies the model knows.
    stamp
        Side of the images in pixels, 0 for a model without images.
    groups
        Attribute names by modality.
    scalings
        The scale of each continuous attribute.
    """

    survey: Survey
    stamp: int
    groups: dict[str, tuple[str, ...]]
    scalings: dict[str, Scaling]

    @classmethod
    def fit(cls, samples: Sequence[Galaxies], survey: Survey) -> Inputs:
        """Choose groups and scales from training samples.

        Raises
        ------
        ValueError
            The samples have images of several sizes or of another survey, or no known attribute.
        """
        stamps = {sample.flux.shape[-1] for sample in samples if sample.flux is not None}
        if len(stamps) > 1:
            raise ValueError(f"training samples have stamps of {' and '.join(map(str, sorted(stamps)))} pixels; cut them to one size")
        wanted = {
            "brightness": (f"mag_{reference_band(survey)}",),
            "colours": tuple(name for name, _, _ in colours(survey.band_names)),
            "shape": _SHAPE,
            "redshift": ("redshift",),
            "morphology": ("morphology",),
        }
        groups, scalings = {}, {}
        for group, names in wanted.items():
            values = {name: np.concatenate([_column(sample, name)[0] for sample in samples]) for name in names if name != "morphology"}
            if group == "morphology":
                if any(_categories(sample)[1].any() for sample in samples):
                    groups[group] = names
                continue
            kept = tuple(name for name in names if np.isfinite(values[name]).sum() >= 2)
            if kept:
                groups[group] = kept
                scalings.update({name: Scaling.fit(name, values[name]) for name in kept})
        return cls(survey, stamps.pop() if stamps else 0, groups, scalings)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities, the image first."""
        return (("image",) if self.stamp else ()) + tuple(self.groups)

    @property
    def condition_names(self) -> tuple[str, ...]:
        """Columns of `conditions`, in order: the continuous attributes, then one a Hubble type."""
        types = tuple(f"morphology={kind}" for kind in MORPHOLOGIES) if "morphology" in self.groups else ()
        return (*self.scalings, *types)

    def check(self, galaxies: Galaxies) -> None:
        """Whether the model can take these galaxies' images.

        Raises
        ------
        ValueError
            Their bands, pixel scale or size are not those of the training data; the message says what to do.
        """
        if galaxies.flux is None:
            return
        if not self.stamp:
            raise ValueError("the model was trained without images; give galaxies with a table only")
        theirs, ours = galaxies.survey, self.survey
        if theirs.band_names != ours.band_names:
            missing = [name for name in ours.band_names if name not in theirs.band_names]
            raise ValueError(
                f"the galaxies have bands {', '.join(theirs.band_names)} but the model was trained on {', '.join(ours.band_names)}; "
                + (f"band {', '.join(missing)} is missing: train a model on the bands you have" if missing else "use select_bands")
            )
        if abs(theirs.pixel_scale / ours.pixel_scale - 1) > 0.01:
            raise ValueError(
                f'the pixels are {theirs.pixel_scale:g}" but the model was trained on {ours.pixel_scale:g}"; resample the images'
            )
        if galaxies.flux.shape[-2:] != (self.stamp, self.stamp):
            raise ValueError(
                f"the stamps are {galaxies.flux.shape[-2]} x {galaxies.flux.shape[-1]} pixels but the model was trained on "
                f"{self.stamp} x {self.stamp}; cut them again with stamp={self.stamp}"
            )

    def tensors(self, galaxies: Galaxies, using: Sequence[str] | None = None, without: str | None = None) -> dict[str, Any]:
        """The modalities of ``galaxies`` as tensors.

        Parameters
        ----------
        galaxies
            n galaxies.
        using
            Names of the modalities to take (or of attributes: then only those columns); None takes all that is there.
        without
            An attribute to hide.

        Raises
        ------
        ValueError
            A name in ``using`` is neither a modality nor an attribute of the model.
        """
        self.check(galaxies)
        columns = {name for names in self.groups.values() for name in names}
        for name in using or ():
            if name not in self.modalities and name not in columns:
                raise ValueError(
                    f"using has {name!r}; the model knows the modalities {', '.join(self.modalities)} and the attributes of them"
                )
        data: dict[str, Any] = {}
        if self.stamp and galaxies.flux is not None and (using is None or "image" in using):
            data["image"] = Images(
                *(torch.from_numpy(np.require(part, requirements=["C", "W"])) for part in (galaxies.flux, galaxies.ivar, galaxies.psfs))
            )
        for group, names in self.groups.items():
            kept = names if using is None or group in using else tuple(name for name in names if name in using)
            part = self.columns(galaxies, group, tuple(name for name in kept if name != without))
            if part.mask.any():
                data[group] = part
        return data

    def columns(self, galaxies: Galaxies, group: str, kept: Sequence[str] | None = None) -> Columns:
        """The attributes of one group as tensors, shape (n, column); those not in ``kept`` are masked."""
        if group == "morphology":
            one_hot, mask = _categories(galaxies)
            if kept is not None and not kept:
                mask = np.zeros_like(mask)
            return Columns(
                *(torch.from_numpy(part) for part in (one_hot, np.zeros_like(one_hot), np.repeat(mask[:, None], one_hot.shape[1], 1)))
            )
        values, errors, masks = [], [], []
        for name in self.groups[group]:
            value, error = self.scalings[name].forward(*_column(galaxies, name))
            mask = np.isfinite(value) & (kept is None or name in kept)
            values.append(np.where(mask, np.clip(value, -12, 12), 0))
            errors.append(np.where(mask, np.minimum(error, 100), 0))
            masks.append(mask)
        numbers = torch.from_numpy(np.stack([np.stack(part, 1) for part in (values, errors)]).astype(np.float32))
        return Columns(numbers[0], numbers[1], torch.from_numpy(np.stack(masks, 1)))

    def conditions(self, galaxies: Galaxies) -> tuple[torch.Tensor, torch.Tensor]:
        """All attributes side by side, value and mask (n, condition), as the flow takes them."""
        parts = [self.columns(galaxies, group) for group in self.groups]
        if not parts:  # a model of images alone
            return torch.zeros(len(galaxies), 0), torch.zeros(len(galaxies), 0, dtype=torch.bool)
        return torch.cat([part.value for part in parts], 1), torch.cat([part.mask for part in parts], 1)

    def to_dict(self) -> dict[str, Any]:
        """As plain numbers and strings, for JSON."""
        scalings = [asdict(scaling) for scaling in self.scalings.values()]
        return {"survey": self.survey.to_dict(), "stamp": self.stamp, "groups": self.groups, "scalings": scalings}

    @classmethod
    def from_dict(cls, described: Mapping[str, Any]) -> Inputs:
        """The inputs that `to_dict` described."""
        groups = {group: tuple(names) for group, names in described["groups"].items()}
        scalings = {scaling["name"]: Scaling(**scaling) for scaling in described["scalings"]}
        return cls(Survey.from_dict(described["survey"]), described["stamp"], groups, scalings)


def _column(galaxies: Galaxies, name: str) -> tuple[np.ndarray, np.ndarray]:
    if name in ("e1", "e2") and name not in galaxies.table.colnames:
        components = ellipticity_components(galaxies.attribute("ellipticity"), galaxies.attribute("position_angle"))
        return components[name == "e2"], np.zeros(len(galaxies))
    return galaxies.attribute(name), galaxies.attribute(f"{name}_err")


def _categories(galaxies: Galaxies) -> tuple[np.ndarray, np.ndarray]:
    if "morphology" not in galaxies.table.colnames:
        return np.zeros((len(galaxies), len(MORPHOLOGIES)), np.float32), np.zeros(len(galaxies), bool)
    column = galaxies.table["morphology"]
    names = np.asarray(column.filled("") if hasattr(column, "filled") else column).astype(str)
    unknown = sorted(set(names) - {*MORPHOLOGIES, ""})
    if unknown:
        raise ValueError(f"morphology has {', '.join(map(repr, unknown[:3]))}; the types are {', '.join(MORPHOLOGIES)} (empty = not known)")
    return (names[:, None] == np.array(MORPHOLOGIES)).astype(np.float32), names != ""
