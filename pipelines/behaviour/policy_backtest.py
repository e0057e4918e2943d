"""Backtest of the policy: what every edit would have found in past claims, compared with their labels.

An insurer uses it to set the policy: an edit with many alerts a day and few frauds among them is too sensitive, one
without alerts has no effect. Statistics are those of the Monday of each claim's week, so nothing later than the claim
is used.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

import numpy as np
from scipy.stats import beta

from claims.outcome import Outcome
from core.settings import settings
from models.scorer import Scorer
from pipelines.behaviour.decisions import ComparedDecision, InsurerPolicies, decide_all, decide_one
from pipelines.behaviour.submissions import Submission, read_catalogue
from pipelines.datasets import Source

PERIOD_DAYS = 7
ANY, PLAUSIBILITY_ONLY = "any finding", "without the model"
"""Rows over all findings: any reason for review or rejection, and any except the model's."""
_MODEL = frozenset({"model_flagged"})


@dataclass(frozen=True, slots=True)
class Line:
    """The effect of one finding."""

    finding: str
    alerts: int
    alerts_a_day: float
    frauds: int
    precision: float | None
    """Share of the alerts that are fraud by their label; None: no alerts."""
    precision_low: float | None
    precision_high: float | None
    """Exact 95 % interval (Clopper-Pearson)."""
    share_of_honest: float
    """Share of the clean claims that it stops."""
    cents_held: int
    """Amounts of the claims it is found on."""
    cents_of_fraud: int
    alone: int
    """Alerts that no other finding makes."""


@dataclass(frozen=True, slots=True)
class Backtest:
    """Every finding over a history."""

    since: date
    until: date
    days: float
    claims: int
    frauds: int
    model: str | None
    """Version that scored; None: the policy without a model, as while the scorer is unavailable."""
    lines: tuple[Line, ...]
    rule_alone: Line
    """The 2× rule for comparison: what it flags or cannot assess."""


def backtest(
    source: Source,
    claims: Sequence[Submission],
    *,
    scorer: Scorer | None = None,
    policies: InsurerPolicies | None = None,
    step: Callable[[str], None] = lambda words: None,
) -> Backtest:
    """Run every edit over claims in the order of receipt. Raises `ValueError` where there are none."""
    if not claims:
        raise ValueError("no claims to test the policy on")
    policies = policies or InsurerPolicies.of(settings())
    decided: list[ComparedDecision] = []
    for day, group in groupby(claims, key=_period):
        step(f"Week of {day}: {len(decided):,} of {len(claims):,} claims")
        batch, catalogue = list(group), read_catalogue(source, day)
        if scorer is None:
            decided += [decide_one(one, None, catalogue, policies=policies) for one in batch]
        else:
            decided += decide_all(scorer, batch, catalogue, policies=policies)
    first, last = claims[0].claim.received_at, claims[-1].claim.received_at
    days = max(1.0, (last - first) / timedelta(days=1))
    return Backtest(
        since=first.date(),
        until=last.date(),
        days=round(days, 2),
        claims=len(decided),
        frauds=sum(one.submission.fraud for one in decided),
        model=None if scorer is None else scorer.version,
        lines=_lines(decided, days),
        rule_alone=_line("2x rule", [not one.paid_by_rule for one in decided], decided, days, alone=0),
    )


def _period(one: Submission) -> date:
    day = one.claim.received_at.astimezone(UTC).date()
    epoch = datetime(1970, 1, 5, tzinfo=UTC).date()  # a Monday
    return day - timedelta(days=(day - epoch).days % PERIOD_DAYS)


def _lines(decided: Sequence[ComparedDecision], days: float) -> tuple[Line, ...]:
    by_claim = [
        {finding.code for finding in one.decision.findings if finding.outcome.priority >= Outcome.IN_REVIEW.priority}
        for one in decided
    ]
    marks: dict[str, list[bool]] = {ANY: [bool(codes) for codes in by_claim]}
    marks[PLAUSIBILITY_ONLY] = [bool(codes - _MODEL) for codes in by_claim]
    alone: dict[str, int] = defaultdict(int)
    for codes in by_claim:
        if len(codes) == 1:
            alone[next(iter(codes))] += 1
    for code in sorted(set().union(*by_claim)):
        marks[code] = [code in codes for codes in by_claim]
    lines = [_line(name, flags, decided, days, alone=alone[name]) for name, flags in marks.items()]
    return tuple(lines[:2] + sorted(lines[2:], key=lambda line: -line.alerts))


def _line(name: str, flags: Sequence[bool], decided: Sequence[ComparedDecision], days: float, *, alone: int) -> Line:
    held = [one.submission for one, flag in zip(decided, flags, strict=True) if flag]
    frauds = sum(one.fraud for one in held)
    honest = sum(not one.submission.fraud for one in decided)
    low, high = _interval(frauds, len(held))
    return Line(
        finding=name,
        alerts=len(held),
        alerts_a_day=len(held) / days,
        frauds=frauds,
        precision=frauds / len(held) if held else None,
        precision_low=low,
        precision_high=high,
        share_of_honest=(len(held) - frauds) / honest if honest else 0.0,
        cents_held=sum(one.claim.amount_cents for one in held),
        cents_of_fraud=sum(one.claim.amount_cents for one in held if one.fraud),
        alone=alone,
    )


def _interval(hits: int, of: int) -> tuple[float | None, float | None]:
    """The exact 95 % interval of a share."""
    if not of:
        return None, None
    low = 0.0 if hits == 0 else float(beta.ppf(0.025, hits, of - hits + 1))
    high = 1.0 if hits == of else float(beta.ppf(0.975, hits + 1, of - hits))
    return float(np.round(low, 4)), float(np.round(high, 4))
