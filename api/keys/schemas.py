"""Bodies of the routes of API keys."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from api.fields import ONE_LINE, EntityId
from api.identity import LIFETIME, MAX_LIFETIME, MAX_NAME, ROLES, Scope
from api.keys.service import DEFAULT_OVERLAP, MAX_OVERLAP

_HOUR_S = 3_600
_SCOPES = {scope.value for scope in Scope}


def _scope(text: str) -> str:
    if text not in _SCOPES:
        raise ValueError(f"must be one of {', '.join(sorted(_SCOPES))}")
    return text


_Days = Annotated[
    int,
    Field(strict=True, ge=1, le=MAX_LIFETIME.days, description=f"Days until it expires; default: {LIFETIME.days}."),
]


class KeyIn(BaseModel):
    """A new API key."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"name": "claims system", "role": "claims_system"}]},
    )

    name: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=MAX_NAME, pattern=ONE_LINE)] = Field(
        description="Whose key it is: a system or a person."
    )
    role: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=40)] = Field(
        description=f"What it may do: one of {', '.join(ROLES)}."
    )
    provider_id: EntityId | None = Field(
        default=None, description="The only provider whose claims it may access; of role `provider` and no other."
    )
    member_id: EntityId | None = Field(
        default=None, description="The only member whose claims it may access; of role `member` and no other."
    )
    scopes: (
        Annotated[list[Annotated[str, Field(strict=True, max_length=40), AfterValidator(_scope)]], Field(max_length=40)]
        | None
    ) = Field(
        default=None,
        description="What it may do of what its role may; default: all of it.",
        examples=[["claims:submit"]],
    )
    expires_in_days: _Days = LIFETIME.days


class KeyRotationIn(BaseModel):
    """A new secret for the client of a key."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [{"overlap_hours": 24}]})

    overlap_hours: int = Field(
        strict=True,
        ge=0,
        le=MAX_OVERLAP.total_seconds() // _HOUR_S,
        default=int(DEFAULT_OVERLAP.total_seconds() // _HOUR_S),
        description="How long the rotated key is valid beside the new one.",
    )
    expires_in_days: _Days = LIFETIME.days


class KeyRevocationIn(BaseModel):
    """A key is to end now; nothing more has to be said."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [{}]})
