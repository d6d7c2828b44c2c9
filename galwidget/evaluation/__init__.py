"""Judge a model: one report of how well it redraws, generates, obeys, predicts and edits, with what would be perfect beside it."""

from galwidget.evaluation.conditions import ConditionScore, coefficient_of_determination, condition_scores
from galwidget.evaluation.reconstruction import chi2_per_pixel, magnitude_scatter
from galwidget.evaluation.references import pca_chi2

__all__ = [
    "ConditionScore",
    "chi2_per_pixel",
    "coefficient_of_determination",
    "condition_scores",
    "magnitude_scatter",
    "pca_chi2",
]
