"""A typed client of the Ginja claims API.

`GinjaClient` and `AsyncGinjaClient` have one method for each operation of the API. Requests that change something carry
an `Idempotency-Key`, made once per call and kept over its retries. `verify_webhook` checks what a receiver of events
gets. Types of bodies are in `ginja_client.models`.
"""

from ginja_client.async_client import AsyncGinjaClient
from ginja_client.client import GinjaClient
from ginja_client.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    FieldProblem,
    FileTooShort,
    GinjaError,
    InvalidRequest,
    InvalidWebhook,
    OutcomeUnknown,
    PermissionMissing,
    PreconditionFailed,
    ProblemError,
    RequestInFlight,
    ResourceNotFound,
    ServiceUnavailable,
    StateConflict,
    TooManyRequests,
    UnexpectedResponse,
)
from ginja_client.retries import RetryPolicy
from ginja_client.values import etag_of
from ginja_client.webhooks import WebhookEvent, verify_webhook

__all__ = [
    "AsyncGinjaClient",
    "AuthenticationFailed",
    "ConnectionFailed",
    "FieldProblem",
    "FileTooShort",
    "GinjaClient",
    "GinjaError",
    "InvalidRequest",
    "InvalidWebhook",
    "OutcomeUnknown",
    "PermissionMissing",
    "PreconditionFailed",
    "ProblemError",
    "RequestInFlight",
    "ResourceNotFound",
    "RetryPolicy",
    "ServiceUnavailable",
    "StateConflict",
    "TooManyRequests",
    "UnexpectedResponse",
    "WebhookEvent",
    "etag_of",
    "verify_webhook",
]
