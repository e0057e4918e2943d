"""Promotion by gates, rollback, and the audit trail of both."""

from pipelines.promote.errors import NoCandidateError, PromotionError, RefusedError
from pipelines.promote.flow import Force, Outcome, promote, rollback
from pipelines.promote.gates import GATES, Verdict

__all__ = [
    "GATES",
    "Force",
    "NoCandidateError",
    "Outcome",
    "PromotionError",
    "RefusedError",
    "Verdict",
    "promote",
    "rollback",
]
