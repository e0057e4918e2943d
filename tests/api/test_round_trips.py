"""Statements of a round trip: what is sent, prepared and answered, and what is left of a connection after a failure."""

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest
from psycopg.types.json import Jsonb
from sqlalchemy import (
    ARRAY,
    Boolean,
    Date,
    DateTime,
    Double,
    Integer,
    LargeBinary,
    Numeric,
    Text,
    bindparam,
    func,
    insert,
    literal,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from api.database import Database, Query, Statement, compiled, nothing
from api.members import PlanRow

VALUES = {
    "text": (Text(), "O'Brien % \u00e9 \\"),
    "number": (Integer(), -7),
    "large": (Integer(), 2_000_000_000),
    "truth": (Boolean(), False),
    "fraction": (Double(), 0.1 + 0.2),
    "exact": (Numeric(), Decimal("12.340")),
    "day": (Date(), date(2024, 2, 29)),
    "instant": (DateTime(timezone=True), datetime(2026, 11, 28, 1, 2, 3, 456_789, UTC)),
    "octets": (LargeBinary(), bytes(range(256))),
    "texts": (ARRAY(Text), ["a,b", '"', "{}", ""]),
    "no_texts": (ARRAY(Text), []),
    "days": (ARRAY(Date), [date(2024, 2, 29)]),
    "missing": (Text(), None),
}
_VALUES = compiled(select(*(bindparam(name, type_=type_) for name, (type_, _) in VALUES.items())))
_JSON = compiled(select(bindparam("document", type_=JSONB)))
_ADD = compiled(insert(PlanRow).values(plan_id=bindparam("plan_id"), benefit_limit_cents=bindparam("cents")))
_PREPARED = compiled(
    select(func.count()).select_from(text("pg_prepared_statements")).where(text("statement LIKE 'INSERT INTO plans%%'"))
)
_DIVIDE = compiled(select(literal(1) / bindparam("by", type_=Integer)))
_SLEEP = compiled(select(func.pg_sleep(bindparam("seconds", type_=Double))))


def add(plan_id: str, cents: int | None = None) -> Query[None]:
    return Query(_ADD, {"plan_id": plan_id, "cents": cents}, nothing)


def plans() -> Query[list[str]]:
    statement = compiled(select(PlanRow.plan_id).order_by(PlanRow.plan_id))
    return Query(statement, {}, lambda rows: [row[0] for row in rows])


def divided(by: int) -> Query[int]:
    return Query(_DIVIDE, {"by": by}, lambda rows: int(rows[0][0]))


def prepared() -> Query[int]:
    return Query(_PREPARED, {}, lambda rows: int(rows[0][0]))


@pytest.fixture
async def database(database_url):
    made = Database(database_url, pool_size=1)
    yield made
    await made.close()


async def test_a_value_of_each_type_arrives_as_it_was_sent(database: Database):
    sent = {name: value for name, (_, value) in VALUES.items()}
    async with database.looking() as connection:
        (row,) = await connection.fetch(Query(_VALUES, sent, lambda rows: rows[0]))
        document = {"a": [1, 0.5, None, True, "\u00e9"], "b": {}}
        (found,) = await connection.fetch(Query(_JSON, {"document": Jsonb(document)}, lambda rows: rows[0][0]))
    assert dict(zip(VALUES, row, strict=True)) == sent
    assert found == document


async def test_the_types_of_other_sql_follow_from_the_values(database: Database):
    statement = Statement("SELECT %(at)s - %(day)s, %(n)s + 1, '%%', %(n)s", {})
    at = datetime(2026, 11, 28, tzinfo=UTC)
    async with database.looking() as connection:
        for number in (1, 100_000, 2**40):
            query = Query(statement, {"at": at, "day": at, "n": number}, lambda rows: rows[0])
            (row,) = await connection.fetch(query)
            assert (row[0].total_seconds(), *row[1:]) == (0, number + 1, "%", number)


async def test_a_statement_is_prepared_once_on_a_connection_whatever_its_values(database: Database):
    async with database.deciding() as connection:
        await connection.fetch(add("a", 1), add("b"), add("c", 10**12))
        await connection.fetch(add("d", 40_000), prepared())
    async with database.looking() as connection:
        found, count = await connection.fetch(plans(), prepared())
    assert (found, count) == (["a", "b", "c", "d"], 1)


async def test_a_failed_statement_ends_the_round_trip_and_leaves_the_connection(database: Database):
    async with database.looking() as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            await connection.fetch(add("a"), divided(0), add("b"))
        assert await connection.fetch(plans(), divided(1)) == ([], 1)


async def test_statements_are_prepared_again_after_a_rollback_by_the_driver(database: Database):
    async with database.looking() as connection:
        await connection.fetch(plans())
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as connection:
            await connection.execute(select(PlanRow.plan_id))
            raise ZeroDivisionError
    async with database.looking() as connection:
        assert await connection.fetch(plans()) == ([],)


async def test_statements_are_prepared_again_after_something_else_has_dropped_them(database: Database):
    async with database.looking() as connection:
        await connection.fetch(plans(), Query(Statement("DEALLOCATE ALL", {}), {}, nothing))
        with pytest.raises(psycopg.errors.InvalidSqlStatementName):
            await connection.fetch(plans())
        assert await connection.fetch(plans()) == ([],)


async def test_a_value_that_cannot_be_sent_leaves_the_connection(database: Database):
    async with database.deciding() as connection:
        await connection.fetch(add("a"))
        with pytest.raises(psycopg.DataError):
            await connection.fetch(add("b"), add("NUL \0"))
        await connection.finish(add("c"))
    async with database.looking() as connection:
        assert await connection.fetch(plans()) == (["a", "c"],)


async def test_a_cancelled_request_cancels_its_statement_and_stores_nothing(database: Database):
    async def waits() -> None:
        async with database.deciding() as connection:
            await connection.fetch(add("a"))
            began.set()
            await connection.finish(Query(_SLEEP, {"seconds": 600.0}, nothing))

    began = asyncio.Event()
    task = asyncio.create_task(waits())
    await began.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with database.looking() as connection:  # the only place of the pool is free again
        assert await connection.fetch(plans()) == ([],)
