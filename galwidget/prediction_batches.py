"""The prediction of an attribute for a sample of any size, batch by batch: which galaxies are beside a galaxy changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from galwidget.even_draws import balanced_draws
from galwidget.galaxies import Galaxies
from galwidget.prediction import CategoryPrediction, Prediction, brightness_at, evidence, joined, predict, trusted_posterior
from galwidget.progress import Progress, steps
from galwidget.survey_check import refuse_another_survey
from galwidget.widening import calibrated

if TYPE_CHECKING:
    from galwidget.galaxy_model import GalaxyModel

__all__ = ["predict_sample"]

_BATCH = 128


def predict_sample(
    model: GalaxyModel, galaxies: Galaxies, attribute: str, using: Sequence[str] | None, draws: int, seed: int | None, progress: Progress
) -> Prediction | CategoryPrediction:
    """An attribute of n galaxies from whatever else they have; arguments are those of ``model.predict``."""
    if not isinstance(attribute, str):
        raise TypeError(f"the attribute is a {type(attribute).__name__}; give its name, after the galaxies: predict(galaxies, 'redshift')")
    group = next((group for group, names in model.inputs.groups.items() if attribute in names), None)
    if group is None:
        known = [name for names in model.inputs.groups.values() for name in names]
        raise ValueError(f"the model cannot predict {attribute!r}; it predicts {', '.join(known)}")
    refuse_another_survey(model, galaxies)
    noise = balanced_draws(model.latent_size, seed, at_least=draws)
    parts = []
    with steps(progress, f"predicting {attribute}", len(galaxies)) as tell:
        for start in range(0, max(len(galaxies), 1), _BATCH):
            part = galaxies[start : start + _BATCH]
            parts.append(_predict(model, part, group, attribute, using, noise))
            tell(len(part))
    return joined(parts)


def _predict(
    model: GalaxyModel, galaxies: Galaxies, group: str, attribute: str, using: Sequence[str] | None, noise: torch.Tensor
) -> Prediction | CategoryPrediction:
    """One batch; ``noise`` are draws (draw, d) of a standard normal."""
    with model.lock, torch.no_grad():
        data = model.inputs.tensors(galaxies, using, without=attribute)
        where = trusted_posterior(attribute, model.mvae, data, model.about)
        z = where.mean + where.std * noise[:, None]
        found = predict(attribute, model.mvae.modalities[group], z, model.inputs, group)
        seen = evidence(data), brightness_at(model.mvae, where.mean)
        return calibrated(found, *seen, model.about) if isinstance(found, Prediction) else found
