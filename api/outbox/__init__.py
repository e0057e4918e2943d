"""The outbox: events written with the change they follow from, consumed at least once."""

from api.outbox.repository import (
    DECIDED,
    FLAGGED_AFTER_DECISION,
    PENDED,
    RECEIVED,
    RESCORE,
    TOPICS,
    VOIDED,
    add,
    done,
    open_events,
    postpone,
)
from api.outbox.tables import OutboxRow

__all__ = [
    "DECIDED",
    "FLAGGED_AFTER_DECISION",
    "PENDED",
    "RECEIVED",
    "RESCORE",
    "TOPICS",
    "VOIDED",
    "OutboxRow",
    "add",
    "done",
    "open_events",
    "postpone",
]
