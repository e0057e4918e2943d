"""Detecting an online store that lost its last writes or evicted keys, and writing them again.

Every write of the online store carries the watermark, which counts writes; the database records the count after each
(`feature_store`). A store whose count is lower than the recorded one has fallen back: a failover to a lagging replica,
or a power cut under `appendfsync everysec`. What survives is a prefix of the writes, so it is the state at the
surviving watermark: the events done since then are reopened, and its heartbeat is set back, so that no read uses
today's rows until they are drained. A roll-over or a rebuild that was lost is repeated by itself: the surviving
watermark names the previous day or generation.

Redis and Valkey count evictions since they started. A count that was not repaired yet means that unknown keys may be
missing: the watermark is removed, so that no row is used, and the store is rebuilt.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from features.online import WriteSession
from features.update.database import Connection
from features.update.events import TOPICS

_STATE = """
    SELECT clock_timestamp(), s.writes, coalesce(s.evicted, 0)
    FROM (SELECT 1) AS one LEFT JOIN feature_store AS s ON s.project = %s"""
_WROTE = """
    INSERT INTO feature_store (project, writes) VALUES (%(project)s, %(writes)s)
    ON CONFLICT (project) DO UPDATE SET writes = excluded.writes"""
_REPAIRED = """
    INSERT INTO feature_store (project, writes, evicted) VALUES (%(project)s, 0, %(evicted)s)
    ON CONFLICT (project) DO UPDATE SET evicted = excluded.evicted"""
_REOPEN = """
    UPDATE outbox SET done_at = NULL
    WHERE done_at >= 'epoch'::timestamptz + %(since)s * interval '1 microsecond' AND topic = ANY(%(topics)s)"""


@dataclass(frozen=True, slots=True)
class RecordedState:
    """What the database records of a project of the online store."""

    now: datetime
    """The database's time."""
    writes: int | None
    """`None`: it was never written."""
    evicted: int
    """Evictions that were repaired."""


def recorded_state(connection: Connection, project: str) -> RecordedState:
    """What the database records, and its time."""
    row = connection.execute(_STATE, [project]).fetchone()
    assert row is not None
    return RecordedState(*row)


def record_writes(connection: Connection, session: WriteSession) -> None:
    """Record the writes of this session; in the transaction that marks their events done."""
    if session.watermark is not None:
        connection.execute(_WROTE, {"project": session.project, "writes": session.watermark.writes})


def reopen_lost_events(connection: Connection, session: WriteSession, recorded: RecordedState) -> int | None:
    """Reopen the events whose writes were lost, and make today's rows stale.

    Returns the number of events; `None`: nothing was lost.
    """
    watermark = session.watermark
    if watermark is None or recorded.writes is None or recorded.writes <= watermark.writes:
        return None
    with connection.transaction():
        reopened = connection.execute(_REOPEN, {"since": watermark.written_us, "topics": TOPICS}).rowcount
        record_writes(connection, session)
    session.write({}, replace(watermark, heartbeat_us=0))
    return reopened


def record_repair(connection: Connection, project: str, evicted: int) -> None:
    """Record that so many evictions are being repaired; a missing watermark makes the store be rebuilt."""
    connection.execute(_REPAIRED, {"project": project, "evicted": evicted})
