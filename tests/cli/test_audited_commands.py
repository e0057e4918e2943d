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
from tests.small_files import files_of_at_most

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


@pytest.mark.parametrize(("option", "most"), [("--by", 200), ("--reason", 2_000)])
def test_who_and_why_have_a_limit_that_the_refusal_names(ginja, home, option, most):
    given = {"--by": "ann", "--reason": "why"} | {option: "x" * (most + 1)}
    done = ginja("model", "rollback", *(word for pair in given.items() for word in pair))
    assert done.exit_code == 2
    assert f"'{option}': it has {most + 1:,} characters, and at most {most:,} are allowed" in done.output
    assert pending(home) == []


def test_each_command_limits_who_and_why():
    named = {(entry.path, one.name): one for entry in COMMANDS for one in load(entry).params}
    free = [path for (path, name), one in named.items() if name in ("by", "reason") and one.type is click.STRING]
    assert free == [], "use BY and reason_option of cli/options.py"


def test_a_command_with_more_than_a_record_holds_does_not_begin(ginja, home):
    done = ginja("audit", "list", "--actor", "x" * 40_000)
    assert done.exit_code == 2
    assert "at most 32,768 are allowed; shorten the values of its options. Nothing was done." in done.output
    assert not (home / "audit-pending").exists()


def test_a_file_name_that_is_not_utf_8_is_recorded_with_escapes(database_url, home, rows):
    params = {"file": Path("claims-\udcff.csv"), "out": None, "by": "ann\udcff"}
    settings = Settings(home=home, database_url=database_url)
    with held(settings), recording("model score", RECORDED["model score"], params):
        pass
    assert rows() == [("ann\\udcff", "model.score", None, None, "success", {"file": "claims-\\udcff.csv"})]


@pytest.mark.parametrize("noted", ["x" * 70_000, "\udcff"])
def test_a_note_that_cannot_be_stored_is_left_out_and_the_outcome_is_not(database_url, home, rows, noted):
    with promoting(Settings(home=home, database_url=database_url)):
        note("model", "m2", signed=noted)
    details = {"force": True, "reason": "approved", "notes_omitted": True}
    assert rows() == [("ann", "model.promote", "model", "m1", "success", details)]


@pytest.mark.parametrize("error", [None, SystemExit(3), click.ClickException("broken"), KeyboardInterrupt()])
def test_a_full_disk_at_the_end_changes_nothing_about_how_a_command_ended(home, capsys, error):
    ended = []
    with files_of_at_most(500):
        try:
            with promoting(Settings(home=home)):
                note(previous="x" * 400)
                if error is not None:
                    raise error
        except BaseException as raised:
            ended.append(raised)
    assert ended == ([] if error is None else [error])
    assert [(one["outcome"], one["details"]["interrupted"]) for one in pending(home)] == [("failed", True)]
    assert "the outcome of this command could not be recorded" in capsys.readouterr().err


@pytest.mark.parametrize(
    "url", [None, "postgresql://nobody@127.0.0.1:1/none", "postgresql://127.0.0.1:1/none?nonsense=1"]
)
@pytest.mark.parametrize("error", [None, SystemExit(3), click.ClickException("broken")])
def test_a_record_that_cannot_be_stored_changes_nothing_about_how_a_command_ended(home, url, error):
    (home / "postgres" / "data" / "postmaster.pid").mkdir(parents=True)  # so that whether a server runs cannot be read
    ended = []
    try:
        with promoting(Settings(home=home, database_url=url)):
            if error is not None:
                raise error
    except BaseException as raised:
        ended.append(raised)
    assert ended == ([] if error is None else [error])
    assert len(pending(home)) == 1


def test_a_usage_error_is_reported_also_where_the_record_cannot_be_removed(home, capsys):
    with pytest.raises(click.UsageError, match="no such model"), promoting(Settings(home=home)):
        (path,) = (home / "audit-pending").iterdir()
        path.unlink()
        path.mkdir()
        raise click.UsageError("no such model")
    assert "could not be removed" in capsys.readouterr().err


def test_a_note_outside_a_command_is_ignored():
    note("model", "m1")
    assert recorded._NOTES.get() is None
