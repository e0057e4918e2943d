"""The learning loop: weighted labels from dispositions, a random audit against selection bias, gated retraining."""

from typing import TYPE_CHECKING

from pipelines.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from pipelines.loop.charts import draw_policies
    from pipelines.loop.errors import LoopError
    from pipelines.loop.ledger import connected, export
    from pipelines.loop.policy_comparison import PolicyComparison, compare_policies
    from pipelines.loop.recovery import recovery_of_findings
    from pipelines.loop.retraining import RetrainResult, retrain
    from pipelines.loop.review_evaluation import ReviewEvaluation, evaluate_reviews
    from pipelines.loop.salt import salt_of
    from pipelines.loop.selection import SelectionEntry, select

__all__ = [
    "LoopError",
    "PolicyComparison",
    "RetrainResult",
    "ReviewEvaluation",
    "SelectionEntry",
    "compare_policies",
    "connected",
    "draw_policies",
    "evaluate_reviews",
    "export",
    "recovery_of_findings",
    "retrain",
    "salt_of",
    "select",
]
__getattr__ = lazy_exports(__name__, __file__)
