"""Responses about consents."""

from dataclasses import asdict
from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

from api.consents.records import Consent
from api.fields import InstantOut


class ConsentOut(BaseModel):
    """What a member said about a purpose of use, and what became of it."""

    consent_id: str = Field(examples=["cns_01m86p3ap6yntdyk7shqjq4hs9"])
    member_id: str
    purpose: str = Field(examples=["HRESCH"])
    kind: Literal["granted", "objected"]
    state: Literal["granted", "objected", "withdrawn", "expired", "not_yet"] = Field(
        description="Today: in force (`granted`, `objected`), `withdrawn`, `expired` (after its last day) or "
        "`not_yet` (before its first day)."
    )
    scope: Literal["claims", "all"]
    first_day: date
    last_day: date | None = Field(description="In force up to this day; null: until it is withdrawn.")
    document_sha256: str | None
    document_place: str | None
    recorded_at: InstantOut
    recorded_by: str = Field(description="Id of the key or user.")
    withdrawn_at: InstantOut | None
    withdrawn_by: str | None

    @classmethod
    def of(cls, consent: Consent, day: date) -> "ConsentOut":
        """The response about a consent on a day."""
        enums = {"kind": consent.kind.value, "scope": consent.scope.value, "state": consent.state_on(day).value}
        return cls.model_validate({**asdict(consent), **enums})


class ConsentPage(BaseModel):
    """What a member said, the oldest first."""

    consents: list[ConsentOut]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null: this is the last.")
