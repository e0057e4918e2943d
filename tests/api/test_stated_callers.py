"""Whose rows a connection of the pool shows: those of the caller that uses it now, whatever became of the last one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import (
    DATABASE_FAILURES,
    EVERY_ROW,
    NO_ROWS,
    Database,
    Query,
    RowAccess,
    Statement,
    deciding_claims,
    nothing,
    see,
    seeing,
)
from api.database.round_trips import RoundTrip
from core.postgres import as_api_role
from tests.api.makers import MINIMAL, Api

PROVIDER, OTHER_PROVIDER = RowAccess(provider_id="H456"), RowAccess(provider_id="H457")
ALL = "SELECT * FROM claims"
"""What a query asks for whose condition was forgotten."""
_ALL = Query(Statement(ALL, {}), {}, lambda rows: {row[0] for row in rows})
_SLEEP = "SELECT pg_sleep(600)"
_FAIL = "SELECT 1 / 0"

Seen = Callable[[Database], Awaitable[set[str]]]
Spoilt = Callable[[Database, str], Awaitable[None]]


@pytest.fixture
async def claims(api: Api) -> dict[RowAccess, set[str]]:
    """The claims of each caller."""
    mine = (await api.submit(MINIMAL)).json()["claim_id"]
    other = (await api.submit({**MINIMAL, "provider_id": "H457", "member_id": "M124"})).json()["claim_id"]
    return {PROVIDER: {mine}, OTHER_PROVIDER: {other}, NO_ROWS: set(), EVERY_ROW: {mine, other}}


@pytest.fixture
async def database(api: Api) -> AsyncIterator[Database]:
    """One connection, which every caller gets after the other."""
    made = Database(as_api_role(api.url), pool_size=1, for_callers=True)
    see(NO_ROWS)
    yield made
    await made.close()


async def of_sqlalchemy(connection: AsyncConnection) -> set[str]:
    return {row[0] for row in await connection.execute(text(ALL))}


async def read(database: Database) -> set[str]:
    async with database.reading() as connection:
        return await of_sqlalchemy(connection)


async def changed(database: Database) -> set[str]:
    async with database.transaction() as connection:
        return await of_sqlalchemy(connection)


async def looked(database: Database) -> set[str]:
    async with database.looking() as connection:
        return (await connection.fetch(_ALL))[0]


async def decided(database: Database) -> set[str]:
    async with database.deciding() as connection:
        return (await connection.fetch(_ALL))[0]


async def in_a_unit(database: Database) -> set[str]:
    async with database.unit(_begun) as unit:
        seen = [await way(database) for way in (looked, read, changed, decided)]
        await unit.commit()
    assert all(one == seen[0] for one in seen)
    return seen[0]


async def _begun(_connection: AsyncConnection) -> None:
    """A unit of work without an Idempotency-Key looks nothing up."""


async def read_badly(database: Database, statement: str) -> None:
    async with database.reading() as connection:
        await connection.execute(text(statement))


async def change_badly(database: Database, statement: str) -> None:
    async with database.transaction() as connection:
        await connection.execute(text(statement))


async def look_badly(database: Database, statement: str) -> None:
    async with database.looking() as connection:
        await connection.fetch(Query(Statement(statement, {}), {}, nothing))


async def decide_badly(database: Database, statement: str) -> None:
    async with database.deciding() as connection:
        await connection.fetch(Query(Statement(statement, {}), {}, nothing))


async def work_badly(database: Database, statement: str) -> None:
    async with database.unit(_begun):
        await change_badly(database, statement)


WAYS = [read, changed, looked, decided, in_a_unit]
BAD_WAYS = [read_badly, change_badly, look_badly, decide_badly, work_badly]


@pytest.mark.parametrize("way", WAYS)
async def test_a_query_without_a_condition_has_the_rows_of_its_caller(
    database: Database, claims: dict[RowAccess, set[str]], way: Seen
):
    for access in (PROVIDER, OTHER_PROVIDER, NO_ROWS, EVERY_ROW, PROVIDER):
        with seeing(access):
            assert await way(database) == claims[access], access


@pytest.mark.parametrize("way", WAYS)
async def test_work_for_no_stated_caller_sees_nothing(database: Database, claims: dict[RowAccess, set[str]], way: Seen):
    with seeing(EVERY_ROW):
        assert await way(database) == claims[EVERY_ROW]
    assert await way(database) == set()


@pytest.mark.parametrize("spoil", BAD_WAYS)
async def test_after_an_error_the_next_caller_sees_its_own_rows(
    database: Database, claims: dict[RowAccess, set[str]], spoil: Spoilt
):
    for way in WAYS:
        with seeing(EVERY_ROW), pytest.raises(DATABASE_FAILURES):
            await spoil(database, _FAIL)
        with seeing(OTHER_PROVIDER):
            assert await way(database) == claims[OTHER_PROVIDER], way
        with seeing(EVERY_ROW), pytest.raises(DATABASE_FAILURES):
            await spoil(database, _FAIL)
        assert await way(database) == set(), way


@pytest.mark.parametrize("spoil", BAD_WAYS)
async def test_after_a_cancelled_request_the_next_caller_sees_its_own_rows(
    api: Api, database: Database, claims: dict[RowAccess, set[str]], spoil: Spoilt
):
    for way in WAYS:
        with seeing(EVERY_ROW):
            request = asyncio.create_task(spoil(database, _SLEEP))
        while not api.rows("SELECT FROM pg_stat_activity WHERE query = %s AND state = 'active'", _SLEEP):
            assert not request.done()
            await asyncio.sleep(0)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        with seeing(OTHER_PROVIDER):
            assert await way(database) == claims[OTHER_PROVIDER], way
        assert await way(database) == set(), way


async def test_a_caller_that_was_stated_in_a_cancelled_round_trip_is_not_taken_for_the_one_before(
    database: Database, claims: dict[RowAccess, set[str]], monkeypatch: pytest.MonkeyPatch
):
    """The server has taken the statement, and the process has not learned it."""
    run = RoundTrip.run

    async def cancelled(trip: RoundTrip, *given: Any, **options: Any) -> Any:
        await run(trip, *given, **options)
        raise asyncio.CancelledError

    with seeing(PROVIDER):
        assert await read(database) == claims[PROVIDER]
    with monkeypatch.context() as patch, seeing(EVERY_ROW), pytest.raises(asyncio.CancelledError):
        patch.setattr(RoundTrip, "run", cancelled)
        await read(database)
    with seeing(PROVIDER):
        assert await read(database) == claims[PROVIDER]


async def test_a_transaction_goes_on_with_the_callers_own_rows_once_its_claim_is_decided(
    database: Database, claims: dict[RowAccess, set[str]]
):
    with seeing(PROVIDER):
        async with database.unit(_begun):
            with deciding_claims():
                assert await decided(database) == claims[EVERY_ROW]
            for way in (looked, read, changed):
                assert await way(database) == claims[PROVIDER], way


async def test_a_connection_that_states_nothing_after_a_transaction_shows_nothing(
    database: Database, claims: dict[RowAccess, set[str]]
):
    """What a transaction states ends with it, whatever takes the connection then."""
    for way in (changed, looked, decided, in_a_unit):
        with seeing(EVERY_ROW):
            assert await way(database) == claims[EVERY_ROW], way
        async with database.engine.connect() as connection:
            assert await of_sqlalchemy(connection) == set(), way


async def test_a_statement_that_reads_back_what_it_writes_passes_the_policies(
    database: Database, claims: dict[RowAccess, set[str]]
):
    """RETURNING and ON CONFLICT read rows: the caller's own, and none of others."""
    keep = text(
        "INSERT INTO idempotency_keys (api_key_id, key, request_hash, status, body, created_at) "
        "VALUES (:actor, 'k', '', 201, '', now()) "
        "ON CONFLICT (api_key_id, key) DO UPDATE SET status = 200 RETURNING status"
    )

    async def status(access: RowAccess, actor: str) -> int:
        with seeing(access):
            async with database.transaction() as connection:
                return int((await connection.execute(keep, {"actor": actor})).scalar_one())

    own, other = RowAccess(provider_id="H456", actor_id="key_1"), RowAccess(provider_id="H457", actor_id="key_2")
    assert [await status(own, "key_1"), await status(own, "key_1")] == [201, 200]
    for actor in ("key_1", "key_3"):
        with pytest.raises(DBAPIError) as raised:
            await status(other, actor)
        assert isinstance(raised.value.orig, psycopg.errors.InsufficientPrivilege), actor
    change = text("UPDATE claims SET void_reason = 'x' WHERE claim_id = :claim_id RETURNING claim_id")
    with seeing(own):
        for owner, is_changed in ((PROVIDER, True), (OTHER_PROVIDER, False)):
            async with database.transaction() as connection:
                changed = (await connection.execute(change, {"claim_id": next(iter(claims[owner]))})).all()
            assert bool(changed) == is_changed
