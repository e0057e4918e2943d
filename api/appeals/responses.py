"""Responses about appeals and suspended edits."""

from datetime import date
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from api.appeals.records import AppealRecord
from api.appeals.schemas import AppealDocument
from api.fields import AmountOut, InstantOut
from api.intake import ClaimStatus


class AppealOut(BaseModel):
    """An appeal with its outcome."""

    appeal_id: str
    claim_id: str
    level: int = Field(description="Of the claim's appeals, from 1.")
    state: Literal["open", "decided"]
    appellant: Literal["provider", "member"]
    reason: str
    documents: list[AppealDocument]
    filed_at: InstantOut
    due_on: date = Field(description="The day by which it is decided.")
    days_left: int | None = Field(description="Until `due_on`; negative once it has passed; null: decided.")
    status_appealed: ClaimStatus = Field(description="The claim's status when it was appealed.")
    outcome: Literal["upheld", "overturned", "partly_overturned"] | None
    decided_at: InstantOut | None
    decided_by: str | None = Field(description="Name of the reviewer.")
    role: str | None
    approved_amount: AmountOut | None = Field(description="What is paid for the claim by the outcome; null: open.")
    note: str | None = Field(None, description="Of the reviewer; only for keys that see scores.")
    caused_by: list[str] | None = Field(
        None, description="Findings that caused the decision; only for keys that see scores."
    )

    @classmethod
    def of(cls, record: AppealRecord, today: date, *, sees_scores: bool) -> Self:
        """An appeal as a response."""
        appeal, decision = record.appeal, record.decision
        return cls(
            appeal_id=appeal.appeal_id,
            claim_id=appeal.claim_id,
            level=appeal.level,
            state="open" if decision is None else "decided",
            appellant=appeal.appellant,
            reason=appeal.reason,
            documents=[AppealDocument.model_validate(one) for one in appeal.documents],
            filed_at=appeal.filed_at,
            due_on=appeal.due_on,
            days_left=(appeal.due_on - today).days if decision is None else None,
            status_appealed=appeal.status,
            outcome=None if decision is None else decision.outcome,
            decided_at=None if decision is None else decision.made_at,
            decided_by=None if decision is None else decision.decided_by,
            role=None if decision is None else decision.role,
            approved_amount=None if decision is None else decision.approved_cents,
            note=decision.note if decision is not None and sees_scores else None,
            caused_by=list(appeal.caused_by) if sees_scores else None,
        )


class AppealList(BaseModel):
    """Appeals of a claim, oldest first, or open appeals, by due date."""

    appeals: list[AppealOut]
    next_cursor: str | None = Field(None, description="Send it as `cursor` for the next page; null: the last page.")


class SuspendedEditOut(BaseModel):
    """An edit that sends claims to review instead of rejecting or reducing them."""

    model_config = ConfigDict(from_attributes=True)

    edit: str = Field(description="Code of its finding.")
    suspended_at: InstantOut
    decided: int = Field(description="Appeals decided when it was suspended.")
    overturned: int = Field(description="Of these, overturned at least partly.")
    limit_percent: int = Field(description="The largest share of overturned appeals that was allowed.")
    appeal_id: str = Field(description="The appeal that passed the limit.")


class SuspendedEdits(BaseModel):
    """Every edit that is suspended."""

    edits: list[SuspendedEditOut]
