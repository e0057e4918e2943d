"""What the processes do. Everything heavy is imported here, once, before they are forked."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import httpx
import psycopg
import redis

from api.app import create_app
from api.database import Database
from api.housekeeping import every_day
from api.migrate import plain_url
from api.scorer import ScorerClient, States
from api.scoring import Rescorer
from api.worker import RESCORE_DEADLINE_MS, Worker
from benchmarks.crash.processes import Begin, Place
from claims.scoring import ClaimFacts
from core import clock
from core.settings import Settings
from features.declare import PLANS
from features.offline import file_of
from features.update import FeatureUpdater, rebuild

_DRAINED_WITHIN_S: Final = 40.0
_OPEN = "SELECT count(*) FROM outbox WHERE done_at IS NULL AND topic IN ({})"
_CONSUMED = ("claim.received", "claim.voided", "label.recorded", "history.loaded", "claim.rescore")


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the API."""

    path: str
    body: bytes
    key: str | None = None
    """Idempotency-Key."""


@dataclass(frozen=True, slots=True)
class Response:
    """A response of the API."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Recovery:
    """What follows a crash: the client sends its request again, and the worker is started."""

    requests: tuple[Request, ...] = ()
    at: datetime | None = None
    """The clock of the worker; `None`: the real one."""


def _settings(place: Place) -> Settings:
    return Settings.model_validate(
        {
            "home": place.home,
            "database_url": place.database_url,
            "redis_url": place.redis_url,
            "scorer_url": place.scorer_url,
            "scorer_deadline_ms": 2_000,
        }
    )


@asynccontextmanager
async def _client(place: Place) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(_settings(place), place.database_url)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        headers = {"authorization": f"Bearer {place.key}", "content-type": "application/json"}
        async with httpx.AsyncClient(transport=transport, base_url="http://claims", headers=headers) as client:
            yield client


async def _send(client: httpx.AsyncClient, request: Request) -> Response:
    headers = {} if request.key is None else {"idempotency-key": request.key}
    response = await client.post(request.path, content=request.body, headers=headers)
    return Response(response.status_code, response.content)


def post(place: Place, requests: Sequence[Request], begin: Begin) -> list[Response]:
    """Send requests to the API, one after another."""

    async def work() -> list[Response]:
        async with _client(place) as client:
            begin()
            return [await _send(client, request) for request in requests]

    return asyncio.run(work())


def post_without_scorer(place: Place, requests: Sequence[Request], begin: Begin) -> list[Response]:
    """As `post`, with nothing at the scorer's address."""
    return post(replace(place, scorer_url="http://127.0.0.1:9"), requests, begin)


def _updater(place: Place) -> FeatureUpdater:
    network = file_of(place.home, PLANS["provider_network"].history)
    return FeatureUpdater(
        lambda: psycopg.connect(plain_url(place.database_url)),
        redis.Redis.from_url(place.redis_url),
        network=network if network.exists() else None,
    )


def drain(place: Place, at: datetime | None, begin: Begin) -> None:
    """Bring every open event into the online store, at another time where `at` is given."""
    updater = _updater(place)
    begin()
    with nullcontext() if at is None else clock.held(at):
        while updater.drain().more:
            pass


def drain_and_lose(place: Place, _argument: None, begin: Begin) -> None:
    """Drain, then give the online store back what it held before, as a restored file does."""
    with redis.Redis.from_url(place.redis_url) as client:
        keys = client.keys()
        assert isinstance(keys, list)
        held = dict(zip(keys, client.mget(keys), strict=True))
        drain(place, None, begin)
        client.flushdb()
        client.mset(held)


def rebuild_store(place: Place, at: datetime | None, begin: Begin) -> None:
    """Rebuild the online store."""
    network = file_of(place.home, PLANS["provider_network"].history)
    begin()
    with (
        nullcontext() if at is None else clock.held(at),
        psycopg.connect(plain_url(place.database_url), autocommit=True) as connection,
        redis.Redis.from_url(place.redis_url) as client,
    ):
        rebuild(connection, client, network=network if network.exists() else None)


def rescore(place: Place, _argument: None, begin: Begin) -> int:
    """Score what the rule decided; returns how many claims."""
    updater = _updater(place)

    async def states_at(claims: Sequence[ClaimFacts]) -> list[States]:
        return [reading.to_wire() for reading in updater.states_at(claims)]

    async def work() -> int:
        database = Database(place.database_url)
        scorer = ScorerClient(place.scorer_url, deadline_ms=RESCORE_DEADLINE_MS)
        begin()
        return await Rescorer(database, scorer, states_at, live_deadline_ms=2_000).drain()

    return asyncio.run(work())


def daily_work(place: Place, _argument: None, begin: Begin) -> None:
    """Refresh averages and delete what has expired."""
    begin()
    every_day(plain_url(place.database_url), clock.now().date())


def recover(place: Place, recovery: Recovery, begin: Begin) -> list[Response]:
    """Start the API and the worker again, send each request twice, and wait until nothing is left to do."""
    begin()

    async def work() -> list[Response]:
        async with _client(place) as client:
            responses = [await _send(client, request) for request in recovery.requests for _ in range(2)]
        network = file_of(place.home, PLANS["provider_network"].history)
        worker = Worker(
            _settings(place), place.database_url, place.redis_url, network=network if network.exists() else None
        )
        running = asyncio.create_task(worker.run())
        try:
            async with asyncio.timeout(_DRAINED_WITHIN_S):
                await _until_drained(place)
        finally:
            worker.stop()
            await running
        return responses

    with nullcontext() if recovery.at is None else clock.held(recovery.at):
        return asyncio.run(work())


async def _until_drained(place: Place) -> None:
    """Wait until no event is open and the store has reached the day."""
    from features.online import Watermark, watermark_key

    names = ", ".join(f"'{name}'" for name in _CONSUMED)
    today = clock.day_number(clock.now())
    with (
        psycopg.connect(plain_url(place.database_url), autocommit=True) as connection,
        redis.Redis.from_url(place.redis_url) as client,
    ):
        while True:
            row = connection.execute(_OPEN.format(names)).fetchone()
            stored = client.get(watermark_key())
            mark = Watermark.unpack(stored if isinstance(stored, bytes) else None)
            if row == (0,) and mark is not None and mark.rolled_day >= today:
                return
            await asyncio.sleep(0.02)
