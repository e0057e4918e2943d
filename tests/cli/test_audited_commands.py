"""Commands in the audit log: each is declared, and none that acts is lost, whatever becomes of it."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import psycopg
import pytest
from click.testing import CliRunner, Result

from api.audit import CommandRecords
from api.database import Database
from cli import recording as recorded
from cli.audited import BY_SERVICE, NOT_RECORDED, RECORDED, AuditedCommand
from cli.main import main
from cli.recording import note, recording
from cli.tree import COMMANDS, load
from core.settings import Settings, held

Rows = Callable[[], list[tuple[object, ...]]]
_COLUMNS = "name, act, subject_kind, subject_id, outcome, details - 'os_user'"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def rows(database_url: str) -> Rows:
    def read() -> list[tuple[object, ...]]:
        with psycopg.connect(database_url) as connection:
            return connection.execute(f"SELECT {_COLUMNS} FROM audit_log ORDER BY audit_id").fetchall()

    return read


@pytest.fixture
def ginja(database_url: str, home: Path) -> Callable[..., Result]:
    def run(*words: str, **env: str) -> Result:
        variables = {"GINJA_DATABASE_URL": database_url, "GINJA_HOME": str(home), **env}
        return CliRunner().invoke(main, words, env=variables)

    return run


def pending(home: Path) -> list[dict[str, object]]:
    return [json.loads(path.read_text()) for path in sorted((home / "audit-pending").glob("*"))]


@contextmanager
def promoting(settings: Settings) -> Iterator[None]:
    """`ginja model promote` while it runs."""
    given = {"version": "m1", "force": True, "by": "ann", "reason": "approved"}
    params = {"change_use": False, "list_gates": False, **given}
    with held(settings), recording("model promote", RECORDED["model promote"], params):
        yield


def test_each_command_is_declared_once():
    tables = [set(RECORDED), set(BY_SERVICE), set(NOT_RECORDED)]
    declared = [path for table in tables for path in table]
    assert sorted(declared) == sorted(entry.path for entry in COMMANDS), "declare it in cli/audited.py"
    assert all(reason for reason in (*BY_SERVICE.values(), *NOT_RECORDED.values()))


@pytest.mark.parametrize("entry", [one for one in COMMANDS if one.path in RECORDED], ids=lambda one: one.path)
def test_what_is_recorded_of_a_command_is_a_parameter_of_it(entry):
    declared = RECORDED[entry.path]
    names = {parameter.name for parameter in load(entry).params}
    assert {*declared.details, declared.parameter} - {None} <= names
    assert (declared.parameter is None) or declared.kind is not None


def test_a_command_leaves_a_row_and_no_file(ginja, rows, home):
    assert ginja("audit", "list", "--act", "claim.read").exit_code == 0
    (row,) = rows()
    assert row[1:] == ("audit.search", None, None, "success", {"act": "claim.read", "limit": 100})
    assert pending(home) == []


def test_the_row_names_who_is_responsible_and_the_user_of_the_system(database_url, home):
    with (
        held(Settings(home=home, database_url=database_url)),
        recording("model list", AuditedCommand("edit.try"), {"by": "ann"}),
    ):
        note("edit", "E1", reason="why")
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT name, api_key_id, role, purpose, subject_kind, subject_id, agent, details ? 'os_user',"
            " details ->> 'reason', details ? 'interrupted' FROM audit_log"
        ).fetchone()
    expected = ("ann", "command line", "operator", "HSYSADMIN", "edit", "E1", "ginja model list", True, "why", False)
    assert found == expected


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (click.ClickException("broken"), "failed"),
        (ZeroDivisionError(), "failed"),
        (KeyboardInterrupt(), "failed"),
        (SystemExit(1), "failed"),
        (SystemExit(3), "denied"),
        (SystemExit(4), "denied"),
        (SystemExit(0), "success"),
    ],
)
def test_the_outcome_is_how_the_command_ended(database_url, home, rows, error, outcome):
    with pytest.raises(type(error)), promoting(Settings(home=home, database_url=database_url)):
        raise error
    assert rows() == [("ann", "model.promote", "model", "m1", outcome, {"force": True, "reason": "approved"})]


def test_a_usage_error_leaves_nothing(database_url, home, rows):
    with pytest.raises(click.UsageError), promoting(Settings(home=home, database_url=database_url)):
        raise click.UsageError("no such model")
    assert (rows(), pending(home)) == ([], [])


def test_without_a_database_the_record_waits_for_a_worker(database_url, home, rows):
    with promoting(Settings(home=home)):
        note("model", "m2", previous="m0")
    (record,) = pending(home)
    assert (record["subject_id"], record["outcome"]) == ("m2", "success")
    assert (home / "audit-pending").stat().st_mode & 0o777 == 0o700
    assert [stored(database_url, home) for _ in range(2)] == [1, 0]
    assert [row[3:5] for row in rows()] == [("m2", "success")]
    assert pending(home) == []


_KILLED = """
import sys
from pathlib import Path
from cli.audited import RECORDED
from cli.recording import recording
from core.settings import Settings, held

params = {"version": "m1", "force": True, "change_use": False, "list_gates": False, "by": "ann", "reason": "why"}
with held(Settings(home=Path(sys.argv[1]))), recording("model promote", RECORDED["model promote"], params):
    print("running", flush=True)
    sys.stdin.read()
"""


def stored(url: str, home: Path) -> int:
    async def store() -> int:
        database = Database(url, pool_size=1)
        try:
            return await CommandRecords(database, Settings(home=home)).step()
        finally:
            await database.close()

    return asyncio.run(store())


def test_a_command_that_is_killed_is_recorded_as_failed_once_it_is_dead(database_url, home, rows):
    running = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path.cwd()
    )
    assert running.stdout is not None
    assert running.stdout.readline() == b"running\n"
    assert stored(database_url, home) == 0, "it runs"
    running.kill()
    running.communicate()
    assert stored(database_url, home) == 1
    details = {"force": True, "reason": "why", "interrupted": True}
    assert rows() == [("ann", "model.promote", "model", "m1", "failed", details)]


def test_a_record_whose_file_could_not_be_removed_is_stored_once(database_url, home, rows):
    with promoting(Settings(home=home)):
        pass
    (path,) = (home / "audit-pending").iterdir()
    text = path.read_text()
    for _ in range(2):
        path.write_text(text)
        assert stored(database_url, home) == 1
    assert len(rows()) == 1


def test_a_command_whose_record_cannot_be_stored_does_not_begin(home):
    home.write_text("a file, not a folder")
    begun = []
    with pytest.raises(click.ClickException, match="Nothing was done"), promoting(Settings(home=home)):
        begun.append(True)
    assert begun == []


def test_an_unavailable_database_does_not_fail_the_command(home):
    with promoting(Settings(home=home, database_url="postgresql://nobody@127.0.0.1:1/none")):
        pass
    assert [one["outcome"] for one in pending(home)] == ["success"]


def test_a_note_outside_a_command_is_ignored():
    note("model", "m1")
    assert recorded._NOTES.get() is None
