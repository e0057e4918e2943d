"""The whole online store anew from the database, beside the one that is read, while scoring and updating go on.

A new generation of keys is written from one snapshot of the database. At the end, under the writing lock, the rows that
changed since are read again, and one write of the watermark turns every reader to the new generation.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import redis

from core import clock
from features.book import Book
from features.database import Connection
from features.derived_today import TODAY_ENTITIES, today_of
from features.hot import HotKeys
from features.layout import PLANS
from features.ledger import Ledger
from features.locks import REBUILDING, WRITING, held
from features.packing import PROJECT
from features.restated import keys_of_table
from features.rollover import Progress, history_values, nothing_said
from features.snapshot import ledger_of, network_rows, snapshot
from features.touched import done_since, values_of
from features.views import ENTITIES
from features.watermark import Watermark
from features.writer import CHUNK, chunks, packed, turn


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild wrote."""

    generation: int
    day: int
    claims: int
    rows: dict[str, int]
    caught_up: int
    """Events that were drained meanwhile and read again."""
    seconds: float


def rebuild(
    connection: Connection,
    client: "redis.Redis",
    *,
    project: str = PROJECT,
    network: Path | None = None,
    progress: Progress = nothing_said,
) -> Rebuilt:
    """Rebuild the online store; `connection` is in autocommit, `progress` is told of each view and its rows."""
    with held(connection, REBUILDING):
        began = time.perf_counter()
        day = clock.day_number(clock.now())
        generation = clock.micros(clock.now()) // 1_000
        with held(connection, WRITING):
            # Every drain before this is in the snapshot; every one after it marks its events with a later time.
            since = _database_time(connection)
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            connection.execute("SELECT 1 FROM claim_facts LIMIT 1")
        try:
            ledger = ledger_of(connection)
        finally:
            connection.execute("COMMIT")
        rows: dict[str, int] = {}
        for view, portion in _values(connection, ledger, project, generation, day, network):
            client.mset(portion)
            rows[view] = rows.get(view, 0) + len(portion)
            progress(view, rows[view])
        with held(connection, WRITING), turn(client, project) as writing, snapshot(connection):
            before = writing.watermark
            events = done_since(connection, since)
            values = values_of(
                connection,
                events,
                rolled_day=day,
                project=project,
                generation=generation,
                hot=HotKeys(),
                writes=0,
            )
            for portion in chunks(values.items()):
                client.mset(portion)
            writing.write({}, _turned(before, generation, day))
        forget_generations(client, project, keep=generation)
        seconds = round(time.perf_counter() - began, 2)
        return Rebuilt(generation, day, len(ledger), rows, len(events), seconds)


def _database_time(connection: Connection) -> datetime:
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    at: datetime = row[0]
    return at


def _turned(before: Watermark | None, generation: int, day: int) -> Watermark:
    now_us = clock.micros(clock.now())
    if before is None:
        return Watermark(generation, day, now_us)
    return Watermark(generation, day, before.heartbeat_us, before.position, before.committed_us)


def _values(
    connection: Connection, ledger: Ledger, project: str, generation: int, day: int, network: Path | None
) -> Iterator[tuple[str, dict[bytes, bytes]]]:
    """View name and a portion of its keys and values."""
    for entity in ENTITIES:
        book = Book(ledger, entity, ledger.day < day)
        keys = np.arange(book.keys, dtype=np.int64)
        for portion in chunks(history_values(project, generation, book, keys, day)):
            yield PLANS[entity.name].standing.name, portion
    for entity in TODAY_ENTITIES:
        view = PLANS[entity.name].today
        book = Book(ledger, entity, ledger.day == day)
        if view is None or not book.keys:
            continue
        keys_today = list(keys_of_table(view, book.key_table(np.arange(book.keys))))
        for start in range(0, len(keys_today), CHUNK):
            found = today_of(connection, {entity.name: keys_today[start : start + CHUNK]}, day=day)
            yield view.name, packed(project, generation, view, found[entity.name])
    weekly = PLANS["provider_network"].standing
    for portion in chunks(packed(project, generation, weekly, network_rows(network)).items()):
        yield weekly.name, portion


def forget_generations(client: "redis.Redis", project: str, *, keep: int) -> None:
    """Let go of every generation but one, those of rebuilds that were killed too; a little at a time."""
    kept = f"{project}:{keep}:".encode()
    gone: list[bytes] = []
    for key in client.scan_iter(match=f"{project}:[0-9]*", count=CHUNK):
        if not key.startswith(kept):
            gone.append(key)
        if len(gone) >= CHUNK:
            client.unlink(*gone)
            gone.clear()
    if gone:
        client.unlink(*gone)
