"""Midnight: the history rows of every entity that a day entering or leaving a window changes, then the day itself.

Each row is right by itself from the moment it is written: it says as of which day it is, and the reader believes no row
that is behind the claim's day or ahead of it. Killed half way, a roll-over is begun again and writes the same rows.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import redis

from features.book import Book, Points, pack
from features.database import Connection
from features.derived_today import MICROS_A_DAY, TODAY_ENTITIES
from features.history import change_points, history_at
from features.layout import PLANS
from features.ledger import Ledger
from features.lost_writes import remember
from features.packing import PACKERS, head, tail
from features.restated import field_columns, keys_of_table
from features.snapshot import ledger_of, network_rows, snapshot
from features.state import Entity
from features.touched import TOPICS, late_history, open_events
from features.views import ENTITIES
from features.watermark import Watermark
from features.writer import CHUNK, Turn, chunks, packed

_DONE = """
    UPDATE outbox AS o SET done_at = clock_timestamp() FROM claim_facts AS c
    WHERE o.done_at IS NULL AND o.topic = ANY(%(topics)s)
      AND c.claim_id = coalesce(o.payload ->> 'claim_id', o.entity_key)
      AND c.received_at < 'epoch'::timestamptz + %(until)s * interval '1 microsecond'"""

Progress = Callable[[str, int], None]


def nothing_said(_view: str, _rows: int) -> None:
    """Progress that nobody follows."""


def roll_over(
    connection: Connection,
    client: "redis.Redis",
    turn: Turn,
    day: int,
    *,
    network: Path | None = None,
    progress: Progress = nothing_said,
) -> int:
    """Bring the online store's history to `day`; returns how many rows changed. The caller holds the writing lock.

    Events of claims received before that day are done with it: whatever they would move is in what was read.
    """
    watermark = turn.watermark
    if watermark is None or watermark.rolled_day >= day:
        return 0
    written = 0
    with snapshot(connection):
        ledger = ledger_of(connection)
        for entity in ENTITIES:
            rows = 0
            for portion in chunks(
                changed(turn.project, watermark.generation, ledger, entity, watermark.rolled_day, day)
            ):
                turn.write(portion, turn.watermark or watermark)
                rows += len(portion)
            progress(PLANS[entity.name].standing.name, rows)
            written += rows
        # What came late for the day the store is of, and was not drained before this midnight, moved no window since.
        late = [
            event
            for event in open_events(connection, before_us=day * MICROS_A_DAY, limit=None)
            if event.claim_id is not None and event.moves_history(watermark.rolled_day)
        ]
        values = late_history(connection, late, day=day, project=turn.project, generation=watermark.generation)
        values |= packed(turn.project, watermark.generation, PLANS["provider_network"].standing, network_rows(network))
        for portion in chunks(values.items()):
            turn.write(portion, turn.watermark or watermark)
        turn.write({}, replace(turn.watermark or watermark, rolled_day=day))
        connection.execute(_DONE, {"topics": TOPICS, "until": day * MICROS_A_DAY})
        remember(connection, turn)
    _forget_yesterday(client, turn.project, watermark, ledger, day)
    return written


def changed(
    project: str, generation: int, ledger: Ledger, entity: Entity, since: int, day: int
) -> Iterator[tuple[bytes, bytes]]:
    """The history rows as of `day` of the keys whose history changed after the midnight before `since`."""
    book = Book(ledger, entity)
    points = change_points(book, until=day)
    keys = np.unique(points.key[points.day > since])
    return history_values(project, generation, book, keys, day)


def history_values(
    project: str, generation: int, book: Book, keys: np.ndarray, day: int
) -> Iterator[tuple[bytes, bytes]]:
    """The history rows of these keys (places in the book) on `day`, as keys and values of the online store."""
    view = PLANS[book.entity.name].standing
    first, packer = head(project, generation, view.name), PACKERS[view.name]
    for start in range(0, len(keys), 1 << 17):
        some = keys[start : start + (1 << 17)]
        table = history_at(book, Points(pack(some, np.full(len(some), day, dtype=np.int64))))
        values = packer.pack_many(day * MICROS_A_DAY - 1, field_columns(view, table))
        for key, value in zip(keys_of_table(view, table), values, strict=True):
            yield first + tail(key), value


def _forget_yesterday(client: "redis.Redis", project: str, watermark: Watermark, ledger: Ledger, day: int) -> None:
    """Let go of the today rows of days gone by: nobody believes them any more."""
    rows = (ledger.day >= watermark.rolled_day) & (ledger.day < day)
    for entity in TODAY_ENTITIES:
        view = PLANS[entity.name].today
        book = Book(ledger, entity, rows)
        if view is None or not book.keys:
            continue
        first = head(project, watermark.generation, view.name)
        keys = iter(keys_of_table(view, book.key_table(np.arange(book.keys))))
        while portion := [first + tail(key) for key in islice(keys, CHUNK)]:
            client.unlink(*portion)
