"""Records of commands on disk: whole or not there at any point, and none keeps the others from the log."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from api.audit import CommandRecord, CommandRecords, PendingCommand, RecordTooLargeError
from api.audit.commands import MAX_BYTES, MAX_BYTES_AT_START
from api.database import Database
from core import ids
from core.settings import Settings
from tests.small_files import files_of_at_most

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
async def database(database_url):
    opened = Database(database_url, pool_size=1)
    yield opened
    await opened.close()


def record(reason: str = "why", **changes: object) -> CommandRecord:
    given: dict[str, object] = {
        "record_id": ids.new_id("cmd"),
        "at": AT,
        "act": "model.promote",
        "name": "ann",
        "os_user": "ann",
        "command": "model promote",
        "details": {"reason": reason},
        **changes,
    }
    return CommandRecord.model_validate(given)


def folder(settings: Settings) -> Path:
    return settings.home / "audit-pending"


def ended(settings: Settings, one: CommandRecord) -> Path:
    pending = PendingCommand(settings, one)
    pending.close()
    return folder(settings) / f"{one.record_id}.json"


def acts(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT act, outcome FROM audit_log ORDER BY audit_id").fetchall()


def test_a_record_that_leaves_no_place_for_notes_is_refused_before_its_command_begins(settings):
    with pytest.raises(RecordTooLargeError, match=f"at most {MAX_BYTES_AT_START:,} are allowed"):
        PendingCommand(settings, record("x" * MAX_BYTES_AT_START))
    assert not settings.home.exists()


async def test_the_largest_record_that_is_written_is_read(settings, database, database_url):
    small = record()
    pending = PendingCommand(settings, small)
    envelope = len(small.model_copy(update={"details": {"reason": ""}}).model_dump_json())
    largest = {"details": {"reason": "x" * (MAX_BYTES - envelope)}}
    with pytest.raises(RecordTooLargeError):
        pending.replace(small.model_copy(update={"details": {"reason": largest["details"]["reason"] + "x"}}))
    pending.replace(small.model_copy(update=largest))
    pending.close()
    assert await CommandRecords(database, settings).step() == 1
    assert acts(database_url) == [("model.promote", "failed")]


def test_a_record_for_which_the_disk_has_no_space_leaves_nothing(settings):
    with files_of_at_most(100), pytest.raises(OSError, match="File too large"):
        PendingCommand(settings, record())
    assert not settings.home.exists()


def test_an_outcome_for_which_the_disk_has_no_space_leaves_the_record_as_it_was(settings):
    first = record("y" * 300)
    pending = PendingCommand(settings, first)
    path = folder(settings) / f"{first.record_id}.json"
    with files_of_at_most(path.stat().st_size + 10), pytest.raises(OSError, match="File too large"):
        pending.replace(first.model_copy(update={"outcome": "success", "details": {"reason": "z" * 400}}))
    pending.close()
    assert CommandRecord.model_validate_json(path.read_bytes()) == first


_KILLED_AT_A_TRUNCATION = """
import os, sys
from pathlib import Path
from api.audit import CommandRecord, PendingCommand
from core.settings import Settings

first = CommandRecord.model_validate_json(sys.argv[2])
pending = PendingCommand(Settings(home=Path(sys.argv[1])), first)
sys.addaudithook(lambda event, _: event == "os.truncate" and os._exit(9))
pending.replace(first.model_copy(update={"outcome": "success", "details": {}}))
"""


def test_a_command_that_is_killed_while_its_outcome_is_stored_leaves_a_record(settings):
    first = record("y" * 300)
    subprocess.run(
        [sys.executable, "-c", _KILLED_AT_A_TRUNCATION, str(settings.home), first.model_dump_json()], check=False
    )
    (path,) = folder(settings).iterdir()
    assert CommandRecord.model_validate_json(path.read_bytes()).outcome == "success"


@given(lengths=st.lists(st.integers(0, 3_000), min_size=1, max_size=6))
def test_what_was_stored_last_is_read_whatever_its_length(tmp_path_factory, lengths):
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    first = record()
    pending = PendingCommand(settings, first)
    for length in lengths:
        last = first.model_copy(update={"details": {"reason": "x" * length}})
        pending.replace(last)
    pending.close()
    (path,) = folder(settings).iterdir()
    assert CommandRecord.model_validate_json(path.read_bytes()) == last


async def test_a_file_that_cannot_be_read_does_not_stop_those_after_it(settings, database, database_url):
    folder(settings).mkdir(parents=True)
    (folder(settings) / "cmd_0.json").mkdir()
    (folder(settings) / "cmd_1.json").write_text("{")
    (folder(settings) / "cmd_2.json").write_text(record("x" * MAX_BYTES).model_dump_json())
    ended(settings, record())
    records = CommandRecords(database, settings)
    with capture_logs() as logged:
        assert [await records.step() for _ in range(2)] == [1, 0]
    assert acts(database_url) == [("model.promote", "failed")]
    for name in ("cmd_0.json", "cmd_1.json", "cmd_2.json"):
        assert str(logged).count(name) == 1


async def test_a_record_that_the_database_refuses_does_not_stop_those_after_it(settings, database, database_url):
    refused = ended(settings, record(record_id="cmd_" + "0" * 26, details={"reason": "\0"}))
    ended(settings, record())
    assert await CommandRecords(database, settings).step() == 1
    assert acts(database_url) == [("model.promote", "failed")]
    assert json.loads(refused.read_text())["details"] == {"reason": "\0"}


async def test_an_unavailable_database_is_reported(settings):
    ended(settings, record())
    database = Database("postgresql://nobody@127.0.0.1:1/none", pool_size=1)
    with pytest.raises(Exception, match="refused"):
        await CommandRecords(database, settings).step()
    await database.close()
    assert len(list(folder(settings).iterdir())) == 1
