"""Response times by five minutes: each window sees every fault once, so that two of them compare like with like."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.chaos.stream import CREATED, SubmittedClaim

AFTERMATH_S: Final = 2.0
"""After a fault, its claims are counted as those of the fault for so long."""
NO_FAULT: Final = "no fault"


@dataclass(frozen=True, slots=True)
class FaultPeriod:
    """A fault that was injected, in seconds of the event loop's clock."""

    name: str
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class ResponseWindow:
    """The claims that were due in a window; times in milliseconds from when each was due."""

    at_s: float
    """Begin, in seconds since that of the run."""
    claims: int
    refused: int
    p50_ms: float
    p99_ms: float
    p99_without_faults_ms: float
    """Of the claims due while no fault lasted."""
    slow_by_fault: dict[str, int]
    """Claims above this window's p99, by the fault during which they were due, most first."""


def response_windows(
    claims: Sequence[SubmittedClaim], faults: Sequence[FaultPeriod], *, began: float, ended: float, window_s: float
) -> list[ResponseWindow]:
    """The whole windows of a run, from its end backwards: the last one is complete."""
    count = int((ended - began) / window_s)
    starts = [ended - window_s * number for number in range(count, 0, -1)]
    return [_window(claims, faults, start, start + window_s, began) for start in starts]


def _window(
    claims: Sequence[SubmittedClaim], faults: Sequence[FaultPeriod], start: float, end: float, began: float
) -> ResponseWindow:
    own = [claim for claim in claims if start <= claim.at < end]
    p99 = percentile([claim.ms for claim in own], 0.99)
    names = [_fault_at(claim.at, faults) for claim in own]
    slow = Counter(name for claim, name in zip(own, names, strict=True) if claim.ms > p99)
    calm = [claim.ms for claim, name in zip(own, names, strict=True) if name == NO_FAULT]
    return ResponseWindow(
        at_s=round(start - began),
        claims=len(own),
        refused=sum(claim.first_status != CREATED for claim in own),
        p50_ms=percentile([claim.ms for claim in own], 0.5),
        p99_ms=p99,
        p99_without_faults_ms=percentile(calm, 0.99),
        slow_by_fault=dict(slow.most_common()),
    )


def _fault_at(at: float, faults: Sequence[FaultPeriod]) -> str:
    return next((one.name for one in faults if one.began <= at < one.ended + AFTERMATH_S), NO_FAULT)


def percentile(ms: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie; NaN without values."""
    ordered = sorted(ms)
    return round(ordered[int(len(ordered) * share)], 1) if ordered else float("nan")
