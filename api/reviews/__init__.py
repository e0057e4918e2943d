"""Claims in review: what a person may do, the decision with its effects, and the queue."""

from api.reviews.ai_use import AUTOMATIC, BASIS_AT_RECEIPT, REJECTING, AiUseReport, ai_use_report
from api.reviews.alarms import DueClaim, PromptPayAlarm, due_claims
from api.reviews.records import DecisionRecord, Review
from api.reviews.responses import person
from api.reviews.schemas import DecisionIn
from api.reviews.service import QueueItem, Reviews, lock_review, settle_review

__all__ = [
    "AUTOMATIC",
    "BASIS_AT_RECEIPT",
    "REJECTING",
    "AiUseReport",
    "DecisionIn",
    "DecisionRecord",
    "DueClaim",
    "PromptPayAlarm",
    "QueueItem",
    "Review",
    "Reviews",
    "ai_use_report",
    "due_claims",
    "lock_review",
    "person",
    "settle_review",
]
