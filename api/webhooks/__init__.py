"""Webhooks: endpoints that receive events, and the deliveries to them (Standard Webhooks)."""

from api.webhooks.addresses import AddressGuard
from api.webhooks.client import WebhookClient
from api.webhooks.delivery import WebhookDelivery
from api.webhooks.events import OutboxEvent, WebhookMessage, message_of
from api.webhooks.fan_out import WebhookFanOut
from api.webhooks.records import DeliveryStatus, DisabledReason, EndpointStatus
from api.webhooks.responses import DeliveryOut, EndpointOut
from api.webhooks.schemas import ReplayIn
from api.webhooks.service import Webhooks
from api.webhooks.tables import (
    WebhookAttemptRow,
    WebhookDeliveryRow,
    WebhookEndpointRow,
    WebhookGapRow,
    WebhookPositionRow,
    WebhookSecretRow,
)

__all__ = [
    "AddressGuard",
    "DeliveryOut",
    "DeliveryStatus",
    "DisabledReason",
    "EndpointOut",
    "EndpointStatus",
    "OutboxEvent",
    "ReplayIn",
    "WebhookAttemptRow",
    "WebhookClient",
    "WebhookDelivery",
    "WebhookDeliveryRow",
    "WebhookEndpointRow",
    "WebhookFanOut",
    "WebhookGapRow",
    "WebhookMessage",
    "WebhookPositionRow",
    "WebhookSecretRow",
    "Webhooks",
    "message_of",
]
