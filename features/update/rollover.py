"""The roll-over at midnight: rewrite the history rows that a day entering or leaving a window changes.

Each row is valid by itself once written: it states as of which day it is, and the reader uses no row that is behind the
claim's day or ahead of it. A roll-over that is killed half way is started again and writes the same rows.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import numpy as np
import redis

from core.clock import DAY_US
from features.declare import AGGREGATION_GROUPS, PLANS, AggregationGroup
from features.ledger import ClaimLedger, Integers, Points, SortedClaims, pack
from features.offline import change_points, history_at
from features.online import CHUNK, PACKERS, WriteSession, chunks, encode_key, key_prefix, pack_rows
from features.update.affected_rows import late_history
from features.update.database import Connection
from features.update.events import TOPICS, open_events
from features.update.lost_writes import record_writes
from features.update.recompute_history import field_columns, keys_of_table
from features.update.snapshot import ledger_of, network_rows, repeatable_read
from features.update.today_sql import GROUPS_WITH_TODAY

_DONE = """
    UPDATE outbox AS o SET done_at = clock_timestamp(), write_number = %(write_number)s FROM claim_facts AS c
    WHERE o.done_at IS NULL AND o.topic = ANY(%(topics)s)
      AND c.claim_id = coalesce(o.payload ->> 'claim_id', o.entity_key)
      AND c.received_at < 'epoch'::timestamptz + %(until)s * interval '1 microsecond'"""

Progress: TypeAlias = Callable[[str, int], None]
"""Receives a view's name and how many of its rows were written."""


def no_progress(_view: str, _rows: int) -> None:
    """Ignore progress."""


def roll_over(
    connection: Connection,
    client: "redis.Redis",
    session: WriteSession,
    day: int,
    *,
    network: Path | None = None,
    progress: Progress = no_progress,
) -> int:
    """Bring the online store's history to `day`; returns how many rows changed. The caller holds the write lock.

    Events of claims received before that day are marked done with it: their effect is in what was read.
    """
    watermark = session.watermark
    if watermark is None or watermark.rolled_day >= day:
        return 0
    written = 0
    with repeatable_read(connection):
        ledger = ledger_of(connection)
        for group in AGGREGATION_GROUPS:
            rows = 0
            for portion in chunks(
                changed(session.project, watermark.generation, ledger, group, watermark.rolled_day, day)
            ):
                session.write(portion, session.watermark or watermark)
                rows += len(portion)
            progress(PLANS[group.name].history.name, rows)
            written += rows
        # Events that arrived late for the store's day and were not drained before midnight change no later window.
        late = [
            event
            for event in open_events(connection, before_us=day * DAY_US, limit=None)
            if event.claim_id is not None and event.changes_history(watermark.rolled_day)
        ]
        values = late_history(connection, late, day=day, project=session.project, generation=watermark.generation)
        weekly = PLANS["provider_network"].history
        values |= pack_rows(session.project, watermark.generation, weekly, network_rows(network))
        for portion in chunks(values.items()):
            session.write(portion, session.watermark or watermark)
        session.write({}, replace(session.watermark or watermark, rolled_day=day))
        connection.execute(_DONE, {"topics": TOPICS, "until": day * DAY_US, "write_number": session.writes})
        record_writes(connection, session)
    _delete_past_days(client, session, watermark.rolled_day, ledger, day)
    return written


def changed(
    project: str, generation: int, ledger: ClaimLedger, group: AggregationGroup, since: int, day: int
) -> Iterator[tuple[bytes, bytes]]:
    """The history rows as of `day` of the keys whose history changed after the midnight before `since`."""
    claims = SortedClaims(ledger, group.keys)
    points = change_points(group, claims, until=day)
    keys = np.unique(points.key[points.day > since])
    return history_values(project, generation, group, claims, keys, day)


def history_values(
    project: str, generation: int, group: AggregationGroup, claims: SortedClaims, keys: Integers, day: int
) -> Iterator[tuple[bytes, bytes]]:
    """The history rows of these keys (numbers of `claims`) on `day`, as keys and values of the online store."""
    view = PLANS[group.name].history
    prefix, packer = key_prefix(project, generation, view.name), PACKERS[view.name]
    for start in range(0, len(keys), 1 << 17):
        some = keys[start : start + (1 << 17)]
        table = history_at(group, claims, Points(pack(some, np.full(len(some), day, dtype=np.int64))))
        values = packer.pack_many(day * DAY_US - 1, field_columns(view, table))
        for key, value in zip(keys_of_table(view, table), values, strict=True):
            yield prefix + encode_key(key), value


def _delete_past_days(
    client: "redis.Redis", session: WriteSession, rolled_day: int, ledger: ClaimLedger, day: int
) -> None:
    """Delete the today rows of past days: no read uses them any more.

    The watermark counts them out before they are deleted, so that no reader takes them for lost.
    """
    rows = (ledger.day >= rolled_day) & (ledger.day < day)
    for group in GROUPS_WITH_TODAY:
        view, watermark = PLANS[group.name].today, session.watermark
        claims = SortedClaims(ledger, group.keys, rows)
        if view is None or watermark is None or not claims.keys:
            continue
        session.write({}, replace(watermark, keys=watermark.keys - claims.keys))
        prefix = key_prefix(session.project, watermark.generation, view.name)
        keys = iter(keys_of_table(view, claims.key_table(np.arange(claims.keys))))
        deleted = 0
        while portion := [prefix + encode_key(key) for key in islice(keys, CHUNK)]:
            deleted += int(client.unlink(*portion))  # type: ignore[arg-type]
        if deleted < claims.keys:
            session.write({}, replace(session.watermark or watermark, keys=watermark.keys - deleted))
