"""Rebuilding the whole online store from the database, beside the one that is read, while scoring and updating go on.

A new generation of keys is written from one snapshot of the database. At the end, under the write lock, the rows that
changed since are recomputed, and one write of the watermark switches every reader to the new generation.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import redis

from core import clock
from core.clock import DAY_US
from features.declare import AGGREGATION_GROUPS, PLANS
from features.ledger import ClaimLedger, SortedClaims
from features.online import CHUNK, PROJECT, Watermark, chunks, pack_rows, watermark_key, write_session, write_unread
from features.update.affected_rows import affected_values
from features.update.database import Connection
from features.update.events import covered_events, mark_done, written_since
from features.update.hot_keys import HotKeys
from features.update.locks import REBUILD_LOCK, WRITE_LOCK, hold_lock
from features.update.lost_writes import RecordedState, record_writes, recorded_state
from features.update.recompute_history import keys_of_table
from features.update.rollover import Progress, changed, history_values, no_progress
from features.update.snapshot import ledger_of, network_rows, repeatable_read, without_timeouts
from features.update.today_sql import GROUPS_WITH_TODAY, today_rows_of


@dataclass(frozen=True, slots=True)
class RebuildResult:
    """What a rebuild wrote."""

    generation: int
    day: int
    claims: int
    rows: dict[str, int]
    """View name → rows."""
    caught_up: int
    """Events that were drained meanwhile and read again."""
    seconds: float


def rebuild(
    connection: Connection,
    client: "redis.Redis",
    *,
    project: str = PROJECT,
    network: Path | None = None,
    progress: Progress = no_progress,
) -> RebuildResult:
    """Rebuild the online store; `connection` is in autocommit, `progress` receives each view and its rows so far."""
    with without_timeouts(connection), hold_lock(connection, REBUILD_LOCK):
        began = time.perf_counter()
        with hold_lock(connection, WRITE_LOCK):
            # A host whose clock is behind must not take the store back to an earlier day or generation.
            before = Watermark.unpack(client.get(watermark_key(project)))  # type: ignore[arg-type]
            recorded = recorded_state(connection, project)
            day = _day_to_write(clock.day_number(clock.now()), before)
            generation = _next_generation(before, recorded)
            # Every drain before this is in the snapshot; every drain after it marks its events with a later write.
            since = max(recorded.writes, 0 if before is None else before.writes)
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            covered = covered_events(connection, before_us=(day + 1) * DAY_US)
        try:
            ledger = ledger_of(connection)
        finally:
            connection.execute("COMMIT")
        rows: dict[str, int] = {}
        keys = 1  # the watermark
        for view, portion in _values(connection, ledger, project, generation, day, network):
            keys += write_unread(client, portion)
            rows[view] = rows.get(view, 0) + len(portion)
            progress(view, rows[view])
        with hold_lock(connection, WRITE_LOCK), write_session(client, project) as session, repeatable_read(connection):
            session.writes_before = recorded_state(connection, project).writes
            before = session.watermark
            reached = _day_to_write(day, before)
            if reached > day:
                # Midnight passed meanwhile: the updater rolled the old generation over and drained into it.
                for portion in _roll_forward(connection, project, generation, since=day, day=reached):
                    keys += write_unread(client, portion)
            events = written_since(connection, since)
            values = affected_values(
                connection,
                events,
                rolled_day=reached,
                project=project,
                generation=generation,
                hot=HotKeys(),
                writes=0,
            )
            for portion in chunks(values.items()):
                keys += write_unread(client, portion)
            session.write({}, _switched(before, generation, reached, keys))
            mark_done(connection, covered, session.writes)
            record_writes(connection, session)
        delete_generations(client, project, keep=generation)
        seconds = round(time.perf_counter() - began, 2)
        return RebuildResult(generation, reached, len(ledger), rows, len(events), seconds)


def _day_to_write(day: int, before: Watermark | None) -> int:
    """The day to write for: the one that the updater has reached, if that is later.

    Clocks of two hosts differ over a midnight by one day at most; a store that is further ahead was rolled over by a
    wrong clock, and a rebuild corrects that.
    """
    if before is None or before.rolled_day > clock.day_number(clock.now()) + 1:
        return day
    return max(day, before.rolled_day)


def _next_generation(before: Watermark | None, recorded: RecordedState) -> int:
    """A number higher than that of any generation before."""
    earlier = (0 if before is None else before.generation, recorded.generation or 0)
    return max(clock.micros(clock.now()) // 1_000, max(earlier) + 1)


def _switched(before: Watermark | None, generation: int, day: int, keys: int) -> Watermark:
    if before is None:
        return Watermark(generation, day, clock.micros(clock.now()), keys=keys)
    return replace(before, generation=generation, rolled_day=day, keys=keys)


def _values(
    connection: Connection, ledger: ClaimLedger, project: str, generation: int, day: int, network: Path | None
) -> Iterator[tuple[str, dict[bytes, bytes]]]:
    """View name and a portion of its keys and values."""
    for group in AGGREGATION_GROUPS:
        claims = SortedClaims(ledger, group.keys, ledger.day < day)
        keys = np.arange(claims.keys, dtype=np.int64)
        for portion in chunks(history_values(project, generation, group, claims, keys, day)):
            yield PLANS[group.name].history.name, portion
    yield from _today_values(connection, ledger, project, generation, day)
    weekly = PLANS["provider_network"].history
    for portion in chunks(pack_rows(project, generation, weekly, network_rows(network)).items()):
        yield weekly.name, portion


def _today_values(
    connection: Connection, ledger: ClaimLedger, project: str, generation: int, day: int
) -> Iterator[tuple[str, dict[bytes, bytes]]]:
    for group in GROUPS_WITH_TODAY:
        view = PLANS[group.name].today
        claims = SortedClaims(ledger, group.keys, ledger.day == day)
        if view is None or not claims.keys:
            continue
        keys_today = list(keys_of_table(view, claims.key_table(np.arange(claims.keys))))
        for start in range(0, len(keys_today), CHUNK):
            found = today_rows_of(connection, {group.name: keys_today[start : start + CHUNK]}, day=day)
            yield view.name, pack_rows(project, generation, view, found[group.name])


def _roll_forward(
    connection: Connection, project: str, generation: int, *, since: int, day: int
) -> Iterator[dict[bytes, bytes]]:
    """What takes a generation written for the day `since` to a later one: changed history, and the day so far."""
    ledger = ledger_of(connection)
    for group in AGGREGATION_GROUPS:
        yield from chunks(changed(project, generation, ledger, group, since, day))
    for _, portion in _today_values(connection, ledger, project, generation, day):
        yield portion


def delete_generations(client: "redis.Redis", project: str, *, keep: int) -> None:
    """Delete every generation but one, including those of rebuilds that were killed; a portion at a time."""
    kept = f"{project}:{keep}:".encode()
    stale: list[bytes] = []
    for key in client.scan_iter(match=f"{project}:[0-9]*", count=CHUNK):
        if not key.startswith(kept):
            stale.append(key)
        if len(stale) >= CHUNK:
            client.unlink(*stale)
            stale.clear()
    if stale:
        client.unlink(*stale)
