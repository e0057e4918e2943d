"""Evaluation: metrics of a ranking and of probabilities, their intervals, thresholds, figures and the model card.

metrics.py    average precision, precision at K, dollars at K, calibration
intervals.py  bootstrap intervals over groups of claims
threshold.py  choosing a threshold by capacity or by cost
card.py       the model card
figures.py    Matplotlib figures; not imported here: Matplotlib is slow to load
"""

from models.evaluation import metrics
from models.evaluation.card import CardFacts, CardFigure, render_model_card
from models.evaluation.intervals import Interval, bootstrap, draws_of, percentile_interval
from models.evaluation.metrics import (
    Ranking,
    at_k,
    average_precision,
    brier,
    calibration_bins,
    calibration_error,
    roc_auc,
)
from models.evaluation.threshold import (
    LabelledScores,
    ScoredClaims,
    ThresholdChoice,
    evaluate_threshold,
    threshold_by_capacity,
    threshold_by_cost,
    threshold_table,
)

__all__ = [
    "CardFacts",
    "CardFigure",
    "Interval",
    "LabelledScores",
    "Ranking",
    "ScoredClaims",
    "ThresholdChoice",
    "at_k",
    "average_precision",
    "bootstrap",
    "brier",
    "calibration_bins",
    "calibration_error",
    "draws_of",
    "evaluate_threshold",
    "metrics",
    "percentile_interval",
    "render_model_card",
    "roc_auc",
    "threshold_by_capacity",
    "threshold_by_cost",
    "threshold_table",
]
