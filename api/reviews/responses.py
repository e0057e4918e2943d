"""Responses about reviews and decisions."""

from datetime import date
from typing import Literal, Self

from pydantic import AliasPath, BaseModel, ConfigDict, Field

from api.fields import AmountOut, InstantOut
from api.identity import Caller, Scope
from api.intake import ActionName, ClaimStatus, EffectName
from api.prompt_pay import PromptPayOut
from api.reviews.records import DecisionRecord, Review
from claims.review import Action, Person, ReviewPolicy, ReviewReason, allowed_actions, needs_second_approval


class DecisionOut(BaseModel):
    """One decision of a person, as it was stored."""

    model_config = ConfigDict(from_attributes=True)

    decision_id: str
    claim_id: str
    number: int = Field(description="Of the claim's decisions, from 1.")
    made_at: InstantOut
    action: ActionName
    effect: EffectName = Field(description="`proposed`: nothing has changed yet; a second person approves or refuses.")
    outcome: Literal["approved", "partially_approved", "in_review", "denied"] = Field(
        description="The claim's status afterwards."
    )
    pays_amount: AmountOut = Field(
        validation_alias="pays_cents", description="The amount paid, or paid once the proposal is approved."
    )
    reason: str
    reason_text: str = Field(validation_alias=AliasPath("declared_reason", "meaning"))
    carc: str | None = Field(
        validation_alias=AliasPath("declared_reason", "carc"),
        description="The claim adjustment reason code with the same meaning.",
    )
    note: str | None
    documents: list[str]
    due_on: date | None
    disposition: Literal["confirmed", "cleared"] | None
    kind: str | None
    answers: str | None = Field(description="The proposal that was approved or refused.")
    decided_by: str
    role: str


class ReviewOut(BaseModel):
    """The review of a claim."""

    claim_id: str
    version: int = Field(description="Send it as `expected_version`; every decision and every score increments it.")
    state: Literal["open", "proposed", "decided", "automatic", "voided"]
    status: ClaimStatus
    claim_amount: AmountOut
    approved_amount: AmountOut
    reserved_amount: AmountOut = Field(description="Benefit reserved for the claim while it is in review.")
    payable_amount: AmountOut = Field(description="The amount that `release` would pay now.")
    needs_second_approval: bool = Field(description="Whether a decision is a proposal until another person approves.")
    allowed_actions: list[ActionName] = Field(description="The actions this key can take now.")
    prompt_pay: PromptPayOut | None = Field(
        description="Due date and interest while the claim is in review; null: decided, or no clock runs."
    )
    decisions: list[DecisionOut] = Field(description="Oldest first.")


class ReasonOut(BaseModel):
    """A declared reason of decisions."""

    code: str
    meaning: str
    actions: list[ActionName]
    carc: str | None
    needs_confirmed_fraud: bool

    @classmethod
    def of(cls, reason: ReviewReason) -> Self:
        """A declared reason as a response."""
        return cls(
            code=reason.code,
            meaning=reason.meaning,
            actions=[action.value for action in Action if action in reason.actions],
            carc=reason.carc,
            needs_confirmed_fraud=reason.needs_confirmed_fraud,
        )


class ReasonList(BaseModel):
    """Every declared reason, in the order in which they are offered."""

    reasons: list[ReasonOut]


def person(caller: Caller) -> Person:
    """The caller as the rules of reviews see one."""
    return Person(caller.actor_id, caller.name, may_approve=caller.may(Scope.APPROVE))


def decision_out(decision: DecisionRecord) -> DecisionOut:
    """A decision as a response."""
    return DecisionOut.model_validate(decision)


def review_out(review: Review, caller: Caller, policy: ReviewPolicy, prompt_pay: PromptPayOut | None) -> ReviewOut:
    """A review as a response to this caller."""
    claim, subject = review.claim, review.subject
    actions = allowed_actions(subject, person(caller)) if caller.may(Scope.DECIDE) else []
    return ReviewOut(
        claim_id=claim.claim_id,
        version=review.version,
        state=subject.state.value,
        status=claim.status,
        claim_amount=claim.amount_cents,
        approved_amount=claim.approved_cents,
        reserved_amount=claim.reserved_cents,
        payable_amount=subject.payable_cents,
        needs_second_approval=needs_second_approval(claim.amount_cents, policy),
        allowed_actions=[action.value for action in actions],
        prompt_pay=prompt_pay,
        decisions=[decision_out(decision) for decision in review.decisions],
    )
