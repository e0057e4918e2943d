"""The chaos test: claims at a constant rate, one fault after another, and a check of every claim."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from benchmarks.chaos.clocks import clock_environment, clock_faults
from benchmarks.chaos.connections import connection_faults
from benchmarks.chaos.databases import database_faults
from benchmarks.chaos.disks import disk_faults
from benchmarks.chaos.platforms import services_platform, supervised_platform
from benchmarks.chaos.results import (
    CLOSES_WITHIN_S,
    RESCORED_WITHIN_S,
    ChaosResults,
    FaultResult,
    SkippedFault,
    figures_line,
)
from benchmarks.chaos.scenario import FaultEffect, FaultScenario, FaultTarget, ServicesTarget
from benchmarks.chaos.scorer import scorer_faults
from benchmarks.chaos.stored import all_submitted, assessed, unscored
from benchmarks.chaos.stream import CREATED, SubmittedClaim
from benchmarks.chaos.supervised import UpTarget, supervised_faults
from benchmarks.chaos.watch import POLL_S, StateWatch
from benchmarks.stage import ReportProgress, Stage, staged

T = TypeVar("T", bound=FaultTarget)

_SETTLE_S = 2.0
"""Time between the breaker closing and the next fault."""
_READY_LIMIT_S = 120.0


@dataclass(frozen=True, slots=True)
class Selection:
    """The faults of a run."""

    services: list[FaultScenario[ServicesTarget]]
    supervised: list[FaultScenario[UpTarget]]

    @property
    def names(self) -> list[str]:
        """Names in the order in which they are injected."""
        return [*(one.name for one in self.services), *(one.name for one in self.supervised)]


def selection(only: Sequence[str] = ()) -> Selection:
    """The faults with one of `only` in their name; all without. Raises `ValueError` if there is none."""

    def named(name: str) -> bool:
        return not only or any(part.lower() in name.lower() for part in only)

    services = [*connection_faults(), *scorer_faults(), *database_faults(), *clock_faults(), *disk_faults()]
    every = Selection(services, supervised_faults())
    found = Selection(
        [one for one in every.services if named(one.name)], [one for one in every.supervised if named(one.name)]
    )
    if not found.names:
        raise ValueError(f"unknown fault: {', '.join(only)}; available: {', '.join(every.names)}")
    return found


def run(report: ReportProgress, *, only: Sequence[str] = (), seconds: float = 6.0, rate: float = 50.0) -> ChaosResults:
    """Set up a stage, inject the faults one after another, and return the result of each."""
    chosen = selection(only)
    with staged(report) as stage:
        return asyncio.run(_Run(report, stage, seconds, rate).everything(chosen))


class _Run:
    """One run on one stage."""

    def __init__(self, report: ReportProgress, stage: Stage, seconds: float, rate: float) -> None:
        self._report = report
        self._stage = stage
        self._seconds = seconds
        self._rate = rate
        self._results = ChaosResults([], [])

    async def everything(self, chosen: Selection) -> ChaosResults:
        """Inject the faults of both platforms."""
        if chosen.services:
            of_api = clock_environment(self._stage.home)
            async with services_platform(self._stage, self._report, self._rate, of_api=of_api) as services:
                await self._inject_all(services, chosen.services)
        if chosen.supervised:
            async with supervised_platform(self._stage, self._report, self._rate) as supervised:
                await self._inject_all(supervised, chosen.supervised)
        return self._results

    async def _inject_all(self, target: T, scenarios: Sequence[FaultScenario[T]]) -> None:
        for number, scenario in enumerate(scenarios, 1):
            reason = scenario.unavailable()
            if reason is not None:
                self._report(f"{scenario.name}: skipped, {reason}")
                self._results.skipped.append(SkippedFault(scenario.name, reason))
                continue
            self._report(f"[{number}/{len(scenarios)}] {scenario.name}")
            async with scenario.setting(target):
                result = await self._inject(target, scenario)
            self._results.faults.append(result)
            self._report(figures_line(result))

    async def _inject(self, target: T, scenario: FaultScenario[T]) -> FaultResult:
        loop, watch = asyncio.get_running_loop(), target.watch
        began = loop.time()
        async with scenario.inject(target):
            await asyncio.sleep(max(0.0, self._seconds - (loop.time() - began)))
        ended = loop.time()
        ready_again = await _until_ready(watch, ended)
        closed = await _until_closed(watch, ended)
        await asyncio.sleep(_SETTLE_S)
        await target.stream.resend_undecided()
        by_rule, left, rescored_s = await _until_rescored(target, began, ended)
        doubled = await _doubled(target)
        window = [one for one in target.stream.sent if one.at >= began]
        stored = await asyncio.to_thread(assessed, target.stage, {one.claim_id for one in window if one.claim_id})
        false_at, opened = watch.first(False, since=began), watch.opened(since=began)
        return FaultResult(
            fault=scenario.name,
            effect=scenario.effect,
            claims=len(window),
            by_model=sum(one.decided_by == "model" and one.first_status == CREATED for one in window),
            by_rule=sum(one.decided_by == "rule" and one.first_status == CREATED for one in window),
            lost=sum(one.is_lost(stored) for one in window),
            still_refused=sum(one.only_refused for one in window),
            doubled=doubled,
            refused=sum(one.refused for one in window),
            outcome_unknown=sum(one.outcome_unknown for one in window),
            unanswered=sum(one.first_status == 0 for one in window),
            server_errors=sum(one.first_status >= 500 and not one.refused for one in window),
            refused_outside=_refused_outside(scenario.effect, window),
            statuses={str(s): count for s, count in sorted(Counter(one.first_status for one in window).items())},
            **_latencies(scenario.effect, window),
            ready_false_s=None if false_at is None else round(false_at - began, 2),
            ready_again_s=ready_again,
            opened_s=None if opened is None else round(opened - began, 2),
            closed_s=closed,
            rescored=len(by_rule) - len(left),
            rescored_s=rescored_s,
            not_rescored=sorted(left),
            children_ended_s=target.children_ended_s if isinstance(target, UpTarget) else None,
        )


def _counted(effect: FaultEffect, window: Sequence[SubmittedClaim]) -> list[SubmittedClaim]:
    """The claims whose response times and refusals are the platform's: not those of the member that is locked."""
    return [one for one in window if not (effect is FaultEffect.CONTAINED and one.of_member)]


def _refused_outside(effect: FaultEffect, window: Sequence[SubmittedClaim]) -> int:
    """Refused claims of those that the fault is not about."""
    return (
        0 if effect in (FaultEffect.REFUSES, FaultEffect.DOWN) else sum(one.refused for one in _counted(effect, window))
    )


def _latencies(effect: FaultEffect, window: Sequence[SubmittedClaim]) -> dict[str, float]:
    ordered = sorted(one.ms for one in _counted(effect, window))
    shares = {"p50_ms": 0.5, "p99_ms": 0.99, "max_ms": 1.0}
    return {name: round(ordered[min(len(ordered) - 1, int(len(ordered) * at))], 1) for name, at in shares.items()}


async def _until_ready(watch: StateWatch, ended: float) -> float | None:
    """Seconds from the fault's end until the platform was ready for good; `None`: not within the limit."""
    loop = asyncio.get_running_loop()
    steady_s = 1.0
    while loop.time() - ended < _READY_LIMIT_S:
        if watch.is_ready and loop.time() - max(watch.ready[-1][0], ended) >= steady_s:
            return round(max(0.0, watch.ready[-1][0] - ended), 2)
        await asyncio.sleep(POLL_S)
    return None


async def _until_closed(watch: StateWatch, ended: float) -> float | None:
    """Seconds from the fault's end until the breaker was closed; `None`: not within the limit."""
    loop = asyncio.get_running_loop()
    until = loop.time() + CLOSES_WITHIN_S
    while loop.time() < until:
        if watch.breaker_state == "closed":
            return round(max(0.0, watch.breaker[-1][0] - ended), 2)
        await asyncio.sleep(POLL_S)
    return None


async def _until_rescored(target: FaultTarget, began: float, ended: float) -> tuple[set[str], set[str], float | None]:
    """Claims decided by the rule since `began`, those not rescored at the end, and the seconds until all were."""
    loop = asyncio.get_running_loop()
    until = loop.time() + RESCORED_WITHIN_S
    while True:
        rule = {one.claim_id for one in target.stream.sent if one.at >= began and one.decided_by == "rule"}
        left = await asyncio.to_thread(unscored, target.stage, rule)
        if not left:
            return rule, left, round(loop.time() - ended, 1)
        if loop.time() > until:
            return rule, left, None
        await asyncio.sleep(0.5)


async def _doubled(target: FaultTarget) -> int:
    """Claims in the database that no response named: stored twice, or stored and refused for good."""
    stored = await asyncio.to_thread(all_submitted, target.stage)
    await target.stream.answered()
    return len(stored - {one.claim_id for one in target.stream.sent} - target.others)
