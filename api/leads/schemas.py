"""Requests about leads."""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from api.fields import Day

SnoozeReasonName = Literal["awaiting_records", "awaiting_provider", "awaiting_other_case", "no_capacity"]
_NOTHING: Final = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [{}]})
_SNOOZE: Final[JsonDict] = {"until": "2026-03-12", "reason": "awaiting_records"}


class LeadActIn(BaseModel):
    """Nothing more has to be said of a lead that is taken, released or woken, or whose case is opened."""

    model_config = _NOTHING


class SnoozeIn(BaseModel):
    """Until when a lead is put aside, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [_SNOOZE]})

    until: Day = Field(description="The day on which it is open again: within 90 days, in the insurer's time zone.")
    reason: SnoozeReasonName
