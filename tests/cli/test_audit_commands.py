"""`ginja audit`: the log is searched, and a change of it is named."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from fhir.resources.R4B.auditevent import AuditEvent

from api.audit import AuditAnchorer, AuditSealer, anchor_file
from api.database import Database
from cli.main import main
from core.settings import Settings

Ginja = Callable[..., Result]


@pytest.fixture
def ginja(audit_url: str, tmp_path: Path) -> Ginja:
    """`ginja audit` in a home with the anchor of the five rows."""

    def run(*words: str, **env: str) -> Result:
        variables = {"GINJA_DATABASE_URL": audit_url, "GINJA_HOME": str(tmp_path), **env}
        return CliRunner().invoke(main, ["audit", *words], env=variables)

    return run


@pytest.fixture
def audit_url(database_url: str, tmp_path: Path) -> str:
    """A database with five rows that are sealed and anchored, and one that is not."""
    rows = [
        ("2026-03-01", "key_1", "ann", "investigator", "claim.read", "claim", "clm_1", "success"),
        ("2026-03-02", "key_1", "ann", "investigator", "claim.read", "claim", "clm_2", "not_found"),
        ("2026-03-03", "key_2", "ben", "admin", "member.read", "member", "M1", "success"),
        ("2026-03-04", "key_2", "ben", "admin", "member.list", None, None, "success"),
        ("2026-03-05", "key_3", "ben", "provider", "member.read", "member", "M1", "denied"),
    ]
    with psycopg.connect(database_url) as connection:
        add = (
            "INSERT INTO audit_log (at, api_key_id, name, role, act, subject_kind, subject_id, outcome, details)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, '{}')"
        )
        connection.cursor().executemany(add, rows)
    asyncio.run(seal(database_url, Settings(home=tmp_path)))
    with psycopg.connect(database_url) as connection:
        connection.execute(add, ("2026-03-06", "key_3", "cat", "admin", "claim.list", None, None, "success"))
    return database_url


async def seal(url: str, settings: Settings) -> None:
    database = Database(url, pool_size=1)
    assert await AuditSealer(database).step() == 5
    assert await AuditAnchorer(database, settings).step() == 1
    await database.close()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], [6, 5, 4, 3, 2, 1]),
        (["--limit", "2"], [6, 5]),
        (["--actor", "ben"], [5, 4, 3]),
        (["--actor", "key_3"], [6, 5]),
        (["--act", "claim.read"], [2, 1]),
        (["--subject", "M1", "--outcome", "denied"], [5]),
        (["--since", "2026-03-02", "--until", "2026-03-04"], [3, 2]),
        (["--since", "2026-03-05T00:00:01"], [6]),
        (["--actor", "nobody"], []),
    ],
)
def test_rows_are_found_by_actor_act_subject_outcome_and_time(ginja: Ginja, words: list[str], expected: list[int]):
    done = ginja("list", "--json", *words)
    assert done.exit_code == 0, done.output
    assert [one["audit_id"] for one in json.loads(done.output)["entries"]] == expected


def test_the_list_shows_who_did_what_to_whom(ginja: Ginja):
    shown = ginja("list").output
    assert all(text in shown for text in ("2026-03-05 00:00:00", "ben", "member.read", "member M1", "denied"))


def test_an_intact_log_is_said_to_be_and_what_is_not_sealed_has_its_age(ginja: Ginja):
    done = ginja("verify")
    assert done.exit_code == 0
    assert "5 rows in 1 seals compared with 1 anchors" in done.output
    assert "1 rows are not sealed yet; the oldest is " in done.output
    assert "The log is intact." in done.output
    found = json.loads(ginja("verify", "--json").output)
    assert (found["verdict"], found["rows"], found["unsealed"], found["faults"]) == ("intact", 5, 1, [])
    assert found["anchors"] == 1


def test_a_changed_row_is_named_and_the_command_fails(ginja: Ginja, audit_url: str):
    with psycopg.connect(audit_url) as connection:
        connection.execute("GRANT UPDATE, DELETE ON audit_log TO CURRENT_USER")
        connection.execute("ALTER TABLE audit_log DISABLE TRIGGER USER")
        connection.execute("UPDATE audit_log SET subject_id = 'clm_9' WHERE audit_id = 2")
        connection.execute("DELETE FROM audit_log WHERE audit_id = 4")
    done = ginja("verify")
    assert (done.exit_code, "row 2 (seal 1) was changed" in done.output) == (1, True)
    assert "row 4 (seal 1) was removed" in done.output
    found = json.loads(ginja("verify", "--json").output)
    assert [(one["kind"], one["audit_id"]) for one in found["faults"]] == [("changed", 2), ("removed", 4)]


def test_a_log_without_a_seal_is_not_called_intact(database_url: str, tmp_path: Path):
    env = {"GINJA_DATABASE_URL": database_url, "GINJA_HOME": str(tmp_path)}
    done = CliRunner().invoke(main, ["audit", "verify"], env=env)
    assert (done.exit_code, "The log is empty." in done.output) == (0, True), done.output
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO audit_log (at, api_key_id, name, role, act, details) "
            "VALUES (now(), 'key_1', 'ann', 'admin', 'member.list', '{}')"
        )
    done = CliRunner().invoke(main, ["audit", "verify"], env=env)
    assert (done.exit_code, "UNSEALED" in done.output, "intact" in done.output) == (1, True, False), done.output


def test_a_log_whose_anchors_are_gone_is_not_called_intact(ginja: Ginja, tmp_path: Path):
    anchor_file(Settings(home=tmp_path)).unlink()
    done = ginja("verify")
    assert (done.exit_code, "UNANCHORED" in done.output, "intact" in done.output) == (1, True, False)
    assert json.loads(ginja("verify", "--json").output)["verdict"] == "unanchored"


def test_a_changed_anchor_is_refused_by_its_line(ginja: Ginja, tmp_path: Path):
    path = anchor_file(Settings(home=tmp_path))
    path.write_text(path.read_text().replace('"rows":5', '"rows":4'))
    done = ginja("verify")
    assert (done.exit_code, f"anchor refused: {path}, line 1: it was changed" in done.output) == (1, True), done.output


def test_a_folder_of_anchors_that_is_not_mounted_is_an_error(ginja: Ginja, tmp_path: Path):
    done = ginja("verify", GINJA_AUDIT_ANCHOR_FOLDER=str(tmp_path / "worm"))
    assert (done.exit_code, "Mount GINJA_AUDIT_ANCHOR_FOLDER" in done.output) == (2, True), done.output


def test_an_export_is_one_valid_audit_event_a_line_and_an_entry_itself(ginja: Ginja, audit_url: str, tmp_path: Path):
    path = tmp_path / "events.ndjson"
    path.touch(0o644)
    done = ginja("export", "--since", "2026-03-02", "--until", "2026-03-05", "--output", str(path))
    assert (done.exit_code, "3 entries written" in done.output) == (0, True), done.output
    assert path.stat().st_mode & 0o777 == 0o600
    events = [AuditEvent.model_validate_json(line) for line in path.read_text().splitlines()]
    assert [one.id for one in events] == ["2", "3", "4"]
    with psycopg.connect(audit_url) as connection:
        rows = connection.execute(
            "SELECT act, outcome, details ->> 'entries', details ->> 'since' FROM audit_log WHERE audit_id > 6"
        ).fetchall()
    assert rows == [("audit.export", "success", "3", "2026-03-02T00:00:00")]


def test_an_export_of_many_pages_has_each_entry_once_and_not_itself(ginja: Ginja, audit_url: str):
    with psycopg.connect(audit_url) as connection:
        connection.execute(
            "INSERT INTO audit_log (at, api_key_id, name, role, act, details) SELECT now(), 'key_9', 'zoe', 'admin',"
            " 'claim.list', '{}' FROM generate_series(1, 2500)"
        )
    for form, key in (("fhir", "id"), ("rows", "audit_id")):
        done = ginja("export", "--format", form)
        ids = [int(json.loads(line)[key]) for line in done.stdout.splitlines()]
        assert ids[:2506] == list(range(1, 2507)), form
        assert ginja("export", "--format", form, "--actor", "zoe").stdout.count("\n") == 2500


def test_an_export_of_nothing_is_empty(ginja: Ginja):
    assert ginja("export", "--actor", "nobody").stdout == ""
    assert ginja("export", "--json").exit_code == 2


def test_an_entry_is_shown_and_an_unknown_one_is_an_error(ginja: Ginja):
    shown = ginja("show", "5").output
    assert all(text in shown for text in ("key_3", "member.read", "M1", "denied", "2026-03-05 00:00:00"))
    assert json.loads(ginja("show", "5", "--json").output)["subject_id"] == "M1"
    assert "There is no entry 999" in ginja("show", "999").output
