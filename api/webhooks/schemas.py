"""Requests about webhooks."""

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from api.fields import Note, PastInstant
from api.versions import CURRENT, SUPPORTED
from api.webhooks.addresses import MAX_URL

EventName = Literal[
    "claim.decided",
    "claim.in_review",
    "claim.pended",
    "claim.voided",
    "claim.appealed",
    "claim.appeal_decided",
    "edit.suspended",
    "edit.resumed",
    "policy.activated",
    "model.promoted",
    "claim.rescreened",
    "consent.changed",
    "case.closed",
]
MAX_OVERLAP_HOURS = 24


def _events(value: object) -> object:
    if isinstance(value, list) and len(value) != len({str(one) for one in value}):
        raise ValueError("must name each event once")
    return value


def _version(value: object) -> object:
    if value not in SUPPORTED:
        raise ValueError(f"must be one of {', '.join(SUPPORTED)}")
    return value


Url = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=MAX_URL),
    Field(
        description="`https`, port 443 or 8443, a host with public addresses, no user or password. Redirects are not "
        "followed.",
        examples=["https://claims.example.com/webhooks"],
    ),
]
Events = Annotated[
    list[EventName],
    BeforeValidator(_events),
    Field(min_length=1, max_length=len(get_args(EventName)), description="The events that are sent to this endpoint."),
]
ApiVersion = Annotated[
    str,
    BeforeValidator(_version),
    Field(description="The version of the API in whose form payloads are sent.", examples=[CURRENT]),
]
_DESCRIPTION = "What the endpoint is for, without a member's name."


class EndpointIn(BaseModel):
    """A receiver of events."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "url": "https://claims.example.com/webhooks",
                    "events": ["claim.decided", "claim.in_review"],
                    "api_version": CURRENT,
                    "description": "claims system",
                }
            ]
        },
    )

    url: Url
    events: Events
    api_version: ApiVersion = CURRENT
    description: Note | None = Field(None, description=_DESCRIPTION)


class EndpointChangeIn(BaseModel):
    """A change of an endpoint; what is not sent stays."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"events": ["claim.decided"]}]}
    )

    url: Url | None = None
    events: Events | None = None
    api_version: ApiVersion | None = None
    description: Note | None = Field(None, description=_DESCRIPTION)
    status: Literal["active", "disabled"] | None = Field(
        None, description="`active` enables an endpoint that was disabled; `disabled` sends nothing more to it."
    )


class SecretRotationIn(BaseModel):
    """How long the secret that is replaced goes on signing."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [{"overlap_hours": 24}]})

    overlap_hours: int = Field(
        MAX_OVERLAP_HOURS,
        strict=True,
        ge=0,
        le=MAX_OVERLAP_HOURS,
        description="Hours in which webhooks are signed with both secrets; 0 for a secret that became known.",
    )


class TrialEventIn(BaseModel):
    """An event to try an endpoint with."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [{"event": "claim.decided"}]})

    event: EventName | Literal["endpoint.test"] = Field(
        "endpoint.test", description="The type of the event; it has `test: true` and names a claim that does not exist."
    )


class ReplayIn(BaseModel):
    """What to send again: one delivery, or every failed one of events since an instant."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"failed_since": "2026-03-02T10:15:00Z"}]}
    )

    delivery_id: Annotated[str, StringConstraints(strict=True, max_length=64, pattern=r"^dlv_[0-9a-z]+$")] | None = (
        Field(None, description="A delivery of this endpoint.", examples=["dlv_01m86p3ap6yntdyk7shqjq4hs9"])
    )
    failed_since: PastInstant | None = Field(
        None, description="Deliveries that were added from then on and have failed, the oldest 10,000."
    )
