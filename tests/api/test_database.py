import asyncio
import os
import socket
import struct
import time

import psycopg
import pytest
from sqlalchemy import bindparam, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Database, Query, apart_from_unit, compiled, fetch, nothing
from api.database.renewal import LIFETIME_S
from api.members import PlanRow

_ADD = compiled(insert(PlanRow).values(plan_id=bindparam("plan_id")))
_DATA_SEGS_OUT = 156
"""Offset of `tcpi_data_segs_out` in `struct tcp_info` of linux/tcp.h."""
_ALL = compiled(select(PlanRow.plan_id).order_by(PlanRow.plan_id))


def add(plan_id: str) -> Query[None]:
    return Query(_ADD, {"plan_id": plan_id}, nothing)


def plans() -> Query[list[str]]:
    return Query(_ALL, {}, lambda rows: [row[0] for row in rows])


@pytest.fixture
async def database(database_url):
    made = Database(database_url, pool_size=2)
    yield made
    await made.close()


async def listed(database: Database) -> list[str]:
    async with database.looking() as connection:
        (found,) = await connection.fetch(plans())
    return found


async def test_queries_sent_together_run_in_order_and_see_earlier_effects(database):
    async with database.deciding() as connection:
        before, _, after = await connection.fetch(plans(), add("a"), plans())
    assert (before, after) == ([], ["a"])


@pytest.mark.parametrize("way", ["fetch", "finish"])
async def test_a_block_is_committed_completely_or_not_at_all(database, way):
    async with database.deciding() as connection:
        await connection.fetch(add("a"))
        await getattr(connection, way)(add("b"))
    with pytest.raises(psycopg.errors.UniqueViolation):
        async with database.deciding() as connection:
            await connection.fetch(add("c"))
            await getattr(connection, way)(add("d"), add("a"), add("e"))
    with pytest.raises(ZeroDivisionError):
        async with database.deciding() as connection:
            await connection.fetch(add("f"))
            raise ZeroDivisionError
    assert await listed(database) == ["a", "b"]


def segments(connection: psycopg.AsyncConnection) -> int:
    """TCP segments with data that were sent: one for each system call that sends little."""
    with socket.socket(fileno=os.dup(connection.pgconn.socket)) as own:
        (sent,) = struct.unpack_from("=I", own.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256), _DATA_SEGS_OUT)
    return int(sent)


async def test_the_statements_of_a_round_trip_are_sent_together(database):
    async with database.looking() as connection:
        await connection.fetch(plans())  # prepared
        driver = connection._session.connection
        before = segments(driver)
        await connection.fetch(*[plans() for _ in range(40)])
        assert segments(driver) - before < 5  # the statements with their Sync, and a request to flush


async def test_statements_that_are_larger_than_the_buffer_arrive_complete(database):
    names = [f"{number:02}" + "x" * 200_000 for number in range(20)]
    async with database.deciding() as connection:
        await connection.finish(*[add(name) for name in names])
    assert await listed(database) == names


async def nothing_first(_connection: AsyncConnection) -> None:
    """What a unit does first: nothing."""


async def test_a_unit_of_work_commits_what_only_the_driver_has_sent(database):
    async with database.unit(nothing_first) as unit:
        async with database.deciding() as connection:
            await connection.finish(add("a"))
        await unit.commit()
    assert await listed(database) == ["a"]


async def test_a_unit_of_work_is_stored_whole_by_its_one_commit(database):
    async with database.unit(nothing_first) as unit:
        async with database.transaction() as connection:
            await fetch(connection, add("a"))
        async with database.deciding() as connection:
            await connection.finish(add("b"))
        assert await listed(database) == ["a", "b"]
        assert await asyncio.create_task(listed(database)) == []
        await unit.commit()
    assert await listed(database) == ["a", "b"]


async def test_a_unit_of_work_without_a_commit_stores_nothing(database):
    async with database.unit(nothing_first):
        async with database.deciding() as connection:
            await connection.finish(add("a"))
        with apart_from_unit():
            async with database.deciding() as connection:
                await connection.finish(add("apart"))
    assert await listed(database) == ["apart"]


@pytest.mark.parametrize("error", [ZeroDivisionError, psycopg.errors.UniqueViolation])
async def test_a_unit_of_work_stores_nothing_after_a_failed_change(database, error):
    with pytest.raises(RuntimeError, match="failed"):
        async with database.unit(nothing_first) as unit:
            async with database.deciding() as connection:
                await connection.finish(add("a"))
            with pytest.raises(error):
                async with database.deciding() as connection:
                    await connection.fetch(add("b"))
                    if error is ZeroDivisionError:
                        raise ZeroDivisionError
                    await connection.finish(add("b"))
            await unit.commit()
    assert await listed(database) == []


async def test_a_unit_of_work_uses_no_connection_until_it_needs_one(database):
    begun = []

    async def note(connection: AsyncConnection) -> None:
        begun.append(connection)

    async with database.unit(note):
        assert begun == []
        assert database.engine.pool.checkedout() == 0
        await listed(database)
        await listed(database)
        assert len(begun) == database.engine.pool.checkedout() == 1
    assert database.engine.pool.checkedout() == 0


async def _backend(database: Database) -> int:
    async with database.reading() as connection:
        return int((await connection.exec_driver_sql("SELECT pg_backend_pid()")).scalar_one())


async def test_a_connection_is_replaced_by_its_age_whatever_the_wall_clock_says(database, monkeypatch):
    first = await _backend(database)
    wall, monotonic = time.time, time.monotonic
    monkeypatch.setattr(time, "time", lambda: wall() + 10 * LIFETIME_S)
    assert await _backend(database) == first
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + LIFETIME_S)
    second = await _backend(database)
    assert second != first
    assert await _backend(database) == second


async def test_a_lost_connection_is_replaced(database, database_url):
    await listed(database)
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with pytest.raises(psycopg.OperationalError):
        await listed(database)
    assert await listed(database) == []
