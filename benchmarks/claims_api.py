"""The claims API with few and with many claims in its tables: what a claim and a read take, and how many it sustains.

Each size is an insurer of its own, with everything running: scorer, API, worker, Postgres, Valkey and the load
generator. Claims are submitted at a fixed rate; latency counts from when a claim was due. Reads are sent one after the
other while claims are submitted. Statements are counted on the wire between the API and Postgres.
"""

import asyncio
import json
import os
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psycopg
from rich.table import Table

from benchmarks.claim_load import ClaimLoad
from benchmarks.connection import Connection, request_bytes
from benchmarks.load import LoadSummary
from benchmarks.platform import BenchPlatform, create_key, free_routes, in_thread, platform
from benchmarks.process_cpu import GENERATOR, cpu_seconds, idle_ms_per_s, milliseconds
from benchmarks.stage import ReportProgress, Stage, staged
from benchmarks.statements import StatementCounter, counting_statements

SIZES: Final = (10_000, 1_000_000)
RATE: Final = 50.0
RATES: Final = (100, 150, 200, 250, 300, 350, 400)
LADDER_S: Final = 10.0
WARM_S: Final = 4.0
READS: Final = 200
READ_RATE: Final = 20.0
COUNTED: Final = 5
SUSTAINED_P99_MS: Final = 100.0
GROWTH: Final = 1.3
SUSTAINED: Final = 350.0
LIVE: Final = 40_000
"""Different claims to submit; after the last one they begin again, with other idempotency keys."""
LISTS: Final = {
    "GET /v1/claims": "/v1/claims?limit=50",
    "GET /v1/claims?status=": "/v1/claims?status=in_review&limit=50",
}
OF_MEMBER: Final = "GET /v1/claims?member_id="
OF_CLAIM: Final = {
    "GET /v1/claims/{claim_id}": "/v1/claims/{}",
    "GET /v1/claims/{claim_id}/decisions": "/v1/claims/{}/decisions",
    "GET /v1/claims/{claim_id}/explanation": "/v1/claims/{}/explanation",
}
SUBMIT: Final = "POST /v1/claims"
CONDITIONS: Final = (
    "The load generator, API, scorer, worker, Postgres and Valkey share {cores} cores. Latency of claims counts from "
    "when each was due. The database was vacuumed and written to the disk before."
)


@dataclass(frozen=True, slots=True)
class ClaimsApiFigures:
    """The claims API at one size. Times in milliseconds."""

    claims_in_table: int
    """When the measurement began."""
    submit_rate: float
    submit_p50_ms: float
    submit_p99_ms: float
    submit_failed: int
    rps: float
    """Most claims a second of the tried rates that are all decided, p99 within 100 ms; 0: none."""
    read_p50_ms: float
    read_p99_ms: float
    """Of all reads together."""
    read_p99_of: dict[str, float]
    read_failed: int
    queries_per_route: dict[str, int]
    """Statements of a request, without BEGIN and COMMIT; the fewest of five requests, because the API has others."""
    queries_per_route_max: int
    cpu_ms_per_claim: dict[str, float]
    """Processor time by process and in total while claims were submitted at `submit_rate`, for each of them."""
    idle_cpu_ms_per_s: dict[str, float]
    """Processor time by process for each second in which nothing was submitted."""


@dataclass(frozen=True, slots=True)
class ClaimsApiReport:
    """All sizes, what grows from the smallest to the largest, and what misses its target."""

    conditions: str
    sizes: list[ClaimsApiFigures]
    growth: dict[str, float] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)

    def as_json(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), indent=1)


def run(report: ReportProgress, *, sizes: Sequence[int] = SIZES, seconds: float, rate: float = RATE) -> ClaimsApiReport:
    """Measure an insurer of each size, from the smallest to the largest."""
    found = []
    for claims in sorted(sizes):
        with (
            staged(report, claims=claims, live_claims=LIVE) as stage,
            tempfile.TemporaryDirectory(prefix="ginja-api-") as folder,
        ):
            found.append(asyncio.run(_measure(stage, Path(folder), seconds=seconds, rate=rate, report=report)))
    growth = growth_of(found)
    return ClaimsApiReport(CONDITIONS.format(cores=os.cpu_count()), found, growth, missed_targets(found, growth))


def growth_of(sizes: Sequence[ClaimsApiFigures]) -> dict[str, float]:
    """Figure → its ratio of the last size to the first; empty for one size."""
    if len(sizes) < 2:
        return {}
    first, last = asdict(sizes[0]), asdict(sizes[-1])
    return {
        name: round(last[name] / first[name], 2)
        for name in ("submit_p50_ms", "submit_p99_ms", "read_p50_ms", "read_p99_ms")
        if first[name]
    }


def missed_targets(sizes: Sequence[ClaimsApiFigures], growth: dict[str, float]) -> list[str]:
    """Every missed target, as text."""
    missed = [f"{name} grows {ratio} times, target {GROWTH}" for name, ratio in growth.items() if ratio > GROWTH]
    for one in sizes:
        of = f"with {one.claims_in_table:,} claims"
        if one.rps < SUSTAINED:
            missed.append(f"{of}: {one.rps:.0f} claims/s sustained, target {SUSTAINED:.0f}")
        if one.submit_failed or one.read_failed:
            missed.append(f"{of}: {one.submit_failed} claims and {one.read_failed} reads failed")
    return missed


async def _measure(
    stage: Stage, folder: Path, *, seconds: float, rate: float, report: ReportProgress
) -> ClaimsApiFigures:
    report("settling the database")
    await asyncio.to_thread(settle, stage)
    async with in_thread(platform(stage, free_routes())) as running:
        load = ClaimLoad(running, folder, LIVE)
        stored = _stored(stage)
        idle = await idle_ms_per_s(running)
        report(f"{seconds:.0f} s at {rate:.0f} claims/s beside {stored:,} claims")
        before = cpu_seconds(running)
        submitted = await load.run(*_steady(rate, seconds))
        cpu = cpu_of_claims(before, cpu_seconds(running), submitted, _stored(stage) - stored)
        report("reading")
        async with load.generator(*_steady(READ_RATE, 3_600)):
            await asyncio.sleep(WARM_S)
            read, failed = await _read(running, _paths(stage))
        report("finding the highest rate")
        sustained = await _sustained(load)
    queries = await _queries(stage, report)
    every = sorted(ms for taken in read.values() for ms in taken)
    return ClaimsApiFigures(
        claims_in_table=stored,
        submit_rate=rate,
        submit_p50_ms=submitted.p50_ms,
        submit_p99_ms=submitted.p99_ms,
        submit_failed=submitted.failed,
        rps=sustained,
        read_p50_ms=_at(0.5, every),
        read_p99_ms=_at(0.99, every),
        read_p99_of={route: _at(0.99, sorted(taken)) for route, taken in read.items()},
        read_failed=failed,
        queries_per_route=queries,
        queries_per_route_max=max(queries.values()),
        cpu_ms_per_claim=cpu,
        idle_cpu_ms_per_s=idle,
    )


def cpu_of_claims(
    before: dict[str, float], after: dict[str, float], submitted: LoadSummary, claims: int
) -> dict[str, float]:
    """Process → milliseconds of each of `claims`, and their sum as `total`; the generator says its own time."""
    if claims <= 0:
        return {}
    found = milliseconds(before, after, claims) | {GENERATOR: round(submitted.cpu_s * 1_000 / claims, 2)}
    return found | {"total": round(sum(found.values()), 2)}


def _steady(rate: float, seconds: float) -> tuple[str, ...]:
    return ("--mode", "steady", "--rate", str(rate), "--seconds", str(seconds), "--warm", str(WARM_S))


async def _sustained(load: ClaimLoad) -> float:
    best = 0.0
    for rate in RATES:
        done = await load.run(*_steady(rate, LADDER_S))
        if done.failed or done.p99_ms > SUSTAINED_P99_MS:
            break
        best = float(rate)
    return best


def settle(stage: Stage) -> None:
    """Let the database be as one that has been running: what the load changed is vacuumed, and on the disk.

    Otherwise the checkpoint after the load would be measured: a million claims are written for minutes, and each commit
    waits for the same disk.
    """
    from api.migrate import plain_url
    from core.postgres import superuser_url

    with psycopg.connect(plain_url(stage.database_url), autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
    with psycopg.connect(superuser_url(stage.home), autocommit=True) as connection:
        connection.execute("CHECKPOINT")


def _stored(stage: Stage) -> int:
    return int(_rows(stage, "SELECT count(*) FROM claims")[0][0])


def _rows(stage: Stage, statement: str) -> list[tuple[str, ...]]:
    from api.migrate import plain_url

    with psycopg.connect(plain_url(stage.database_url)) as connection:
        return connection.execute(statement.encode()).fetchall()


def _paths(stage: Stage) -> dict[str, list[str]]:
    """Route → paths to read: of claims spread over the table, of their members, and lists."""
    spread = f"FROM claims ORDER BY md5(claim_id) LIMIT {READS}"
    members = [member for (member,) in _rows(stage, f"SELECT member_id {spread}")]
    scored = [claim for (claim,) in _rows(stage, f"SELECT claim_id FROM assessments ORDER BY random() LIMIT {READS}")]
    return {
        **{route: [path] * READS for route, path in LISTS.items()},
        OF_MEMBER: [f"/v1/claims?member_id={member}&limit=50" for member in members],
        **{route: [path.format(claim) for claim in scored] for route, path in OF_CLAIM.items()},
    }


async def _read(running: BenchPlatform, paths: dict[str, list[str]]) -> tuple[dict[str, list[float]], int]:
    """Milliseconds of each read by route, and how many had another status than 200."""
    key = await asyncio.to_thread(create_key, running.stage, "investigator")
    line = Connection("127.0.0.1", running.routes.api_port)
    taken: dict[str, list[float]] = {route: [] for route in paths}
    failed = 0
    for at in range(READS):
        for route, of_route in paths.items():
            begun = time.perf_counter()
            status, _ = await line.post(_get(of_route[at % len(of_route)], key))
            taken[route].append((time.perf_counter() - begun) * 1_000)
            failed += status != 200
    line.close()
    return taken, failed


def _get(path: str, key: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: ginja\r\nauthorization: Bearer {key}\r\n\r\n".encode()


async def _queries(stage: Stage, report: ReportProgress) -> dict[str, int]:
    """Route → statements of one request."""
    report("counting statements")
    async with _counted(stage) as (running, counter):
        key = await asyncio.to_thread(create_key, stage, "investigator")
        paths = _paths(stage)
        bodies = running.bodies()
        line = Connection("127.0.0.1", running.routes.api_port)
        found: dict[str, int] = {}
        for route in (SUBMIT, *paths):
            counts = []
            for at in range(COUNTED):
                counter.begin()
                if route == SUBMIT:
                    request = request_bytes("/v1/claims", bodies[-1 - at], {"authorization": f"Bearer {running.key}"})
                else:
                    request = _get(paths[route][at % len(paths[route])], key)
                await line.post(request)
                counts.append(counter.count)
            found[route] = min(counts)
        line.close()
    return found


@asynccontextmanager
async def _counted(stage: Stage) -> AsyncIterator[tuple[BenchPlatform, StatementCounter]]:
    """The platform, whose API reaches Postgres through a counter of statements."""
    address = urlsplit(stage.database_url)
    async with counting_statements((address.hostname or "", address.port or 0)) as counter:
        through = stage.database_url.replace(f":{address.port}/", f":{counter.port}/")
        async with in_thread(platform(stage, free_routes(), of_api={"GINJA_DATABASE_URL": through})) as running:
            yield running, counter


def _at(share: float, ordered: Sequence[float]) -> float:
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2) if ordered else 0.0


def table(report: ClaimsApiReport) -> Table:
    """A column for each size."""
    shown = Table("", *(f"{one.claims_in_table:,} claims" for one in report.sizes), "growth", "target")
    targets = {"rps": f"≥ {SUSTAINED:.0f}"} | dict.fromkeys(report.growth, f"growth ≤ {GROWTH}")
    for name in asdict(report.sizes[0]) if report.sizes else ():
        if isinstance(of_name := getattr(report.sizes[0], name), dict):
            for part in of_name:
                shown.add_row(
                    f"{name} {part}", *(str(getattr(one, name).get(part, "")) for one in report.sizes), "", ""
                )
            continue
        growth = str(report.growth.get(name, ""))
        shown.add_row(name, *(str(getattr(one, name)) for one in report.sizes), growth, targets.get(name, ""))
    return shown
