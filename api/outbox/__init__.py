"""The outbox: events written with the change they follow from, consumed at least once."""

from api.outbox.dead_letters import (
    MAX_REASON,
    DeadLetter,
    dead_letter,
    dead_letters,
    discard,
    fail,
    open_dead_letters,
    replay,
)
from api.outbox.repository import (
    DECIDED,
    FLAGGED_AFTER_DECISION,
    HISTORY_LOADED,
    PENDED,
    RECEIVED,
    RESCORE,
    TOPICS,
    VOIDED,
    add,
    done,
    open_events,
    postpone,
    store_position,
)
from api.outbox.tables import DeadLetterRow, OutboxRow

__all__ = [
    "DECIDED",
    "FLAGGED_AFTER_DECISION",
    "HISTORY_LOADED",
    "MAX_REASON",
    "PENDED",
    "RECEIVED",
    "RESCORE",
    "TOPICS",
    "VOIDED",
    "DeadLetter",
    "DeadLetterRow",
    "OutboxRow",
    "add",
    "dead_letter",
    "dead_letters",
    "discard",
    "done",
    "fail",
    "open_dead_letters",
    "open_events",
    "postpone",
    "replay",
    "store_position",
]
