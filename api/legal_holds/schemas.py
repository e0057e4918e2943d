"""Requests about legal holds."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.fields import ONE_LINE, Day, EntityId, Note
from api.legal_holds.service import NewLegalHold

CASE_NUMBER = StringConstraints(strict=True, min_length=1, max_length=64, pattern=ONE_LINE)
CONTACT = StringConstraints(strict=True, min_length=1, max_length=200, pattern=ONE_LINE)


class LegalHoldIn(BaseModel):
    """A member is put under a legal hold."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "member_id": "M123",
                    "case_number": "2026-CV-0417",
                    "reason": "preservation order of the county court",
                    "contact": "legal@insurer.example",
                }
            ]
        },
    )

    member_id: EntityId
    case_number: Annotated[str, CASE_NUMBER] = Field(description="Of the proceedings.")
    reason: Note = Field(description="Why the data are kept; no personal data.")
    contact: Annotated[str, CONTACT] = Field(description="Whom to ask for a release; shown with each refusal.")
    last_day: Day | None = Field(None, description="In force up to this day; without it, until it is released.")

    @property
    def hold(self) -> NewLegalHold:
        """As the service takes it."""
        last_day: date | None = self.last_day
        return NewLegalHold(self.member_id, self.case_number, self.reason, self.contact, last_day)


class LegalHoldReleaseIn(BaseModel):
    """A legal hold ends now."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"reason": "the case was closed"}]}
    )

    reason: Note = Field(description="Why it is released; no personal data.")
