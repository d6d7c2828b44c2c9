"""What tools learn of a model before they answer first, put beside its weights: then the first answer takes no longer than the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galwidget.galaxy_model import load
from galwidget.progress import Progress
from galwidget.science import anomaly, kept, metric

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["prepare"]


def prepare(path: str | PathLike[str], *, progress: Progress = True) -> None:
    """Learn what `galwidget.nearest` and `galwidget.anomalies` need to know of a model, a minute or two, and write it into its folder.

    It is learnt anew, whatever lies there. Nothing is needed of a model without images, and nothing is written.

    Parameters
    ----------
    path
        A folder that ``model.save`` wrote.
    progress
        Show progress bars; or a function of what is done, how many galaxies are ready, and of how many.

    Raises
    ------
    FileNotFoundError, ValueError
        There is no model, or it is damaged, foreign or newer.
    """
    model = load(path)
    if model.stamp:
        for known in (metric.KNOWN, anomaly.KNOWN):
            known.forget(model)
        metric.Metric.of_model(model, progress=progress)
        anomaly.learn_normal(model, progress=progress)
        kept.write(path, model, metric.KNOWN, anomaly.KNOWN)
