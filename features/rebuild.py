"""The whole online store anew from the database, beside the one that is read, while scoring and updating go on.

A new generation of keys is written from one snapshot of the database. At the end, under the writing lock, the rows that
changed since are read again, and one write of the watermark turns every reader to the new generation.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
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
from features.lost_writes import remember, remembered
from features.packing import PROJECT
from features.restated import keys_of_table
from features.rollover import Progress, changed, history_values, nothing_said
from features.snapshot import ledger_of, network_rows, snapshot
from features.touched import done_since, values_of
from features.views import ENTITIES
from features.watermark import Watermark, watermark_key
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
        with held(connection, WRITING):
            # A host whose clock is behind must not take the store back to a day or a generation that is over.
            before = Watermark.unpack(client.get(watermark_key(project)))  # type: ignore[arg-type]
            day = _reached(clock.day_number(clock.now()), before)
            generation = max(clock.micros(clock.now()) // 1_000, 0 if before is None else before.generation + 1)
            # Every drain before this is in the snapshot; every one after it marks its events with a later time.
            since = remembered(connection, project).now
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
            known = remembered(connection, project)
            before = writing.watermark
            reached = _reached(day, before)
            if reached > day:
                # Midnight passed meanwhile: the updater rolled the old generation over and drained into it.
                for portion in _rolled_on(connection, project, generation, since=day, day=reached):
                    client.mset(portion)
            events = done_since(connection, since)
            values = values_of(
                connection,
                events,
                rolled_day=reached,
                project=project,
                generation=generation,
                hot=HotKeys(),
                writes=0,
            )
            for portion in chunks(values.items()):
                client.mset(portion)
            writing.write({}, _turned(before, generation, reached, clock.micros(known.now)))
            remember(connection, writing)
        forget_generations(client, project, keep=generation)
        seconds = round(time.perf_counter() - began, 2)
        return Rebuilt(generation, reached, len(ledger), rows, len(events), seconds)


def _reached(day: int, before: Watermark | None) -> int:
    """The day to write for: the one that the updater has reached, if that is later.

    Clocks of two hosts differ over a midnight by one day at most; a store that is further ahead was rolled over by a
    clock that was wrong, and a rebuild puts that right.
    """
    if before is None or before.rolled_day > clock.day_number(clock.now()) + 1:
        return day
    return max(day, before.rolled_day)


def _turned(before: Watermark | None, generation: int, day: int, written_us: int) -> Watermark:
    if before is None:
        return Watermark(generation, day, clock.micros(clock.now()), written_us=written_us)
    return replace(before, generation=generation, rolled_day=day, written_us=written_us)


def _values(
    connection: Connection, ledger: Ledger, project: str, generation: int, day: int, network: Path | None
) -> Iterator[tuple[str, dict[bytes, bytes]]]:
    """View name and a portion of its keys and values."""
    for entity in ENTITIES:
        book = Book(ledger, entity, ledger.day < day)
        keys = np.arange(book.keys, dtype=np.int64)
        for portion in chunks(history_values(project, generation, book, keys, day)):
            yield PLANS[entity.name].standing.name, portion
    yield from _today_values(connection, ledger, project, generation, day)
    weekly = PLANS["provider_network"].standing
    for portion in chunks(packed(project, generation, weekly, network_rows(network)).items()):
        yield weekly.name, portion


def _today_values(
    connection: Connection, ledger: Ledger, project: str, generation: int, day: int
) -> Iterator[tuple[str, dict[bytes, bytes]]]:
    for entity in TODAY_ENTITIES:
        view = PLANS[entity.name].today
        book = Book(ledger, entity, ledger.day == day)
        if view is None or not book.keys:
            continue
        keys_today = list(keys_of_table(view, book.key_table(np.arange(book.keys))))
        for start in range(0, len(keys_today), CHUNK):
            found = today_of(connection, {entity.name: keys_today[start : start + CHUNK]}, day=day)
            yield view.name, packed(project, generation, view, found[entity.name])


def _rolled_on(
    connection: Connection, project: str, generation: int, *, since: int, day: int
) -> Iterator[dict[bytes, bytes]]:
    """What takes a generation that was written for the day `since` to a later one: changed history, the day so far."""
    ledger = ledger_of(connection)
    for entity in ENTITIES:
        yield from chunks(changed(project, generation, ledger, entity, since, day))
    for _, portion in _today_values(connection, ledger, project, generation, day):
        yield portion


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
