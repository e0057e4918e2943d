"""Responses about webhooks."""

import json
from collections.abc import Sequence
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.fields import InstantOut
from api.webhooks.records import Delivery, DeliveryAttempt, SigningSecret, WebhookEndpoint
from api.webhooks.schemas import EventName

ErrorName = Literal[
    "address_refused",
    "connect_failed",
    "tls_failed",
    "timed_out",
    "connection_lost",
    "not_http",
    "redirected",
    "status",
    "secret_unreadable",
    "body_unreadable",
    "endpoint_disabled",
]
_ERRORS = (
    "Why it was not accepted. `address_refused`: the host cannot be resolved, or has an address that is not allowed; "
    "`redirected`: redirects are not followed; `status`: a status outside of 200 to 299; `secret_unreadable`: not "
    "sent, no secret of the endpoint can be decrypted; `body_unreadable`: not sent, what would be sent cannot be "
    "decrypted; `endpoint_disabled`: not sent. Null: accepted, or not sent yet."
)
DeliveryState = Literal["pending", "delivered", "failed"]


class SecretOut(BaseModel):
    """A secret that webhooks are signed with; the secret itself was shown when it was made."""

    model_config = ConfigDict(from_attributes=True)

    created_at: InstantOut
    expires_at: InstantOut | None = Field(description="Null: the current one.")


class EndpointOut(BaseModel):
    """A receiver of events."""

    endpoint_id: str
    url: str
    description: str | None
    events: list[EventName]
    api_version: str
    status: Literal["active", "disabled"]
    disabled_reason: Literal["gone", "failing", "admin"] | None = Field(
        description="`gone`: the receiver answered with 410; `failing`: every attempt of five days failed; `admin`: a "
        "person disabled it. Null: active."
    )
    disabled_at: InstantOut | None
    failing_since: InstantOut | None = Field(description="The first failed attempt since the last accepted one.")
    secrets: list[SecretOut] = Field(description="The current one first.")
    created_at: InstantOut
    updated_at: InstantOut

    @classmethod
    def of(cls, endpoint: WebhookEndpoint, secrets: Sequence[SigningSecret]) -> Self:
        """An endpoint with its secrets, which stay hidden."""
        return cls(**cls._values(endpoint, secrets))

    @staticmethod
    def _values(endpoint: WebhookEndpoint, secrets: Sequence[SigningSecret]) -> dict[str, object]:
        values: dict[str, object] = {name: getattr(endpoint, name) for name in endpoint.__dataclass_fields__}
        return values | {"secrets": [SecretOut.model_validate(one) for one in secrets]}


class EndpointSecretOut(EndpointOut):
    """An endpoint with a new secret, which is not shown again."""

    secret: str = Field(
        description="Signs what is sent; store it. It is shown once.",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )

    @classmethod
    def with_secret(cls, endpoint: WebhookEndpoint, secrets: Sequence[SigningSecret], secret: str) -> Self:
        """An endpoint and its new secret in clear."""
        return cls(**cls._values(endpoint, secrets), secret=secret)


class EndpointList(BaseModel):
    """Every endpoint, the oldest first."""

    endpoints: list[EndpointOut]


class DeliveryOut(BaseModel):
    """One event for one endpoint."""

    model_config = ConfigDict(from_attributes=True)

    delivery_id: str
    endpoint_id: str
    event_id: str = Field(description="Sent as `webhook-id`, the same at each attempt.")
    event_type: str
    created_at: InstantOut
    status: DeliveryState
    attempts: int = Field(description="Attempts made.")
    due_at: InstantOut | None = Field(description="When the next attempt is made; null: none is.")
    response_status: int | None = Field(description="Of the last attempt; null: there was no response.")
    error: ErrorName | None = Field(description=_ERRORS)
    finished_at: InstantOut | None


class DeliveryPage(BaseModel):
    """Deliveries, the newest first."""

    deliveries: list[DeliveryOut]
    next_cursor: str | None = Field(description="`cursor` of the next page; null: this is the last one.")


class AttemptOut(BaseModel):
    """One request to an endpoint."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    made_at: InstantOut
    duration_ms: int
    response_status: int | None
    error: ErrorName | None = Field(description=_ERRORS)


class DeliveryDetailsOut(DeliveryOut):
    """A delivery with what is sent and every attempt."""

    payload: dict[str, JsonValue] = Field(description="As it is sent.")
    attempt_log: list[AttemptOut] = Field(description="The first one first.")

    @classmethod
    def of(cls, delivery: Delivery, body: str, attempts: Sequence[DeliveryAttempt]) -> Self:
        """A delivery with what is sent and its attempts."""
        names = [name for name in delivery.__dataclass_fields__ if name not in ("body", "body_sealed")]
        values = {name: getattr(delivery, name) for name in names}
        log = [AttemptOut.model_validate(one) for one in attempts]
        return cls(**values, payload=json.loads(body), attempt_log=log)


class ReplayOut(BaseModel):
    """What is sent again."""

    replayed: int = Field(description="Deliveries that are sent again.")
    more: bool = Field(description="Whether there are more; send the request again for them.")
