"""Webhook endpoints, deliveries and attempts as the database has them."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class EndpointStatus(Enum):
    """Whether events are sent to an endpoint."""

    ACTIVE = "active"
    DISABLED = "disabled"


class DisabledReason(Enum):
    """Why an endpoint is disabled."""

    GONE = "gone"
    """The receiver answered with 410."""
    FAILING = "failing"
    """Every attempt of five days failed."""
    ADMIN = "admin"
    """A person disabled it."""


class DeliveryStatus(Enum):
    """State of a delivery."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class AttemptError(Enum):
    """Why an attempt was not accepted."""

    ADDRESS_REFUSED = "address_refused"
    CONNECT_FAILED = "connect_failed"
    TLS_FAILED = "tls_failed"
    TIMED_OUT = "timed_out"
    CONNECTION_LOST = "connection_lost"
    NOT_HTTP = "not_http"
    REDIRECTED = "redirected"
    STATUS = "status"
    SECRET_UNREADABLE = "secret_unreadable"
    """Nothing was sent: no secret of the endpoint could be decrypted."""
    BODY_UNREADABLE = "body_unreadable"
    """Nothing was sent: the body of the event could not be decrypted."""
    ENDPOINT_DISABLED = "endpoint_disabled"
    """No attempt was made: the endpoint was disabled."""


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """A receiver of events."""

    endpoint_id: str
    url: str
    description: str | None
    events: list[str]
    api_version: str
    status: str
    disabled_reason: str | None
    disabled_at: datetime | None
    failing_since: datetime | None
    """The first failed attempt since the last accepted one."""
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """A secret that signs what is sent to an endpoint, encrypted."""

    secret_id: int
    ciphertext: bytes
    created_at: datetime
    expires_at: datetime | None
    """`None`: the current one."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one endpoint."""

    delivery_id: str
    endpoint_id: str
    event_id: str
    event_type: str
    body: str | None
    """In clear, of an earlier release."""
    body_sealed: bytes | None
    created_at: datetime
    status: str
    attempts: int
    due_at: datetime | None
    """Of the next attempt; `None`: none is made."""
    response_status: int | None
    """Of the last attempt."""
    error: str | None
    """Of the last attempt."""
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """One request to an endpoint, and what came of it."""

    number: int
    made_at: datetime
    duration_ms: int
    response_status: int | None
    error: str | None


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery that one worker attempts now; others take it once the lease is over."""

    delivery_id: str
    endpoint_id: str
    event_id: str
    event_type: str
    body: str | None
    """In clear, of an earlier release."""
    body_sealed: bytes | None
    url: str
    leased_until: datetime


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """An event to be delivered to an endpoint."""

    delivery_id: str
    endpoint_id: str
    event_id: str
    event_type: str
    body: str
    created_at: datetime
    status: str
    due_at: datetime | None
    error: str | None
    finished_at: datetime | None
