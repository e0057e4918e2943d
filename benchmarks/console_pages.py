"""The console's pages over a large insurer: how long each takes, its statements, and its size.

An insurer with everything running, and many open leads. Pages are requested one after the other over one connection, by
a lead investigator who has signed in. Latency is that of the server, without a browser. Statements are counted on the
wire between the API and Postgres, as in `benchmarks.claims_api`, and the fewest of a few requests are shown.
"""

import asyncio
import json
import os
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

import psycopg
from rich.table import Table

from benchmarks.claim_load import ClaimLoad
from benchmarks.claims_api import LIVE, settle
from benchmarks.connection import Connection
from benchmarks.platform import BenchPlatform, create_key, free_routes, in_thread, platform
from benchmarks.stage import ReportProgress, Stage, staged
from benchmarks.statements import StatementCounter, counting_statements

CLAIMS: Final = 1_000_000
LEADS: Final = 5_000
REQUESTS: Final = 200
COUNTED: Final = 5
TARGET_P99_MS: Final = 100.0
SUBMIT_RATE: Final = 25.0
SUBMIT_S: Final = 20.0
"""Claims are submitted before, so that there are scored claims and claims in review to open."""
CONDITIONS: Final = (
    "One request at a time; API, scorer, worker, Postgres and Valkey share {cores} cores. The database was "
    "vacuumed and written to the disk before."
)
_OF_API: Final = {"GINJA_RATE_LIMITS": "session=1000000/60"}
"""A person does not open so many pages a minute."""
_ALL: Final = "SELECT ''"
"""Of a page without an id."""
_CLAIMS: Final = "SELECT claim_id FROM assessments GROUP BY claim_id ORDER BY md5(claim_id)"
_OF_CLAIMS: Final = """
    SELECT DISTINCT {0}, md5({0}) AS place FROM (SELECT {0} FROM claims ORDER BY md5(claim_id) LIMIT 2000) AS chosen
    ORDER BY place"""
PAGES: Final[Mapping[str, tuple[str, str]]] = {
    "queue": ("/console/queue", _ALL),
    "queue: pended by edits": ("/console/queue?tab=edits", _ALL),
    "lead": ("/console/queue/leads/{}", "SELECT lead_id FROM leads WHERE status = 'open' ORDER BY md5(lead_id)"),
    "in review": ("/console/in-review", _ALL),
    "claim": ("/console/claims/{}", _CLAIMS),
    "claims of a provider": ("/console/claims?set=all&provider={}", _OF_CLAIMS.format("provider_id")),
    "provider": ("/console/providers/{}", _OF_CLAIMS.format("provider_id")),
    "member": ("/console/members/{}", _OF_CLAIMS.format("member_id")),
    "rings": ("/console/rings", _ALL),
    "cases": ("/console/cases", _ALL),
    "team": ("/console/team", _ALL),
    "model": ("/console/model", _ALL),
    "appeals": ("/console/appeals", _ALL),
    "re-screening": ("/console/rescreening", _ALL),
    "weekly list": ("/console/reviews", _ALL),
    "home": ("/console/", _ALL),
}
"""Page → its path, and the statement that has the ids to fill in."""


_ADD_LEADS: Final = """
    INSERT INTO leads (lead_id, subject_kind, subject_id, status, source, week, rank, listed, claims, scored,
                       expected_cents, low_cents, high_cents, paid_cents, unpaid_cents, probability, indicators,
                       due_on, opened_at)
    SELECT 'led_bench_' || claim_id, 'claim', claim_id, 'open', 'score', date_trunc('week', now())::date, row_number()
           OVER (ORDER BY amount_cents DESC), true, 1, 1, amount_cents / 2, amount_cents / 4, amount_cents, 0,
           amount_cents, 0.5, ARRAY['price_against_peers'], now()::date + 7, now()
    FROM (SELECT claim_id, amount_cents FROM claims ORDER BY md5(claim_id) LIMIT %(leads)s) AS chosen
    ON CONFLICT DO NOTHING"""
_ADD_LEAD_CLAIMS: Final = """
    INSERT INTO lead_claims (lead_id, claim_id, source, added_at)
    SELECT lead_id, subject_id, 'score', now() FROM leads WHERE lead_id LIKE 'led_bench_%'
    ON CONFLICT DO NOTHING"""


@dataclass(frozen=True, slots=True)
class PageFigures:
    """One page. Times in milliseconds."""

    p50_ms: float
    p99_ms: float
    queries: int
    bytes: int
    """Of the largest response, as sent."""
    failed: int
    """Responses with another status than 200."""


@dataclass(frozen=True, slots=True)
class ConsoleReport:
    """All pages, and what misses its target."""

    conditions: str
    claims: int
    open_leads: int
    pages: dict[str, PageFigures]
    missed: list[str] = field(default_factory=list)

    def as_json(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), indent=1)


def run(report: ReportProgress, *, claims: int = CLAIMS, leads: int = LEADS, requests: int = REQUESTS) -> ConsoleReport:
    """Measure every page of an insurer with that many claims and open leads."""
    with (
        staged(report, claims=claims, live_claims=LIVE) as stage,
        tempfile.TemporaryDirectory(prefix="ginja-console-") as folder,
    ):
        return asyncio.run(_measure(stage, Path(folder), leads=leads, requests=requests, report=report))


def missed_targets(pages: Mapping[str, PageFigures]) -> list[str]:
    """Every missed target, as text."""
    slow = [f"{name}: p99 {page.p99_ms} ms, target {TARGET_P99_MS:.0f}" for name, page in pages.items()
            if page.p99_ms > TARGET_P99_MS]  # fmt: skip
    failed = [f"{name}: {page.failed} requests failed" for name, page in pages.items() if page.failed]
    return slow + failed


async def _measure(stage: Stage, folder: Path, *, leads: int, requests: int, report: ReportProgress) -> ConsoleReport:
    async with in_thread(platform(stage, free_routes(), of_api=_OF_API)) as running:
        report(f"{int(SUBMIT_RATE * SUBMIT_S)} claims at {SUBMIT_RATE:.0f} claims/s")
        await ClaimLoad(running, folder, LIVE).run(
            *("--mode", "steady", "--rate", str(SUBMIT_RATE), "--seconds", str(SUBMIT_S), "--warm", "2")
        )
        report("settling the database")
        await asyncio.to_thread(settle, stage)
        _add_leads(stage, leads)
        paths = _paths(stage, requests)
        open_leads = _count(stage, "SELECT count(*) FROM leads WHERE status = 'open'")
        async with _signed_in(running) as session:
            taken = {}
            for name, of_page in paths.items():
                report(f"page: {name}")
                taken[name] = await session.times(of_page)
    report("counting statements")
    address = urlsplit(stage.database_url)
    async with counting_statements((address.hostname or "", address.port or 0)) as counter:
        through = stage.database_url.replace(f":{address.port}/", f":{counter.port}/")
        counted = _OF_API | {"GINJA_DATABASE_URL": through}
        async with in_thread(platform(stage, free_routes(), of_api=counted)) as running, _signed_in(running) as session:
            counts = {name: await session.statements(of_page[:COUNTED], counter) for name, of_page in paths.items()}
    pages = {name: _figures(taken[name], counts[name]) for name in paths}
    return ConsoleReport(
        CONDITIONS.format(cores=os.cpu_count()),
        claims=_count(stage, "SELECT count(*) FROM claims"),
        open_leads=open_leads,
        pages=pages,
        missed=missed_targets(pages),
    )


@dataclass(frozen=True, slots=True)
class _Taken:
    """One response."""

    ms: float
    status: int
    size: int


class _Session:
    """A lead investigator who has signed in, on one connection."""

    def __init__(self, line: Connection, cookie: str) -> None:
        self._line = line
        self._cookie = cookie

    async def get(self, path: str) -> _Taken:
        """Request a page."""
        request = f"GET {path} HTTP/1.1\r\nhost: ginja\r\naccept-encoding: gzip\r\ncookie: {self._cookie}\r\n\r\n"
        begun = time.perf_counter()
        answer = await self._line.send(request.encode())
        return _Taken((time.perf_counter() - begun) * 1_000, answer.status, len(answer.body))

    async def times(self, paths: Sequence[str]) -> list[_Taken]:
        """The responses of pages, requested one after the other; a few before them are not measured."""
        for path in paths[:COUNTED]:
            await self.get(path)
        return [await self.get(path) for path in paths]

    async def statements(self, paths: Sequence[str], counter: StatementCounter) -> int:
        """The fewest statements of these pages: the API has others, too."""
        counts = []
        for path in paths:
            counter.begin()
            await self.get(path)
            counts.append(counter.count)
        return min(counts)


@asynccontextmanager
async def _signed_in(running: BenchPlatform) -> AsyncIterator[_Session]:
    """A session that a key opened."""
    key = await asyncio.to_thread(create_key, running.stage, "lead_investigator")
    form = urlencode({"api_key": key, "next": "/console"}).encode()
    head = (
        "POST /console/sign-in HTTP/1.1\r\nhost: ginja\r\norigin: http://ginja\r\n"
        f"content-type: application/x-www-form-urlencoded\r\ncontent-length: {len(form)}\r\n\r\n"
    )
    line = Connection("127.0.0.1", running.routes.api_port)
    answer = await line.send(head.encode() + form)
    cookies = [value.partition(";")[0].strip() for value in _headers(answer.head, "set-cookie")]
    if not cookies:
        raise RuntimeError(f"the console did not open a session: status {answer.status}")
    yield _Session(line, cookies[0])
    line.close()


def _headers(head: bytes, header: str) -> list[str]:
    pairs = (line.partition(":") for line in head.decode("latin-1").split("\r\n"))
    return [value for name, _, value in pairs if name.lower() == header]


def _figures(taken: Sequence[_Taken], queries: int) -> PageFigures:
    times = sorted(one.ms for one in taken)
    failed = sum(one.status != 200 for one in taken)
    return PageFigures(_at(0.5, times), _at(0.99, times), queries, max(one.size for one in taken), failed)


def _add_leads(stage: Stage, leads: int) -> None:
    """Open leads of single claims, beside those of the worker, which closes them when it looks for the next time."""
    from api.migrate import plain_url

    with psycopg.connect(plain_url(stage.database_url)) as connection:
        connection.execute(_ADD_LEADS, {"leads": leads})
        connection.execute(_ADD_LEAD_CLAIMS)
        connection.execute("ANALYZE leads, lead_claims")


def _paths(stage: Stage, requests: int) -> dict[str, list[str]]:
    """Page → that many paths; a page that nothing can be opened on is left out."""
    found = {}
    for name, (path, ids) in PAGES.items():
        with_ids = [path.format(quote(one, safe="")) for one, *_ in _rows(stage, f"{ids} LIMIT {requests}")]
        if with_ids:
            found[name] = list(islice(cycle(with_ids), requests))
    return found


def _count(stage: Stage, statement: str) -> int:
    return int(_rows(stage, statement)[0][0])


def _rows(stage: Stage, statement: str) -> list[tuple[str, ...]]:
    from api.migrate import plain_url

    with psycopg.connect(plain_url(stage.database_url)) as connection:
        return connection.execute(statement.encode()).fetchall()


def _at(share: float, ordered: Sequence[float]) -> float:
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2)


def table(report: ConsoleReport) -> Table:
    """A row for each page."""
    shown = Table("page", "p50, ms", "p99, ms", "statements", "bytes", title=f"{report.claims:,} claims")
    for name, page in report.pages.items():
        shown.add_row(name, str(page.p50_ms), str(page.p99_ms), str(page.queries), f"{page.bytes:,}")
    return shown
