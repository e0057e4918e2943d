"""Requests about consents."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.consents.records import ConsentKind, ConsentScope
from api.consents.service import MAX_PLACE, PLACE, SHA256, NewConsent
from api.fields import Day

_EXAMPLE: Final = {
    "purpose": "HRESCH",
    "kind": "granted",
    "scope": "claims",
    "last_day": "2028-12-31",
    "document_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "document_place": "records/2026/0417",
}


class ConsentIn(BaseModel):
    """What a member says about a purpose of use."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [dict(_EXAMPLE)]})

    purpose: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=32)] = Field(
        description="A purpose that needs consent, or to which a member may object: `PATRQT`, `FAMRQT`, `HRESCH`, "
        "`HMARKT`, `MODELTRAIN`."
    )
    kind: Literal["granted", "objected"] = Field(
        description="`objected` for `MODELTRAIN`, `granted` for the others. A member's own key can object."
    )
    scope: Literal["claims", "all"] = Field(
        "all", description="`claims`: claims and what was decided about them; `all`: also who the member is."
    )
    first_day: Day | None = Field(None, description="In force from this day on; without it, from today on.")
    last_day: Day | None = Field(None, description="In force up to this day; without it, until it is withdrawn.")
    document_sha256: Annotated[str, StringConstraints(strict=True, pattern=SHA256)] | None = Field(
        None, description="SHA-256 of the signed document in hexadecimal digits; a consent must have one."
    )
    document_place: Annotated[str, StringConstraints(strict=True, pattern=PLACE, max_length=MAX_PLACE)] | None = Field(
        None, description="Where the document is kept: a reference without personal data."
    )

    def consent_of(self, member_id: str) -> NewConsent:
        """As the service takes it."""
        return NewConsent(
            member_id=member_id,
            purpose=self.purpose,
            kind=ConsentKind(self.kind),
            scope=ConsentScope(self.scope),
            first_day=self.first_day,
            last_day=self.last_day,
            document_sha256=self.document_sha256,
            document_place=self.document_place,
        )


class ConsentWithdrawalIn(BaseModel):
    """A consent or an objection is withdrawn; no reason is asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [{}]})
