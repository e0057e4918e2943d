"""Removing rows whose period is over: in bounded batches, each a transaction, and never one under a legal hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import psycopg
from psycopg import sql

from api.retention.declared import RetentionTable
from api.retention.records import HoldColumn, RetentionKind, RetentionRun
from core import clock

BATCH: Final = 1_000
"""Rows of a transaction."""
MAX_BATCHES: Final = 1_000
"""Of a kind in one run; the rest is left for the next run, which the worker begins on the same day."""

Connection = psycopg.Connection[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Condition:
    """What else must be true of a row that is removed: SQL over the columns of its table, with named parameters."""

    sql: str
    params: Mapping[str, object] = field(default_factory=dict)


ALWAYS: Final = Condition("true")
IN_FORCE: Final = "hold.released_at IS NULL AND (hold.last_day IS NULL OR hold.last_day >= %(hold_day)s::date)"
"""SQL: whether the row `hold` of `legal_holds` is in force on the parameter `hold_day`."""
_HELD: Final = {
    HoldColumn.MEMBER: "SELECT FROM legal_holds AS hold WHERE hold.member_id = {column} AND " + IN_FORCE,
    HoldColumn.CLAIM: "SELECT FROM legal_holds AS hold JOIN claims AS held USING (member_id) "
    "WHERE held.claim_id = {column} AND " + IN_FORCE,
}


def remove_due(
    connection: Connection,
    table: RetentionTable,
    conditions: Mapping[str, Condition],
    day: date,
    *,
    hold_day: date,
    batch: int = BATCH,
    max_batches: int = MAX_BATCHES,
) -> list[RetentionRun]:
    """Remove what is due on `day` (UTC) of each kind of the daily work, and store what was done. Idempotent.

    `hold_day` is the current day in the insurer's time zone, on which legal holds are in force or have expired.
    `connection` has no transaction: each batch is one of its own, the last of a kind with the kind's run.
    """
    return [
        _remove(connection, kind, conditions.get(kind.name, ALWAYS), day, hold_day, batch, max_batches)
        for kind in table.values()
        if kind.is_daily
    ]


def rows_due(connection: Connection, kind: RetentionKind, condition: Condition, day: date, *, hold_day: date) -> int:
    """How many rows of a kind are due on `day` (UTC) and not under a legal hold on `hold_day` (insurer's time zone)."""
    statement = sql.SQL("SELECT count(*) FROM {table} WHERE {due}").format(
        table=sql.Identifier(kind.table), due=_due(kind, condition)
    )
    rows: Sequence[tuple[object, ...]] = connection.execute(
        statement, _params(kind, condition, day, hold_day)
    ).fetchall()
    return int(str(rows[0][0]))


def runs(connection: Connection) -> dict[str, RetentionRun]:
    """The last run of each kind."""
    found = connection.execute("SELECT kind, day, ended_at, removed, complete FROM retention_runs").fetchall()
    return {str(row[0]): RetentionRun(*row) for row in found}  # type: ignore[arg-type]


_STORE: Final = """
    INSERT INTO retention_runs (kind, day, ended_at, removed, complete) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (kind) DO UPDATE SET day = excluded.day, ended_at = excluded.ended_at, removed = excluded.removed,
        complete = excluded.complete
"""


def _remove(
    connection: Connection,
    kind: RetentionKind,
    condition: Condition,
    day: date,
    hold_day: date,
    batch: int,
    max_batches: int,
) -> RetentionRun:
    # A row that another transaction changes meanwhile has moved, is not found at its place, and waits for the next run.
    statement = sql.SQL(
        "DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} WHERE {due} LIMIT {batch}))"
    ).format(table=sql.Identifier(kind.table), due=_due(kind, condition), batch=sql.Literal(batch))
    params = _params(kind, condition, day, hold_day)
    removed = 0
    for number in range(1, max_batches + 1):
        with connection.transaction():
            found = connection.execute(statement, params).rowcount
            removed += found
            if found < batch or number == max_batches:
                run = RetentionRun(kind.name, day, clock.now(), removed, found < batch)
                connection.execute(_STORE, [run.kind, run.day, run.ended_at, run.removed, run.complete])
                return run
    raise AssertionError("a run has at least one batch")


def _due(kind: RetentionKind, condition: Condition) -> sql.Composable:
    assert kind.start is not None
    parts = [
        sql.SQL("{start} < %(day)s::date - %(days)s::int").format(start=sql.Identifier(kind.table, kind.start)),
        sql.SQL("(" + condition.sql + ")"),
    ]
    if kind.hold is not None:
        what, column = kind.hold
        held = sql.SQL(_HELD[what]).format(column=sql.Identifier(kind.table, column))
        parts.append(sql.SQL("NOT EXISTS (") + held + sql.SQL(")"))
    return sql.SQL(" AND ").join(parts)


def _params(kind: RetentionKind, condition: Condition, day: date, hold_day: date) -> dict[str, object]:
    return {"day": day, "hold_day": hold_day, "days": kind.days, **condition.params}
