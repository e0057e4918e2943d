"""Moving sealed rows of the audit log to archives: written, read again and compared with their seals, then removed.

An archive has consecutive seals from the one after the last archive. Its rows are removed in the transaction that
stores its signed manifest, so rows are in the database, or in an archive that the database names.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, LiteralString

from psycopg import sql
from psycopg.types.json import Jsonb

from api.archives import (
    ArchivedFile,
    ArchivedTable,
    ArchiveError,
    ArchiveRequestError,
    Connection,
    StoredRow,
    TableColumns,
    one_run,
    problems_of,
    read_manifest,
    write_manifest,
    write_table,
)
from api.audit import COMMAND_LINE, ENTRY_BYTES, Seal, check_rows, check_seal
from api.audit_archives.reading import rows_of_archive, rows_of_seal
from api.audit_archives.records import (
    LOG,
    PREFIX,
    SEALS,
    AuditArchiveRequest,
    AuditArchiveRun,
    AuditManifest,
)
from api.retention import IN_FORCE, RetentionTable
from claims.service_days import receipt_day
from core import clock
from core.durable_files import sync_folder
from core.ids import new_id
from core.residency import require_region
from core.settings import Settings
from core.signing import SigningKey, TrustedKeys, signing_key, trusted_keys

KIND: Final = "audit_log"
"""Of `api/retention/kinds.toml`."""
MOST_ROWS: Final = 100_000
"""Of an archive, but for its last seal."""
_SEAL: Final = "SELECT seal, sealed_at, last_audit_id, entries, previous, hash FROM audit_seals WHERE seal = %s"
_LAST: Final = "SELECT max(last_seal) FROM audit_archives"
_YOUNGER: Final = "SELECT min(audit_id) FROM audit_log WHERE at >= %s"
_HELD: Final = f"""
    WITH held AS (SELECT hold.member_id FROM legal_holds AS hold WHERE {IN_FORCE}),
    claims_of AS (
        SELECT claim_id FROM claims WHERE member_id IN (SELECT member_id FROM held)
        UNION SELECT claim_id FROM archived_claims WHERE member_id IN (SELECT member_id FROM held)
    )
    SELECT min(audit_id) FROM (
        SELECT min(audit_id) AS audit_id FROM audit_log
        WHERE subject_kind = 'member' AND subject_id IN (SELECT member_id FROM held)
        UNION ALL
        SELECT min(audit_id) FROM audit_log WHERE claim_id IN (SELECT claim_id FROM claims_of)
        UNION ALL
        SELECT min(audit_id) FROM audit_log
        WHERE subject_kind = 'claim' AND subject_id IN (SELECT claim_id FROM claims_of)
    ) AS entries
"""
_MEMBERS: Final = """
    SELECT DISTINCT subject_id FROM audit_log
    WHERE audit_id > %s AND audit_id <= %s AND subject_kind = 'member' AND change IS NOT NULL ORDER BY 1
"""
_ADD: Final = """
    INSERT INTO audit_archives
        (archive, folder, archived_at, first_seal, last_seal, last_audit_id, manifest, signature, members)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_AUDIT: Final = """
    INSERT INTO audit_log (at, api_key_id, name, role, act, details, purpose, subject_kind, subject_id)
    VALUES (%s, %s, %s, 'operator', 'audit.archive', %s, 'HOPERAT', 'archive', %s)
"""
_BEFORE_ALL: Final = -(2**63)


def archive_log(
    url: str,
    settings: Settings,
    request: AuditArchiveRequest,
    *,
    dry_run: bool = False,
    progress: Callable[[str], None] = lambda text: None,
    most_rows: int = MOST_ROWS,
) -> AuditArchiveRun:
    """Archive the seals whose rows are all older than a day. Idempotent; only the owner of the tables may do it.

    Raises `ArchiveRequestError` for a day within the retention, `ArchiveError` where a row is not as it was sealed,
    `ResidencyError`, `SigningKeyError`, `OSError`. No row is removed then that is not in an archive.
    """
    before = _cutoff(settings, request)
    folder = request.folder.resolve()
    require_region(settings, folder / "archive")
    if not folder.is_dir():
        raise ArchiveRequestError(f"{folder} is not a folder; create it, or mount it")
    key, trusted = signing_key(settings), trusted_keys(settings)
    names: list[str] = []
    rows = seals = 0
    with one_run(url) as connection:
        held_from = _number(connection, _HELD, _day(settings))
        unknown = _unknown(connection, folder)
        writer = _Writer(connection, folder, before, request.by, _day(settings), key, trusted)
        for some in _due(connection, before, held_from, most_rows):
            if not dry_run:
                names.append(writer.move(some))
            rows += sum(len(one.entries) // ENTRY_BYTES for one in some)
            seals += len(some)
            progress(f"{rows:,} rows in {len(names):,} archives")
        if names:
            connection.execute("VACUUM (ANALYZE, INDEX_CLEANUP ON) audit_log")
    return AuditArchiveRun(tuple(names), rows, seals, held_from, unknown)


def _cutoff(settings: Settings, request: AuditArchiveRequest) -> datetime:
    kind = RetentionTable.of(settings.retention_file)[KIND]
    over = clock.now().date() - kind.period
    if request.before > over:
        raise ArchiveRequestError(
            f"the audit log is kept for {kind.days} days: --before must be {over} or earlier; GINJA_RETENTION_FILE "
            "makes the period longer (docs/operate/privacy.md)"
        )
    return datetime.combine(request.before, datetime.min.time(), UTC)


def _day(settings: Settings) -> Mapping[str, object]:
    return {"hold_day": receipt_day(clock.now(), settings.zone)}


def _number(
    connection: Connection, statement: LiteralString, values: Sequence[object] | Mapping[str, object] = ()
) -> int | None:
    row = connection.execute(statement, values).fetchone()
    return None if row is None or row[0] is None else int(str(row[0]))


def _unknown(connection: Connection, folder: Path) -> tuple[str, ...]:
    known = {str(name) for (name,) in connection.execute("SELECT archive FROM audit_archives")}
    found = (path.name for path in folder.iterdir() if path.is_dir() and path.name.lstrip(".").startswith(PREFIX))
    return tuple(sorted(name for name in found if name not in known))


def _due(connection: Connection, before: datetime, held_from: int | None, most_rows: int) -> Iterator[list[Seal]]:
    """The seals of each archive. Each is read again after what was before it was removed."""
    number = (_number(connection, _LAST) or 0) + 1
    ends = [one for one in (held_from, _number(connection, _YOUNGER, [before])) if one is not None]
    some: list[Seal] = []
    rows = 0
    while (seal := seal_of(connection, number)) is not None and seal.sealed_at < before:
        if any(one <= seal.last_audit_id for one in ends):
            break
        some.append(seal)
        rows += len(seal.entries) // ENTRY_BYTES
        if rows >= most_rows:
            yield some
            some, rows = [], 0
        number += 1
    if some:
        yield some


def seal_of(connection: Connection, number: int) -> Seal | None:
    """A seal; `None`: there is none with this number."""
    row = connection.execute(_SEAL, [number]).fetchone()
    return None if row is None else Seal(*row)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class _Writer:
    connection: Connection
    """In autocommit."""
    folder: Path
    before: datetime
    by: str
    day: Mapping[str, object]
    """On which holds are in force."""
    key: SigningKey
    trusted: TrustedKeys

    def move(self, seals: Sequence[Seal]) -> str:
        """Archive the rows of consecutive seals; gives the name of the archive."""
        previous = seal_of(self.connection, seals[0].number - 1)
        if faults := _faults(seals, previous):
            raise ArchiveError(f"nothing was archived: {faults}; run `ginja audit verify`")
        archive = f"{PREFIX}{seals[0].number:012}-{new_id('arc').removeprefix('arc_')}"
        partial = self.folder / f".{archive}"
        partial.mkdir(mode=0o700)
        after = _BEFORE_ALL if previous is None else previous.last_audit_id
        manifest = self._manifest(archive, partial, seals, after)
        write_manifest(partial, manifest, self.key, "audit archive")
        named = self.folder / archive
        partial.rename(named)
        sync_folder(self.folder)
        self._verify(named, manifest, seals)
        self._remove(named, manifest, seals, after)
        return archive

    def _manifest(self, archive: str, partial: Path, seals: Sequence[Seal], after: int) -> AuditManifest:
        first, last = seals[0], seals[-1]
        with self.connection.transaction():
            self.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            bounds = self.connection.execute(
                "SELECT min(at), max(at), count(*), (SELECT version_num FROM alembic_version) FROM audit_log "
                "WHERE audit_id > %s AND audit_id <= %s",
                [after, last.last_audit_id],
            ).fetchone()
            log = self._table(partial, LOG, "audit_id", after, last.last_audit_id)
            chain = self._table(partial, SEALS, "seal", first.number - 1, last.number)
        assert bounds is not None
        if log is None or chain is None:
            raise ArchiveError("nothing was archived: rows of a seal were removed; run `ginja audit verify`")
        return AuditManifest(
            archive=archive,
            revision=str(bounds[3]),
            made_at=clock.now(),
            before=self.before,
            first_seal=first.number,
            last_seal=last.number,
            previous=first.previous.hex(),
            head=last.hash.hex(),
            last_audit_id=last.last_audit_id,
            first_at=bounds[0],
            last_at=bounds[1],
            rows=log.rows,
            files=(log, chain),
        )

    def _table(self, folder: Path, table: str, key: str, after: int, until: int) -> ArchivedFile | None:
        columns = TableColumns.of(self.connection, table)
        statement = sql.SQL("SELECT {} FROM {} AS one WHERE one.{} > %s AND one.{} <= %s ORDER BY one.{}").format(
            columns.selected(), sql.Identifier(table), *[sql.Identifier(key)] * 3
        )

        def rows() -> Iterator[Sequence[StoredRow]]:
            with self.connection.cursor(f"rows of {table}") as cursor:
                cursor.execute(statement, [after, until])
                while some := cursor.fetchmany(200):
                    yield some

        return write_table(folder, ArchivedTable(table, (key,)), columns.columns, rows())

    def _verify(self, named: Path, manifest: AuditManifest, seals: Sequence[Seal]) -> None:
        """Read the archive again, and compare each row with its seal."""
        stored = read_manifest(named, self.trusted, AuditManifest, "audit archive")
        problems = problems_of(named, stored.files)
        if stored != manifest or problems:
            raise ArchiveError(f"what was written cannot be read again: {'; '.join(problems)}; check the disk")
        rows = rows_of_archive(named, stored)
        for seal in seals:
            if faults := check_rows(seal, rows_of_seal(rows, seal)):
                fault = faults[0]
                raise ArchiveError(
                    f"nothing was removed: row {fault.audit_id} of seal {seal.number} was {fault.kind}; "
                    f"run `ginja audit verify`, and delete the folder {named}"
                )
        if next(rows, None) is not None:
            raise ArchiveError(f"nothing was removed: rows without a seal are in between; delete the folder {named}")

    def _remove(self, named: Path, manifest: AuditManifest, seals: Sequence[Seal], after: int) -> None:
        now = clock.now()
        span = [after, manifest.last_audit_id]
        parts = [(named / name).read_bytes() for name in ("manifest.json", "manifest.json.sig")]
        with self.connection.transaction():
            held = _number(self.connection, _HELD, self.day)
            if held is not None and held <= manifest.last_audit_id:
                raise ArchiveError(
                    f"nothing was removed: entry {held} came under a legal hold meanwhile; delete the folder {named}, "
                    "and run the command again"
                )
            members = [str(one) for (one,) in self.connection.execute(_MEMBERS, span)]
            values = [manifest.archive, str(self.folder), now, manifest.first_seal, manifest.last_seal]
            self.connection.execute(_ADD, [*values, manifest.last_audit_id, *parts, members])
            self.connection.execute("GRANT DELETE ON audit_log TO CURRENT_USER")
            removed = self.connection.execute(
                "DELETE FROM audit_log WHERE audit_id > %s AND audit_id <= %s", span
            ).rowcount
            self.connection.execute("REVOKE DELETE ON audit_log FROM CURRENT_USER")
            if removed != manifest.rows:
                raise ArchiveError(f"nothing was removed: the log changed meanwhile; delete the folder {named}")
            details = {"rows": removed, "first_seal": manifest.first_seal, "last_seal": manifest.last_seal}
            self.connection.execute(_AUDIT, [now, COMMAND_LINE, self.by, Jsonb(details), manifest.archive])


def _faults(seals: Sequence[Seal], previous: Seal | None) -> str:
    """What is wrong with the chain of seals; empty: nothing."""
    before = previous
    for seal in seals:
        if check_seal(seal, before):
            return f"seal {seal.number}, or the one before, was changed"
        before = seal
    return ""
