"""Why a galaxy is odd, in words: which evidence, where in the picture, in which band."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from galwidget.attributes import describe
from galwidget.model.inputs import Inputs
from galwidget.science.residuals import FORMS, Residuals

__all__ = ["reason"]

#: A score, or a part, below this is no reason to look.
_NOTABLE = 3.0
#: A second core is a source this near to the first, in arcsec.
_CORE = 1.6
_GROUPS = {
    "brightness": "its brightness does not fit its picture",
    "colours": "its measured colours do not fit its picture",
    "shape": "its measured size or shape does not fit its picture",
    "redshift": "its redshift does not fit its picture",
    "morphology": "its Hubble type does not fit its picture",
}


def reason(
    row: int, parts: Mapping[str, np.ndarray], forms: Residuals, expected: Mapping[str, np.ndarray], inputs: Inputs, score: float
) -> str:
    """What is odd most about galaxy ``row``, and what else is; ``typical`` if nothing is.

    Parameters
    ----------
    row
        Which galaxy.
    parts
        Its evidence, by name, as `Anomalies.parts`.
    forms
        Places and bands of the residuals.
    expected
        Attributes of the model's view of the galaxies.
    inputs
        The model's survey and scales.
    score
        Its score.
    """
    strongest = sorted(((float(values[row]), name) for name, values in parts.items()), reverse=True)
    notable = [name for value, name in strongest if value >= _NOTABLE]
    if score < _NOTABLE or not notable:
        return "typical"
    # that there is a residual at all is the least that can be said
    vague = {"residual"}
    if "line" in notable:  # a trail is a row of sources, and a source a short line
        vague |= {"blob", "hole", "ring"} if np.isfinite(forms.place["line"][row]).all() else {"line"}
    told = [name for name in notable if name not in vague] or notable[:1]
    return "; ".join(dict.fromkeys(_words(name, row, forms, expected, inputs) for name in told[:2]))


def _words(name: str, row: int, forms: Residuals, expected: Mapping[str, np.ndarray], inputs: Inputs) -> str:
    if name in _GROUPS:
        return _GROUPS[name]
    if name == "density":
        return _outside(row, expected, inputs)
    words = FORMS[name]
    if name == "line" and not np.isfinite(forms.place[name][row]).all():
        words = "something long"
    band = inputs.survey.band_names[int(forms.band[name][row])] if name in forms.band else ""
    if name == "shift":
        return f"band {band} shifted"
    if name == "colour":
        return f"colour outside the prior: {band}"
    if name in forms.place and np.isfinite(forms.place[name][row]).all():
        place = forms.place[name][row] * inputs.survey.pixel_scale
        if name == "blob" and np.hypot(*place) < _CORE:
            words = "double core"
        words = f"{words} {_where(place)}"
    return f"{words}, most in {band}" if band else words


def _where(place: np.ndarray) -> str:
    """A place in arcsec from the centre, in words: columns to the right, rows up, as pictures are shown."""
    x, y = place
    if np.hypot(x, y) < 0.3:
        return "at the centre"
    sides = [
        f'{abs(value):.1f}" {word[int(value < 0)]}' for value, word in ((x, ("right", "left")), (y, ("up", "down"))) if abs(value) >= 0.25
    ]
    return f"{' and '.join(sides)} of the centre"


def _outside(row: int, expected: Mapping[str, np.ndarray], inputs: Inputs) -> str:
    """The attribute of the model's view that is farthest outside of the training data, if one is."""
    beyond = []
    for name, values in expected.items():
        scaling, value = inputs.scalings[name], float(values[row])
        reach = max(scaling.low - value, value - scaling.high) / max(scaling.high - scaling.low, 1e-9)
        if reach > 0 and name not in ("e1", "e2"):
            beyond.append((reach, name, value))
    if not beyond:
        return "an unusual mixture of properties"
    _, name, value = max(beyond)
    known, scaling = describe(name), inputs.scalings[name]
    kind = "colour" if known.modality == "colours" else known.label
    return f"{kind} outside the prior: {known.label} {value:.2f}, usually {scaling.low:.2f} to {scaling.high:.2f}"
