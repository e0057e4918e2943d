"""Leads as the API returns them."""

from collections.abc import Sequence
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.fields import AmountOut, InstantOut
from api.leads.places import write_lead_cursor
from api.leads.records import LeadClaimRecord, LeadRecord
from api.leads.schemas import SnoozeReasonName
from api.leads.service import LeadPage

SourceName = Literal["appeal", "audit", "score", "edits", "rescreening"]


class LeadOut(BaseModel):
    """Claims of one subject that need a person."""

    model_config = ConfigDict(from_attributes=True)

    lead_id: str
    subject_kind: Literal["ring", "provider", "member", "claim"]
    subject_id: str
    status: Literal["open", "snoozed", "closed"]
    source: SourceName = Field(
        description="Why a person is needed; the first of this order that one of its claims has."
    )
    why: str = Field(description="A sentence made of the sums below.")
    rank: int | None = Field(description="Its place on the Monday `week`, from 1; null: it is not ranked yet.")
    week: date | None
    listed: bool = Field(description="Whether its rank is within the capacity of the week.")
    claim_count: int = Field(validation_alias="claims")
    scored_claims: int = Field(validation_alias="scored")
    expected_recovery: AmountOut | None = Field(
        validation_alias="expected_cents",
        description="Sum over claims with a score, less the cost of their reviews; leads are in this order.",
    )
    recovery_low: AmountOut | None = Field(validation_alias="low_cents", description="Lower end of its 90 % interval.")
    recovery_high: AmountOut | None = Field(
        validation_alias="high_cents", description="Upper end of its 90 % interval."
    )
    paid_amount: AmountOut = Field(validation_alias="paid_cents")
    unpaid_amount: AmountOut = Field(validation_alias="unpaid_cents")
    score: float | None = Field(validation_alias="probability", description="The highest of its claims.")
    indicators: list[str]
    due_on: date | None = Field(description="The earliest day by which one of its claims is decided.")
    opened_at: InstantOut
    closed_at: InstantOut | None
    assigned_to: str | None = Field(description="Id of the key or user; null: no one has it.")
    assigned_name: str | None
    assigned_at: InstantOut | None
    snoozed_until: date | None
    snooze_reason: SnoozeReasonName | None

    @classmethod
    def of(cls, lead: LeadRecord) -> "LeadOut":
        """A lead."""
        return cls.model_validate(lead)


class LeadList(BaseModel):
    """A page of leads, the best first; of closed leads the latest first."""

    leads: list[LeadOut]
    next_cursor: str | None = None

    @classmethod
    def of(cls, page: LeadPage) -> "LeadList":
        """A page."""
        return cls(leads=[LeadOut.of(one) for one in page.leads], next_cursor=write_lead_cursor(page.next_place))


class LeadClaimOut(BaseModel):
    """A claim of a lead. A claim that was archived has no more than its id."""

    model_config = ConfigDict(from_attributes=True)

    claim_id: str
    source: SourceName
    done_at: InstantOut | None = Field(description="When it needed no one any more, or moved to another lead.")
    status: str | None
    provider_id: str | None
    received_at: InstantOut | None
    claim_amount: AmountOut | None = Field(validation_alias="amount_cents")
    approved_amount: AmountOut | None = Field(validation_alias="approved_cents")
    score: float | None = Field(validation_alias="probability")


class LeadWithClaims(BaseModel):
    """A lead, and its claims: those that wait first, by amount; at most 500."""

    lead: LeadOut
    claims: list[LeadClaimOut]

    @classmethod
    def of(cls, lead: LeadRecord, claims: Sequence[LeadClaimRecord]) -> "LeadWithClaims":
        """A lead with its claims."""
        return cls(lead=LeadOut.of(lead), claims=[LeadClaimOut.model_validate(one) for one in claims])
