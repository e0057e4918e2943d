"""An online store that lost its last writes, or evicted keys: noticed, made stale, and written again.

Every write of the online store carries the watermark, which counts writes; the database remembers the count after each
(`feature_store`). A store whose count is lower than the remembered one has fallen back: a failover to a replica that
lagged, or a power cut under `appendfsync everysec`. What survives is a prefix of the writes, so it is the state at the
surviving watermark: the events done since then are opened again, and its heartbeat is set back, so that no read
believes today's rows until they are drained. A roll-over or a rebuild that was lost is done again by itself: the
surviving watermark is of the day, or the generation, before it.

Redis and Valkey count evictions since they started. A count that was not repaired yet means that keys may be missing,
nobody knows which: the watermark is removed, so that nothing is believed, and the store is rebuilt.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from features.online import WriteSession
from features.update.affected_rows import TOPICS
from features.update.database import Connection

_STATE = """
    SELECT clock_timestamp(), s.writes, coalesce(s.evicted, 0)
    FROM (SELECT 1) AS one LEFT JOIN feature_store AS s ON s.project = %s"""
_WROTE = """
    INSERT INTO feature_store (project, writes) VALUES (%(project)s, %(writes)s)
    ON CONFLICT (project) DO UPDATE SET writes = excluded.writes"""
_REPAIRED = """
    INSERT INTO feature_store (project, writes, evicted) VALUES (%(project)s, 0, %(evicted)s)
    ON CONFLICT (project) DO UPDATE SET evicted = excluded.evicted"""
_OPEN_AGAIN = """
    UPDATE outbox SET done_at = NULL
    WHERE done_at >= 'epoch'::timestamptz + %(since)s * interval '1 microsecond' AND topic = ANY(%(topics)s)"""


@dataclass(frozen=True, slots=True)
class RecordedState:
    """What the database remembers of a project of the online store."""

    now: datetime
    """The database's time."""
    writes: int | None
    """`None`: it was never written."""
    evicted: int


def recorded_state(connection: Connection, project: str) -> RecordedState:
    """What the database remembers, and its time."""
    row = connection.execute(_STATE, [project]).fetchone()
    assert row is not None
    return RecordedState(*row)


def record_writes(connection: Connection, turn: WriteSession) -> None:
    """Remember the writes of this turn; in the transaction that marks their events done."""
    if turn.watermark is not None:
        connection.execute(_WROTE, {"project": turn.project, "writes": turn.watermark.writes})


def reopen_lost_events(connection: Connection, turn: WriteSession, known: RecordedState) -> int | None:
    """Open the events whose writes were lost again, and make today's rows stale; how many. `None`: nothing was lost."""
    watermark = turn.watermark
    if watermark is None or known.writes is None or known.writes <= watermark.writes:
        return None
    with connection.transaction():
        reopened = connection.execute(_OPEN_AGAIN, {"since": watermark.written_us, "topics": TOPICS}).rowcount
        record_writes(connection, turn)
    turn.write({}, replace(watermark, heartbeat_us=0))
    return reopened


def record_repair(connection: Connection, project: str, evicted: int) -> None:
    """Remember that so many evictions were answered: a watermark that is gone makes the store be rebuilt."""
    connection.execute(_REPAIRED, {"project": project, "evicted": evicted})
