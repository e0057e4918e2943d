"""What caches in Valkey would save: CPU of the reads of a claim beside that of a hit, and how often there is a hit.

    python -m benchmarks.cache_cost [--reads 300] [--rounds 20] [--claims 20000]

Creates a temporary home with embedded servers and a simulated insurer, and prints JSON. Costs are microseconds of CPU
of the reading process and of the server that answers it, the median over rounds with the least and the most; within
a round the reads follow each other, and what is saved is the difference within it. A hit is a claim whose member,
provider or code was read by an earlier claim within the time that a cache would keep it, at the insurer's claims a day.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self

import psycopg
import redis.asyncio
import uvloop
from fastapi import FastAPI
from pydantic import TypeAdapter
from starlette.types import Message, Scope

from api import members, outbox, providers
from api.app import create_app
from api.database import Query
from api.dependencies import Dependencies
from api.field_keys import FieldKeys
from api.identity import Caller, create_key
from api.intake import ClaimIn, find_references, reply_to
from api.intake.repository import newest_receipt
from api.intake.responses import ClaimPage
from api.loading import load_folder
from api.migrate import plain_url, upgrade
from api.requests import parse
from api.responses import encode
from benchmarks.claim_cost import bodies
from claims.reference import Member, Provider
from core import clock, valkey
from core.logging import configure_logging
from core.servers import postgres_url, temporary_home, valkey_url
from core.settings import Settings
from core.supervision import StopSignals

PAGE: Final = 50
KEPT: Final = {
    "member": timedelta(minutes=5),
    "provider": timedelta(hours=1),
    "procedure": timedelta(hours=24),
    "diagnosis": timedelta(hours=24),
}
"""How long a cache would keep each entry."""
_PARTIES: Final = TypeAdapter(tuple[Member, Provider])
_BACKENDS: Final = """
SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
_TICK_US: Final = 1_000_000 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class CpuSpread:
    """Microseconds of CPU over the rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """The spread of values."""
        return cls(round(statistics.median(values)), round(min(values)), round(max(values)))


@dataclass(frozen=True, slots=True)
class CacheSaving:
    """A read that a cache would replace."""

    read: str
    left: str | None = None
    """What of the read is left beside a hit; None: nothing."""
    hit: str | None = None
    """The hit; None: in the memory of the process, for nothing."""


SAVINGS: Final = {
    "member and provider, in Valkey": CacheSaving(
        "look", "look without member and provider", "hit: member and provider"
    ),
    "member and provider, in memory": CacheSaving("look", "look without member and provider"),
    "procedures and diagnoses, in memory": CacheSaving("look", "look without codes"),
    "a claim, in Valkey": CacheSaving("claim", hit="hit: claim"),
    "a page of claims, in Valkey": CacheSaving("page of claims", hit="hit: page of claims"),
}


@dataclass(frozen=True, slots=True)
class CacheCosts:
    """Costs of reads, what hits save of them, and hits by kind of entry."""

    reads: dict[str, CpuSpread]
    saved: dict[str, CpuSpread]
    hit_rates: dict[str, float]
    claims_per_day: float
    """Of the insurer whose hits were counted."""


def server_ticks(pids: Iterable[int]) -> int:
    """CPU ticks that processes have used."""
    used = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        used += int(fields[11]) + int(fields[12])
    return used


def hit_rate(entries: Sequence[tuple[str, datetime]], kept: timedelta) -> float:
    """Share of entries, in their order, that were seen no longer than `kept` after they were read into the cache."""
    since: dict[str, datetime] = {}
    hits = 0
    for name, at in entries:
        read = since.get(name)
        if read is not None and at - read <= kept:
            hits += 1
        else:
            since[name] = at
    return hits / len(entries)


def hit_rates(folder: Path) -> tuple[dict[str, float], float]:
    """Hit rate by kind of entry for the claims of a data set, and its claims a day."""
    import pyarrow.parquet as pq

    columns = {kind: f"{kind}_code" if kind in ("procedure", "diagnosis") else f"{kind}_id" for kind in KEPT}
    rows = pq.read_table(folder / "claims.parquet", columns=["received_at", *columns.values()]).to_pylist()
    rows.sort(key=lambda row: row["received_at"])
    found = {
        kind: round(hit_rate([(row[column], row["received_at"]) for row in rows], KEPT[kind]), 5)
        for kind, column in columns.items()
    }
    days = (rows[-1]["received_at"] - rows[0]["received_at"]) / timedelta(days=1)
    return found, round(len(rows) / days, 1)


Read = Callable[[int], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class TimedRead:
    """A read, and the processes of the server that answers it."""

    name: str
    read: Read
    servers: Sequence[int]


async def measure(reads: Sequence[TimedRead], *, times: int, rounds: int) -> dict[str, list[float]]:
    """CPU of each read in this process and in its server together, in microseconds, for each round."""
    taken: dict[str, list[float]] = {one.name: [] for one in reads}
    for each in range(rounds + 1):
        for one in reads:
            ticks, cpu = server_ticks(one.servers), time.process_time()
            for at in range(times):
                await one.read(at)
            client_us = (time.process_time() - cpu) * 1_000_000
            if each:  # the first round warms up
                taken[one.name].append((client_us + (server_ticks(one.servers) - ticks) * _TICK_US) / times)
    return taken


def saved(taken: Mapping[str, Sequence[float]], saving: CacheSaving) -> CpuSpread:
    """What a hit saves, by round: what the read takes less what is left of it, and less the hit itself."""
    left = taken[saving.left] if saving.left else [0.0] * len(taken[saving.read])
    hit = taken[saving.hit] if saving.hit else [0.0] * len(left)
    return CpuSpread.of(
        [all_of - rest - of_hit for all_of, rest, of_hit in zip(taken[saving.read], left, hit, strict=True)]
    )


class CachedReads:
    """The reads that precede the scoring of a claim, and reads of claims, each beside a hit of a cache."""

    def __init__(self, app: FastAPI, sent: Sequence[ClaimIn], cache: redis.asyncio.Redis, key: str) -> None:
        self._app = app
        self._own: Dependencies = app.state.dependencies
        self._sent = sent
        self._cache = cache
        self._caller = Caller("key_bench", "claims_system", None, "bench")
        self._authorization = f"Bearer {key}".encode()
        self._claim_ids: list[str] = []

    async def fill(self) -> None:
        """Store in the cache what the reads find."""
        async with self._own.database.looking() as connection:
            for at, sent in enumerate(self._sent):
                member, provider = await connection.fetch(
                    members.member(sent.member_id), providers.provider(sent.provider_id)
                )
                assert member is not None
                assert provider is not None
                opened = await members.open_member(self._own.field_keys, member)
                await self._cache.set(f"parties {at}", _PARTIES.dump_json((opened, provider)))
        page = await self._own.intake.page(self._caller, after=None, limit=PAGE, filters={})
        self._claim_ids = [one.claim_id for one in page.items]
        for at, one in enumerate(page.items):
            await self._cache.set(f"claim {at}", encode(one))
        await self._cache.set("page", encode(ClaimPage(claims=page.items, next_cursor=None)))

    async def look(self, at: int) -> None:
        """Everything that a submission reads before the claim is scored."""
        await self._look(at, find_references(self._of(at)))

    async def look_without_parties(self, at: int) -> None:
        """The same with member and provider from a cache."""
        await self._look(at, find_references(self._of(at))[2:])

    async def look_without_codes(self, at: int) -> None:
        """The same with procedures and diagnoses from a cache."""
        references = find_references(self._of(at))
        await self._look(at, (*references[:2], references[4]))

    async def parties(self, at: int) -> None:
        """Member and provider from Valkey."""
        found = await self._cache.get(f"parties {at % len(self._sent)}")
        _PARTIES.validate_json(found)

    async def claim(self, at: int) -> None:
        """A claim from the database, as a response."""
        encode(await self._own.intake.get(self._caller, self._claim_ids[at % PAGE]))

    async def cached_claim(self, at: int) -> None:
        """The response from Valkey."""
        await self._cache.get(f"claim {at % PAGE}")

    async def page(self, _at: int) -> None:
        """A page of claims from the database, as a response."""
        page = await self._own.intake.page(self._caller, after=None, limit=PAGE, filters={})
        encode(ClaimPage(claims=page.items, next_cursor=None))

    async def cached_page(self, _at: int) -> None:
        """The response from Valkey."""
        await self._cache.get("page")

    async def request(self, at: int) -> None:
        """The whole request for a claim, through every middleware."""
        path = f"/v1/claims/{self._claim_ids[at % PAGE]}"
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
        }
        scope.update(
            {"path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "client": ("bench", 1)}
        )
        scope.update({"server": ("claims", 80), "headers": [(b"authorization", self._authorization)]})

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            assert message.get("status", 200) == 200, message

        await self._app(scope, receive, send)

    def _of(self, at: int) -> ClaimIn:
        return self._sent[at % len(self._sent)]

    async def _look(self, at: int, references: Sequence[Query[object]]) -> None:
        now = clock.now()
        reply = reply_to("key_bench", f"bench-{at}", b"", now)
        async with self._own.database.looking() as connection:
            await connection.fetch(reply, outbox.store_position(), newest_receipt(now), *references)


async def costs(
    settings: Settings, url: str, sent: Sequence[ClaimIn], *, times: int, rounds: int
) -> dict[str, list[float]]:
    """CPU of every read by round."""
    configure_logging("ERROR")
    app = create_app(settings, url)
    cache = redis.asyncio.Redis.from_url(valkey_url(settings))
    async with app.router.lifespan_context(app):
        database = app.state.dependencies.database
        _, key = await create_key(database, name="bench", role="claims_system")
        reads = CachedReads(app, sent, cache, key)
        await reads.fill()
        with psycopg.connect(plain_url(url)) as connection:
            postgres = [int(pid) for (pid,) in connection.execute(_BACKENDS)]
        server = valkey.process(settings.home)
        assert server is not None
        of_postgres = {
            "look": reads.look,
            "look without member and provider": reads.look_without_parties,
            "look without codes": reads.look_without_codes,
            "claim": reads.claim,
            "page of claims": reads.page,
            "request for a claim": reads.request,
        }
        of_valkey = {
            "hit: member and provider": reads.parties,
            "hit: claim": reads.cached_claim,
            "hit: page of claims": reads.cached_page,
        }
        found = await measure(
            [
                *(TimedRead(name, read, postgres) for name, read in of_postgres.items()),
                *(TimedRead(name, read, [server]) for name, read in of_valkey.items()),
            ],
            times=times,
            rounds=rounds,
        )
    await cache.aclose()
    return found


def main() -> None:
    """Set up, measure and clean up."""
    from pipelines.simulate import SimulationConfig, simulate, write

    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--reads", type=int, default=300)
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--claims", type=int, default=20_000)
    given = options.parse_args()
    with StopSignals(), temporary_home("ginja-bench-") as home:
        settings = Settings(home=home)
        write(simulate(SimulationConfig(claims=given.claims, seed=1)), home / "data")
        url = postgres_url(settings)
        upgrade(url)
        load_folder(url, home / "data", source="simulated", keys=FieldKeys(settings, url))
        sent = [parse(ClaimIn, body) for body in bodies(home / "data")[: given.reads]]
        taken = uvloop.run(costs(settings, url, sent, times=given.reads, rounds=given.rounds))
        hits, claims_per_day = hit_rates(home / "data")
        found = CacheCosts(
            {name: CpuSpread.of(rounds) for name, rounds in taken.items()},
            {name: saved(taken, saving) for name, saving in SAVINGS.items()},
            hits,
            claims_per_day,
        )
        print(json.dumps(asdict(found), indent=1))


if __name__ == "__main__":
    main()
