"""Seals over the audit log: whatever is changed afterwards is found, and the row is named."""

import asyncio

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege, RestrictViolation

from api.audit import AuditSealer, AuditVerdict, StoredAnchors, verify
from api.database import Database
from core import clock
from tests.api.waiting import until

_ADD = (
    "INSERT INTO audit_log (at, api_key_id, name, role, act, details, subject_kind, subject_id) SELECT"
    " '2026-03-01'::timestamptz + n * interval '1 s', 'key_1', 'ann', 'admin', 'member.read', '{}', 'member', 'M' || n"
    " FROM generate_series(1, %s) AS n"
)


@pytest.fixture
async def database(database_url):
    opened = Database(database_url, pool_size=2)
    yield opened
    await opened.close()


def add(url: str, rows: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(_ADD, [rows])


def tamper(url: str, *statements: str) -> None:
    """Change the log as its owner could who lifts what protects it."""
    with psycopg.connect(url) as connection:
        connection.execute("GRANT UPDATE, DELETE, TRUNCATE ON audit_log, audit_seals TO CURRENT_USER")
        for table in ("audit_log", "audit_seals"):
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            connection.execute(statement)


async def sealed(database: Database, url: str, rows: int) -> None:
    add(url, rows)
    assert await AuditSealer(database, max_rows=100).step() == rows


async def faults(database: Database) -> list[tuple[str, int, int | None]]:
    report = await verify(database, StoredAnchors())
    assert (report.verdict is AuditVerdict.ALTERED) == bool(report.faults)
    return [(one.kind, one.seal, one.audit_id) for one in report.faults]


async def test_thousands_of_rows_are_sealed_and_intact(database, database_url):
    await sealed(database, database_url, 3_050)
    report = await verify(database, StoredAnchors())
    assert (report.rows, report.seals, report.faults, report.unsealed) == (3_050, 31, [], 0)
    assert await AuditSealer(database).step() == 0, "nothing is left to seal"


@pytest.mark.parametrize(
    "change",
    [
        "at = at + interval '1 microsecond'",
        *("api_key_id = 'key_2'", "name = 'ben'", "role = 'operator'", "act = 'member.list'"),
        *("details = '{\"items\": 1}'", "purpose = 'TREAT'", "subject_kind = 'claim'", "subject_id = 'M'"),
        *("outcome = 'denied'", "request_id = 'r'", "address = '::1'", "agent = 'a'", "change = 'x'::bytea"),
    ],
)
async def test_one_changed_column_of_one_row_is_found(database, database_url, change):
    await sealed(database, database_url, 2_000)
    tamper(database_url, f"UPDATE audit_log SET {change} WHERE audit_id = 777")
    assert await faults(database) == [("changed", 8, 777)]


async def test_a_removed_row_is_found(database, database_url):
    await sealed(database, database_url, 1_000)
    tamper(database_url, "DELETE FROM audit_log WHERE audit_id IN (1, 500, 1000)")
    assert await faults(database) == [("removed", 1, 1), ("removed", 5, 500), ("removed", 10, 1_000)]


async def test_an_inserted_row_is_found(database, database_url):
    await sealed(database, database_url, 200)
    columns = "at, api_key_id, name, role, act, details"
    tamper(
        database_url,
        "DELETE FROM audit_log WHERE audit_id = 150",
        f"INSERT INTO audit_log (audit_id, {columns}) OVERRIDING SYSTEM VALUE "
        f"SELECT -audit_id, {columns} FROM audit_log WHERE audit_id = 7",
        f"INSERT INTO audit_log (audit_id, {columns}) OVERRIDING SYSTEM VALUE "
        f"SELECT 150, {columns} FROM audit_log WHERE audit_id = 7",
    )
    assert await faults(database) == [("inserted", 1, -7), ("changed", 2, 150)]


async def test_reordered_rows_are_found(database, database_url):
    await sealed(database, database_url, 300)
    tamper(
        database_url,
        "UPDATE audit_log SET audit_id = -1 WHERE audit_id = 20",
        "UPDATE audit_log SET audit_id = 20 WHERE audit_id = 250",
        "UPDATE audit_log SET audit_id = 250 WHERE audit_id = -1",
    )
    assert await faults(database) == [("changed", 1, 20), ("changed", 3, 250)]


async def test_seals_made_again_over_a_changed_row_break_the_chain(database, database_url):
    await sealed(database, database_url, 300)
    tamper(
        database_url, "UPDATE audit_seals SET entries = overlay(entries placing '\\x00'::bytea from 9) WHERE seal = 2"
    )
    found = await faults(database)
    assert ("seal_changed", 2, None) in found
    tamper(database_url, "DELETE FROM audit_seals WHERE seal = 2")
    assert ("seal_missing", 2, None) in await faults(database)


async def test_rows_after_the_last_seal_are_said_to_be_unsealed(database, database_url):
    await sealed(database, database_url, 10)
    add(database_url, 3)
    report = await verify(database, StoredAnchors())
    assert (report.faults, report.rows, report.unsealed) == ([], 10, 3)
    assert report.oldest_unsealed_at == clock.from_micros(1_772_323_201_000_000)


async def test_a_row_that_commits_late_is_sealed_with_those_above_it(database, database_url):
    with psycopg.connect(database_url) as late:
        late.execute(_ADD, [1])
        add(database_url, 5)
        sealing = asyncio.create_task(AuditSealer(database).step())
        looked = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%virtualtransaction%'"
        with psycopg.connect(database_url, autocommit=True) as other:
            await until(lambda: len(other.execute(f"{looked} AND pid <> pg_backend_pid()").fetchall()) == 1)
        assert not sealing.done()
        late.commit()
    assert await sealing == 6
    assert not (await verify(database, StoredAnchors())).faults


async def test_nothing_is_sealed_while_a_writer_stays_open(database, database_url, monkeypatch):
    monkeypatch.setattr("api.audit.sealing._POLLS", 2)
    with psycopg.connect(database_url) as late:
        late.execute(_ADD, [1])
        add(database_url, 5)
        assert await AuditSealer(database).step() == 0
    assert await AuditSealer(database).step() == 6


async def test_two_sealers_make_one_chain(new_database, database_template):
    with new_database(database_template) as url:
        first, second = Database(url, pool_size=1), Database(url, pool_size=1)
        try:
            add(url, 1_000)
            counts = await asyncio.gather(*(AuditSealer(one, max_rows=10).step() for one in (first, second)))
            while await AuditSealer(first, max_rows=10).step():
                pass
            report = await verify(first, StoredAnchors())
        finally:
            await first.close()
            await second.close()
    assert (sum(counts) <= 1_000, report.rows, report.seals, report.faults) == (True, 1_000, 100, [])


@pytest.mark.parametrize("table", ["audit_log", "audit_seals"])
@pytest.mark.parametrize("change", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0}"])
def test_the_role_of_the_application_may_not_change_it_and_the_trigger_refuses_those_who_may(
    database_url, table, change
):
    statement = change.format(table, "rows" if table == "audit_seals" else "name")
    add(database_url, 1)
    with psycopg.connect(database_url) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(statement)
    with psycopg.connect(database_url) as connection, pytest.raises(RestrictViolation, match="append only"):
        connection.execute(f"GRANT UPDATE, DELETE, TRUNCATE ON {table} TO CURRENT_USER")
        connection.execute(statement)
