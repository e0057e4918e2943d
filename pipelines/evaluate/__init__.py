"""Evaluate a model: the same metrics for it and every baseline, on claims that none was trained on."""

from typing import TYPE_CHECKING

from pipelines.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from pipelines.evaluate.abrasion import false_positives_by_group
    from pipelines.evaluate.baselines import learned_baselines, simple_baselines
    from pipelines.evaluate.dollars import (
        MONEY_SHARES,
        RECOVERY,
        SIMPLE_RANKINGS,
        RankedClaims,
        RankingDollars,
        compare_dollars,
        dollars_of_window,
        money_scores,
    )
    from pipelines.evaluate.errors import EvaluationError, NoModelError, OverlapError, ProvenanceError
    from pipelines.evaluate.evaluation import (
        EvaluatedModel,
        Evaluation,
        GroupFalsePositives,
        RankingMetrics,
    )
    from pipelines.evaluate.evaluation_set import (
        AMOUNT,
        CHAMPION,
        FOREST,
        LOGISTIC,
        MODEL,
        RAW,
        RULE,
        EvaluationSet,
        evaluation_set_of,
    )
    from pipelines.evaluate.flow import (
        EvaluationRun,
        champion_beside,
        evaluate,
        find_model,
        latest,
        named,
        reviews_a_week,
    )
    from pipelines.evaluate.metrics import EvaluationSettings, evaluate_claims
    from pipelines.evaluate.page import render, save, summary
    from pipelines.evaluate.pictures import Drawings, draw
    from pipelines.evaluate.provenance import THRESHOLDS_CHOSEN, Provenance
    from pipelines.evaluate.rivals import add_rivals
    from pipelines.evaluate.source_columns import raw_booster
    from pipelines.evaluate.window import Window, add_model, newest_window, window_of

__all__ = [
    "AMOUNT",
    "CHAMPION",
    "FOREST",
    "LOGISTIC",
    "MODEL",
    "MONEY_SHARES",
    "RAW",
    "RECOVERY",
    "RULE",
    "SIMPLE_RANKINGS",
    "THRESHOLDS_CHOSEN",
    "Drawings",
    "EvaluatedModel",
    "Evaluation",
    "EvaluationError",
    "EvaluationRun",
    "EvaluationSet",
    "EvaluationSettings",
    "GroupFalsePositives",
    "NoModelError",
    "OverlapError",
    "Provenance",
    "ProvenanceError",
    "RankedClaims",
    "RankingDollars",
    "RankingMetrics",
    "Window",
    "add_model",
    "add_rivals",
    "champion_beside",
    "compare_dollars",
    "dollars_of_window",
    "draw",
    "evaluate",
    "evaluate_claims",
    "evaluation_set_of",
    "false_positives_by_group",
    "find_model",
    "latest",
    "learned_baselines",
    "money_scores",
    "named",
    "newest_window",
    "raw_booster",
    "render",
    "reviews_a_week",
    "save",
    "simple_baselines",
    "summary",
    "window_of",
]
__getattr__ = lazy_exports(__name__, __file__)
