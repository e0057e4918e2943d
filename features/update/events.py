"""Events of the outbox that affect features, each with the facts of its claim that keys are made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from core import clock
from core.clock import DAY_US
from features.update.database import Connection

RECEIVED, VOIDED, LABELLED = "claim.received", "claim.voided", "label.recorded"
HISTORY_LOADED = "history.loaded"
"""Claims or labels were loaded in bulk, without events of their own: the online store is rebuilt."""
TOPICS = [RECEIVED, VOIDED, LABELLED]

_COLUMNS = """c.claim_id, c.service_from, c.member_id, c.provider_id, c.procedure_code, c.diagnosis_code, c.region,
    c.specialty, c.age_years, c.sex, (extract(epoch FROM c.received_at) * 1000000)::bigint AS us,
    CASE WHEN c.voided_at IS NOT NULL
         THEN (extract(epoch FROM greatest(c.voided_at, c.received_at)) * 1000000)::bigint END AS void_us,
    (o.payload ->> 'known_us')::bigint AS known_us"""

_SELECT_OPEN = f"""
    SELECT o.position, o.created_at, o.topic, {_COLUMNS}
    FROM outbox AS o LEFT JOIN claim_facts AS c ON c.claim_id = coalesce(o.payload ->> 'claim_id', o.entity_key)
    WHERE o.done_at IS NULL AND o.topic = ANY(%(topics)s)
      AND (c.received_at IS NULL OR c.received_at < 'epoch'::timestamptz + %(until)s * interval '1 microsecond')
      AND (o.not_before IS NULL OR o.not_before <= %(now)s)"""
_OPEN = f"{_SELECT_OPEN} ORDER BY o.position LIMIT %(limit)s"
_OPEN_AT = f"{_SELECT_OPEN} AND o.position = %(position)s"
_OPEN_POSITIONS = """
    SELECT position FROM outbox
    WHERE done_at IS NULL AND topic = ANY(%(topics)s) AND (not_before IS NULL OR not_before <= %(now)s)
    ORDER BY position LIMIT %(limit)s"""
_ANY_OPEN = """
    SELECT EXISTS (SELECT FROM outbox WHERE done_at IS NULL AND topic = ANY(%(topics)s)
                   AND (not_before IS NULL OR not_before <= %(now)s))"""

_WRITTEN_SINCE = f"""
    SELECT o.position, o.created_at, o.topic, {_COLUMNS}
    FROM outbox AS o JOIN claim_facts AS c ON c.claim_id = coalesce(o.payload ->> 'claim_id', o.entity_key)
    WHERE o.write_number > %(writes)s AND o.topic = ANY(%(topics)s)"""
_MARK_DONE = "UPDATE outbox SET done_at = clock_timestamp(), write_number = %s WHERE position = ANY(%s)"
_COVERED = """
    SELECT o.position FROM outbox AS o
    LEFT JOIN claim_facts AS c ON c.claim_id = coalesce(o.payload ->> 'claim_id', o.entity_key)
    WHERE o.done_at IS NULL AND o.topic = ANY(%(topics)s)
      AND (c.received_at IS NULL OR c.received_at < 'epoch'::timestamptz + %(until)s * interval '1 microsecond')"""


@dataclass(frozen=True, slots=True)
class ClaimEvent:
    """Something that happened to a claim."""

    position: int
    created_at: datetime
    topic: str
    claim_id: str | None
    """`None`: the claim no longer exists."""
    service_from: date
    member_id: str
    provider_id: str
    procedure_code: str
    diagnosis_code: str
    region: str | None
    specialty: str | None
    age_years: int | None
    sex: str | None
    us: int
    """Receipt of the claim, microseconds since the epoch."""
    void_us: int | None
    known_us: int | None
    """When the label of `label.recorded` became known."""

    @property
    def day(self) -> int:
        """The day on which the claim was received."""
        return self.us // DAY_US

    def text(self, column: str) -> str | None:
        """A text column of the claim."""
        value: str | None = getattr(self, column)
        return value

    def changes_history(self, rolled_day: int) -> bool:
        """Whether it belongs in the history as of `rolled_day`: the claim, its voiding or its label arrived late."""
        if self.topic == VOIDED:
            return self.void_us is not None and self.void_us // DAY_US < rolled_day
        if self.topic == LABELLED:
            return self.known_us is not None and max(self.known_us, self.us) // DAY_US < rolled_day
        return self.day < rolled_day


def open_events(connection: Connection, *, before_us: int, limit: int | None) -> list[ClaimEvent]:
    """Open events of claims received before an instant, by position; at most `limit` of them (`None`: all).

    An event that failed is among them once its pause is over.
    """
    params = {"topics": TOPICS, "until": before_us, "limit": limit, "now": clock.now()}
    return [ClaimEvent(*row) for row in connection.execute(_OPEN, params)]


def open_event(connection: Connection, position: int, *, before_us: int) -> list[ClaimEvent]:
    """The open event at a position; empty where there is none, or its claim was received later."""
    params = {"topics": TOPICS, "until": before_us, "position": position, "now": clock.now()}
    return [ClaimEvent(*row) for row in connection.execute(_OPEN_AT, params)]


def open_positions(connection: Connection, *, limit: int) -> list[int]:
    """Positions of the first open events, whatever is in them."""
    params = {"topics": TOPICS, "limit": limit, "now": clock.now()}
    return [row[0] for row in connection.execute(_OPEN_POSITIONS, params)]


def any_open(connection: Connection) -> bool:
    """Whether an event is open and due, or a history was loaded."""
    row = connection.execute(_ANY_OPEN, {"topics": [*TOPICS, HISTORY_LOADED], "now": clock.now()}).fetchone()
    return bool(row and row[0])


def written_since(connection: Connection, writes: int) -> list[ClaimEvent]:
    """Events that were written to the online store after its write number `writes`."""
    return [ClaimEvent(*row) for row in connection.execute(_WRITTEN_SINCE, {"topics": TOPICS, "writes": writes})]


def mark_done(connection: Connection, positions: Sequence[int], write_number: int) -> None:
    """Mark events as done by a write of the online store."""
    if positions:
        connection.execute(_MARK_DONE, [write_number, list(positions)])


def covered_events(connection: Connection, *, before_us: int) -> list[int]:
    """Positions of the open events whose effect a rebuild from this snapshot contains: of claims before an instant."""
    params = {"topics": [*TOPICS, HISTORY_LOADED], "until": before_us}
    return [row[0] for row in connection.execute(_COVERED, params)]
