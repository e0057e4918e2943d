"""The updater: brings changes of the database into the online store, in micro-batches. The API's worker runs it.

    updater = FeatureUpdater(lambda: psycopg.connect(url), redis.Redis.from_url(url))
    while running:
        result = updater.poll()         # also rebuilds a store that is empty, and rolls over at midnight

One process drains at a time, under a lock of the database; another finds it taken and returns. A batch is read from the
database, written by one MSET together with the watermark, and only then marked done: a process killed in between leaves
a batch that is read and written again, to the same values.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import redis

from claims.scoring import ClaimFacts
from core import clock
from core.clock import DAY_US
from core.retries import is_transient
from features.errors import OnlineError, OnlineUnavailableError
from features.online import PROJECT, Watermark, WriteSession, evicted_keys, write_session
from features.update import metrics
from features.update.affected_rows import affected_values
from features.update.database import Connection
from features.update.events import (
    LABELLED,
    TOPICS,
    ClaimEvent,
    any_open,
    mark_done,
    open_event,
    open_events,
    open_positions,
)
from features.update.failed_events import record_failure
from features.update.hot_keys import HotKeys
from features.update.locks import WRITE_LOCK, try_lock
from features.update.lost_writes import (
    RecordedState,
    Repair,
    record_repair,
    record_writes,
    recorded_state,
    reopen_lost_events,
    required_repair,
)
from features.update.online_rebuild import rebuild
from features.update.point_in_time import states_at
from features.update.rollover import roll_over
from features.update.snapshot import repeatable_read
from features.vector import Reading

HEARTBEAT_S = 1.0
"""How often the watermark confirms that everything is written when there is nothing to write."""

FULL_TURN_S = 0.25
"""Longest time between two turns that compare the store with the database, while `poll` finds no open event."""

SYSTEMIC = 10
"""Failed events, with none that succeeded, from which the fault is taken for one of the updater."""

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
        self._full_turn_at = 0.0

    def poll(self) -> DrainResult:
        """As `drain`, but where no event is open only that is looked up, until `FULL_TURN_S` after the last turn.

        A turn sends nine statements and commands even where there is nothing to write, twenty times a second.
        """
        if time.monotonic() < self._full_turn_at and not any_open(self._open_connection()):
            return DrainResult()
        result = self.drain()
        self._full_turn_at = time.monotonic() + FULL_TURN_S
        return result

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
                session.writes_before = recorded.writes
                self._repair(connection, session, recorded)
                if session.watermark is not None and not recorded.history_loaded:
                    return self._drain(connection, session, session.watermark, limit)
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

    def _repair(self, connection: Connection, session: WriteSession, recorded: RecordedState) -> None:
        """Compare the store with what the database records; reopen the events it lost, or make it be rebuilt."""
        evicted = self._evicted(session.watermark)
        if evicted is not None and evicted != recorded.evicted:
            if evicted:
                metrics.REPAIRS.labels("evicted").inc()
                session.forget()
            record_repair(connection, self._project, evicted)
        if session.watermark is None:
            return
        match required_repair(session, session.watermark, recorded):
            case Repair.REOPEN:
                metrics.REPAIRS.labels("reopened").inc()
                reopen_lost_events(connection, session, session.watermark)
            case Repair.REBUILD:
                metrics.REPAIRS.labels("rebuilt").inc()
                session.forget()
            case Repair.NONE:
                pass

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

    def _drain(self, connection: Connection, session: WriteSession, watermark: Watermark, limit: int) -> DrainResult:
        today = clock.day_number(clock.now())
        rolled = today > watermark.rolled_day
        if rolled:
            roll_over(connection, self._client, session, today, network=self._network)
            watermark = session.watermark or watermark
        metrics.ROLLED_DAY.set(watermark.rolled_day)
        end_us = (watermark.rolled_day + 1) * DAY_US
        try:
            result = self._write(
                connection, session, lambda: open_events(connection, before_us=end_us, limit=limit), limit
            )
        except Exception as error:
            if is_transient(error) or isinstance(error, OnlineError):
                raise
            result = self._write_one_by_one(connection, session, end_us, limit, error)
        self._measure_open(connection)
        return replace(result, rolled_over=rolled)

    def _write(
        self, connection: Connection, session: WriteSession, read: Callable[[], list[ClaimEvent]], limit: int
    ) -> DrainResult:
        """Write the rows of the events that `read` finds, and mark them done; fewer than `limit` are all there are."""
        watermark = session.watermark
        assert watermark is not None
        started = time.perf_counter()
        with repeatable_read(connection):
            events = read()
            more = len(events) == limit
            values = self._values(connection, events, watermark) if events else {}
            if events or _heartbeat_due(watermark):
                advanced = _advanced(watermark, events)
                written = advanced if more else replace(advanced, heartbeat_us=clock.micros(clock.now()))
                session.write(values, written)
                mark_done(connection, [event.position for event in events], session.writes)
                record_writes(connection, session)
                self._hot.wrote(session.writes)
        if events:
            metrics.DRAIN_SECONDS.observe(time.perf_counter() - started)
            metrics.WRITTEN_KEYS.inc(len(values))
            _observe_freshness(events)
        return DrainResult(len(events), len(values), more)

    def _write_one_by_one(
        self, connection: Connection, session: WriteSession, before_us: int, limit: int, batch_error: Exception
    ) -> DrainResult:
        """Write each event of a batch that failed by itself; those that fail are counted and wait, or are dead letters.

        Raises `batch_error` if the fault is not of single events: then all of them stay as they are.
        """
        self._hot.clear()
        done = keys = 0
        failures: dict[int, Exception] = {}
        for position in open_positions(connection, limit=limit):
            try:
                read = partial(open_event, connection, position, before_us=before_us)
                result = self._write(connection, session, read, limit=1)
            except Exception as error:
                if is_transient(error) or isinstance(error, OnlineError):
                    raise
                failures[position] = error
            else:
                done, keys = done + result.events, keys + result.keys
        if not failures or (not done and len(failures) >= SYSTEMIC):
            raise batch_error  # not of a single event
        for position, failure in failures.items():
            record_failure(connection, position, failure)
        return DrainResult(done, keys, more=True)

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
