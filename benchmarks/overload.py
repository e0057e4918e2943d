"""Overload: back-books beside live claims, and three times as many claims as the platform can decide.

Targets: beside back-books the model decides all but 1 % of the live claims, and every batch is scored. Above the
capacity, p99 of the claims that are admitted is under 300 ms, the rest is refused within 50 ms, no claim that was
confirmed is lost, health is answered, and ten seconds afterwards everything is as before.
"""

import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg
from rich.table import Table

from benchmarks.back_books import BackBookFigures, Through, back_books
from benchmarks.claim_load import ClaimLoad, responses_of
from benchmarks.connection import Connection
from benchmarks.load import Response
from benchmarks.platform import BenchPlatform, free_routes, platform
from benchmarks.stage import ReportProgress, staged

FACTOR = 3.0
ADMITTED_P99_MS = 300.0
REFUSED_P99_MS = 50.0
RECOVERY_S = 10.0
HEALTH_MS = 1_000.0
BY_MODEL_SHARE = 0.99
CAPACITY_LINES = 8
WARM_S = 4.0
CAPACITY_S = 12.0
AFTERWARDS_S = 15.0
REFUSED = (429, 503)
BACK_BOOKS = (4, 12)
LIVE_RATE = 20.0
CLAIMS = 40_000
"""Different claims to submit; after the last one they begin again, with other idempotency keys."""
CONDITIONS = (
    "The load generator, API, scorer, worker, Postgres and Valkey share {cores} cores. Latency counts from when a "
    "request was due, the generator's own delay included."
)


@dataclass(frozen=True, slots=True)
class OverloadFigures:
    """Result of the run above the capacity."""

    capacity_per_s: float
    """Claims decided a second in a closed loop of `CAPACITY_LINES` clients."""
    offered_per_s: float
    seconds: float
    admitted: int
    refused: int
    admitted_per_s: float
    admitted_p50_ms: float
    admitted_p99_ms: float
    refused_p50_ms: float
    refused_p99_ms: float
    generator_late_p99_ms: float
    """How much later than due the generator sent requests; part of both latencies."""
    by_model_share: float
    """Of the admitted claims."""
    other_statuses: dict[str, int]
    """Responses that are neither 201 nor refusals; 0: no response."""
    lost: int
    """Claims that were confirmed and are not in the database with an assessment."""
    health_max_ms: dict[str, float]
    """Slowest response of each path, asked twice a second; infinite: one failed."""
    recovery_s: float | None
    """From the end of the overload until every claim was admitted within the limit; None: not at all."""


@dataclass(frozen=True, slots=True)
class OverloadReport:
    """Results and what they do not reach."""

    conditions: str
    back_books: list[BackBookFigures]
    overload: OverloadFigures | None
    broken: list[str]

    def as_json(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), indent=1)


async def overload(load: ClaimLoad, *, seconds: float, report: ReportProgress) -> OverloadFigures:
    """Measure the capacity, then submit `FACTOR` times as many claims, then fewer than it."""
    report("measuring the capacity")
    flood = ("--mode", "flood", "--lines", str(CAPACITY_LINES), "--seconds")
    await load.run(*flood, str(WARM_S))
    closed = await load.run(*flood, str(CAPACITY_S))
    capacity = closed.statuses.get("201", 0) / closed.count * closed.per_s
    rate = FACTOR * capacity
    report(f"{rate:.0f} claims/s for {seconds:.0f} s, where {capacity:.0f} are decided")
    health = {path: [0.0] for path in ("/livez", "/readyz", "/metrics")}
    watch = asyncio.create_task(_watch_health(load.running, health))
    file = load.folder / "overload"
    rates = ("--phase", f"{rate}:{seconds}", "--phase", f"{capacity / 2}:{AFTERWARDS_S}")
    await load.run("--mode", "phases", *rates, "--responses", str(file))
    watch.cancel()
    with suppress(asyncio.CancelledError):
        await watch
    responses = sorted(responses_of(file), key=lambda one: one.due)
    ended = responses[0].due + seconds
    return figures(
        [one for one in responses if one.due < ended],
        [one for one in responses if one.due >= ended],
        capacity=capacity,
        seconds=seconds,
        lost=await asyncio.to_thread(_lost, load.running, responses),
        health={path: max(slowest) for path, slowest in health.items()},
    )


def figures(
    during: Sequence[Response],
    after: Sequence[Response],
    *,
    capacity: float,
    seconds: float,
    lost: int,
    health: dict[str, float],
) -> OverloadFigures:
    """The figures of a run, from the responses during the overload and after it."""
    admitted = [one for one in during if one.status == 201]
    refused = [one for one in during if one.status in REFUSED]
    others = [one.status for one in (*during, *after) if one.status not in (201, *REFUSED)]
    return OverloadFigures(
        capacity_per_s=round(capacity, 1),
        offered_per_s=round(len(during) / seconds, 1),
        seconds=seconds,
        admitted=len(admitted),
        refused=len(refused),
        admitted_per_s=round(len(admitted) / seconds, 1),
        admitted_p50_ms=_at(0.5, admitted),
        admitted_p99_ms=_at(0.99, admitted),
        refused_p50_ms=_at(0.5, refused),
        refused_p99_ms=_at(0.99, refused),
        generator_late_p99_ms=_quantile(0.99, [one.late_ms for one in during]),
        by_model_share=round(sum(one.decided_by == "model" for one in admitted) / max(1, len(admitted)), 4),
        other_statuses={str(status): others.count(status) for status in sorted(set(others))},
        lost=lost,
        health_max_ms={path: round(slowest, 1) for path, slowest in health.items()},
        recovery_s=recovery_s(after),
    )


def recovery_s(after: Sequence[Response]) -> float | None:
    """Seconds from the end of the overload to the last claim that was refused, failed or slow.

    None: one of the last second was.
    """
    if not after:
        return None
    begin = after[0].due
    troubled = [one.due for one in after if one.status != 201 or one.ms > ADMITTED_P99_MS]
    if not troubled:
        return 0.0
    return None if troubled[-1] >= after[-1].due - 1.0 else round(troubled[-1] - begin, 2)


def _at(share: float, responses: Sequence[Response]) -> float:
    return _quantile(share, [one.ms for one in responses])


def _quantile(share: float, values: Sequence[float]) -> float:
    if len(values) < 2:
        return round(values[0], 1) if values else 0.0
    return round(statistics.quantiles(values, n=1_000, method="inclusive")[int(share * 1_000) - 1], 1)


async def _watch_health(running: BenchPlatform, slowest_ms: dict[str, list[float]]) -> None:
    line = Connection("127.0.0.1", running.routes.api_port)
    while True:
        for path, taken in slowest_ms.items():
            head = f"GET {path} HTTP/1.1\r\nhost: ginja\r\nauthorization: Bearer {running.monitoring_key}\r\n\r\n"
            began = time.monotonic()
            status, _ = await line.post(head.encode())
            taken.append((time.monotonic() - began) * 1_000 if status == 200 else float("inf"))
        await asyncio.sleep(0.5)


def _lost(running: BenchPlatform, responses: Sequence[Response]) -> int:
    from api.migrate import plain_url

    confirmed = [one.claim_id for one in responses if one.status == 201]
    statement = "SELECT count(DISTINCT claim_id) FROM claims JOIN assessments USING (claim_id) WHERE claim_id = ANY(%s)"
    with psycopg.connect(plain_url(running.stage.database_url)) as connection:
        row = connection.execute(statement, (confirmed,)).fetchone()
    assert row is not None
    return len(confirmed) - int(row[0])


def run(
    report: ReportProgress,
    *,
    seconds: float,
    at_once: Sequence[int] = BACK_BOOKS,
    each: int = 2,
    rate: float = LIVE_RATE,
) -> OverloadReport:
    """Set up a stage, run the back-books, then the overload (if `seconds`), and return all results."""
    with (
        staged(report, live_claims=CLAIMS) as stage,
        tempfile.TemporaryDirectory(prefix="ginja-overload-") as folder,
        platform(stage, free_routes()) as running,
    ):
        load = ClaimLoad(running, Path(folder), CLAIMS)
        books = []
        for through in Through:
            for count in at_once:
                report(f"{count} back-books through the {through.name.lower()}")
                books.append(asyncio.run(back_books(load, through, at_once=count, each=each, rate=rate)))
        found = asyncio.run(overload(load, seconds=seconds, report=report)) if seconds else None
    return OverloadReport(CONDITIONS.format(cores=os.cpu_count()), books, found, missed_targets(books, found))


def missed_targets(books: Sequence[BackBookFigures], found: OverloadFigures | None) -> list[str]:
    """Every missed target, as text."""
    missed = []
    for one in books:
        name = f"{one.at_once} back-books through the {one.through}"
        if one.finished < one.batches:
            missed.append(f"{name}: {one.batches - one.finished} of {one.batches} batches not scored")
        if one.live.by_model_share < BY_MODEL_SHARE:
            missed.append(f"{name}: the model decided {one.live.by_model_share:.1%} of the live claims")
        if one.live.refused > (1 - BY_MODEL_SHARE) * one.live.claims:
            missed.append(f"{name}: {one.live.refused} of {one.live.claims} live claims refused")
    if found is None:
        return missed
    if found.admitted_p99_ms > ADMITTED_P99_MS:
        missed.append(f"overload: p99 of admitted claims {found.admitted_p99_ms:.0f} ms")
    if found.refused_p99_ms > REFUSED_P99_MS:
        missed.append(f"overload: p99 of refusals {found.refused_p99_ms:.0f} ms")
    if found.lost:
        missed.append(f"overload: {found.lost} confirmed claims lost")
    if found.other_statuses:
        missed.append(f"overload: responses {found.other_statuses}")
    for path, slowest in found.health_max_ms.items():
        if slowest > HEALTH_MS:
            missed.append(f"overload: {path} took {slowest:.0f} ms or failed")
    if found.recovery_s is None or found.recovery_s > RECOVERY_S:
        missed.append(f"overload: no recovery within {RECOVERY_S:.0f} s")
    return missed


def table(report: OverloadReport) -> Table:
    """The results as a terminal table."""
    shown = Table("", "measured")
    for one in report.back_books:
        live = f"{one.live.by_model_share:.1%} of live claims by the model, p99 {one.live.p99_ms:.0f} ms"
        shown.add_row(
            f"{one.at_once} back-books through the {one.through}",
            f"{one.finished} of {one.batches} batches in {one.seconds:.0f} s, {one.refused} refusals; {live}",
        )
    if report.overload is not None:
        for name, value in asdict(report.overload).items():
            shown.add_row(name, str(value))
    return shown
