"""Responses about legal holds."""

from dataclasses import asdict
from datetime import date

from pydantic import BaseModel, Field

from api.fields import InstantOut
from api.legal_holds.records import LegalHold


class LegalHoldOut(BaseModel):
    """A legal hold on a member."""

    hold_id: str = Field(examples=["hold_01m86p3ap6yntdyk7shqjq4hs9"])
    member_id: str
    state: str = Field(description="`in_force`, `expired` (after its last day) or `released`.", examples=["in_force"])
    case_number: str
    reason: str
    contact: str = Field(description="Whom to ask for a release.")
    last_day: date | None = Field(description="In force up to this day; null: until it is released.")
    added_at: InstantOut
    added_by: str = Field(description="Id of the key or user.")
    released_at: InstantOut | None
    released_by: str | None
    release_reason: str | None

    @classmethod
    def of(cls, hold: LegalHold, day: date) -> "LegalHoldOut":
        """The response about a hold on a day."""
        return cls.model_validate({**asdict(hold), "state": hold.state_on(day)})


class LegalHoldPage(BaseModel):
    """Legal holds, the oldest first."""

    legal_holds: list[LegalHoldOut]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null: this is the last.")
