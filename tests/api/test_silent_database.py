"""A database that keeps its connections open and answers nothing: requests fail, and say what is known."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import psycopg
import pytest

from api.database import NO_LIMITS, SessionLimits, connect
from benchmarks.proxy import Fault, Proxy
from tests.api.makers import MINIMAL, Api, running_api

OTHER = MINIMAL | {"member_id": "M124", "claim_amount": 4_999}
HUNG_S = 60.0
"""A test that takes longer fails: what it waits for does not end."""


@asynccontextmanager
async def api_behind_a_link(url: str) -> AsyncIterator[tuple[Api, Proxy]]:
    """The API with a proxy before its database, and timeouts of half a second altogether."""
    parts = urlsplit(url)
    link = Proxy((parts.hostname or "", parts.port or 0))
    await link.start()
    through = url.replace(f"{parts.hostname}:{parts.port}", f"127.0.0.1:{link.port}")
    try:
        async with (
            asyncio.timeout(HUNG_S),
            running_api(through, database_statement_timeout_ms=200, database_transaction_timeout_ms=300) as api,
        ):
            yield api, link
    finally:
        await link.stop()


def stored_claims(url: str) -> int:
    """Claims in the database; read past the link, which this process serves itself."""
    with psycopg.connect(url) as connection:
        (count,) = connection.execute("SELECT count(*) FROM claims").fetchone() or (0,)
        return int(count)


@pytest.mark.parametrize("path", ["/v1/claims", "/v1/claims/clm_01m86p3ap6yntdyk7shqjq4hs9", "/v1/reviews"])
async def test_a_read_fails_and_works_again_when_the_database_answers(seeded_url: str, path: str) -> None:
    async with api_behind_a_link(seeded_url) as (api, link):
        before = (await api.get(path)).status_code
        await link.set(Fault.HALF_OPEN)
        response = await api.get(path)
        assert (response.status_code, response.json()["type"]) == (503, "/docs/problems#unavailable")
        await link.set(Fault.NONE)
        assert (await api.get(path)).status_code == before


async def test_a_claim_is_not_stored_and_can_be_sent_again(seeded_url: str) -> None:
    async with api_behind_a_link(seeded_url) as (api, link):
        assert (await api.submit()).status_code == 201
        await link.set(Fault.HALF_OPEN)
        response = await api.submit(OTHER)
        assert (response.status_code, response.json()["type"]) == (503, "/docs/problems#unavailable")
        await link.set(Fault.NONE)
        assert (await api.submit(OTHER)).status_code == 201
        assert stored_claims(seeded_url) == 2


async def test_a_commit_without_an_answer_is_said_to_be_unknown(seeded_url: str) -> None:
    """The link stalls while the scorer is called: COMMIT is sent with the statements, and nothing comes back."""
    async with api_behind_a_link(seeded_url) as (api, link):
        healthy = api.scorer.behaviour

        async def stall(exchange):
            await link.set(Fault.HALF_OPEN)
            await healthy(exchange)

        await api.submit()  # opens the connections
        api.scorer.behaviour = stall
        response = await api.submit(OTHER)
        assert response.status_code == 503
        assert response.json()["type"] in ("/docs/problems#outcome-unknown", "/docs/problems#unavailable")
        api.scorer.behaviour = healthy
        await link.set(Fault.NONE)
        assert (await api.submit(OTHER)).status_code == 201
        assert stored_claims(seeded_url) == 2


@pytest.mark.parametrize(
    ("statement_ms", "transaction_ms", "silent_s"), [(5_000, 10_000, 15.0), (0, 10_000, 0.0), (5_000, 0, 0.0)]
)
def test_a_server_counts_as_silent_after_it_should_have_ended_everything(
    statement_ms: int, transaction_ms: int, silent_s: float
) -> None:
    limits = SessionLimits(statement_ms, 2_000, 5_000, transaction_ms)
    assert limits.silent_s == silent_s


def test_a_connection_of_the_worker_notices_a_host_that_is_gone(seeded_url: str) -> None:
    with connect(seeded_url, NO_LIMITS) as connection:
        parameters = connection.info.get_parameters()
    assert parameters["keepalives_idle"] == "10"
    assert parameters["tcp_user_timeout"] == "10000"
