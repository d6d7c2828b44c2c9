"""A model's card: what it was trained on, what it reaches, and what it must not be used for."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from galwidget.model.inputs import Inputs

__all__ = ["card"]

_WIDTH = 100
_REACHED = {
    "chi2_simulated": "chi2 a pixel, simulated galaxies, image alone",
    "chi2_real": "chi2 a pixel, real galaxies of other sky",
    "chi2_real_refined": "the same, refined encoding",
    "magnitude_scatter_real": "scatter of their magnitudes, mag",
}


def card(inputs: Inputs, latent_size: int, about: Mapping[str, Any]) -> str:
    """The card as text, after Mitchell et al. 2019, *Model cards for model reporting*, https://arxiv.org/abs/1810.03993.

    Parameters
    ----------
    inputs
        What the model takes.
    latent_size
        Size of its latent.
    about
        What its file carries: ``trained_on``, ``metrics``, ``limits``.
    """
    survey = inputs.survey
    size = f"{inputs.stamp} x {inputs.stamp} pixels of {survey.pixel_scale:g} arcsec" if inputs.stamp else "no images"
    lines = [f"Model of galaxies as {survey.name} sees them in {' '.join(survey.band_names)}", ""]
    lines += [f"  takes and draws   {size}", f"  latent            {latent_size} dimensions", "  attributes        1st to 99th percentile"]
    lines += [f"    {scaling.name:15s} {scaling.low:8.3g} to {scaling.high:.3g}" for scaling in inputs.scalings.values()]
    lines += ["", "Trained on", *(f"  {sample}" for sample in about.get("trained_on") or ["not said"])]
    for sample, numbers in about.get("metrics", {}).items():
        lines += ["", f"Reaches ({sample})"]
        lines += [f"  {words:50s} {numbers[name]:.3f}" for name, words in _REACHED.items() if name in numbers]
        asked = numbers.get("conditions_noiseless", {})
        lines += [f"  {f'R2 of {name}, requested against measured':50s} {value:.3f}" for name, value in asked.items()]
    limits = about.get("limits") or [
        "Not said. Galaxies outside of the ranges above, other bands and other pixels were not seen in training."
    ]
    lines += ["", "Not to be used for"]
    for limit in limits:
        lines += textwrap.wrap(limit, _WIDTH, initial_indent="  - ", subsequent_indent="    ")
    return "\n".join(lines)
