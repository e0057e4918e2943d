"""Archiving the audit log: nothing is removed that an archive does not have, and the chain goes on across the cut."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from psycopg.errors import InsufficientPrivilege, RestrictViolation
from pydantic import SecretStr

from api.archives import ArchiveError, ArchiveRequestError
from api.audit import AuditReport, AuditSealer, AuditVerdict, StoredAnchors, verify
from api.audit_archives import (
    AuditArchiveRequest,
    AuditArchiveRun,
    archive_log,
    archived_entry,
    archived_segments,
    reader,
)
from api.database import Database
from api.migrate import plain_url
from cli.main import main
from core import clock
from core.postgres import as_api_role
from core.settings import Settings
from core.signing import own_public_key, signing_key, trusted_keys
from tests.api.makers import ENCRYPTION_KEY

BEFORE = date(2019, 6, 1)
_ADD = (
    "INSERT INTO audit_log (at, api_key_id, name, role, act, details, subject_kind, subject_id, change) SELECT"
    " %(day)s::timestamptz + n * interval '1 s', 'key_1', 'ann', 'admin', 'member.read',"
    " jsonb_build_object('n', n, 'text', 'é'), 'member', %(member)s || n,"
    " CASE WHEN n %% 7 = 0 THEN '\\x00ff'::bytea END"
    " FROM generate_series(1, %(rows)s) AS n"
)


class Log:
    """A log in a database, and archives of it in a folder."""

    def __init__(self, url: str, database: Database, folder: Path) -> None:
        self.url = url
        self.database = database
        self.folder = folder / "archives"
        self.folder.mkdir()
        self.settings = Settings(home=folder / "home", encryption_keys=SecretStr(ENCRYPTION_KEY))
        signing_key(self.settings)

    async def grown(self, day: str, rows: int, member: str = "M") -> None:
        """Add rows of a day and seal them, a hundred in each seal, at the end of that day."""
        with psycopg.connect(self.url) as connection:
            connection.execute(_ADD, {"day": day, "rows": rows, "member": member})
        with clock.held(datetime.combine(date.fromisoformat(day), time(23), UTC)):
            assert await AuditSealer(self.database, max_rows=100).step() >= rows

    def archived(self, **options: Any) -> AuditArchiveRun:
        return archive_log(self.url, self.settings, AuditArchiveRequest(BEFORE, self.folder, "ann"), **options)

    async def verified(self, folder: Path | None = None) -> AuditReport:
        trusted = trusted_keys(self.settings)
        segments = await archived_segments(self.database, trusted)
        read = None if folder is None else reader(folder, trusted)
        return await verify(self.database, StoredAnchors(), segments, read)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query).fetchall()  # type: ignore[arg-type]

    def execute(self, *statements: str) -> None:
        with psycopg.connect(self.url) as connection:
            for one in statements:
                connection.execute(one)  # type: ignore[arg-type]


@pytest.fixture
async def log(database_url, tmp_path):
    opened = Database(database_url, pool_size=2)
    yield Log(database_url, opened, tmp_path)
    await opened.close()


async def grown(log: Log) -> None:
    """250 rows of 2019 in three seals, then 120 of 2024."""
    await log.grown("2019-01-02", 250)
    await log.grown("2024-01-02", 120)


async def test_old_seals_move_to_archives_and_the_log_is_intact_with_and_without_them(log: Log):
    await grown(log)
    before = log.rows("SELECT count(*) FROM audit_log")
    done = log.archived(most_rows=150)
    assert (done.rows, done.seals, len(done.archives), done.held_from) == (250, 3, 2, None)
    assert before == [(370,)]
    assert log.rows("SELECT count(*), min(at)::date = '2024-01-02' FROM audit_log WHERE act = 'member.read'") == [
        (120, True)
    ]
    recorded = log.rows("SELECT act, name, subject_id FROM audit_log WHERE act = 'audit.archive' ORDER BY audit_id")
    assert recorded == [("audit.archive", "ann", name) for name in done.archives]
    without = await log.verified()
    assert (without.faults, without.seals, without.archived, without.archived_compared) == ([], 5, 250, 0)
    together = await log.verified(log.folder)
    assert (together.faults, together.rows, together.archived_compared) == ([], 120, 250)
    assert log.archived().rows == 0, "nothing is left to archive"


async def test_the_chain_goes_on_after_the_cut(log: Log):
    await grown(log)
    log.archived()
    await log.grown("2024-01-03", 30)
    assert (await log.verified(log.folder)).faults == []
    assert (await log.verified()).verdict is AuditVerdict.UNANCHORED


async def test_a_dry_run_changes_nothing(log: Log):
    await grown(log)
    done = log.archived(dry_run=True)
    assert (done.rows, done.seals, done.archives) == (250, 3, ())
    assert log.rows("SELECT count(*) FROM audit_log") == [(370,)]
    assert list(log.folder.iterdir()) == []


async def test_an_archived_entry_is_found_with_all_it_had(log: Log):
    await grown(log)
    stored = log.rows("SELECT at, details, subject_id, change FROM audit_log WHERE audit_id = 7")
    log.archived()
    found = archived_entry(log.folder, trusted_keys(log.settings), 7)
    assert found is not None
    entry, change = found
    assert [(entry.at, entry.details, entry.subject_id, change)] == stored
    assert archived_entry(log.folder, trusted_keys(log.settings), 300) is None
    environment = {"GINJA_HOME": str(log.settings.home), "GINJA_DATABASE_URL": log.url}
    words = ["audit", "show", "7", "--archive", str(log.folder), "--json"]
    shown = await asyncio.to_thread(CliRunner().invoke, main, words, env=environment)
    assert shown.stdout.startswith("{"), shown.output
    assert json.loads(shown.stdout)["subject_id"] == stored[0][2]
    hint = await asyncio.to_thread(CliRunner().invoke, main, ["audit", "show", "7"], env=environment)
    assert (hint.exit_code, "--archive" in hint.output) == (2, True)


async def test_a_legal_hold_keeps_the_entries_of_its_member_and_all_later_ones(log: Log):
    await log.grown("2019-01-02", 150)
    await log.grown("2019-01-03", 100, member="H")
    log.execute(
        "INSERT INTO legal_holds (hold_id, member_id, case_number, reason, contact, added_at, added_by) "
        "VALUES ('hld_1', 'H20', '1', 'order', 'legal', now(), 'ann')"
    )
    done = log.archived()
    assert (done.rows, done.held_from) == (150, 170)
    assert log.rows("SELECT count(*) FROM audit_log WHERE act = 'member.read'") == [(100,)]
    log.execute("UPDATE legal_holds SET released_at = now(), released_by = 'ann', release_reason = 'closed'")
    assert log.archived().rows == 100
    assert (await log.verified(log.folder)).faults == []


def test_a_day_within_the_retention_is_refused(log: Log):
    request = AuditArchiveRequest(date(2026, 1, 1), log.folder, "ann")
    with pytest.raises(ArchiveRequestError, match="kept for 2192 days"):
        archive_log(log.url, log.settings, request)


def _changed(log: Log) -> None:
    log.execute(
        "GRANT UPDATE ON audit_log TO CURRENT_USER",
        "ALTER TABLE audit_log DISABLE TRIGGER audit_log_append_only",
        "UPDATE audit_log SET name = 'eve' WHERE audit_id = 120",
        "ALTER TABLE audit_log ENABLE TRIGGER audit_log_append_only",
    )


def _removed(log: Log) -> None:
    log.execute(
        "GRANT DELETE ON audit_log TO CURRENT_USER",
        "ALTER TABLE audit_log DISABLE TRIGGER audit_log_kept",
        "DELETE FROM audit_log WHERE audit_id = 120",
        "ALTER TABLE audit_log ENABLE TRIGGER audit_log_kept",
    )


@pytest.mark.parametrize("tamper", [_changed, _removed])
async def test_rows_that_are_not_as_they_were_sealed_are_not_archived(log: Log, tamper: Callable[[Log], None]):
    await grown(log)
    tamper(log)
    rows = log.rows("SELECT count(*) FROM audit_log")
    with pytest.raises(ArchiveError, match="nothing was removed"):
        log.archived()
    assert log.rows("SELECT count(*) FROM audit_log") == rows
    assert log.rows("SELECT count(*) FROM audit_archives") == [(0,)]
    assert len(log.archived(dry_run=True).unknown) == 1, "the folder that was written is named"


async def test_rows_leave_the_table_only_for_an_archive(log: Log):
    await grown(log)
    for statement in ("DELETE FROM audit_log WHERE audit_id = 1", "TRUNCATE audit_log", "DELETE FROM audit_archives"):
        with pytest.raises((RestrictViolation, InsufficientPrivilege)):
            log.execute(statement)
    log.archived()
    with pytest.raises(InsufficientPrivilege):
        log.execute("DELETE FROM audit_log WHERE act = 'member.read'")
    with pytest.raises(RestrictViolation):
        log.execute("GRANT DELETE ON audit_log TO CURRENT_USER", "DELETE FROM audit_log WHERE act = 'member.read'")
    with psycopg.connect(plain_url(as_api_role(log.url))) as connection:
        for statement in ("DELETE FROM audit_log", "INSERT INTO audit_archives DEFAULT VALUES"):
            with pytest.raises(InsufficientPrivilege):
                connection.execute(statement)  # type: ignore[arg-type]
            connection.rollback()


async def test_rows_that_were_removed_without_a_signed_archive_are_faults(log: Log, tmp_path: Path):
    await grown(log)
    done = log.archived()
    foreign = Settings.model_validate({"home": tmp_path / "other", "signing_key_file": None})
    signing_key(foreign)
    segments = await archived_segments(log.database, trusted_keys(foreign))
    report = await verify(log.database, StoredAnchors(), segments)
    assert report.faults[0].kind == "archive", report
    assert done.archives[0] in str(report.faults[0].place)
    assert (report.faults_in_all, report.verdict) == (1, AuditVerdict.ALTERED)
    unnamed = await verify(log.database, StoredAnchors())
    assert (unnamed.faults_in_all, unnamed.faults[0].kind) == (250, "removed"), "without the archive in the table"
    assert own_public_key(foreign) != own_public_key(log.settings)


async def test_an_archive_that_is_missing_or_was_changed_is_named(log: Log, tmp_path: Path):
    await grown(log)
    (name,) = log.archived().archives
    missing = await log.verified(tmp_path)
    assert [(one.kind, "missing" in str(one.place)) for one in missing.faults] == [("archive", True)]
    file = log.folder / name / "audit_log.parquet"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    changed = await log.verified(log.folder)
    assert [(one.kind, "was changed" in str(one.place)) for one in changed.faults] == [("archive", True)]
    assert changed.verdict is AuditVerdict.ALTERED


async def test_a_row_that_is_put_back_below_the_cut_is_found(log: Log):
    await grown(log)
    log.archived()
    log.execute(
        "INSERT INTO audit_log (audit_id, at, api_key_id, name, role, act, details) OVERRIDING SYSTEM VALUE "
        "VALUES (50, now(), 'key_9', 'eve', 'admin', 'member.read', '{}')"
    )
    found = [(one.kind, one.audit_id) for one in (await log.verified()).faults]
    assert found == [("inserted", 50)]


async def test_the_command_archives_and_verifies(log: Log):
    await grown(log)
    environment = {"GINJA_HOME": str(log.settings.home), "GINJA_DATABASE_URL": log.url}

    async def run(*words: str) -> Any:
        done = await asyncio.to_thread(CliRunner().invoke, main, ["audit", *words, "--json"], env=environment)
        assert done.stdout.startswith("{"), done.output
        return done.exit_code, json.loads(done.stdout)

    code, done = await run("archive", "--before", "2019-06-01", "--to", str(log.folder), "--by", "ann")
    assert (code, done["rows"], done["seals"], done["dry_run"]) == (0, 250, 3, False)
    _, found = await run("verify", "--archives", str(log.folder))
    assert (found["faults"], found["archived"], found["archived_compared"]) == ([], 250, 250)
    _, found = await run("verify")
    assert (found["archived"], found["archived_compared"]) == (250, 0)


async def test_the_keys_of_members_in_archives_are_kept(log: Log):
    await grown(log)
    log.archived()
    (members,) = log.rows("SELECT members FROM audit_archives")[0]
    assert sorted(members, key=lambda one: int(one[1:])) == [f"M{n}" for n in range(7, 251, 7)]
