"""What the processes do. Everything heavy is imported here, once, before they are forked."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import httpx
import psycopg
import redis

from api import investigations, outbox
from api.app import create_app
from api.database import Database
from api.errors import Conflict
from api.housekeeping import every_day
from api.investigations import Choice, ScoredClaim
from api.migrate import plain_url
from api.policies import PolicyStore
from api.request_signing import RequestSigner
from api.scorer import ScorerClient, States
from api.scoring import Rescorer
from api.scoring.pending import pending_claims
from api.scoring.rescoring import CONSUMER
from api.signed_requests import may_be_confirmed
from api.windows import EntityWindows
from api.worker import RESCORE_DEADLINE_MS, Worker
from benchmarks.crash.processes import Begin, StepPlace
from benchmarks.crash.signing import signing_admin
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
class SentReply:
    """A response of the API."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Recovery:
    """What follows a crash: the client sends its request again, and the worker is started."""

    requests: tuple[Request, ...] = ()
    at: datetime | None = None
    """The clock of the worker; `None`: the real one."""


def _settings(place: StepPlace) -> Settings:
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
async def _client(place: StepPlace) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(_settings(place), place.database_url)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        headers = {"authorization": f"Bearer {place.key}", "content-type": "application/json"}
        signer = RequestSigner(place.signing_key)

        async def sign(request: httpx.Request) -> None:
            if may_be_confirmed(request.method, request.url.path):
                request.headers.update(
                    signer.sign(request.method, str(request.url), dict(request.headers), request.content)
                )

        hooks = {"request": [sign]}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://claims", headers=headers, event_hooks=hooks
        ) as client:
            yield client


async def _send(client: httpx.AsyncClient, request: Request) -> SentReply:
    headers = {} if request.key is None else {"idempotency-key": request.key}
    response = await client.post(request.path, content=request.body, headers=headers)
    return SentReply(response.status_code, response.content)


def post(requests: Sequence[Request], place: StepPlace, begin: Begin) -> list[SentReply]:
    """Send requests to the API, one after another."""

    async def work() -> list[SentReply]:
        async with _client(place) as client:
            begin()
            return [await _send(client, request) for request in requests]

    return asyncio.run(work())


def post_by_another(requests: Sequence[Request], place: StepPlace, begin: Begin) -> list[SentReply]:
    """As `post`, with a new key of another person."""

    async def another() -> tuple[str, str]:
        database = Database(place.database_url, pool_size=1)
        try:
            return await signing_admin(database, "another")
        finally:
            await database.close()

    key, signing_key = asyncio.run(another())
    return post(requests, replace(place, key=key, signing_key=signing_key), begin)


def post_without_scorer(requests: Sequence[Request], place: StepPlace, begin: Begin) -> list[SentReply]:
    """As `post`, with nothing at the scorer's address."""
    return post(requests, replace(place, scorer_url="http://127.0.0.1:9"), begin)


def _updater(place: StepPlace) -> FeatureUpdater:
    network = file_of(place.home, PLANS["provider_network"].history)
    return FeatureUpdater(
        lambda: psycopg.connect(plain_url(place.database_url)),
        redis.Redis.from_url(place.redis_url),
        network=network if network.exists() else None,
    )


def drain(at: datetime | None, place: StepPlace, begin: Begin) -> None:
    """Bring every open event into the online store, at another time where `at` is given."""
    updater = _updater(place)
    begin()
    with nullcontext() if at is None else clock.held(at):
        while updater.drain().more:
            pass


def drain_and_lose(place: StepPlace, begin: Begin) -> None:
    """Drain, then give the online store back what it held before, as a restored file does."""
    with redis.Redis.from_url(place.redis_url) as client:
        keys = client.keys()
        assert isinstance(keys, list)
        held = dict(zip(keys, client.mget(keys), strict=True))
        drain(None, place, begin)
        client.flushdb()
        client.mset(held)


def rebuild_store(place: StepPlace, begin: Begin) -> None:
    """Rebuild the online store."""
    network = file_of(place.home, PLANS["provider_network"].history)
    begin()
    with (
        psycopg.connect(plain_url(place.database_url), autocommit=True) as connection,
        redis.Redis.from_url(place.redis_url) as client,
    ):
        rebuild(connection, client, network=network if network.exists() else None)


def rescore(place: StepPlace, begin: Begin) -> int:
    """Score what the rule decided; returns how many claims."""
    updater = _updater(place)

    async def states_at(claims: Sequence[ClaimFacts]) -> list[States]:
        return [reading.to_wire() for reading in updater.states_at(claims)]

    async def work() -> int:
        database = Database(place.database_url)
        scorer = ScorerClient(place.scorer_url, deadline_ms=RESCORE_DEADLINE_MS)
        begin()
        windows = EntityWindows(database, scorer)
        policies = PolicyStore(Settings())
        return await Rescorer(database, scorer, states_at, windows, policies=policies, live_deadline_ms=2_000).drain()

    return asyncio.run(work())


def daily_work(place: StepPlace, begin: Begin) -> None:
    """Refresh averages and delete what has expired, as of tomorrow: today's work is done."""
    begin()
    every_day(plain_url(place.database_url), clock.now().date() + timedelta(days=1))


def select_week(place: StepPlace, begin: Begin) -> int:
    """Create this week's list, as of the next one; returns its length."""

    def choose(scored: Sequence[ScoredClaim]) -> list[Choice]:
        return [Choice(scored[0].claim_id, "score", 1.0)]

    async def work() -> int:
        database = Database(place.database_url)
        begin()
        with clock.held(clock.now() + timedelta(days=8)):
            return len(await investigations.select_week(database, day, choose))

    day = clock.now().date()
    return asyncio.run(work())


def give_up(place: StepPlace, begin: Begin) -> int:
    """Fail the oldest open event until it is a dead letter; returns its position."""

    async def work() -> int:
        database = Database(place.database_url)
        begin()
        async with database.looking() as connection:
            (found,) = await connection.fetch(pending_claims(clock.now()))
            dead = False
            while not dead:
                (dead,) = await connection.fetch(outbox.fail(found[0].position, CONSUMER, "a fault", clock.now()))
            return found[0].position

    return asyncio.run(work())


def replay(position: int, place: StepPlace, begin: Begin) -> None:
    """Replay a dead letter, unless that is done."""

    async def work() -> None:
        database = Database(place.database_url)
        begin()
        with suppress(Conflict):
            async with database.transaction() as connection:
                await outbox.replay(connection, position, by="benchmark", at=clock.now())

    asyncio.run(work())


def recover(recovery: Recovery, place: StepPlace, begin: Begin) -> list[SentReply]:
    """Start the API and the worker again, send each request twice, and wait until nothing is left to do."""
    begin()

    async def work() -> list[SentReply]:
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


async def _until_drained(place: StepPlace) -> None:
    """Wait until no event is open, and the store has reached the day and every write that the database records."""
    from features.online import PROJECT, Watermark, watermark_key

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
            wrote = connection.execute("SELECT writes FROM feature_store WHERE project = %s", [PROJECT]).fetchone()
            recorded = 0 if wrote is None else wrote[0]
            if row == (0,) and mark is not None and mark.rolled_day >= today and mark.writes >= recorded:
                return
            await asyncio.sleep(0.02)
