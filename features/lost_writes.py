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

import redis

from features.database import Connection
from features.errors import EvictingStoreError
from features.touched import TOPICS
from features.writer import Turn

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
class Remembered:
    """What the database remembers of a project of the online store."""

    now: datetime
    """The database's time."""
    writes: int | None
    """`None`: it was never written."""
    evicted: int


def remembered(connection: Connection, project: str) -> Remembered:
    """What the database remembers, and its time."""
    row = connection.execute(_STATE, [project]).fetchone()
    assert row is not None
    return Remembered(*row)


def remember(connection: Connection, turn: Turn) -> None:
    """Remember the writes of this turn; in the transaction that marks their events done."""
    if turn.watermark is not None:
        connection.execute(_WROTE, {"project": turn.project, "writes": turn.watermark.writes})


def redo_lost(connection: Connection, turn: Turn, known: Remembered) -> int | None:
    """Open the events whose writes were lost again, and make today's rows stale; how many. `None`: nothing was lost."""
    watermark = turn.watermark
    if watermark is None or known.writes is None or known.writes <= watermark.writes:
        return None
    with connection.transaction():
        reopened = connection.execute(_OPEN_AGAIN, {"since": watermark.written_us, "topics": TOPICS}).rowcount
        remember(connection, turn)
    turn.write({}, replace(watermark, heartbeat_us=0))
    return reopened


def check_memory(client: "redis.Redis") -> int:
    """How many keys the store evicted since it started. Raises `EvictingStoreError` where it may evict ours."""
    refuse_eviction(client.info("memory"))  # type: ignore[arg-type]
    evicted: int = client.info("stats")["evicted_keys"]  # type: ignore[index]
    return evicted


def refuse_eviction(memory: dict[str, object]) -> None:
    """Raise `EvictingStoreError` where the section `memory` of INFO names a policy that evicts keys without expiry.

    Policies `volatile-*` evict only keys that expire; none of ours does.
    """
    policy = str(memory.get("maxmemory_policy", "noeviction"))
    if policy.startswith("allkeys"):
        raise EvictingStoreError(policy)


def repaired(connection: Connection, project: str, evicted: int) -> None:
    """Remember that so many evictions were answered: a watermark that is gone makes the store be rebuilt."""
    connection.execute(_REPAIRED, {"project": project, "evicted": evicted})
