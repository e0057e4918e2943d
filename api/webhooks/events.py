"""What is sent: the events that endpoints choose from, and how they follow from the topics of the outbox.

A payload names what happened to which claim, edit, policy, model or case, and nothing else: no amount, no score, and
no member but in `consent.changed`, which has ids and the purpose.
The receiver reads the rest with its own key, so what it sees depends on what that key may see.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from pydantic import JsonValue

from api import outbox
from claims.outcome import Outcome
from core.format import json_instant


class WebhookEvent(Enum):
    """The type of an event."""

    CLAIM_DECIDED = "claim.decided"
    """A claim was approved, rejected or denied, at receipt or by a person."""
    CLAIM_IN_REVIEW = "claim.in_review"
    """A claim went to review, at receipt, after a later score, or because a decision was reopened."""
    CLAIM_PENDED = "claim.pended"
    """A person requested documents."""
    CLAIM_VOIDED = "claim.voided"
    """A claim was voided or replaced."""
    CLAIM_APPEALED = "claim.appealed"
    CLAIM_APPEAL_DECIDED = "claim.appeal_decided"
    EDIT_SUSPENDED = "edit.suspended"
    """An edit sends claims to review, because appeals overturned too many of its decisions."""
    EDIT_RESUMED = "edit.resumed"
    POLICY_ACTIVATED = "policy.activated"
    """A version of the policy was activated or rolled back."""
    MODEL_PROMOTED = "model.promoted"
    """Another model serves, after a promotion or a rollback."""
    CLAIM_RESCREENED = "claim.rescreened"
    """A change of a list, price or registry opened findings about a claim; the claim is unchanged."""
    CONSENT_CHANGED = "consent.changed"
    """A consent or an objection of a member was recorded or withdrawn."""
    CASE_CLOSED = "case.closed"
    """An investigation ended with a disposition, which only its roles read."""


OF_MEMBERS: Final = frozenset({WebhookEvent.CONSENT_CHANGED.value})
"""Events that name a member: chosen only by who may read what members said."""


TEST_EVENT: Final = "endpoint.test"
"""The type of an event that an administrator sends to try an endpoint; every endpoint gets it."""
TEST_CLAIM: Final = "clm_00000000000000000000000000"


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """An event of the outbox, with what its claim was decided as at receipt."""

    position: int
    topic: str
    entity_key: str
    payload: Mapping[str, JsonValue]
    created_at: datetime
    first_outcome: str | None
    """Of `claim.received`: the outcome of the first assessment."""


@dataclass(frozen=True, slots=True)
class WebhookMessage:
    """An event as it is sent, before it is known to whom."""

    event_id: str
    type: str
    occurred_at: datetime
    data: Mapping[str, JsonValue]
    is_test: bool = False

    def body(self, api_version: str) -> str:
        """The payload in the form of a version of the API; all versions have the same form so far."""
        document: dict[str, JsonValue] = {
            "type": self.type,
            "timestamp": json_instant(self.occurred_at),
            "api_version": api_version,
        }
        if self.is_test:
            document["test"] = True
        document["data"] = dict(self.data)
        return json.dumps(document, separators=(",", ":"))


def _of_status(event: OutboxEvent, status: JsonValue, key: JsonValue) -> WebhookMessage | None:
    if not isinstance(status, str):
        return None
    in_review = status == Outcome.IN_REVIEW.value
    kind = WebhookEvent.CLAIM_IN_REVIEW if in_review else WebhookEvent.CLAIM_DECIDED
    return _message(event, kind, key, {"claim_id": event.entity_key, "status": status})


def _received(event: OutboxEvent) -> WebhookMessage | None:
    return _of_status(event, event.first_outcome, event.entity_key)


def _decided(event: OutboxEvent) -> WebhookMessage | None:
    return _of_status(event, event.payload.get("status"), event.payload.get("decision_id"))


def _returned(event: OutboxEvent) -> WebhookMessage | None:
    return _of_status(event, Outcome.IN_REVIEW.value, event.payload.get("assessment_id"))


def _pended(event: OutboxEvent) -> WebhookMessage | None:
    data: dict[str, JsonValue] = {"claim_id": event.entity_key, "status": event.payload.get("status")}
    return _message(event, WebhookEvent.CLAIM_PENDED, event.payload.get("decision_id"), data)


def _voided(event: OutboxEvent) -> WebhookMessage | None:
    data: dict[str, JsonValue] = {"claim_id": event.entity_key, "status": "voided"}
    return _message(event, WebhookEvent.CLAIM_VOIDED, event.entity_key, data)


def _appealed(event: OutboxEvent) -> WebhookMessage | None:
    appeal_id = event.payload.get("appeal_id")
    data: dict[str, JsonValue] = {"claim_id": event.entity_key, "appeal_id": appeal_id, "appeal_status": "open"}
    return _message(event, WebhookEvent.CLAIM_APPEALED, appeal_id, data)


def _appeal_decided(event: OutboxEvent) -> WebhookMessage | None:
    appeal_id, outcome = event.payload.get("appeal_id"), event.payload.get("outcome")
    data: dict[str, JsonValue] = {"claim_id": event.entity_key, "appeal_id": appeal_id, "appeal_status": outcome}
    return _message(event, WebhookEvent.CLAIM_APPEAL_DECIDED, appeal_id, data)


def _edit_suspended(event: OutboxEvent) -> WebhookMessage | None:
    data: dict[str, JsonValue] = {"edit": event.entity_key, "appeal_id": event.payload.get("appeal_id")}
    return _message(event, WebhookEvent.EDIT_SUSPENDED, event.payload.get("appeal_id"), data)


def _edit_resumed(event: OutboxEvent) -> WebhookMessage | None:
    return _message(event, WebhookEvent.EDIT_RESUMED, event.payload.get("suspension_id"), {"edit": event.entity_key})


def _policy_activated(event: OutboxEvent) -> WebhookMessage | None:
    data: dict[str, JsonValue] = {
        "policy_version": event.payload.get("version") or 0,
        "kind": event.payload.get("kind"),
    }
    return _message(event, WebhookEvent.POLICY_ACTIVATED, event.payload.get("activation_id"), data)


def _model_promoted(event: OutboxEvent) -> WebhookMessage | None:
    previous = event.payload.get("previous_model_version")
    data: dict[str, JsonValue] = {"model_version": event.entity_key, "previous_model_version": previous}
    return _message(event, WebhookEvent.MODEL_PROMOTED, event.payload.get("serving_id"), data)


def _rescreened(event: OutboxEvent) -> WebhookMessage | None:
    data: dict[str, JsonValue] = {"claim_id": event.entity_key}
    return _message(event, WebhookEvent.CLAIM_RESCREENED, event.payload.get("job_id"), data)


def _consent_changed(event: OutboxEvent) -> WebhookMessage | None:
    consent_id, state = event.payload.get("consent_id"), event.payload.get("state")
    data: dict[str, JsonValue] = {
        "member_id": event.entity_key,
        "consent_id": consent_id,
        "purpose": event.payload.get("purpose"),
    }
    return _message(event, WebhookEvent.CONSENT_CHANGED, f"{consent_id} {state}", data)


def _case_closed(event: OutboxEvent) -> WebhookMessage | None:
    data: dict[str, JsonValue] = {"case_id": event.entity_key}
    return _message(event, WebhookEvent.CASE_CLOSED, event.payload.get("event"), data)


FROM_TOPIC: Final[Mapping[str, Callable[[OutboxEvent], WebhookMessage | None]]] = {
    outbox.RECEIVED: _received,
    outbox.DECIDED: _decided,
    outbox.RETURNED: _returned,
    outbox.PENDED: _pended,
    outbox.VOIDED: _voided,
    outbox.APPEALED: _appealed,
    outbox.APPEAL_DECIDED: _appeal_decided,
    outbox.EDIT_SUSPENDED: _edit_suspended,
    outbox.EDIT_RESUMED: _edit_resumed,
    outbox.POLICY_ACTIVATED: _policy_activated,
    outbox.MODEL_PROMOTED: _model_promoted,
    outbox.RESCREENED: _rescreened,
    outbox.CONSENT_CHANGED: _consent_changed,
    outbox.CASE_CLOSED: _case_closed,
}
"""Topics of the outbox that lead to an event."""

OWN_TOPICS: Final = (
    *(outbox.DECIDED, outbox.RETURNED, outbox.PENDED, outbox.APPEALED, outbox.APPEAL_DECIDED),
    *(outbox.FLAGGED_AFTER_DECISION, outbox.RESCREENED),
    *(outbox.EDIT_SUSPENDED, outbox.EDIT_RESUMED, outbox.POLICY_ACTIVATED, outbox.MODEL_PROMOTED),
    outbox.CONSENT_CHANGED,
    outbox.CASE_CLOSED,
)
"""Topics that nothing else consumes: they are done once they were taken for endpoints."""


def message_of(event: OutboxEvent) -> WebhookMessage | None:
    """What an event of the outbox is to receivers; `None`: nothing."""
    make = FROM_TOPIC.get(event.topic)
    return None if make is None else make(event)


def trial_message(kind: str, event_id: str, at: datetime) -> WebhookMessage:
    """An event that an administrator sends to try an endpoint."""
    return WebhookMessage(event_id, kind, at, {"claim_id": TEST_CLAIM}, is_test=True)


def _message(event: OutboxEvent, kind: WebhookEvent, key: JsonValue, data: Mapping[str, JsonValue]) -> WebhookMessage:
    """A message whose id follows from what happened, so that an event that is repeated in the outbox is sent once."""
    digest = hashlib.sha256(f"{event.topic} {event.entity_key} {key}".encode()).digest()
    event_id = f"evt_{base64.b32encode(digest)[:26].decode().lower()}"
    return WebhookMessage(event_id, kind.value, event.created_at, data)
