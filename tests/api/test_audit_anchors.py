"""Anchors of the audit log: what is written outside the database finds a log that was cut or replaced."""

import fcntl
import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import metrics
from api.audit import (
    AuditAnchor,
    AuditAnchorer,
    AuditSealer,
    AuditVerdict,
    SignedAnchor,
    anchor_file,
    last_anchor,
    stored_anchors,
    verify,
)
from api.audit.anchors import add_file, append
from api.database import Database
from core import clock
from core.private_files import make_private
from core.settings import Settings
from core.signing import SigningKey, new_key, signing_key, trusted_keys
from tests.api.test_audit_seals import add, tamper
from tests.small_files import files_of_at_most

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def database(database_url):
    opened = Database(database_url, pool_size=2)
    yield opened
    await opened.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


async def grown(database: Database, url: str, rows: int) -> None:
    add(url, rows)
    while await AuditSealer(database, max_rows=100).step():
        pass


async def anchored(database: Database, settings: Settings, at: datetime = NOON) -> int:
    with clock.held(at):
        return await AuditAnchorer(database, settings).step()


async def faults(database: Database, settings: Settings) -> list[tuple[str, int]]:
    report = await verify(database, stored_anchors(settings, trusted_keys(settings)))
    assert (report.verdict is AuditVerdict.ALTERED) == bool(report.faults)
    return [(one.kind, one.seal) for one in report.faults]


async def test_each_minute_the_head_is_a_signed_line_that_only_its_user_reads(database, database_url, settings):
    assert await anchored(database, settings) == 0, "nothing is sealed"
    await grown(database, database_url, 250)
    assert await anchored(database, settings) == 1
    await grown(database, database_url, 30)
    assert await anchored(database, settings, NOON + timedelta(seconds=59)) == 0
    assert await anchored(database, settings, NOON + timedelta(seconds=60)) == 1
    assert await anchored(database, settings, NOON + timedelta(hours=1)) == 0, "the head is anchored already"
    path = anchor_file(settings)
    assert path.stat().st_mode & 0o777 == 0o600
    lines = [json.loads(line)["anchor"] for line in path.read_text().splitlines()]
    assert [(one["seal"], one["rows"]) for one in lines] == [(3, 250), (4, 280)]
    stored = stored_anchors(settings, trusted_keys(settings))
    assert ([one.seal for one in stored.anchors], stored.refused) == ([3, 4], ())
    assert (await verify(database, stored)).verdict is AuditVerdict.INTACT


async def test_a_log_that_is_cut_behind_an_anchor_is_found(database, database_url, settings):
    await grown(database, database_url, 300)
    await anchored(database, settings)
    tamper(database_url, "DELETE FROM audit_log WHERE audit_id > 200", "DELETE FROM audit_seals WHERE seal = 3")
    assert await faults(database, settings) == [("seal_missing", 3)]


async def test_a_log_that_is_replaced_by_another_consistent_one_is_found(database, database_url, settings):
    await grown(database, database_url, 300)
    await anchored(database, settings)
    tamper(
        database_url,
        "CREATE TABLE kept AS SELECT * FROM audit_log WHERE audit_id <> 42",
        *("DELETE FROM audit_log", "DELETE FROM audit_seals"),
        "INSERT INTO audit_log OVERRIDING SYSTEM VALUE SELECT * FROM kept ORDER BY audit_id",
    )
    await AuditSealer(database, max_rows=100).step()
    assert await faults(database, settings) == [("anchor", 3)]
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM audit_seals").fetchone() == (3,)


async def test_a_log_that_differs_is_not_anchored_again(database, database_url, settings):
    await grown(database, database_url, 300)
    await anchored(database, settings)
    tamper(database_url, "DELETE FROM audit_log", "DELETE FROM audit_seals")
    await grown(database, database_url, 400)
    assert await anchored(database, settings, NOON + timedelta(days=1)) == 0
    assert metrics.AUDIT_ANCHOR_DIFFERS._value.get() == 1
    assert len(anchor_file(settings).read_text().splitlines()) == 1


async def test_a_copy_in_a_folder_finds_what_the_home_no_longer_has(database, database_url, tmp_path):
    share = tmp_path / "share"
    share.mkdir()
    settings = Settings(home=tmp_path / "home", audit_anchor_folder=share)
    await grown(database, database_url, 300)
    assert await anchored(database, settings) == 1
    copy = share / "2026-03-01" / f"seal-000000000003-{_head(settings).hash[:12]}.json"
    assert copy.read_bytes() == anchor_file(settings).read_bytes()
    anchor_file(settings).unlink()
    assert await faults(database, settings) == []
    tamper(database_url, "DELETE FROM audit_log WHERE audit_id > 200", "DELETE FROM audit_seals WHERE seal = 3")
    assert await faults(database, settings) == [("seal_missing", 3)]


async def test_a_folder_that_is_not_mounted_is_not_made_and_the_age_of_what_is_not_anchored_is_stated(
    database, database_url, tmp_path
):
    settings = Settings(home=tmp_path / "home", audit_anchor_folder=tmp_path / "share")
    with clock.held(NOON):
        await grown(database, database_url, 10)
    assert await anchored(database, settings, NOON + timedelta(minutes=5)) == 0
    assert metrics.AUDIT_UNANCHORED_AGE._value.get() == 300
    assert not anchor_file(settings).exists()
    (tmp_path / "share").mkdir()
    assert await anchored(database, settings, NOON + timedelta(minutes=6)) == 1
    assert metrics.AUDIT_UNANCHORED_AGE._value.get() == 0


async def test_an_anchor_of_another_key_is_refused(database, database_url, settings, tmp_path):
    await grown(database, database_url, 10)
    intruders_key = tmp_path / "intruder.key"
    make_private(intruders_key, new_key)
    other = Settings(home=tmp_path / "intruder", signing_key_file=intruders_key)
    await anchored(database, other)
    settings.home.mkdir()
    anchor_file(settings).write_bytes(anchor_file(other).read_bytes())
    assert await faults(database, settings) == [("anchor_refused", 0)]
    assert await anchored(database, settings, NOON + timedelta(days=1)) == 0
    assert metrics.AUDIT_ANCHOR_DIFFERS._value.get() == 1


async def test_a_line_that_was_interrupted_is_removed_by_the_next(database, database_url, settings):
    await grown(database, database_url, 10)
    await anchored(database, settings)
    path = anchor_file(settings)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:100])
    assert await faults(database, settings) == []
    await grown(database, database_url, 10)
    assert await anchored(database, settings, NOON + timedelta(hours=1)) == 1
    assert [json.loads(line)["anchor"]["seal"] for line in path.read_text().splitlines()] == [1, 2]
    assert await faults(database, settings) == []


@pytest.fixture
def shared(tmp_path) -> Settings:
    """With a folder of anchors."""
    (tmp_path / "share").mkdir()
    return Settings(home=tmp_path / "home", audit_anchor_folder=tmp_path / "share")


def _files(settings: Settings) -> list[Path]:
    assert settings.audit_anchor_folder is not None
    return [one for one in settings.audit_anchor_folder.rglob("*") if one.is_file()]


async def test_a_folder_without_space_keeps_nothing_incomplete_and_gets_the_anchor_later(
    database, database_url, shared
):
    await grown(database, database_url, 10)
    await anchored(database, shared)
    (copy,) = _files(shared)
    whole = copy.read_bytes()
    copy.unlink()
    signed = SignedAnchor.model_validate_json(whole)
    with files_of_at_most(100), pytest.raises(OSError, match="100 of"):
        add_file(copy.parent.parent, signed)
    assert _files(shared) == []
    add_file(copy.parent.parent, signed)
    assert copy.read_bytes() == whole


async def test_another_process_may_have_anchored_the_same_seal(database, database_url, shared):
    await grown(database, database_url, 10)
    await anchored(database, shared)
    (copy,) = _files(shared)
    before = copy.read_bytes()
    anchor_file(shared).unlink()
    assert await anchored(database, shared, NOON + timedelta(seconds=1)) == 1
    assert [one.read_bytes() for one in _files(shared)] == [before]


@pytest.mark.parametrize("kept", [0, 100], ids=["empty", "half"])
async def test_an_incomplete_file_is_refused_and_is_no_anchor_of_its_seal(database, database_url, shared, kept):
    await grown(database, database_url, 10)
    await anchored(database, shared)
    (copy,) = _files(shared)
    copy.write_bytes(copy.read_bytes()[:kept])
    assert await faults(database, shared) == [("anchor_refused", 0)]
    anchor_file(shared).unlink()
    assert await anchored(database, shared) == 0, "the file in the folder is not the anchor"
    copy.unlink()
    assert await anchored(database, shared) == 1
    assert await faults(database, shared) == []


async def test_a_line_that_another_worker_writes_is_not_taken_for_an_interrupted_one(database, database_url, settings):
    await grown(database, database_url, 10)
    await anchored(database, settings)
    path = anchor_file(settings)
    line = path.read_bytes()
    signed = SignedAnchor.model_validate_json(line)
    with path.open("r+b", buffering=0) as other, ThreadPoolExecutor(1) as threads:
        fcntl.flock(other, fcntl.LOCK_EX)
        other.seek(0, os.SEEK_END)
        other.write(line[:100])
        appending = threads.submit(append, path, signed)
        while not appending.done() and not _is_awaited(path):
            pass
        other.write(line[100:])
        fcntl.flock(other, fcntl.LOCK_UN)
        appending.result()
    assert path.read_bytes() == line * 3


def _is_awaited(path: Path) -> bool:
    """Whether a lock on a file is waited for."""
    locks = Path("/proc/locks").read_text().splitlines()
    return any("->" in one and one.split()[6].endswith(f":{path.stat().st_ino}") for one in locks)


def _head(settings: Settings) -> AuditAnchor:
    found = last_anchor(anchor_file(settings), trusted_keys(settings))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def key(tmp_path_factory) -> tuple[SigningKey, Settings]:
    settings = Settings(home=tmp_path_factory.mktemp("signing"))
    return signing_key(settings), settings


@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_changed_bit_makes_another_anchor(key, place, bit):
    signer, settings = key
    anchor = AuditAnchor(seal=7, hash="ab" * 32, rows=6_543, sealed_at=NOON, anchored_at=NOON)
    line = bytearray(anchor.signed_by(signer).to_line())
    line[place % (len(line) - 1)] ^= 1 << bit
    anchor_file(settings).write_bytes(bytes(line))
    stored = stored_anchors(settings, trusted_keys(settings))
    assert all(one == anchor for one in stored.anchors), "another anchor was accepted"
