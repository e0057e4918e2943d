"""Verification of webhooks, by the Standard Webhooks library."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict, cast

from standardwebhooks import Webhook, WebhookVerificationError

from ginja_client.errors import InvalidWebhook
from ginja_client.values import JsonObject


class WebhookEvent(TypedDict):
    """An event as a receiver gets it; `data` names what it is about, and the rest is read with the API."""

    type: str
    """Such as `claim.decided`."""
    timestamp: str
    api_version: str
    data: JsonObject
    test: NotRequired[bool]
    """True: an administrator tries the endpoint."""


def verify_webhook(body: bytes, headers: Mapping[str, str], secret: str) -> WebhookEvent:
    """The event of a webhook whose signature is valid and at most five minutes old; raises `InvalidWebhook`.

    `body` is the body as it was received, before any parsing. Remember `webhook-id`: an event can come twice. While a
    secret is being rotated, webhooks are signed with both, so that either verifies them.
    """
    try:
        event = Webhook(secret).verify(body, dict(headers))
    except (WebhookVerificationError, ValueError) as error:
        raise InvalidWebhook(str(error) or "invalid signature") from None
    if not isinstance(event, dict) or not {"type", "timestamp", "data"} <= set(event):
        raise InvalidWebhook("the body is not an event")
    return cast(WebhookEvent, event)
