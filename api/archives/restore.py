"""Restoring claims from an archive: verified first, each row as it was, and none that is there already."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from api.archives.columns import Connection, TableColumns
from api.archives.declared import TABLES, ArchivedTable
from api.archives.files import stored_rows, verify
from api.archives.moving import CHANGED_HISTORY, audit_row
from api.archives.records import ArchivedFile, ArchiveError, Manifest, RestoreRun
from api.archives.run import one_run
from api.identity import Caller
from api.outbox import HISTORY_LOADED
from core import clock
from core.settings import Settings
from core.signing import trusted_keys

_INCOMING: Final = "CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} AS one WHERE false"
_SORTED: Final = """
    SELECT incoming.claim_id,
           existing.claim_id IS NOT NULL,
           entry.archive IS DISTINCT FROM %(archive)s AND entry.archive IS NOT NULL,
           keys.erased_at IS NOT NULL AND keys.erased_at >= %(made_at)s
    FROM incoming_claims AS incoming
    LEFT JOIN claims AS existing ON existing.claim_id = incoming.claim_id
    LEFT JOIN archived_claims AS entry ON entry.claim_id = incoming.claim_id
    LEFT JOIN member_keys AS keys ON keys.member_id = incoming.member_id
    WHERE %(claim)s::text IS NULL OR incoming.claim_id = %(claim)s
    ORDER BY incoming.claim_id
"""
_RESTORED: Final = "UPDATE archived_claims SET restored_at = %s WHERE claim_id = ANY (%s)"


@dataclass(frozen=True, slots=True)
class Restorer:
    """Restores archives into a database."""

    url: str
    settings: Settings
    caller: Caller

    def restore(
        self, folders: Sequence[Path], *, claim_id: str | None = None, dry_run: bool = False
    ) -> list[RestoreRun]:
        """Restore archives, or one claim of them, each in a transaction; `dry_run` changes nothing.

        All are verified first. Raises `ArchiveError` where one is not what its manifest says, or does not fit the
        tables of this release; nothing is restored then.
        """
        trusted = trusted_keys(self.settings)
        manifests: list[tuple[Path, Manifest]] = []
        problems: list[str] = []
        for folder in folders:
            manifest, found = verify(folder, trusted)
            problems += found
            if manifest is not None:
                manifests.append((folder, manifest))
        if problems:
            raise ArchiveError(f"nothing was restored: {'; '.join(problems)}")
        with one_run(self.url) as connection:
            for folder, manifest in manifests:
                _require_fit(connection, folder, manifest)
            return [self._restore(connection, *one, claim_id, dry_run) for one in manifests]

    def _restore(
        self, connection: Connection, folder: Path, manifest: Manifest, claim_id: str | None, dry_run: bool
    ) -> RestoreRun:
        now = clock.now()
        with connection.transaction(force_rollback=dry_run):
            for table, file in _files(manifest):
                _stage(connection, folder, table, file)
            chosen: list[str] = []
            erased: list[str] = []
            present = elsewhere = 0
            params = {"archive": manifest.archive, "claim": claim_id, "made_at": manifest.made_at}
            rows = connection.execute(_SORTED, params).fetchall()
            for found, is_present, is_elsewhere, is_erased in rows:
                if is_present:
                    present += 1
                elif is_elsewhere:
                    elsewhere += 1
                elif is_erased:
                    erased.append(str(found))
                else:
                    chosen.append(str(found))
            counts: dict[str, int] = {}
            if chosen:
                counts = _insert(connection, manifest, chosen)
                connection.execute(_RESTORED, [now, chosen])
                details = {"rows": counts, "claims": len(chosen)}
                audit_row(connection, self.caller, "archive.restore", manifest.archive, details, now)
                connection.execute(CHANGED_HISTORY, [HISTORY_LOADED, manifest.archive, now])
        return RestoreRun(manifest.archive, len(chosen), counts, present, elsewhere, tuple(erased))


def _files(manifest: Manifest) -> list[tuple[ArchivedTable, ArchivedFile]]:
    """The tables of an archive with their files, the claims first."""
    found = [(table, manifest.file_of(table.name)) for table in TABLES[manifest.kind]]
    return [(table, file) for table, file in found if file is not None]


def _require_fit(connection: Connection, folder: Path, manifest: Manifest) -> None:
    """Raise `ArchiveError` where a row of an archive cannot be a row of the tables as they are."""
    if manifest.kind not in TABLES:
        raise ArchiveError(f"{folder} has the kind {manifest.kind}, which this release does not archive")
    unknown = {one.table for one in manifest.files} - {one.name for one in TABLES[manifest.kind]}
    problems = [f"the table {one} is not restored by this release" for one in sorted(unknown)]
    for table, file in _files(manifest):
        now = TableColumns.of(connection, table.name)
        types = {one.name: one.type for one in now.columns}
        for one in file.columns:
            if one.name not in types:
                problems.append(f"{table.name} has no column {one.name} any more")
            elif types[one.name] != one.type:
                problems.append(f"{table.name}.{one.name} was {one.type} and is {types[one.name]}")
        stored = {one.name for one in file.columns}
        problems += [f"{table.name}.{one} has no default for earlier rows" for one in sorted(now.required - stored)]
    if problems:
        raise ArchiveError(
            f"{folder} is of revision {manifest.revision} and does not fit the tables of this release: "
            f"{'; '.join(problems)}. Restore it into a database of the release that made it, and upgrade that one"
        )


def _stage(connection: Connection, folder: Path, table: ArchivedTable, file: ArchivedFile) -> None:
    """Copy the rows of a file into a temporary table of its columns."""
    incoming, columns = sql.Identifier(f"incoming_{table.name}"), _names(file)
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(incoming))
    connection.execute(sql.SQL(_INCOMING).format(incoming, columns, sql.Identifier(table.name)))
    with connection.cursor().copy(sql.SQL("COPY {} ({}) FROM STDIN").format(incoming, columns)) as copy:
        for row in stored_rows(folder, file):
            copy.write_row(row)


def _insert(connection: Connection, manifest: Manifest, claim_ids: Sequence[str]) -> dict[str, int]:
    """Insert the staged rows of claims, in one statement: foreign keys are checked at its end."""
    files = _files(manifest)
    claims = {"claims": list(claim_ids)}
    for table, file in files:
        if table.stays:
            connection.execute(_inserting(table, file), claims)
    own = [(table, file) for table, file in files if not table.stays]
    parts = [
        sql.SQL("{} AS ({} RETURNING 1)").format(sql.Identifier(f"to_{table.name}"), _inserting(table, file))
        for table, file in own
    ]
    totals = [sql.SQL("(SELECT count(*) FROM {})").format(sql.Identifier(f"to_{table.name}")) for table, _ in own]
    statement = sql.SQL("WITH {} SELECT {}").format(sql.SQL(", ").join(parts), sql.SQL(", ").join(totals))
    try:
        row = connection.execute(statement, claims).fetchone()
    except psycopg.errors.IntegrityError as error:
        raise ArchiveError(
            f"the archive {manifest.archive} does not fit what is in the database ({error.diag.constraint_name}): "
            "nothing of it was restored"
        ) from None
    assert row is not None
    counts = {table.name: int(str(count)) for (table, _), count in zip(own, row, strict=True)}
    return {table: count for table, count in counts.items() if count}


def _inserting(table: ArchivedTable, file: ArchivedFile) -> sql.Composed:
    """SQL that inserts the staged rows of `%(claims)s`; columns that the archive lacks have their default."""
    # The condition reads the staged rows of other tables, which the database does not have any more.
    where = table.where.replace("FROM appeals", "FROM incoming_appeals").replace(
        "FROM rescreening_findings", "FROM incoming_rescreening_findings"
    )
    statement = "INSERT INTO {} ({}) SELECT {} FROM {} AS one WHERE " + where
    return sql.SQL(statement + (" ON CONFLICT DO NOTHING" if table.stays else "")).format(
        sql.Identifier(table.name), _names(file), _names(file), sql.Identifier(f"incoming_{table.name}")
    )


def _names(file: ArchivedFile) -> sql.Composable:
    return sql.SQL(", ").join(sql.Identifier(one.name) for one in file.columns)
