"""Timeouts of sessions, and fairness before the pool: one member or one key never stops the others."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack

import httpx
import psycopg
import pytest

from api import metrics
from api.database import AUTHENTICATION, NO_LIMITS, Database, acting_for, batch_limits, connect, request_limits
from api.database.admission import ConnectionQueue, _caller
from api.database.connections import MAX_WAITING
from api.errors import KeyQueueFull, MemberQueueFull, PoolExhausted
from api.intake.member_queue import MemberQueue
from api.worker import Worker
from core.settings import Settings
from tests.api.makers import MINIMAL, Api, running_api

NAMES = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "transaction_timeout")
LIMITS = Settings(
    database_statement_timeout_ms=1_100,
    database_lock_timeout_ms=1_200,
    database_idle_timeout_ms=1_300,
    database_transaction_timeout_ms=1_400,
    database_batch_timeout_s=15,
)


async def shown(database: Database) -> list[str]:
    async with database.reading() as connection:
        return [(await connection.exec_driver_sql(f"SHOW {name}")).scalar_one() for name in NAMES]


def shown_of(connection: psycopg.Connection) -> list[str]:
    return [connection.execute(f"SHOW {name}").fetchone()[0] for name in NAMES]  # type: ignore[index]


async def test_every_session_of_api_and_worker_has_its_limits(seeded_url: str):
    limits = ["1100ms", "1200ms", "1300ms", "1400ms"]
    changes = LIMITS.model_dump(include={name for name in Settings.model_fields if name.startswith("database_")})
    async with running_api(seeded_url, **changes) as api:
        for database in (api.database, api.dependencies.probe._database):
            assert await shown(database) == limits
    worker = Worker(LIMITS, seeded_url, "redis://127.0.0.1:1")
    assert await shown(worker._database) == limits
    for updater in (worker._updater, worker._looker):
        assert shown_of(updater._open_connection()) == ["15s", "15s", "15s", "0"]
        updater.close()
    await worker._database.close()


async def test_migrations_and_commands_have_none(seeded_url: str):
    with psycopg.connect(seeded_url, autocommit=True) as connection:
        name = seeded_url.rpartition("/")[2]
        connection.execute(f"ALTER DATABASE {name} SET statement_timeout = '7s'")
    with connect(seeded_url, NO_LIMITS) as connection:
        assert shown_of(connection) == ["0", "0", "0", "0"]
    database = Database(seeded_url, pool_size=1)
    assert await shown(database) == ["0", "0", "0", "0"]
    await database.close()


def test_no_transaction_limit_is_set_on_a_server_without_one():
    assert request_limits(LIMITS).of_transactions(160_009) is None
    assert request_limits(LIMITS).of_transactions(170_000) == "SET transaction_timeout = 1400"
    assert "transaction_timeout" not in request_limits(LIMITS).options.replace("idle_in_transaction", "")
    assert batch_limits(LIMITS).statement_ms == 15_000


class Line:
    """Callers at a queue; each holds a connection until its test ends it."""

    def __init__(self, queue: ConnectionQueue) -> None:
        self._queue = queue
        self.admitted: list[str] = []
        self._leave: dict[int, asyncio.Event] = {}
        self.tasks: list[asyncio.Task[None]] = []

    async def join(self, *callers: str) -> None:
        for caller in callers:
            number = len(self.tasks)
            self._leave[number] = asyncio.Event()
            self.tasks.append(asyncio.create_task(self._stay(caller, number)))
        await asyncio.sleep(0)

    async def leave(self, *numbers: int) -> None:
        for number in numbers:
            self._leave[number].set()
            await self.tasks[number]
            await asyncio.sleep(0)

    async def _stay(self, caller: str, number: int) -> None:
        with acting_for(caller):
            async with self._queue.turn():
                self.admitted.append(caller)
                await self._leave[number].wait()


async def test_a_caller_holds_its_share_and_the_rest_is_for_others():
    line = Line(ConnectionQueue(4, share=3, max_waiting=9, timeout_s=60))
    await line.join(*"aaaaa", *"bb")
    assert line.admitted == [*"aaa", "b"]
    await line.leave(0)
    assert line.admitted[4:] == ["a"]  # the one that has waited longest
    await line.leave(1)
    assert line.admitted[5:] == ["b"]
    await line.leave(2, 3, 4, 5, 6)


async def test_callers_take_turns_however_many_requests_each_has():
    line = Line(ConnectionQueue(1, share=1, max_waiting=9, timeout_s=60))
    await line.join(*"aaaaa", *"bb", "c")
    await line.leave(*[0, 1, 5, 7, 2, 6, 3, 4])
    assert line.admitted == list("aabcabaa")


async def test_a_full_queue_refuses_at_once_and_only_its_own_caller():
    line = Line(ConnectionQueue(2, share=1, max_waiting=2, timeout_s=60))
    await line.join(*"aaa")
    before = metrics.QUEUE_REFUSED.labels("key", "full")._value.get()
    with acting_for("a"), pytest.raises(KeyQueueFull):
        async with line._queue.turn():
            pass
    assert metrics.QUEUE_REFUSED.labels("key", "full")._value.get() == before + 1
    await line.join("b")
    assert line.admitted == ["a", "b"]
    await line.leave(0, 1, 2, 3)


async def test_a_caller_that_waits_too_long_or_goes_leaves_no_trace():
    queue = ConnectionQueue(1, share=1, max_waiting=2, timeout_s=0)
    line = Line(queue)
    await line.join("a")
    with acting_for("b"), pytest.raises(PoolExhausted):
        async with queue.turn():
            pass
    patient = Line(ConnectionQueue(1, share=1, max_waiting=2, timeout_s=60))
    await patient.join(*"abc")
    patient.tasks[1].cancel()
    await asyncio.gather(patient.tasks[1], return_exceptions=True)
    await patient.leave(0)
    assert patient.admitted == ["a", "c"]
    patient._leave[2].set()
    await patient.tasks[2]
    await line.leave(0)
    for one in (queue, patient._queue):
        assert (one._free, dict(one._held), one._waiting) == (1, {}, {})


async def test_requests_whose_key_is_unknown_share_two_connections(api: Api):
    await api.get("/v1/claims")
    async with AsyncExitStack() as held:
        with acting_for(AUTHENTICATION):
            for _ in range(2):
                await held.enter_async_context(api.database.looking())
            waiting = asyncio.create_task(api.client.get("/v1/claims", headers={"X-API-Key": "gnj_unknown"}))
        await asyncio.sleep(0)
        assert (await api.submit()).status_code == 201
        assert not waiting.done()
    assert (await waiting).status_code == 401


async def test_a_request_acts_for_its_key(api: Api):
    for role in ("admin", "claims_system"):
        await api.get("/v1/claims", role=role)
        with psycopg.connect(api.url) as connection:
            row = connection.execute("SELECT api_key_id FROM api_keys WHERE name = %s", [role]).fetchone()
        assert row == (_caller.get(),)


async def test_a_member_has_so_many_claims_at_a_time_and_others_are_admitted():
    queue = MemberQueue(max_claims=1, timeout_s=60)
    with queue.admitted("M1"), queue.admitted("M2"), pytest.raises(MemberQueueFull), queue.admitted("M1"):
        pass
    with queue.admitted("M1"):
        async with queue.turn("M1"):
            pass
    assert queue._members == {}


async def claims_of_another_member(api: Api) -> list[int]:
    """Statuses of five claims, one after the other, of another key."""
    day = MINIMAL | {"member_id": "M124", "claim_amount": 10}
    return [
        (await api.submit(day | {"service_from": f"2026-02-0{at}"}, role="claims_system")).status_code
        for at in range(1, 6)
    ]


def problems_of(answers: list[httpx.Response]) -> Counter[tuple[int, str]]:
    refused = [answer for answer in answers if answer.status_code != 201]
    assert all(answer.headers["retry-after"].isdigit() for answer in refused)
    return Counter((answer.status_code, answer.json()["type"].rpartition("#")[2]) for answer in refused)


async def test_a_forgotten_transaction_on_one_member_does_not_stop_the_others(seeded_url: str):
    async with running_api(seeded_url, database_lock_timeout_ms=500) as api:
        with psycopg.connect(seeded_url) as forgotten:
            forgotten.execute("SELECT pg_advisory_xact_lock(hashtextextended('M123', 0))")
            stuck = [asyncio.create_task(api.submit()) for _ in range(40)]
            assert await claims_of_another_member(api) == [201] * 5
            answers = await asyncio.gather(*stuck)
    assert problems_of(answers) == {(503, "lock-timeout"): 32, (429, "member-queue-full"): 8}
    assert api.count("claims") == 5


async def test_a_flood_of_claims_of_one_member_from_one_key_leaves_the_others_alone(api: Api):
    flood = [asyncio.create_task(api.submit(MINIMAL | {"claim_amount": 100 + at})) for at in range(400)]
    assert await claims_of_another_member(api) == [201] * 5
    answers = await asyncio.gather(*flood)
    stored = sum(answer.status_code == 201 for answer in answers)
    refused = problems_of(answers)
    assert stored > 0
    assert refused[429, "member-queue-full"] > 0
    assert {status for status, _ in refused} <= {429, 503}
    assert api.count("claims") == stored + 5


async def test_a_flood_of_requests_of_one_key_is_refused_beyond_its_queue(api: Api):
    flood = [asyncio.create_task(api.get("/v1/claims")) for _ in range(3 * MAX_WAITING)]
    assert await claims_of_another_member(api) == [201] * 5
    answers = [answer for answer in await asyncio.gather(*flood) if answer.status_code != 200]
    assert problems_of(answers)[429, "key-queue-full"] > 0
    assert {status for status, _ in problems_of(answers)} <= {429, 503}


async def test_requests_that_come_with_the_same_key_share_its_look_up(api: Api):
    async with AsyncExitStack() as held:
        with acting_for(AUTHENTICATION):
            await held.enter_async_context(api.database.looking())
            flood = [asyncio.create_task(api.get("/v1/decision-reasons")) for _ in range(3 * MAX_WAITING)]
    assert {answer.status_code for answer in await asyncio.gather(*flood)} == {200}
