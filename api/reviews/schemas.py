"""Decisions of people on the wire."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.identity.roles import Caller, Scope
from api.intake.schemas import Amount, Day
from api.investigations.schemas import FraudKind, Note
from api.reviews.state import DecisionRecord, Review
from claims.review import (
    MAX_DOCUMENT_LENGTH,
    MAX_DOCUMENTS,
    REASONS,
    Action,
    Person,
    ReviewPolicy,
    ReviewReason,
    allowed_actions,
    needs_second_approval,
)
from core.format import json_amount, json_instant

_Document = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=MAX_DOCUMENT_LENGTH, pattern=r"^[^\x00-\x1f\x7f]*$"),
]
_ACTION = Literal["release", "pay_reduced", "deny", "pend", "approve", "refuse", "reopen"]


class DecisionIn(BaseModel):
    """What a person decides about a claim. Who decides is the holder of the key."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"action": "release", "reason": "review_found_no_issue", "expected_version": 1}]
        },
    )

    action: _ACTION
    reason: Annotated[str, StringConstraints(strict=True, max_length=64)] = Field(
        description="A code that fits the action; `GET /v1/decision-reasons` lists them."
    )
    expected_version: Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)] = Field(
        description="The `version` you read. If anybody decided or a score came in since, the answer is 409."
    )
    amount: Amount | None = Field(None, description="Of `pay_reduced`: above 0 and below `payable_amount`.")
    documents: Annotated[list[_Document], Field(max_length=MAX_DOCUMENTS)] = Field(
        default_factory=list, description="Of `pend`: the documents asked for."
    )
    due_on: Day | None = Field(None, description="Of `pend`: the day by which they are due.")
    disposition: Literal["confirmed", "cleared"] | None = Field(
        None, description="A finding to record with the decision, as a label. Left out, none is recorded."
    )
    kind: FraudKind | None = Field(None, description="Of confirmed fraud, such as `upcoding`.")
    note: Note | None = Field(None, description="In a few words; no member's name.")


class DecisionOut(BaseModel):
    """One act of a person, as it is kept."""

    decision_id: str
    claim_id: str
    number: int = Field(description="Of the claim's decisions, from 1.")
    made_at: datetime
    action: _ACTION
    effect: Literal["settled", "proposed", "pended", "refused", "reopened"] = Field(
        description="`proposed`: nothing has changed yet; a second person answers."
    )
    outcome: Literal["approved", "partially_approved", "in_review", "denied"] = Field(
        description="The claim's status afterwards."
    )
    pays_amount: float = Field(description="What is paid, or would be once the proposal is approved.")
    reason: str
    reason_text: str
    carc: str | None = Field(description="The claim adjustment reason code that says the same.")
    note: str | None
    documents: list[str]
    due_on: date | None
    disposition: Literal["confirmed", "cleared"] | None
    kind: str | None
    answers: str | None = Field(description="The proposal that was approved or refused.")
    decided_by: str
    role: str


class ReviewOut(BaseModel):
    """Where a claim stands for a reviewer."""

    claim_id: str
    version: int = Field(description="Send it as `expected_version`; every decision and every score adds to it.")
    state: Literal["open", "proposed", "decided", "automatic", "voided"]
    status: str
    claim_amount: float
    approved_amount: float
    reserved_amount: float = Field(description="Benefit held for the claim while it is in review.")
    payable_amount: float = Field(description="What `release` would pay now.")
    needs_second_approval: bool = Field(
        description="Whether a decision is only proposed until another person approves."
    )
    allowed_actions: list[_ACTION] = Field(description="What this key can do now.")
    decisions: list[DecisionOut] = Field(description="Oldest first.")


class ReasonOut(BaseModel):
    """A declared reason."""

    code: str
    meaning: str
    actions: list[_ACTION]
    carc: str | None
    needs_confirmed_fraud: bool


class ReasonList(BaseModel):
    """Every reason, in the order in which they are offered."""

    reasons: list[ReasonOut]


def person(caller: Caller) -> Person:
    """The caller as the rules see one."""
    return Person(caller.api_key_id, caller.name, may_approve=caller.may(Scope.APPROVE))


def decision_out(decision: DecisionRecord) -> dict[str, Any]:
    """A decision as it goes out."""
    reason = REASONS[decision.reason]
    return {
        "decision_id": decision.decision_id,
        "claim_id": decision.claim_id,
        "number": decision.number,
        "made_at": json_instant(decision.made_at),
        "action": decision.action,
        "effect": decision.effect,
        "outcome": decision.outcome,
        "pays_amount": json_amount(decision.pays_cents),
        "reason": reason.code,
        "reason_text": reason.meaning,
        "carc": reason.carc,
        "note": decision.note,
        "documents": list(decision.documents),
        "due_on": None if decision.due_on is None else decision.due_on.isoformat(),
        "disposition": decision.disposition,
        "kind": decision.kind,
        "answers": decision.answers,
        "decided_by": decision.decided_by,
        "role": decision.role,
    }


def review_out(review: Review, caller: Caller, policy: ReviewPolicy) -> dict[str, Any]:
    """A review as it goes out."""
    claim, standing = review.claim, review.standing
    can = allowed_actions(standing, person(caller)) if caller.may(Scope.DECIDE) else []
    return {
        "claim_id": claim.claim_id,
        "version": review.version,
        "state": standing.state.value,
        "status": claim.status,
        "claim_amount": json_amount(claim.amount_cents),
        "approved_amount": json_amount(claim.approved_cents),
        "reserved_amount": json_amount(claim.reserved_cents),
        "payable_amount": json_amount(standing.payable_cents),
        "needs_second_approval": needs_second_approval(claim.amount_cents, policy),
        "allowed_actions": [action.value for action in can],
        "decisions": [decision_out(decision) for decision in review.decisions],
    }


def reason_out(reason: ReviewReason) -> dict[str, Any]:
    """A declared reason as it goes out."""
    return {
        "code": reason.code,
        "meaning": reason.meaning,
        "actions": [action.value for action in Action if action in reason.actions],
        "carc": reason.carc,
        "needs_confirmed_fraud": reason.needs_confirmed_fraud,
    }
