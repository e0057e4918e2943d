"""The results of the chaos test, and its targets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.table import Table

from benchmarks.chaos.scenario import FaultEffect

P99_MS: Final = 300.0
OPENS_WITHIN_S: Final = 5.0
CLOSES_WITHIN_S: Final = 30.0
RESCORED_WITHIN_S: Final = 60.0
NOT_READY_WITHIN_S: Final = 5.0
READY_AGAIN_WITHIN_S: Final = 15.0
STARTED_AGAIN_WITHIN_S: Final = 90.0
"""Of `ginja up`: five programs are loaded, and the model is checked."""
CHILDREN_ENDED_WITHIN_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class SkippedFault:
    """A fault that could not be caused on this machine."""

    fault: str
    reason: str


@dataclass(frozen=True, slots=True)
class FaultResult:
    """Result of one fault, over the claims from its begin to the next fault."""

    fault: str
    effect: FaultEffect
    claims: int
    by_model: int
    by_rule: int
    lost: int
    """Claims answered 201 and not in the database, or of unknown outcome after they were sent again."""
    still_refused: int
    """Claims that got 429 or 503 with Retry-After each time they were sent, also after the fault; none is stored."""
    doubled: int
    """Claims in the database that no response named."""
    refused: int
    """First responses with 429 or 503 and Retry-After."""
    refused_outside: int
    """Of those, the ones that the fault does not explain."""
    outcome_unknown: int
    """Refused because the database did not confirm the commit."""
    unanswered: int
    server_errors: int
    """5xx without Retry-After."""
    statuses: dict[str, int]
    """First responses by status; 0: no response."""
    p50_ms: float
    p99_ms: float
    max_ms: float
    ready_false_s: float | None
    """Seconds from the fault's begin until the API was not ready; None: it stayed ready."""
    ready_again_s: float | None
    """Seconds from the fault's end until it was ready for good; None: not within two minutes."""
    opened_s: float | None
    """Seconds from the fault's begin until the breaker was open; None: it never opened."""
    closed_s: float | None
    """Seconds from the fault's end until it was closed; None: not within the limit."""
    rescored: int
    rescored_s: float | None
    """Seconds from the fault's end until every rule-decided claim was rescored; None: not within the limit."""
    not_rescored: list[str]
    children_ended_s: float | None = None
    """Seconds from the end of the supervisor until its processes had ended; None: no supervisor ended, or never."""


@dataclass(slots=True)
class ChaosResults:
    """The results of a run."""

    faults: list[FaultResult]
    skipped: list[SkippedFault]


def figures_line(o: FaultResult) -> str:
    """The figures of one fault in a line, for a run that ends before all are done."""
    missed = "; ".join(_missed(o)) or "nothing missed"
    return (
        f"{o.fault}: {o.claims} claims, {o.by_rule} by the rule, {o.refused} refused, {o.lost} lost, "
        f"p99 {o.p99_ms:.0f} ms; {missed}"
    )


def missed_targets(outcomes: Sequence[FaultResult]) -> list[str]:
    """Every missed target, as text."""
    return [f"{outcome.fault}: {text}" for outcome in outcomes for text in _missed(outcome)]


def _missed(o: FaultResult) -> list[str]:
    missed = {
        f"{o.lost} of {o.claims} claims lost": o.lost > 0,
        f"{o.still_refused} claims refused each time": o.still_refused > 0,
        f"{o.doubled} claims stored that no response named": o.doubled > 0,
        f"{o.server_errors} 5xx responses": o.server_errors > 0,
        f"{o.refused_outside} claims refused": o.refused_outside > 0,
        f"{o.unanswered} claims without a response": o.unanswered > 0 and o.effect is not FaultEffect.DOWN,
        f"p99 of {o.p99_ms:.0f} ms, over {P99_MS:.0f}": o.p99_ms > P99_MS and _is_served(o.effect),
        f"breaker not open within {OPENS_WITHIN_S:.0f} s": o.effect is FaultEffect.DEGRADES
        and _later(o.opened_s, OPENS_WITHIN_S),
        f"breaker not closed within {CLOSES_WITHIN_S:.0f} s": o.closed_s is None,
        f"{len(o.not_rescored)} claims not rescored within {RESCORED_WITHIN_S:.0f} s": bool(o.not_rescored),
        "no claim was decided by the model": o.effect is not FaultEffect.DEGRADES and not o.by_model,
        **_missed_readiness(o),
    }
    return [text for text, is_missed in missed.items() if is_missed]


def _missed_readiness(o: FaultResult) -> dict[str, bool]:
    again_s = STARTED_AGAIN_WITHIN_S if o.effect is FaultEffect.DOWN else READY_AGAIN_WITHIN_S
    return {
        "not ready, though claims can be stored": _is_served(o.effect) and o.ready_false_s is not None,
        f"still ready after {NOT_READY_WITHIN_S:.0f} s": not _is_served(o.effect)
        and _later(o.ready_false_s, NOT_READY_WITHIN_S),
        f"not ready again within {again_s:.0f} s": _later(o.ready_again_s, again_s),
        f"processes left {CHILDREN_ENDED_WITHIN_S:.0f} s after their supervisor": o.effect is FaultEffect.DOWN
        and _later(o.children_ended_s, CHILDREN_ENDED_WITHIN_S),
    }


def _is_served(effect: FaultEffect) -> bool:
    return effect not in (FaultEffect.REFUSES, FaultEffect.DOWN)


def _later(seconds: float | None, limit: float) -> bool:
    return seconds is None or seconds > limit


def table(results: ChaosResults) -> Table:
    """The results as a terminal table."""
    columns = ("fault", "claims", "model", "rule", "refused", "lost", "5xx", "p99 ms")
    shown = Table(*columns, "not ready", "ready", "opened", "closed", "rescored")
    for o in results.faults:
        times = [_seconds(value) for value in (o.ready_false_s, o.ready_again_s, o.opened_s, o.closed_s)]
        again = f"{o.rescored} in {_seconds(o.rescored_s)}" if o.rescored or o.not_rescored else "–"
        row = (o.fault, o.claims, o.by_model, o.by_rule, o.refused, o.lost, o.server_errors, f"{o.p99_ms:.0f}")
        shown.add_row(*map(str, row), *times, again)
    for one in results.skipped:
        shown.add_row(one.fault, f"skipped: {one.reason}")
    return shown


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} s"
