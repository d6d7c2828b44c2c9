"""Judge a model: one report of how well it redraws, generates, obeys, predicts and edits, with what would be perfect beside it."""

from galwidget.evaluation.conditions import ConditionScore, coefficient_of_determination, condition_scores
from galwidget.evaluation.protocol import SECTIONS, evaluate
from galwidget.evaluation.reconstruction import chi2_per_pixel, magnitude_scatter
from galwidget.evaluation.references import pca_chi2
from galwidget.evaluation.report import Evaluation
from galwidget.evaluation.scores import Score

__all__ = [
    "SECTIONS",
    "ConditionScore",
    "Evaluation",
    "Score",
    "chi2_per_pixel",
    "coefficient_of_determination",
    "condition_scores",
    "evaluate",
    "magnitude_scatter",
    "pca_chi2",
]
