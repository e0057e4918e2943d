"""Session timeouts expire at the real server: which problem the caller gets, and that the API answers afterwards."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest
from psycopg.errors import TransactionTimeout
from sqlalchemy import func, select

from api.database import Query, compiled, connect, nothing, request_limits
from tests.api.makers import MINIMAL, Api, running_api

NEVER_MS = 600_000
"""Of the timeouts that a test does not wait for."""
FOR_EVER = "PERFORM pg_sleep(600)"
OTHER_MEMBER = MINIMAL | {"member_id": "M124", "claim_amount": 10}
MEMBER_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('M123', 0))"


@asynccontextmanager
async def api_with(url: str, **short: int) -> AsyncIterator[Api]:
    """The API with these timeouts in milliseconds, all others long."""
    limits = {f"database_{name}_timeout_ms": NEVER_MS for name in ("statement", "lock", "idle", "transaction")}
    limits |= {f"database_{name}_timeout_ms": ms for name, ms in short.items()}
    async with running_api(url, **limits) as api:
        yield api


def on_insert(api: Api, member_id: str, body: str) -> None:
    """Run `body` at each insert of a claim of this member."""
    api.execute(
        "CREATE OR REPLACE FUNCTION slow_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF NEW.member_id = '{member_id}' THEN {body}; END IF; RETURN NEW; END $$"
    )
    api.execute("CREATE OR REPLACE TRIGGER slow BEFORE INSERT ON claims FOR EACH ROW EXECUTE FUNCTION slow_insert()")


async def assert_serves_others_and_then_the_same(api: Api) -> None:
    """Another member's claims are decided, and after the cause is removed those of the first member, too."""
    assert (await api.submit(OTHER_MEMBER)).status_code == 201
    api.execute("DROP TRIGGER IF EXISTS slow ON claims")
    assert (await api.submit()).status_code == 201
    assert api.count("claims") == 2
    (left,) = api.rows(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND state IN ('idle in transaction', 'idle in transaction (aborted)')"
    )
    assert left == (0,)


async def test_a_statement_that_does_not_end_is_ended_and_named(seeded_url: str):
    async with api_with(seeded_url, statement=200) as api:
        on_insert(api, "M123", FOR_EVER)
        response = await api.submit()
        assert (response.status_code, response.json()["type"]) == (503, "/docs/problems#statement-timeout")
        assert response.headers["retry-after"] == "2"
        await assert_serves_others_and_then_the_same(api)


async def test_a_transaction_that_does_not_end_is_ended_and_named(seeded_url: str):
    """The server closes the session. COMMIT was sent with the statement that was ended, and not reached."""
    async with api_with(seeded_url, transaction=200) as api:
        on_insert(api, "M123", FOR_EVER)
        response = await api.submit()
        assert (response.status_code, response.json()["type"]) == (503, "/docs/problems#statement-timeout")
        assert api.count("claims") == 0
        await assert_serves_others_and_then_the_same(api)


async def test_a_transaction_of_many_short_statements_is_ended_too(seeded_url: str):
    async with api_with(seeded_url, transaction=200) as api:
        moment = Query(compiled(select(func.pg_sleep(0.01))), {}, nothing)
        with pytest.raises((TransactionTimeout, psycopg.OperationalError)):  # said by the server, or found closed
            async with api.database.deciding() as connection:
                while True:
                    await connection.fetch(moment)
        await assert_serves_others_and_then_the_same(api)


@pytest.mark.parametrize("path", ["/v1/claims", "/v1/claims/clm_01m86p3ap6yntdyk7shqjq4hs9"])
async def test_a_read_that_waits_for_a_table_lock_is_ended_and_named(seeded_url: str, path: str):
    async with api_with(seeded_url, lock=200) as api:
        with psycopg.connect(seeded_url) as holder:
            holder.execute("LOCK TABLE claims IN ACCESS EXCLUSIVE MODE")
            response = await api.get(path)
            assert (response.status_code, response.json()["type"]) == (503, "/docs/problems#lock-timeout")
        await assert_serves_others_and_then_the_same(api)


async def test_a_lock_that_is_held_within_the_transaction_is_ended_and_named(seeded_url: str):
    async with api_with(seeded_url, lock=200) as api:
        on_insert(api, "M123", "PERFORM pg_advisory_xact_lock(7)")
        with psycopg.connect(seeded_url) as holder:
            holder.execute("SELECT pg_advisory_xact_lock(7)")
            response = await api.submit()
            assert (response.status_code, response.json()["type"]) == (503, "/docs/problems#lock-timeout")
        await assert_serves_others_and_then_the_same(api)


async def test_the_server_ends_a_forgotten_transaction_and_its_member_is_served_again(seeded_url: str):
    async with api_with(seeded_url, idle=300) as api:
        forgotten = connect(api.url, request_limits(api.dependencies.settings))
        forgotten.execute("BEGIN")
        forgotten.execute(MEMBER_LOCK)
        waiting = [asyncio.create_task(api.submit(MINIMAL | {"claim_amount": 100 + at})) for at in range(5)]
        assert (await api.submit(OTHER_MEMBER)).status_code == 201  # not behind the claims of the first
        assert [(await one).status_code for one in waiting] == [201] * 5
        with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
            forgotten.execute("SELECT 1")
        forgotten.close()


async def test_a_forgotten_transaction_of_another_program_costs_its_member_the_lock_timeout(seeded_url: str):
    async with api_with(seeded_url, lock=300) as api:
        with psycopg.connect(seeded_url) as forgotten:
            forgotten.execute(MEMBER_LOCK)
            refused = [asyncio.create_task(api.submit()) for _ in range(5)]
            assert (await api.submit(OTHER_MEMBER)).status_code == 201
            problems = [(await one).json()["type"] for one in refused]
        assert problems == ["/docs/problems#lock-timeout"] * 5
        assert (await api.submit()).status_code == 201
