"""The chaos test: submit claims at a constant rate, inject one fault after another, and check every claim.

Targets for each fault: no lost claim, no 5xx response, decisions within 300 ms at p99, the breaker open within five
seconds and closed within thirty seconds of the fault's end, and every claim decided by the rule rescored within a
minute.
"""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from rich.table import Table

from benchmarks.faults import FaultScenario, fault_scenarios
from benchmarks.load import Connection, request_bytes
from benchmarks.platform import BenchPlatform, free_routes, in_thread, platform
from benchmarks.proxy import Proxy
from benchmarks.stage import ReportProgress, Stage, staged
from core.ids import new_id

P99_MS = 300.0
OPENS_WITHIN_S = 5.0
CLOSES_WITHIN_S = 30.0
RESCORED_WITHIN_S = 60.0
_SETTLE_S = 2.0
"""Time between the breaker closing and the next fault."""
_POLL_S = 0.05


@dataclass(slots=True)
class SubmittedClaim:
    """One submitted claim."""

    at: float
    status: int
    ms: float
    claim_id: str
    decided_by: str


@dataclass(frozen=True, slots=True)
class FaultResult:
    """Result of one fault, over the claims from its begin to the next fault."""

    fault: str
    degrades: bool
    claims: int
    by_model: int
    by_rule: int
    lost: int
    """Claims without a decision in the response or not in the database."""
    server_errors: int
    statuses: dict[str, int]
    """Responses by status; 0: no response."""
    p50_ms: float
    p99_ms: float
    max_ms: float
    opened_s: float | None
    """Seconds from the fault's begin until the breaker was open; None: it never opened."""
    closed_s: float | None
    """Seconds from the fault's end until it was closed; None: not within the limit."""
    rescored: int
    rescored_s: float | None
    """Seconds from the fault's end until every rule-decided claim was rescored; None: not within the limit."""
    not_rescored: list[str]


@dataclass(slots=True)
class ChaosRun:
    """The running platform, its proxies, and the submitted claims."""

    platform: BenchPlatform
    to_scorer: Proxy
    scorer_to_store: Proxy
    worker_to_store: Proxy
    sent: list[SubmittedClaim] = field(default_factory=list)
    breaker: list[tuple[float, str]] = field(default_factory=list)
    """Observed breaker changes: time and new state."""

    @property
    def home(self) -> Path:
        return self.platform.stage.home

    @property
    def scorer_pid(self) -> int:
        folder = self.home / "run" / "bench-scorer"
        return int((folder / "scorer.pid").read_text())

    @property
    def breaker_state(self) -> str:
        return self.breaker[-1][1] if self.breaker else "unknown"

    async def stream(self, rate: float) -> None:
        """Submit claims at a constant rate until cancelled, whatever the responses."""
        key, port = self.platform.key, self.platform.routes.api_port
        bodies = itertools.cycle(self.platform.bodies())
        idle: list[Connection] = []
        tasks: set[asyncio.Task[None]] = set()
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for number, body in enumerate(bodies):
            due = begin + number / rate
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            headers = {"authorization": f"Bearer {key}", "idempotency-key": new_id("chaos")}
            request = request_bytes("/v1/claims", body, headers)
            task = asyncio.create_task(self._submit(request, due, idle, port))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async def _submit(self, request: bytes, due: float, idle: list[Connection], port: int) -> None:
        line = idle.pop() if idle else Connection("127.0.0.1", port)
        status, body = await line.post(request)
        ms = (asyncio.get_running_loop().time() - due) * 1_000
        idle.append(line)
        answer: dict[str, Any] = {}
        with suppress(ValueError):
            answer = json.loads(body)
        self.sent.append(SubmittedClaim(due, status, ms, answer.get("claim_id", ""), answer.get("decided_by") or ""))

    async def watch_breaker(self) -> None:
        """Poll the API for its breaker state, until cancelled."""
        line = Connection("127.0.0.1", self.platform.routes.api_port)
        key = self.platform.monitoring_key.encode()
        request = b"GET /readyz HTTP/1.1\r\nhost: ginja\r\nauthorization: Bearer " + key + b"\r\n\r\n"
        loop = asyncio.get_running_loop()
        while True:
            _, body = await line.post(request)
            with suppress(ValueError):
                state = json.loads(body)["scorer_breaker"]
                if state != self.breaker_state:
                    self.breaker.append((loop.time(), state))
            await asyncio.sleep(_POLL_S)


def run(
    report: ReportProgress, *, only: Sequence[str] = (), seconds: float = 6.0, rate: float = 50.0
) -> list[FaultResult]:
    """Set up a stage, inject the faults one after another, and return the result of each."""
    scenarios = [
        scenario
        for scenario in fault_scenarios()
        if not only or any(part.lower() in scenario.name.lower() for part in only)
    ]
    if not scenarios:
        raise ValueError(f"unknown fault: {', '.join(only)}; available: {', '.join(t.name for t in fault_scenarios())}")
    with staged(report) as stage:
        return asyncio.run(_run(report, stage, scenarios, seconds, rate))


async def _run(
    report: ReportProgress, stage: Stage, scenarios: Sequence[FaultScenario], seconds: float, rate: float
) -> list[FaultResult]:
    routes = free_routes()
    store = urlsplit(stage.redis_url)
    target = (store.hostname or "127.0.0.1", store.port or 6379)
    to_scorer, scorer_to_store, worker_to_store = Proxy(("127.0.0.1", routes.scorer_port)), Proxy(target), Proxy(target)
    proxies = (to_scorer, scorer_to_store, worker_to_store)
    for proxy in proxies:
        await proxy.start()

    def past(proxy: Proxy) -> str:
        return str(stage.redis_url).replace(f":{target[1]}", f":{proxy.port}")

    routes = replace(
        routes,
        scorer_url_of_api=f"http://127.0.0.1:{to_scorer.port}",
        redis_url_of_scorer=past(scorer_to_store),
        redis_url_of_worker=past(worker_to_store),
    )
    async with in_thread(platform(stage, routes)) as running:
        chaos = ChaosRun(running, to_scorer, scorer_to_store, worker_to_store)
        tasks = [asyncio.create_task(chaos.stream(rate)), asyncio.create_task(chaos.watch_breaker())]
        try:
            report("submitting claims without faults")
            await asyncio.sleep(4.0)
            outcomes = []
            for number, scenario in enumerate(scenarios, 1):
                report(f"[{number}/{len(scenarios)}] {scenario.name}")
                outcomes.append(await _try(chaos, scenario, seconds))
            return outcomes
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for proxy in proxies:
                await proxy.stop()


async def _try(chaos: ChaosRun, scenario: FaultScenario, seconds: float) -> FaultResult:
    loop = asyncio.get_running_loop()
    began = loop.time()
    await scenario.begin(chaos)
    await asyncio.sleep(max(0.0, seconds - (loop.time() - began)))
    await scenario.end(chaos)
    ended = loop.time()
    closed = await _until_closed(chaos, ended)
    await asyncio.sleep(_SETTLE_S)
    rule, left, rescored_s = await _until_rescored(chaos, began, ended)
    window = [one for one in chaos.sent if one.at >= began]
    opened = next((at - began for at, state in chaos.breaker if at >= began and state == "open"), None)
    stored = await asyncio.to_thread(_stored, chaos, [one.claim_id for one in window if one.claim_id])
    latencies = sorted(one.ms for one in window)
    return FaultResult(
        fault=scenario.name,
        degrades=scenario.degrades,
        claims=len(window),
        by_model=sum(one.decided_by == "model" for one in window),
        by_rule=sum(one.decided_by == "rule" for one in window),
        lost=sum(one.status != 201 or one.claim_id not in stored for one in window),
        server_errors=sum(one.status >= 500 for one in window),
        statuses={str(status): count for status, count in sorted(Counter(one.status for one in window).items())},
        p50_ms=round(latencies[len(latencies) // 2], 1),
        p99_ms=round(latencies[int(len(latencies) * 0.99)], 1),
        max_ms=round(latencies[-1], 1),
        opened_s=None if opened is None else round(opened, 2),
        closed_s=closed,
        rescored=len(rule) - len(left),
        rescored_s=rescored_s,
        not_rescored=sorted(left),
    )


async def _until_closed(chaos: ChaosRun, ended: float) -> float | None:
    loop = asyncio.get_running_loop()
    while loop.time() - ended < CLOSES_WITHIN_S:
        if chaos.breaker_state == "closed":
            since = chaos.breaker[-1][0]
            return round(max(0.0, since - ended), 2)
        await asyncio.sleep(_POLL_S)
    return None


async def _until_rescored(chaos: ChaosRun, began: float, ended: float) -> tuple[set[str], set[str], float | None]:
    """Claims decided by the rule since `began`, those not rescored at the end, and the seconds until all were."""
    loop = asyncio.get_running_loop()
    while True:
        rule = {one.claim_id for one in chaos.sent if one.at >= began and one.decided_by == "rule"}
        left = await asyncio.to_thread(_unscored, chaos, rule)
        if not left:
            return rule, left, round(loop.time() - ended, 1)
        if loop.time() - ended > RESCORED_WITHIN_S:
            return rule, left, None
        await asyncio.sleep(0.5)


def _query(chaos: ChaosRun, statement: str, claim_ids: list[str]) -> set[str]:
    from api.migrate import plain_url

    with psycopg.connect(plain_url(chaos.platform.stage.database_url)) as connection:
        return {row[0] for row in connection.execute(statement, (claim_ids,))}


def _stored(chaos: ChaosRun, claim_ids: list[str]) -> set[str]:
    """The claims that are in the database with an assessment."""
    return _query(
        chaos,
        "SELECT DISTINCT claim_id FROM claims JOIN assessments USING (claim_id) WHERE claim_id = ANY(%s)",
        claim_ids,
    )


def _unscored(chaos: ChaosRun, claim_ids: set[str]) -> set[str]:
    """The claims that no model has scored."""
    if not claim_ids:
        return set()
    scored = "SELECT claim_id FROM assessments WHERE decided_by = 'model' AND claim_id = ANY(%s)"
    return claim_ids - _query(chaos, scored, sorted(claim_ids))


def missed_targets(outcomes: Sequence[FaultResult]) -> list[str]:
    """Every missed target, as text."""
    found = []
    for o in outcomes:
        if o.lost:
            found.append(f"{o.fault}: {o.lost} of {o.claims} claims lost")
        if o.server_errors:
            found.append(f"{o.fault}: {o.server_errors} 5xx responses")
        if o.p99_ms > P99_MS:
            found.append(f"{o.fault}: p99 of {o.p99_ms:.0f} ms, over {P99_MS:.0f}")
        if o.degrades and (o.opened_s is None or o.opened_s > OPENS_WITHIN_S):
            found.append(f"{o.fault}: breaker not open within {OPENS_WITHIN_S:.0f} s")
        if o.closed_s is None:
            found.append(f"{o.fault}: breaker not closed within {CLOSES_WITHIN_S:.0f} s")
        if o.not_rescored:
            found.append(f"{o.fault}: {len(o.not_rescored)} claims not rescored within {RESCORED_WITHIN_S:.0f} s")
        if not o.degrades and not o.by_model:
            found.append(f"{o.fault}: no claim was decided by the model")
    return found


def table(outcomes: Sequence[FaultResult]) -> Table:
    """The results as a terminal table."""
    shown = Table("fault", "claims", "model", "rule", "lost", "5xx", "p99 ms", "opened", "closed", "rescored")
    for o in outcomes:
        seconds = [("–" if value is None else f"{value:.1f} s") for value in (o.opened_s, o.closed_s, o.rescored_s)]
        again = f"{o.rescored} in {seconds[2]}" if o.by_rule else "–"
        row = (o.fault, o.claims, o.by_model, o.by_rule, o.lost, o.server_errors, f"{o.p99_ms:.0f}")
        shown.add_row(*map(str, row), seconds[0], seconds[1], again)
    return shown
