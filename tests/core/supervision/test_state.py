"""The state of a running platform is read from another process, and counts only while its supervisor lives."""

import os
import tempfile
from datetime import UTC, datetime

import pytest

from core.errors import PlatformRunningError
from core.supervision import PartState, PartStatus, begin_instance, instance_of, platform_lock, read_state
from core.supervision import running_platform as supervisor_of
from core.supervision.state import write_state

PART = PartStatus(
    name="api",
    state=PartState.READY,
    since=datetime(2026, 3, 2, tzinfo=UTC),
    pid=7,
    restarts=2,
    memory_bytes=115_000_000,
    address="http://127.0.0.1:8600",
    ended="was ended by SIGKILL",
    log="run/api.log",
)


def test_the_state_is_read_back_while_the_supervisor_lives(tmp_path):
    assert read_state(tmp_path) is None
    with platform_lock(tmp_path):
        assert read_state(tmp_path) is None
        write_state(tmp_path, [PART])
        assert read_state(tmp_path).parts == (PART,)
        assert supervisor_of(tmp_path) == read_state(tmp_path).supervisor_pid
    assert read_state(tmp_path) is None


def test_a_state_left_by_a_killed_supervisor_does_not_count(tmp_path):
    with platform_lock(tmp_path):
        pass
    write_state(tmp_path, [PART])
    assert read_state(tmp_path) is None
    assert supervisor_of(tmp_path) is None


def test_a_home_has_one_platform_at_a_time(tmp_path):
    refused = pytest.raises(PlatformRunningError, match=r"process \d+.*set GINJA_HOME")
    with platform_lock(tmp_path), refused, platform_lock(tmp_path):
        pass


def test_a_part_notes_its_identity_also_where_the_home_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("GINJA_INSTANCE", "chosen by the supervisor")
    read_only = tmp_path / "file"
    read_only.touch()
    for home in (tmp_path, read_only):
        assert instance_of(home, "api") is None
        begin_instance(home, "api")
        assert instance_of(home, "api") == "chosen by the supervisor"
    assert instance_of(tmp_path, "scorer") is None


def test_a_part_without_a_supervisor_chooses_its_identity(tmp_path, monkeypatch):
    monkeypatch.setenv("GINJA_INSTANCE", "of the test")
    monkeypatch.delenv("GINJA_INSTANCE")
    begin_instance(tmp_path, "api")
    assert instance_of(tmp_path, "api") == os.environ["GINJA_INSTANCE"]
