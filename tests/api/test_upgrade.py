"""An upgrade of the schema beside other transactions: it waits for their locks, and nobody waits long behind it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from alembic import command
from sqlalchemy import Engine, event, make_url

from api.migrate import LockRetries, SchemaLockedError, alembic_config, newest_revision, upgrade
from cli.errors import one_line
from core.postgres import superuser_url
from core.settings import Settings

BEFORE = "0036"
"""0037 changes `claims`, and 0040 `notifications`."""


@pytest.fixture
def url(empty_database_url: str) -> str:
    command.upgrade(alembic_config(empty_database_url), BEFORE)
    return empty_database_url


@pytest.fixture
def reader(url: str) -> Iterator[psycopg.Connection[Any]]:
    """A transaction that a test leaves open, as a backup does."""
    with psycopg.connect(url) as connection:
        yield connection


def revision(url: str) -> str:
    with psycopg.connect(url) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchall()[0][0])


def read_claims(url: str) -> None:
    """Raises an error where a lock is in the way."""
    with psycopg.connect(url) as connection:
        connection.execute("SET lock_timeout = '5s'")
        connection.execute("SELECT FROM claims")


def test_an_upgrade_beside_a_reader_of_claims_is_given_up_and_says_what_to_do(url, reader):
    reader.execute("SELECT FROM claims")
    pauses: list[float] = []

    def between(pause_s: float) -> None:
        read_claims(url)
        pauses.append(pause_s)

    with pytest.raises(SchemaLockedError, match=r"ALTER TABLE claims.*pg_stat_activity.*ginja run migrate") as raised:
        upgrade(url, retries=LockRetries(attempts=3, timeout_s=0.2, pause_s=7.0, sleep=between))
    assert pauses == [7.0, 7.0]
    assert revision(url) == BEFORE
    assert one_line(raised.value) == str(raised.value), "a command prints it without a traceback"


def test_an_upgrade_goes_on_when_the_reader_has_ended(url, reader):
    reader.execute("SELECT FROM claims")
    upgrade(url, retries=LockRetries(attempts=5, timeout_s=0.2, sleep=lambda _: reader.rollback()))
    assert revision(url) == newest_revision()


def test_what_was_upgraded_stays_and_is_not_locked_while_a_later_migration_waits(url, reader):
    reader.execute("SELECT FROM notifications")
    states: list[str] = []

    def between(_pause_s: float) -> None:
        read_claims(url)
        states.append(revision(url))
        reader.rollback()

    upgrade(url, retries=LockRetries(attempts=5, timeout_s=0.2, sleep=between))
    assert states[0] == "0039"
    assert revision(url) == newest_revision()


@pytest.fixture
def patient_url(server_settings: Settings, url: str) -> str:
    """URL of a session that never ends a deadlock itself, so that Postgres ends the other, however slow the machine."""
    if server_settings.database_url is not None:
        pytest.skip("sets a parameter that only the superuser of the embedded server may set")
    superuser = make_url(superuser_url(server_settings.home)).set(database=make_url(url).database)
    options = "-cdeadlock_timeout=1h"
    return superuser.update_query_dict({"options": options}).render_as_string(hide_password=False)


def test_an_upgrade_that_ends_in_a_deadlock_with_a_running_part_goes_on(url, patient_url):
    """As a batch of re-screening does, it locks claims before jobs; 0039 does the reverse."""
    command.upgrade(alembic_config(url), "0038")
    pauses: list[float] = []
    with psycopg.connect(patient_url) as part, ThreadPoolExecutor(1) as threads:
        part.execute("LOCK TABLE rescreening_claims IN ROW EXCLUSIVE MODE")
        upgrading = threads.submit(upgrade, url, retries=LockRetries(timeout_s=60, sleep=pauses.append))
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'rescreening_claims'::regclass"
        while part.execute(waits).fetchone() == (0,):
            assert not upgrading.done()
        part.execute("LOCK TABLE rescreening_jobs IN ROW EXCLUSIVE MODE")
        part.commit()
        upgrading.result()
    assert len(pauses) == 1
    assert revision(url) == newest_revision()


def test_other_failures_of_a_migration_are_not_repeated(url):
    with psycopg.connect(url) as connection:
        connection.execute("ALTER TABLE claims ADD received_on date")
    with pytest.raises(Exception, match="received_on"):
        upgrade(url, retries=LockRetries(sleep=lambda _: pytest.fail("repeated")))


def test_processes_that_upgrade_at_once_wait_for_one_another(empty_database_url):
    with ThreadPoolExecutor(3) as threads:
        for done in [threads.submit(upgrade, empty_database_url) for _ in range(3)]:
            done.result()
    assert revision(empty_database_url) == newest_revision()


_INDEX = "audit_log_request_id_audit_id_idx"


@pytest.fixture
def before_audit_commands(empty_database_url: str) -> str:
    command.upgrade(alembic_config(empty_database_url), "0067")
    return empty_database_url


def index_is_valid(url: str) -> list[tuple[bool]]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [_INDEX]
        ).fetchall()


def hold_snapshot(connection: psycopg.Connection[Any]) -> None:
    """As a backup does."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    connection.execute("SELECT FROM claims")


def test_an_index_that_an_interrupted_migration_left_invalid_is_created_again(before_audit_commands):
    url = before_audit_commands
    with psycopg.connect(url) as older, psycopg.connect(url, autocommit=True) as connection:
        hold_snapshot(older)
        connection.execute("SET lock_timeout = '50ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            connection.execute(f"CREATE INDEX CONCURRENTLY {_INDEX} ON audit_log (request_id, audit_id)")
    assert index_is_valid(url) == [(False,)]
    upgrade(url)
    assert index_is_valid(url) == [(True,)]


def test_an_index_of_the_audit_log_waits_for_older_transactions_beyond_the_limit_of_locks(before_audit_commands):
    url = before_audit_commands
    waits_long = (
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'virtualxid'"
        " AND clock_timestamp() - waitstart > '200ms'"
    )
    retries = LockRetries(attempts=1, timeout_s=0.1)
    with (
        psycopg.connect(url) as older,
        psycopg.connect(url, autocommit=True) as watching,
        ThreadPoolExecutor(1) as threads,
    ):
        hold_snapshot(older)
        upgrading = threads.submit(upgrade, url, "0068", retries=retries)
        try:
            while watching.execute(waits_long).fetchone() == (0,):
                assert not upgrading.done(), upgrading.exception()
        finally:
            older.rollback()
        upgrading.result()
    assert index_is_valid(url) == [(True,)]


def test_the_audit_log_is_read_through_while_others_read_and_write_it(before_audit_commands):
    locks: list[object] = []

    def note_locks(connection: Any, cursor: Any, statement: str, *_: object) -> None:
        if "VALIDATE CONSTRAINT audit_log" in statement:
            with connection.connection.cursor() as own:
                own.execute(
                    "SELECT mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation = 'audit_log'::regclass"
                )
                locks.append(own.fetchall())

    event.listen(Engine, "before_cursor_execute", note_locks)
    try:
        upgrade(before_audit_commands, "0068")
    finally:
        event.remove(Engine, "before_cursor_execute", note_locks)
    assert locks == [[]]


def test_the_limit_of_locks_counts_again_after_an_index(before_audit_commands):
    """0069 changes a comment of `webhook_secrets`, which another transaction has locked."""
    url = before_audit_commands
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE webhook_secrets IN SHARE UPDATE EXCLUSIVE MODE")
        with pytest.raises(SchemaLockedError):
            upgrade(url, "0069", retries=LockRetries(attempts=1, timeout_s=0.1))
    assert revision(url) == "0068"


def test_entries_of_failed_commands_stay_when_the_schema_goes_down(before_audit_commands):
    url = before_audit_commands
    upgrade(url, "0068")
    columns = "audit_id, at, name, api_key_id, role, act, outcome, details"
    with psycopg.connect(url) as connection:
        connection.execute(
            f"INSERT INTO audit_log ({columns[10:]}) VALUES (now(), 'a', 'k', 'r', 'x', 'failed', '{{}}')"
        )
    command.downgrade(alembic_config(url), "0067")
    assert revision(url) == "0067"
