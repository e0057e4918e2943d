import time

import psycopg
import pytest
from sqlalchemy import bindparam, insert, select

from api.database import Database, Query, compiled, nothing
from api.database.renewal import LIFETIME_S
from api.members import PlanRow

_ADD = compiled(insert(PlanRow).values(plan_id=bindparam("plan_id")))
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
