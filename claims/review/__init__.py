"""Review: what a person may decide about a claim, with which reasons, and what follows for its status and money.

state.py     a claim in review, a requested action, the settlement
rules.py     permitted actions and the settlement that follows
reasons.py   reason codes, with the X12 claim adjustment reason code where one means the same
recovery.py  which dispositions may carry recovered money, and how much
"""

from claims.review.errors import InvalidField, NotPermitted, ReviewError, StateConflict
from claims.review.reasons import REASONS, Action, ReviewReason, reasons_for
from claims.review.recovery import IS_FRAUD, RECOVERS, RecoveryError, check_recovery
from claims.review.rules import (
    ALLOWED,
    MAX_DOCUMENT_LENGTH,
    MAX_DOCUMENTS,
    MAX_PEND_DAYS,
    NEEDS_APPROVER,
    SETTLES,
    allowed_actions,
    needs_second_approval,
    replaces_reviewed_claim,
    settle,
)
from claims.review.state import (
    DecisionRequest,
    Disposition,
    Effect,
    Person,
    Proposal,
    ReviewPolicy,
    ReviewState,
    ReviewSubject,
    Settlement,
)

__all__ = [
    "ALLOWED",
    "IS_FRAUD",
    "MAX_DOCUMENTS",
    "MAX_DOCUMENT_LENGTH",
    "MAX_PEND_DAYS",
    "NEEDS_APPROVER",
    "REASONS",
    "RECOVERS",
    "SETTLES",
    "Action",
    "DecisionRequest",
    "Disposition",
    "Effect",
    "InvalidField",
    "NotPermitted",
    "Person",
    "Proposal",
    "RecoveryError",
    "ReviewError",
    "ReviewPolicy",
    "ReviewReason",
    "ReviewState",
    "ReviewSubject",
    "Settlement",
    "StateConflict",
    "allowed_actions",
    "check_recovery",
    "needs_second_approval",
    "reasons_for",
    "replaces_reviewed_claim",
    "settle",
]
