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

from core.clock import DAY_US
from features.declare import AGGREGATION_GROUPS, PLANS, AggregationGroup
from features.offline import ClaimLedger, Points, SortedClaims, change_points, history_at, pack
from features.online import CHUNK, PACKERS, Watermark, WriteSession, chunks, encode_key, key_prefix, pack_rows
from features.update.affected_rows import TOPICS, late_history, open_events
from features.update.database import Connection
from features.update.lost_writes import record_writes
from features.update.recompute_history import field_columns, keys_of_table
from features.update.snapshot import ledger_of, network_rows, repeatable_read
from features.update.today_sql import GROUPS_WITH_TODAY

_DONE = """
    UPDATE outbox AS o SET done_at = clock_timestamp() FROM claim_facts AS c
    WHERE o.done_at IS NULL AND o.topic = ANY(%(topics)s)
      AND c.claim_id = coalesce(o.payload ->> 'claim_id', o.entity_key)
      AND c.received_at < 'epoch'::timestamptz + %(until)s * interval '1 microsecond'"""

Progress = Callable[[str, int], None]


def no_progress(_view: str, _rows: int) -> None:
    """Progress that nobody follows."""


def roll_over(
    connection: Connection,
    client: "redis.Redis",
    turn: WriteSession,
    day: int,
    *,
    network: Path | None = None,
    progress: Progress = no_progress,
) -> int:
    """Bring the online store's history to `day`; returns how many rows changed. The caller holds the writing lock.

    Events of claims received before that day are done with it: whatever they would move is in what was read.
    """
    watermark = turn.watermark
    if watermark is None or watermark.rolled_day >= day:
        return 0
    written = 0
    with repeatable_read(connection):
        ledger = ledger_of(connection)
        for entity in AGGREGATION_GROUPS:
            rows = 0
            for portion in chunks(
                changed(turn.project, watermark.generation, ledger, entity, watermark.rolled_day, day)
            ):
                turn.write(portion, turn.watermark or watermark)
                rows += len(portion)
            progress(PLANS[entity.name].history.name, rows)
            written += rows
        # What came late for the day the store is of, and was not drained before this midnight, moved no window since.
        late = [
            event
            for event in open_events(connection, before_us=day * DAY_US, limit=None)
            if event.claim_id is not None and event.moves_history(watermark.rolled_day)
        ]
        values = late_history(connection, late, day=day, project=turn.project, generation=watermark.generation)
        values |= pack_rows(
            turn.project, watermark.generation, PLANS["provider_network"].history, network_rows(network)
        )
        for portion in chunks(values.items()):
            turn.write(portion, turn.watermark or watermark)
        turn.write({}, replace(turn.watermark or watermark, rolled_day=day))
        connection.execute(_DONE, {"topics": TOPICS, "until": day * DAY_US})
        record_writes(connection, turn)
    _forget_yesterday(client, turn.project, watermark, ledger, day)
    return written


def changed(
    project: str, generation: int, ledger: ClaimLedger, entity: AggregationGroup, since: int, day: int
) -> Iterator[tuple[bytes, bytes]]:
    """The history rows as of `day` of the keys whose history changed after the midnight before `since`."""
    book = SortedClaims(ledger, entity)
    points = change_points(book, until=day)
    keys = np.unique(points.key[points.day > since])
    return history_values(project, generation, book, keys, day)


def history_values(
    project: str, generation: int, book: SortedClaims, keys: np.ndarray, day: int
) -> Iterator[tuple[bytes, bytes]]:
    """The history rows of these keys (places in the book) on `day`, as keys and values of the online store."""
    view = PLANS[book.entity.name].history
    first, packer = key_prefix(project, generation, view.name), PACKERS[view.name]
    for start in range(0, len(keys), 1 << 17):
        some = keys[start : start + (1 << 17)]
        table = history_at(book, Points(pack(some, np.full(len(some), day, dtype=np.int64))))
        values = packer.pack_many(day * DAY_US - 1, field_columns(view, table))
        for key, value in zip(keys_of_table(view, table), values, strict=True):
            yield first + encode_key(key), value


def _forget_yesterday(client: "redis.Redis", project: str, watermark: Watermark, ledger: ClaimLedger, day: int) -> None:
    """Let go of the today rows of days gone by: nobody believes them any more."""
    rows = (ledger.day >= watermark.rolled_day) & (ledger.day < day)
    for entity in GROUPS_WITH_TODAY:
        view = PLANS[entity.name].today
        book = SortedClaims(ledger, entity, rows)
        if view is None or not book.keys:
            continue
        first = key_prefix(project, watermark.generation, view.name)
        keys = iter(keys_of_table(view, book.key_table(np.arange(book.keys))))
        while portion := [first + encode_key(key) for key in islice(keys, CHUNK)]:
            client.unlink(*portion)
