"""The updater: what changed in the database into the online store, in micro-batches. The API's worker runs it.

    updater = FeatureUpdater(lambda: psycopg.connect(url), redis.Redis.from_url(url))
    while running:
        drained = updater.drain()       # also rebuilds a store that is empty, and rolls over at midnight

One drainer at a time, under a lock of the database; another finds it taken and goes away. A batch is read anew from the
database, written by one MSET with the watermark, and only then marked done: killed in between, it is read and written
again, to the same values.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import redis

from claims.scoring import ClaimFacts
from core import clock
from core.clock import DAY_US
from features.errors import OnlineUnavailableError
from features.online import PROJECT, Watermark, WriteSession, evicted_keys, write_session
from features.update import metrics
from features.update.affected_rows import LABELLED, TOPICS, ClaimEvent, affected_values, open_events
from features.update.database import Connection
from features.update.hot_keys import HotKeys
from features.update.locks import WRITE_LOCK, try_lock
from features.update.lost_writes import RecordedState, record_repair, record_writes, recorded_state, reopen_lost_events
from features.update.online_rebuild import rebuild
from features.update.point_in_time import states_at
from features.update.rollover import roll_over
from features.update.snapshot import repeatable_read
from features.vector import Reading

HEARTBEAT_S = 1.0
"""How often the watermark says that all is written when there is nothing to write."""

_DONE = "UPDATE outbox SET done_at = clock_timestamp() WHERE position = ANY(%s)"
_OPEN = """
    SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8
    FROM outbox WHERE done_at IS NULL AND topic = ANY(%s)"""


@dataclass(frozen=True, slots=True)
class DrainResult:
    """What one call of `drain` did."""

    events: int = 0
    keys: int = 0
    """Rows of the online store that were written for them."""
    more: bool = False
    """Whether there may be more waiting: call again at once."""
    busy: bool = False
    """Another process is writing; nothing was done."""
    rebuilt: bool = False
    rolled_over: bool = False


class FeatureUpdater:
    """Keeps the online store up with the database. Not to be shared by threads; any number of processes may run one."""

    def __init__(
        self,
        connect: Callable[[], "psycopg.Connection[Any]"],
        client: "redis.Redis",
        *,
        project: str = PROJECT,
        network: Path | None = None,
        hot: HotKeys | None = None,
    ) -> None:
        """`connect` opens a connection to the database, `network` is the file of the weekly network job."""
        self._connect = connect
        self._client = client
        self._project = project
        self._network = network
        self._connection: Connection | None = None
        self._hot = HotKeys() if hot is None else hot
        self._looked = False

    def drain(self, limit: int = 500) -> DrainResult:
        """Bring up to `limit` open events into the online store, and beat the heart when all of them are in.

        Raises `OnlineUnavailableError`, `OvertakenError`, `EvictingStoreError` or a database error, and then nothing is
        lost: call again.
        """
        connection = self._opened()
        with try_lock(connection, WRITE_LOCK) as held:
            if not held:
                return DrainResult(busy=True)
            with write_session(self._client, self._project) as writing:
                known = recorded_state(connection, self._project)
                evicted = self._looked_at_memory(writing.watermark)
                if evicted is not None and evicted != known.evicted:
                    if evicted:  # nobody knows which keys are gone: nothing is believed until all is written again
                        writing.forget()
                    record_repair(connection, self._project, evicted)
                reopen_lost_events(connection, writing, known)
                if writing.watermark is not None:
                    return self._drain(connection, writing, writing.watermark, limit, known)
        rebuild(connection, self._client, project=self._project, network=self._network)
        return DrainResult(more=True, rebuilt=True)

    def _looked_at_memory(self, watermark: Watermark | None) -> int | None:
        """How many keys the store evicted, at the first drain and with each heartbeat; `None` in between.

        Raises `EvictingStoreError`.
        """
        if self._looked and watermark is not None and not _heartbeat_due(watermark):
            return None
        try:
            evicted = evicted_keys(self._client)
        except redis.RedisError as error:
            raise OnlineUnavailableError(error) from error
        self._looked = True
        return evicted

    def close(self) -> None:
        """Close the connection to the database."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _opened(self) -> Connection:
        if self._connection is None or self._connection.closed or self._connection.broken:
            self._connection = self._connect()
            self._connection.autocommit = True
            self._connection.execute("SET TIME ZONE 'UTC'")
        return self._connection

    def _drain(
        self, connection: Connection, writing: WriteSession, watermark: Watermark, limit: int, known: RecordedState
    ) -> DrainResult:
        now = clock.now()
        rolled = clock.day_number(now) > watermark.rolled_day
        if rolled:
            roll_over(connection, self._client, writing, clock.day_number(now), network=self._network)
            watermark = writing.watermark or watermark
        metrics.ROLLED_DAY.set(watermark.rolled_day)
        started = time.perf_counter()
        now_us = clock.micros(now)
        with repeatable_read(connection):
            before_us = (watermark.rolled_day + 1) * DAY_US
            events = open_events(connection, before_us=before_us, limit=limit)
            more = len(events) == limit
            values: dict[bytes, bytes] = {}
            if events:
                values = affected_values(
                    connection,
                    events,
                    rolled_day=watermark.rolled_day,
                    project=self._project,
                    generation=watermark.generation,
                    hot=self._hot,
                    writes=watermark.writes,
                )
            if events or _heartbeat_due(watermark):
                advanced = replace(_advanced(watermark, events), written_us=clock.micros(known.now))
                writing.write(values, advanced if more else replace(advanced, heartbeat_us=now_us))
                record_writes(connection, writing)
                self._hot.wrote(watermark.writes + 1)
            if events:
                connection.execute(_DONE, [[event.position for event in events]])
        if events:
            metrics.DRAIN_SECONDS.observe(time.perf_counter() - started)
            metrics.WRITTEN_KEYS.inc(len(values))
            read_at = clock.now()
            for event in (one for one in events if one.topic != LABELLED):
                metrics.FRESHNESS_SECONDS.observe(max((read_at - event.created_at).total_seconds(), 0.0))
        self._measure_open(connection)
        return DrainResult(len(events), len(values), more, rolled_over=rolled)

    def _measure_open(self, connection: Connection) -> None:
        row = connection.execute(_OPEN, [TOPICS]).fetchone()
        if row is not None:
            metrics.OPEN_EVENTS.set(row[0])
            metrics.OPEN_AGE_SECONDS.set(row[1])

    def states_at(self, claims: Sequence[ClaimFacts]) -> list[Reading]:
        """The states of each claim as they stood strictly before its receipt, whatever has come since."""
        connection = self._opened()
        return states_at(connection, claims, client=self._client, project=self._project, network=self._network)


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
