"""Detecting an online store that lost writes or keys, and repairing it.

Every write of the online store carries the watermark, which holds the generation of keys, the count of writes and the
count of keys. The database records generation and writes after each write (`feature_store`), and each event that was
written keeps the number of its write. Numbers, not times: they are assigned under the write lock, in the order of the
writes, whatever any clock says. The state is compared at every turn of the updater (`required_repair`):

* writes below the recorded count: the store has fallen back, by a failover to a lagging replica, a power cut under
  `appendfsync everysec` or a restored file. What survives is a prefix of the writes, so it is the state at the
  surviving watermark: the events of later writes are reopened, and no row is used until they are drained;
* another generation than recorded, an outbox position that was never assigned, or a fall-back of more than a day: the
  store is of before a rebuild, of another database, or older than the events that are kept: it is rebuilt;
* fewer keys than the watermark counts, or an eviction that was not repaired yet: unknown keys are missing, so the
  store is rebuilt.

Before a rebuild the watermark is removed, so that no row is used until all are written again.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto

from core import clock
from features.online import Watermark, WriteSession
from features.update.database import Connection
from features.update.events import HISTORY_LOADED, TOPICS

_STATE = """
    SELECT coalesce(s.writes, 0), s.generation, coalesce(s.evicted, 0), pg_sequence_last_value('outbox_position_seq'),
           EXISTS (SELECT FROM outbox WHERE done_at IS NULL AND topic = %(loaded)s)
    FROM (SELECT 1) AS one LEFT JOIN feature_store AS s ON s.project = %(project)s"""
_WROTE = """
    INSERT INTO feature_store (project, writes, generation) VALUES (%(project)s, %(writes)s, %(generation)s)
    ON CONFLICT (project) DO UPDATE SET writes = greatest(feature_store.writes, excluded.writes),
                                        generation = excluded.generation"""
_REPAIRED = """
    INSERT INTO feature_store (project, writes, evicted) VALUES (%(project)s, 0, %(evicted)s)
    ON CONFLICT (project) DO UPDATE SET evicted = excluded.evicted"""
_REOPEN = """
    UPDATE outbox SET done_at = NULL, write_number = NULL WHERE write_number > %(writes)s AND topic = ANY(%(topics)s)"""


@dataclass(frozen=True, slots=True)
class RecordedState:
    """What the database records of a project of the online store."""

    writes: int
    """Count of writes; 0: it was never written."""
    generation: int | None
    """`None`: it was never written."""
    evicted: int
    """Evictions that were repaired."""
    last_position: int | None
    """The last position of the outbox that was assigned; `None`: unknown."""
    history_loaded: bool
    """Whether a history was loaded that the store does not hold yet."""


class Repair(Enum):
    """What an online store needs before rows are written to it."""

    NONE = auto()
    REOPEN = auto()
    """It lost its last writes: reopen their events."""
    REBUILD = auto()


def recorded_state(connection: Connection, project: str) -> RecordedState:
    """What the database records of a project."""
    row = connection.execute(_STATE, {"project": project, "loaded": HISTORY_LOADED}).fetchone()
    assert row is not None
    return RecordedState(*row)


def record_writes(connection: Connection, session: WriteSession) -> None:
    """Record the writes of this session; in the transaction that marks their events done."""
    watermark = session.watermark
    if watermark is not None:
        connection.execute(
            _WROTE, {"project": session.project, "writes": watermark.writes, "generation": watermark.generation}
        )


def required_repair(session: WriteSession, watermark: Watermark, recorded: RecordedState) -> Repair:
    """Compare the store with what the database records."""
    if watermark.generation != recorded.generation or session.lost_keys() > 0:
        return Repair.REBUILD
    if recorded.last_position is not None and watermark.position > recorded.last_position:
        return Repair.REBUILD
    if watermark.writes >= recorded.writes:
        return Repair.NONE
    days_behind = clock.day_number(clock.now()) - watermark.rolled_day
    return Repair.REOPEN if days_behind <= 1 else Repair.REBUILD


def reopen_lost_events(connection: Connection, session: WriteSession, watermark: Watermark) -> int:
    """Reopen the events whose writes were lost, and use no row until they are drained; returns their number."""
    reopened = connection.execute(_REOPEN, {"writes": watermark.writes, "topics": TOPICS}).rowcount
    session.write({}, replace(watermark, heartbeat_us=0))  # last: until then, the next turn finds the loss again
    return reopened


def record_repair(connection: Connection, project: str, evicted: int) -> None:
    """Record that so many evictions are being repaired; a missing watermark makes the store be rebuilt."""
    connection.execute(_REPAIRED, {"project": project, "evicted": evicted})
