"""Moving claims to an archive: files first, and when they are on disk, were read again and equal the rows, deletion.

The process may end between any two steps. An archive has a row in `archives` before its folder, and the time of
archival in it is set by the transaction that deletes its rows: a row without it is of an interrupted run, all of whose
rows are still here. What it wrote is removed while it has no name yet; an archive with its name is set aside only, as
the run may be one of the database that this one was copied from, and have ended there.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from api.archives.columns import Row, TableColumns, same
from api.archives.declared import TABLES, ArchivedTable
from api.archives.files import ROWS, problems_of, read_manifest, stored_rows, write_manifest, write_table
from api.archives.records import ArchivedFile, ArchiveError, ArchiveStep, Manifest
from api.archives.selection import Cutoff, left_now
from api.identity import Caller
from api.outbox import HISTORY_LOADED
from core import clock
from core.durable_files import sync_folder
from core.ids import new_id
from core.signing import SigningKey, TrustedKeys

Connection = psycopg.Connection[tuple[object, ...]]
OnStep = Callable[[ArchiveStep], None]

_LOCK_MEMBERS: Final = """
    SELECT pg_advisory_xact_lock(hashtextextended(one, 0)) FROM (
        SELECT DISTINCT coalesce(member_id, claim_id) AS one FROM claims WHERE claim_id = ANY (%(claims)s) ORDER BY 1
    ) AS members
"""
"""As `api.intake.lock_member`: no claim of theirs is decided, no hold added and no member erased until the commit."""
_LOCK_CLAIMS: Final = "SELECT FROM claims WHERE claim_id = ANY (%(claims)s) ORDER BY claim_id FOR UPDATE"
_INDEX: Final = """
    INSERT INTO archived_claims (claim_id, archive, member_id, provider_id, received_at)
    SELECT claim_id, %(archive)s, member_id, provider_id, received_at FROM claims WHERE claim_id = ANY (%(claims)s)
    ON CONFLICT (claim_id) DO UPDATE SET archive = excluded.archive, restored_at = NULL
"""
_ARCHIVED: Final = """
    UPDATE archives SET archived_at = %(at)s, claims = %(rows)s, first_received_at = %(first)s,
        last_received_at = %(last)s, manifest_sha256 = %(sha256)s
    WHERE archive = %(archive)s AND archived_at IS NULL
"""
AUDIT: Final = """
    INSERT INTO audit_log (at, api_key_id, name, role, act, details, subject_kind, subject_id)
    VALUES (%(at)s, %(actor)s, %(name)s, %(role)s, %(act)s, %(details)s, 'archive', %(archive)s)
"""
CHANGED_HISTORY: Final = "INSERT INTO outbox (topic, entity_key, payload, created_at) VALUES (%s, %s, '{}', %s)"


@dataclass(frozen=True, slots=True)
class Mover:
    """Writes one archive after the other from a database to a folder."""

    connection: Connection
    """In autocommit."""
    kind: str
    folder: Path
    cutoff: Cutoff
    caller: Caller
    key: SigningKey
    trusted: TrustedKeys
    on_step: OnStep

    @property
    def _deleted(self) -> frozenset[str]:
        return frozenset(table.name for table in TABLES[self.kind] if not table.stays)

    def move(self, month: str, claim_ids: Sequence[str]) -> tuple[str, Mapping[str, int]] | None:
        """Archive claims; returns the archive's name and rows by table.

        `None`: one of them changed, or came under a hold, meanwhile, and none was archived. Raises `ArchiveError`,
        `OSError`, `psycopg.Error`; every row is in the database then, or in the archive alone.
        """
        archive = f"{self.kind.replace('_', '-')}-{month}-{new_id('arc').removeprefix('arc_')}"
        # Before the row: to `discard_interrupted`, a row without such a folder means that the volume is not mounted.
        partial_of(self.folder, archive).mkdir(mode=0o700)
        sync_folder(self.folder)
        self.connection.execute(
            "INSERT INTO archives (archive, kind, folder, begun_at) VALUES (%s, %s, %s, %s)",
            [archive, self.kind, str(self.folder), clock.now()],
        )
        self.on_step(ArchiveStep.BEGUN)
        manifest, sha256 = self._write(archive, claim_ids)
        removed = self._delete(manifest, sha256, claim_ids)
        if removed is None:
            discard(self.connection, archive, self.folder)
            return None
        self.on_step(ArchiveStep.COMMITTED)
        return archive, removed

    def _write(self, archive: str, claim_ids: Sequence[str]) -> tuple[Manifest, str]:
        partial = partial_of(self.folder, archive)
        with self.connection.transaction():
            # One state of all tables, as the comparison before the deletion finds it or not.
            self.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            files = [self._table(partial, table, claim_ids) for table in TABLES[self.kind]]
            revision = self.connection.execute("SELECT version_num FROM alembic_version").fetchone()
            bounds = self.connection.execute(
                "SELECT min(received_at), max(received_at), count(*) FROM claims WHERE claim_id = ANY (%s)",
                [list(claim_ids)],
            ).fetchone()
        self.on_step(ArchiveStep.FILES_WRITTEN)
        assert revision is not None
        assert bounds is not None
        first, last, claims = bounds
        assert isinstance(first, datetime)
        assert isinstance(last, datetime)
        manifest = Manifest(
            archive=archive,
            kind=self.kind,
            revision=str(revision[0]),
            made_at=clock.now(),
            received_before=self.cutoff.before,
            first_received_at=first,
            last_received_at=last,
            claims=int(str(claims)),
            files=tuple(one for one in files if one is not None),
        )
        sha256 = write_manifest(partial, manifest, self.key)
        self.on_step(ArchiveStep.MANIFEST_WRITTEN)
        named = self.folder / archive
        partial.rename(named)
        sync_folder(self.folder)
        self.on_step(ArchiveStep.NAMED)
        stored = read_manifest(named, self.trusted, Manifest)
        problems = problems_of(named, stored.files)
        if stored != manifest or problems:
            raise ArchiveError(f"what was written cannot be read again: {'; '.join(problems)}; check the disk")
        self.on_step(ArchiveStep.VERIFIED)
        return manifest, sha256

    def _table(self, folder: Path, table: ArchivedTable, claim_ids: Sequence[str]) -> ArchivedFile | None:
        columns = TableColumns.of(self.connection, table.name)
        return write_table(folder, table, columns.columns, self._rows(table, columns, claim_ids))

    def _rows(self, table: ArchivedTable, columns: TableColumns, claim_ids: Sequence[str]) -> Iterator[list[Row]]:
        """The rows of a table in the order of their keys, some at a time; within a transaction."""
        statement = sql.SQL("SELECT {} FROM {} AS one WHERE {} ORDER BY {}").format(
            columns.selected(),
            sql.Identifier(table.name),
            sql.SQL(table.where),
            sql.SQL(", ").join(sql.Identifier("one", name) for name in table.key),
        )
        with self.connection.cursor(f"rows of {table.name}") as cursor:
            cursor.execute(statement, {"claims": list(claim_ids)})
            while rows := cursor.fetchmany(ROWS):
                yield rows

    def _delete(self, manifest: Manifest, sha256: str, claim_ids: Sequence[str]) -> Mapping[str, int] | None:
        """Delete what an archive has, in one transaction; `None`: it is not what is here any more."""
        claims = {"claims": list(claim_ids)}
        now = clock.now()
        try:
            with self.connection.transaction():
                self.connection.execute(_LOCK_MEMBERS, claims)
                self.connection.execute(_LOCK_CLAIMS, claims)
                self.on_step(ArchiveStep.LOCKED)
                if left_now(self.connection, self.cutoff, claim_ids):
                    raise _ChangedError
                for table in TABLES[self.kind]:
                    self._compare(manifest, table, claim_ids)
                self.on_step(ArchiveStep.COMPARED)
                self.connection.execute(_INDEX, {**claims, "archive": manifest.archive})
                removed = {name: count for name, count in self._delete_rows(claim_ids).items() if count}
                if removed != {one.table: one.rows for one in manifest.files if one.table in self._deleted}:
                    raise _ChangedError
                self._record(manifest, sha256, removed, now)
                self.on_step(ArchiveStep.DELETED)
        except _ChangedError:
            return None
        return removed

    def _compare(self, manifest: Manifest, table: ArchivedTable, claim_ids: Sequence[str]) -> None:
        """Compare the rows of a table with those of its file, each with its own."""
        columns = TableColumns.of(self.connection, table.name)
        file = manifest.file_of(table.name)
        stored = iter(()) if file is None else stored_rows(self.folder / manifest.archive, file)
        if file is not None and file.columns != columns.columns:
            raise _ChangedError
        for row in chain.from_iterable(self._rows(table, columns, claim_ids)):
            other = next(stored, None)
            if other is None or not same(row, other):
                raise _ChangedError
        if next(stored, None) is not None:
            raise _ChangedError

    def _delete_rows(self, claim_ids: Sequence[str]) -> dict[str, int]:
        """Delete the rows of claims; returns how many by table. Foreign keys are checked at the end of a statement."""
        deleted = [table for table in TABLES[self.kind] if table.name in self._deleted]
        first = [table for table in deleted if table.goes_first]
        together = [table for table in deleted if not table.goes_first]
        claims = {"claims": list(claim_ids)}
        removed = {
            table.name: self.connection.execute(
                sql.SQL("DELETE FROM {} AS one WHERE {}").format(sql.Identifier(table.name), sql.SQL(table.where)),
                claims,
            ).rowcount
            for table in first
        }
        parts = [
            sql.SQL("{} AS (DELETE FROM {} AS one WHERE {} RETURNING 1)").format(
                sql.Identifier(f"from_{table.name}"), sql.Identifier(table.name), sql.SQL(table.where)
            )
            for table in together
        ]
        counts = [sql.SQL("(SELECT count(*) FROM {})").format(sql.Identifier(f"from_{one.name}")) for one in together]
        row = self.connection.execute(
            sql.SQL("WITH {} SELECT {}").format(sql.SQL(", ").join(parts), sql.SQL(", ").join(counts)), claims
        ).fetchone()
        assert row is not None
        return removed | {table.name: int(str(count)) for table, count in zip(together, row, strict=True)}

    def _record(self, manifest: Manifest, sha256: str, removed: Mapping[str, int], now: datetime) -> None:
        values = {
            "at": now,
            "rows": manifest.claims,
            "first": manifest.first_received_at,
            "last": manifest.last_received_at,
            "sha256": sha256,
            "archive": manifest.archive,
        }
        if self.connection.execute(_ARCHIVED, values).rowcount != 1:
            raise ArchiveError(f"the archive {manifest.archive} is not in the table of archives any more; run it again")
        audit_row(self.connection, self.caller, "archive.add", manifest.archive, {"rows": dict(removed)}, now)
        # Windows without an end count what is here: the online store is computed again.
        self.connection.execute(CHANGED_HISTORY, [HISTORY_LOADED, manifest.archive, now])


class _ChangedError(Exception):
    """The rows are not those of the archive any more."""


@dataclass(frozen=True, slots=True)
class InterruptedArchives:
    """What interrupted runs left. All of their rows are in the database."""

    archives: tuple[str, ...] = ()
    """Names."""
    set_aside: tuple[Path, ...] = ()
    """Folders of those that had their names already, with data in clear, under other names."""


def partial_of(folder: Path, archive: str) -> Path:
    """Where an archive is until it is whole."""
    return folder / f".{archive}"


def discard_interrupted(connection: Connection) -> InterruptedArchives:
    """Remove or set aside what interrupted runs left.

    Raises `ArchiveError` where a folder does not have what was interrupted in it, and `OSError`; the row stays then.
    """
    found = connection.execute("SELECT archive, folder FROM archives WHERE archived_at IS NULL").fetchall()
    aside: list[Path] = []
    for archive, folder in ((str(archive), Path(str(folder))) for archive, folder in found):
        partial, named, discarded = partial_of(folder, archive), folder / archive, folder / f".discarded-{archive}"
        if not (partial.is_dir() or named.is_dir() or discarded.is_dir()):
            raise ArchiveError(
                f"{folder}, where {archive} was interrupted, does not have it; mount it and run it again "
                f"(if what was written is lost, create the folder {partial})"
            )
        if named.is_dir():
            named.rename(discarded)
            sync_folder(folder)
        if discarded.is_dir():
            aside.append(discarded)
        discard(connection, archive, folder)
    return InterruptedArchives(tuple(str(archive) for archive, _ in found), tuple(aside))


def discard(connection: Connection, archive: str, folder: Path) -> None:
    """Remove an archive whose rows this run did not delete: its files, its row, then its folder. Raises `OSError`."""
    partial, named = partial_of(folder, archive), folder / archive
    if named.is_dir():
        named.rename(partial)
    if partial.is_dir():
        for file in partial.iterdir():
            file.unlink()
        sync_folder(folder)
    connection.execute("DELETE FROM archives WHERE archive = %s AND archived_at IS NULL", [archive])
    if partial.is_dir():
        partial.rmdir()
        sync_folder(folder)


def audit_row(
    connection: Connection, caller: Caller, act: str, archive: str, details: Mapping[str, object], at: datetime
) -> None:
    """Record an act on an archive in the current transaction."""
    values = {"at": at, "actor": caller.actor_id, "name": caller.name, "role": caller.role, "act": act}
    connection.execute(AUDIT, {**values, "archive": archive, "details": Jsonb(dict(details))})
