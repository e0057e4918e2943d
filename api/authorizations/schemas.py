"""Prior authorizations as clients send them."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from api.fields import AuthorizationNumber, EntityId, LongAgo
from claims.identifiers import MAX_CODE
from claims.prior_authorization import (
    MAX_AUTHORIZED,
    MAX_PROCEDURES,
    RANGE,
    Authorization,
    AuthorizationCount,
    AuthorizationState,
    CodeRange,
)

_CODE = r"[A-Za-z0-9][A-Za-z0-9._:-]*"
_EXAMPLE: dict[str, JsonValue] = {
    "provider_id": "H456",
    "procedures": ["P001", "97110..97140"],
    "units": 12,
    "counts": "visits",
    "first_day": "2026-01-01",
    "last_day": "2026-06-30",
    "state": "approved",
}


def _range(text: str) -> str:
    return str(CodeRange.parse(text))


Procedures = Annotated[
    list[
        Annotated[
            str,
            StringConstraints(
                strict=True,
                min_length=1,
                max_length=2 * MAX_CODE + len(RANGE),
                pattern=rf"^{_CODE}$",
            ),
            AfterValidator(_range),
        ]
    ],
    Field(
        min_length=1,
        max_length=MAX_PROCEDURES,
        description="Procedure codes, and ranges of codes of the same length such as `97110..97140`.",
    ),
]


class AuthorizationUpdate(BaseModel):
    """A prior authorization as it is from now on; its number and member stay."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [_EXAMPLE]})

    provider_id: EntityId | None = Field(None, description="Who may give the services; null: any provider.")
    procedures: Procedures
    units: Annotated[int, Field(strict=True, ge=1, le=MAX_AUTHORIZED)] | None = Field(
        None, description="Most units or visits; null: no limit within its days."
    )
    counts: AuthorizationCount = Field(
        AuthorizationCount.UNITS, strict=False, description="What `units` limits: units of lines, or days of service."
    )
    first_day: LongAgo = Field(description="First day of service that it is for.")
    last_day: LongAgo | None = Field(None, description="Last day of service that it is for; null: without end.")
    state: AuthorizationState = Field(strict=False)

    def of(self, number: str, member_id: str) -> Authorization:
        """The authorization of this number and member."""
        return Authorization(
            number=number,
            member_id=member_id,
            provider_id=self.provider_id,
            procedures=tuple(map(CodeRange.parse, self.procedures)),
            units=self.units,
            counts=self.counts,
            first_day=self.first_day,
            last_day=self.last_day,
            state=self.state,
        )


class AuthorizationIn(AuthorizationUpdate):
    """A new prior authorization."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"authorization_number": "AUTH-20260302-1", "member_id": "M123", **_EXAMPLE}],
        },
    )

    authorization_number: AuthorizationNumber
    member_id: EntityId
