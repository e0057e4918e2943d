"""The updater: brings changes of the database into the online store, in micro-batches. The API's worker runs it.

    updater = FeatureUpdater(lambda: psycopg.connect(url), redis.Redis.from_url(url))
    while running:
        result = updater.drain()        # also rebuilds a store that is empty, and rolls over at midnight

One process drains at a time, under a lock of the database; another finds it taken and returns. A batch is read from the
database, written by one MSET together with the watermark, and only then marked done: a process killed in between leaves
a batch that is read and written again, to the same values.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import redis

from claims.scoring import ClaimFacts
from core import clock
from core.clock import DAY_US
from features.errors import OnlineUnavailableError
from features.online import PROJECT, Watermark, WriteSession, evicted_keys, write_session
from features.update import metrics
from features.update.affected_rows import affected_values
from features.update.database import Connection
from features.update.events import LABELLED, TOPICS, ClaimEvent, open_events
from features.update.hot_keys import HotKeys
from features.update.locks import WRITE_LOCK, try_lock
from features.update.lost_writes import (
    RecordedState,
    record_repair,
    record_writes,
    recorded_state,
    reopen_lost_events,
)
from features.update.online_rebuild import rebuild
from features.update.point_in_time import states_at
from features.update.rollover import roll_over
from features.update.snapshot import repeatable_read
from features.vector import Reading

HEARTBEAT_S = 1.0
"""How often the watermark confirms that everything is written when there is nothing to write."""

_DONE = "UPDATE outbox SET done_at = clock_timestamp() WHERE position = ANY(%s)"
_OPEN = """
    SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8
    FROM outbox WHERE done_at IS NULL AND topic = ANY(%s)"""


@dataclass(frozen=True, slots=True)
class DrainResult:
    """What one call of `drain` did."""

    events: int = 0
    keys: int = 0
    """Rows of the online store written for them."""
    more: bool = False
    """Whether more events may be open: call again at once."""
    busy: bool = False
    """Another process is writing; nothing was done."""
    rebuilt: bool = False
    rolled_over: bool = False


class FeatureUpdater:
    """Keeps the online store up to date with the database.

    One instance belongs to one thread; any number of processes may each run one.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        client: "redis.Redis",
        *,
        project: str = PROJECT,
        network: Path | None = None,
        hot: HotKeys | None = None,
    ) -> None:
        """`connect` opens a connection to the database; `network` is the file of the weekly network job."""
        self._connect = connect
        self._client = client
        self._project = project
        self._network = network
        self._connection: Connection | None = None
        self._hot = HotKeys() if hot is None else hot
        self._memory_checked = False

    def drain(self, limit: int = 500) -> DrainResult:
        """Bring up to `limit` open events into the online store, and set the heartbeat when all of them are in.

        Raises `OnlineUnavailableError`, `OvertakenError`, `EvictingStoreError` or a database error; nothing is lost
        then: call again.
        """
        connection = self._open_connection()
        with try_lock(connection, WRITE_LOCK) as locked:
            if not locked:
                return DrainResult(busy=True)
            with write_session(self._client, self._project) as session:
                recorded = recorded_state(connection, self._project)
                evicted = self._evicted(session.watermark)
                if evicted is not None and evicted != recorded.evicted:
                    if evicted:  # unknown keys are missing: no row is used until all are written again
                        session.forget()
                    record_repair(connection, self._project, evicted)
                reopen_lost_events(connection, session, recorded)
                if session.watermark is not None:
                    return self._drain(connection, session, session.watermark, limit, recorded)
        rebuild(connection, self._client, project=self._project, network=self._network)
        return DrainResult(more=True, rebuilt=True)

    def states_at(self, claims: Sequence[ClaimFacts]) -> list[Reading]:
        """The rows of each claim as they were strictly before its receipt, whatever has come since."""
        connection = self._open_connection()
        return states_at(connection, claims, client=self._client, project=self._project, network=self._network)

    def close(self) -> None:
        """Close the connection to the database."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _evicted(self, watermark: Watermark | None) -> int | None:
        """How many keys the store evicted, at the first drain and with each heartbeat; `None` in between.

        Raises `EvictingStoreError`.
        """
        if self._memory_checked and watermark is not None and not _heartbeat_due(watermark):
            return None
        try:
            evicted = evicted_keys(self._client)
        except redis.RedisError as error:
            raise OnlineUnavailableError(error) from error
        self._memory_checked = True
        return evicted

    def _open_connection(self) -> Connection:
        if self._connection is None or self._connection.closed or self._connection.broken:
            self._connection = self._connect()
            self._connection.autocommit = True
            self._connection.execute("SET TIME ZONE 'UTC'")
        return self._connection

    def _drain(
        self, connection: Connection, session: WriteSession, watermark: Watermark, limit: int, recorded: RecordedState
    ) -> DrainResult:
        now = clock.now()
        rolled = clock.day_number(now) > watermark.rolled_day
        if rolled:
            roll_over(connection, self._client, session, clock.day_number(now), network=self._network)
            watermark = session.watermark or watermark
        metrics.ROLLED_DAY.set(watermark.rolled_day)
        started = time.perf_counter()
        with repeatable_read(connection):
            events = open_events(connection, before_us=(watermark.rolled_day + 1) * DAY_US, limit=limit)
            more = len(events) == limit
            values = self._values(connection, events, watermark) if events else {}
            if events or _heartbeat_due(watermark):
                advanced = replace(_advanced(watermark, events), written_us=clock.micros(recorded.now))
                session.write(values, advanced if more else replace(advanced, heartbeat_us=clock.micros(now)))
                record_writes(connection, session)
                self._hot.wrote(watermark.writes + 1)
            if events:
                connection.execute(_DONE, [[event.position for event in events]])
        if events:
            metrics.DRAIN_SECONDS.observe(time.perf_counter() - started)
            metrics.WRITTEN_KEYS.inc(len(values))
            _observe_freshness(events)
        self._measure_open(connection)
        return DrainResult(len(events), len(values), more, rolled_over=rolled)

    def _values(self, connection: Connection, events: Sequence[ClaimEvent], watermark: Watermark) -> dict[bytes, bytes]:
        return affected_values(
            connection,
            events,
            rolled_day=watermark.rolled_day,
            project=self._project,
            generation=watermark.generation,
            hot=self._hot,
            writes=watermark.writes,
        )

    def _measure_open(self, connection: Connection) -> None:
        row = connection.execute(_OPEN, [TOPICS]).fetchone()
        if row is not None:
            metrics.OPEN_EVENTS.set(row[0])
            metrics.OPEN_AGE_SECONDS.set(row[1])


def _observe_freshness(events: Sequence[ClaimEvent]) -> None:
    """Observe the time from each change to now; a label changes history at the next midnight only."""
    now = clock.now()
    for event in events:
        if event.topic != LABELLED:
            metrics.FRESHNESS_SECONDS.observe(max((now - event.created_at).total_seconds(), 0.0))


def _heartbeat_due(watermark: Watermark) -> bool:
    return clock.micros(clock.now()) - watermark.heartbeat_us >= HEARTBEAT_S * 1_000_000


def _advanced(watermark: Watermark, events: Sequence[ClaimEvent]) -> Watermark:
    if not events:
        return watermark
    return replace(
        watermark,
        position=max(watermark.position, *(event.position for event in events)),
        committed_us=max(watermark.committed_us, *(clock.micros(event.created_at) for event in events)),
    )
