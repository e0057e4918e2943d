"""Patterns of a claims schedule: each value follows from the schedule alone, so that a reader can count it again."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from claims.evidence.document import PatternFact, PatternUnit, PeerGroup, ScheduledClaim

PRICE: Final = "billed_per_unit"
"""Begins the name of a pattern about a procedure: `billed_per_unit:99214`."""
BUSIEST_DAY: Final = "claims_on_busiest_day"
WITH_FINDINGS: Final = "claims_with_findings"
SAME_SERVICE: Final = "repeated_services"
MOST_PRICES: Final = 3
"""Procedures whose price is compared: those with the highest sums."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """A value with the claims that it counts."""

    value: float
    claims: tuple[str, ...]


def schedule_patterns(claims: Sequence[ScheduledClaim], peers: Mapping[str, PeerGroup]) -> tuple[PatternFact, ...]:
    """The patterns of a schedule; `peers`: of prices, by procedure."""
    names = [f"{PRICE}:{code}" for code in main_procedures(claims)]
    names += [BUSIEST_DAY, WITH_FINDINGS, SAME_SERVICE] if claims else []
    found: list[PatternFact] = []
    for name in names:
        counted = _count(name, claims)
        if counted is None or not counted.claims:
            continue
        kind, _, code = name.partition(":")
        statement, unit, method = _STATED[kind]
        found.append(
            PatternFact(
                pattern_id=f"p{len(found) + 1}",
                name=name,
                statement=statement.format(code=code),
                unit=unit,
                value=counted.value,
                method=method,
                claims=counted.claims,
                peers=peers.get(code),
            )
        )
    return tuple(found)


def main_procedures(claims: Sequence[ScheduledClaim]) -> list[str]:
    """The procedures with the highest sums billed, at most `MOST_PRICES`."""
    sums: Counter[str] = Counter()
    for claim in claims:
        for line in claim.lines:
            sums[line.procedure_code] += line.billed_cents
    return [code for code, _ in sorted(sums.items(), key=lambda item: (-item[1], item[0]))[:MOST_PRICES]]


def pattern_fault(pattern: PatternFact, claims: Sequence[ScheduledClaim]) -> str | None:
    """What the schedule gives otherwise than a pattern states; None: it is as stated, or of a later release."""
    counted = _count(pattern.name, claims)
    if counted is None:
        return None
    if counted.value != pattern.value:
        return f"pattern {pattern.pattern_id}: the value is {pattern.value}; the schedule gives {counted.value}"
    if counted.claims != pattern.claims:
        return f"pattern {pattern.pattern_id}: the schedule gives other claims"
    return None


def _count(name: str, claims: Sequence[ScheduledClaim]) -> _Counted | None:
    kind, _, code = name.partition(":")
    if kind == PRICE:
        return _price(claims, code)
    count = _COUNTS.get(name)
    return None if count is None else count(claims)


def _price(claims: Sequence[ScheduledClaim], code: str) -> _Counted:
    prices = [
        (one.claim_id, line.billed_cents / line.units)
        for one in claims
        for line in one.lines
        if line.procedure_code == code and line.units > 0
    ]
    value = median(price for _, price in prices) if prices else 0.0
    return _Counted(float(value), tuple(dict.fromkeys(claim_id for claim_id, _ in prices)))


def _busiest_day(claims: Sequence[ScheduledClaim]) -> _Counted:
    days = Counter(one.service_from for one in claims)
    day, _ = min(days.items(), key=lambda item: (-item[1], item[0]))
    found = tuple(one.claim_id for one in claims if one.service_from == day)
    return _Counted(float(len(found)), found)


def _with_findings(claims: Sequence[ScheduledClaim]) -> _Counted:
    found = tuple(one.claim_id for one in claims if one.edits)
    return _Counted(len(found) / len(claims), found)


def _same_service(claims: Sequence[ScheduledClaim]) -> _Counted:
    """Claims with a service that another claim of the schedule has for the same member on the same day."""
    services: dict[tuple[str, str, str], set[str]] = {}
    for one in claims:
        for line in one.lines:
            key = (one.member, line.procedure_code, line.service_date.isoformat())
            services.setdefault(key, set()).add(one.claim_id)
    repeated = {claim_id for ids in services.values() if len(ids) > 1 for claim_id in ids}
    found = tuple(one.claim_id for one in claims if one.claim_id in repeated)
    return _Counted(float(len(found)), found)


_COUNTS: Final[Mapping[str, Callable[[Sequence[ScheduledClaim]], _Counted]]] = {
    BUSIEST_DAY: _busiest_day,
    WITH_FINDINGS: _with_findings,
    SAME_SERVICE: _same_service,
}
_STATED: Final[Mapping[str, tuple[str, PatternUnit, str]]] = {
    PRICE: (
        "Median billed per unit of {code}",
        PatternUnit.MONEY,
        "median over the lines of the schedule of billed / units",
    ),
    BUSIEST_DAY: ("Claims on the busiest first day of service", PatternUnit.COUNT, "claims of the earliest such day"),
    WITH_FINDINGS: ("Share of claims with a claim edit or finding", PatternUnit.SHARE, "claims with one / all claims"),
    SAME_SERVICE: (
        "Claims with a service that another claim has for the same member and day",
        PatternUnit.COUNT,
        "same member, procedure and day of service in two claims",
    ),
}
