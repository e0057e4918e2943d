"""Importing a release, comparing it with the one before, and rolling it back; each in one transaction.

A claim is checked by the releases known at its receipt, so that checking it again after later imports finds the same. A
release is therefore known from a moment after its commit: every claim received from then on can read it, none before.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TypeAlias

import psycopg
from psycopg.rows import class_row

from claims.code_tables import TableEntry, TableKind
from core import clock

Connection: TypeAlias = "psycopg.Connection[tuple[object, ...]]"
SINCE_EVER = date(1, 1, 1)
"""`valid_from` of a table whose entries carry their own days."""
COMMITTED_WITHIN = timedelta(seconds=10)
"""From when claims are checked by a release that is imported, or no longer by one that is rolled back."""
MOST_EXAMPLES = 10
"""Most entries that a comparison names of each change."""

_ONE_IMPORT = "SELECT pg_advisory_xact_lock(hashtextextended('ginja reference import', 0))"
_COLUMNS = """import_id, kind, release, valid_from, source, sha256, entries, known_from, imported_by, known_until,
    rolled_back_by"""
_SHAPE = (
    "code text, other text, place integer, first_day date, last_day date, number integer, indicator text, text text"
)
_ENTRIES = "code, other, place, first_day, last_day, number, indicator, text"
_DIFFERENCE = """
SELECT CASE WHEN earlier.code IS NULL THEN 'added' WHEN fresh.code IS NULL THEN 'removed' ELSE 'changed' END AS change,
       coalesce(fresh.code, earlier.code), coalesce(fresh.other, earlier.other),
       concat_ws(' ', earlier.number, earlier.indicator, earlier.first_day, earlier.last_day, earlier.text),
       concat_ws(' ', fresh.number, fresh.indicator, fresh.first_day, fresh.last_day, fresh.text),
       count(*) OVER (PARTITION BY earlier.code IS NULL, fresh.code IS NULL),
       row_number() OVER (PARTITION BY earlier.code IS NULL, fresh.code IS NULL
                          ORDER BY coalesce(fresh.code, earlier.code), coalesce(fresh.other, earlier.other))
FROM incoming AS fresh
FULL JOIN (SELECT * FROM code_table_entries WHERE import_id = %(before)s) AS earlier USING (code, other, place)
WHERE (earlier.number, earlier.indicator, earlier.first_day, earlier.last_day, earlier.text, earlier.code IS NULL)
      IS DISTINCT FROM (fresh.number, fresh.indicator, fresh.first_day, fresh.last_day, fresh.text, fresh.code IS NULL)
"""


class ImportRefused(ValueError):
    """A release cannot be imported or rolled back; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class ImportedTable:
    """One import, as stored."""

    import_id: int
    kind: str
    release: str
    valid_from: date
    source: str
    sha256: str
    entries: int
    known_from: datetime
    """Claims received from then on are checked by it."""
    imported_by: str
    known_until: datetime | None = None
    """It was rolled back: claims received from then on are not checked by it."""
    rolled_back_by: str | None = None


@dataclass(frozen=True, slots=True)
class ChangedEntry:
    """One entry that differs from the release before; `before` or `after` is empty where there is none."""

    change: str
    """added, removed or changed."""
    code: str
    other: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class TableChanges:
    """What an import changes, compared with the release that was valid on its first day."""

    compared_with: str | None
    """That release; None: there is none."""
    added: int
    removed: int
    changed: int
    examples: tuple[ChangedEntry, ...]


@dataclass(frozen=True, slots=True)
class NewTable:
    """A release to import."""

    kind: TableKind
    release: str
    valid_from: date
    source: str
    sha256: str
    entries: Sequence[TableEntry]


def import_table(
    connection: Connection, new: NewTable, *, by: str, dry_run: bool = False
) -> tuple[ImportedTable | None, TableChanges]:
    """Store a release and say what it changes; with `dry_run` only say so. Commits.

    Raises `ImportRefused` where the same file is already in force.
    """
    with connection.transaction():
        connection.execute(_ONE_IMPORT)
        before = _in_force(connection, new.kind, new.valid_from)
        if before is not None and (before.sha256, before.valid_from) == (new.sha256, new.valid_from):
            raise ImportRefused(
                f"this file is already imported as {new.kind.value} {before.release} (import {before.import_id}); "
                "nothing was changed"
            )
        _stage(connection, new.entries)
        changes = _changes(connection, before)
        if dry_run:
            return None, changes
        stored = _add(connection, new, by)
        connection.execute(
            f"INSERT INTO code_table_entries (import_id, {_ENTRIES}) SELECT %s, {_ENTRIES} FROM incoming",
            [stored.import_id],
        )
        # Last, because a large table takes longer than `COMMITTED_WITHIN` to store.
        known_from = clock.now() + COMMITTED_WITHIN
        connection.execute(
            "UPDATE code_table_imports SET known_from = %s WHERE import_id = %s", [known_from, stored.import_id]
        )
        stored = replace(stored, known_from=known_from)
    connection.execute("ANALYZE code_table_imports, code_table_entries")
    connection.commit()
    return stored, changes


def imported_tables(connection: Connection) -> list[ImportedTable]:
    """Every import, by kind, the newest first."""
    with connection.cursor(row_factory=class_row(ImportedTable)) as cursor:
        statement = f"SELECT {_COLUMNS} FROM code_table_imports ORDER BY kind, import_id DESC"
        return list(cursor.execute(statement))


def roll_back(connection: Connection, kind: TableKind, *, by: str) -> tuple[ImportedTable, ImportedTable | None]:
    """Withdraw the last import of a kind, whatever its days; returns it, and the newest release in force. Commits.

    Claims received meanwhile keep their decision, and are checked again by the withdrawn release. Raises
    `ImportRefused` where there is none.
    """
    with connection.transaction():
        connection.execute(_ONE_IMPORT)
        last = max(_not_withdrawn(connection, kind), key=lambda one: one.import_id, default=None)
        if last is None:
            raise ImportRefused(f"no release of {kind.value} is in force; nothing was changed")
        until = clock.now() + COMMITTED_WITHIN
        connection.execute(
            "UPDATE code_table_imports SET known_until = %s, rolled_back_by = %s WHERE import_id = %s",
            [until, by, last.import_id],
        )
        return replace(last, known_until=until, rolled_back_by=by), _in_force(connection, kind, date.max)


def _in_force(connection: Connection, kind: TableKind, day: date) -> ImportedTable | None:
    """The release that is valid on a day."""
    found = [one for one in _not_withdrawn(connection, kind) if one.valid_from <= day]
    return max(found, key=lambda one: (one.valid_from, one.import_id), default=None)


def _not_withdrawn(connection: Connection, kind: TableKind) -> list[ImportedTable]:
    with connection.cursor(row_factory=class_row(ImportedTable)) as cursor:
        statement = f"SELECT {_COLUMNS} FROM code_table_imports WHERE kind = %s AND known_until IS NULL"
        return list(cursor.execute(statement, [kind.value]))


def _stage(connection: Connection, entries: Sequence[TableEntry]) -> None:
    connection.execute(f"CREATE TEMPORARY TABLE incoming ({_SHAPE}) ON COMMIT DROP")
    with connection.cursor().copy(f"COPY incoming ({_ENTRIES}) FROM STDIN") as copy:
        for row in _placed(entries):
            copy.write_row(row)
    connection.execute("ANALYZE incoming")


def _placed(entries: Sequence[TableEntry]) -> Iterator[tuple[object, ...]]:
    """Rows of `incoming`; entries of one code and other code follow one another, and are counted from 0."""
    key, place = ("", ""), 0
    for entry in entries:
        place = place + 1 if key == (entry.code, entry.other) else 0
        key = (entry.code, entry.other)
        yield (*key, place, entry.first_day, entry.last_day, entry.number, entry.indicator, entry.text)


def _changes(connection: Connection, before: ImportedTable | None) -> TableChanges:
    params = {"before": None if before is None else before.import_id, "most": MOST_EXAMPLES}
    counts = {"added": 0, "removed": 0, "changed": 0}
    examples = []
    statement = f"SELECT * FROM ({_DIFFERENCE}) AS found WHERE row_number <= %(most)s"
    for change, code, other, earlier, fresh, count, _ in connection.execute(statement, params):
        counts[str(change)] = int(str(count))
        examples.append(ChangedEntry(str(change), str(code), str(other), str(earlier), str(fresh)))
    return TableChanges(None if before is None else before.release, **counts, examples=tuple(examples))


def _add(connection: Connection, new: NewTable, by: str) -> ImportedTable:
    values = [
        new.kind.value,
        new.release,
        new.valid_from,
        new.source,
        new.sha256,
        len(new.entries),
        clock.now() + COMMITTED_WITHIN,
        by,
    ]
    with connection.cursor(row_factory=class_row(ImportedTable)) as cursor:
        stored = cursor.execute(
            f"""INSERT INTO code_table_imports
                (kind, release, valid_from, source, sha256, entries, known_from, imported_by)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}""",
            values,
        ).fetchone()
    assert stored is not None
    return stored
