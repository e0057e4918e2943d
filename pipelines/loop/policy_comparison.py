"""Compare the retraining policies over several simulated years, for `ginja review simulate` and its chart."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import count

import numpy as np

from pipelines.loop import world
from pipelines.loop.policy_simulation import POLICIES, LoopConfig, Month, simulate_policies

Done = Callable[[int, int, str], None]
Runs = dict[int, list[Month]]
"""Seed → the months of its policies."""


@dataclass(frozen=True, slots=True)
class MeanAndRange:
    """Mean and range of a value over the seeds."""

    mean: float
    minimum: float
    maximum: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "MeanAndRange":
        """Summarize one value per seed."""
        return cls(float(np.mean(values)), float(np.min(values)), float(np.max(values)))


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthMetrics:
    """The metrics of one policy in one month."""

    found_cents: MeanAndRange
    dollars: MeanAndRange
    """Share of the fraudulent amount that was found."""
    precision: MeanAndRange
    average_precision: MeanAndRange
    calibration_error: MeanAndRange
    brier: MeanAndRange
    base_rate: MeanAndRange
    estimated_base_rate: MeanAndRange


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodMetrics(MonthMetrics):
    """The metrics of one policy over several months."""

    frauds: MeanAndRange
    reviews: MeanAndRange


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyMetrics:
    """One policy over all months, over those after the change of kinds, and by month."""

    total: PeriodMetrics
    after_change: PeriodMetrics
    by_month: tuple[MonthMetrics, ...]
    runs: dict[int, tuple[Month, ...]]
    """Seed → its months."""

    def as_json(self) -> dict[str, object]:
        """The JSON form."""
        return asdict(self.total) | {
            "after_change": asdict(self.after_change),
            "by_month": [asdict(month) for month in self.by_month],
            "runs": {str(seed): [asdict(month) for month in months] for seed, months in self.runs.items()},
        }


@dataclass(frozen=True, slots=True)
class Lead:
    """One policy less another on the same years."""

    dollars: MeanAndRange
    calibration_error: MeanAndRange


@dataclass(frozen=True, slots=True)
class PolicyLead:
    """The lead over all months, and over those after the change of kinds."""

    total: Lead
    after_change: Lead

    def as_json(self) -> dict[str, object]:
        """The JSON form."""
        return asdict(self.total) | {"after_change": asdict(self.after_change)}


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyComparison:
    """The policies over the simulated years of all seeds."""

    claims: int
    months: int
    change_month: int
    """The first month, counted from 1, with the new kinds of fraud."""
    review_share: float
    audit_share: float
    policies: dict[str, PolicyMetrics]
    audit_over: dict[str, PolicyLead]
    """Other policy → the lead of the one with a random audit."""
    seconds: float

    @property
    def seeds(self) -> list[int]:
        """The seeds of the simulated years."""
        return list(next(iter(self.policies.values())).runs)

    def as_json(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "claims": self.claims,
            "months": self.months,
            "change_month": self.change_month,
            "ending_kinds": world.ENDING_KINDS,
            "new_kinds": world.NEW_KINDS,
            "review_share": self.review_share,
            "audit_share": self.audit_share,
            "seeds": self.seeds,
            "policies": {name: metrics.as_json() for name, metrics in self.policies.items()},
            "audit_over": {name: lead.as_json() for name, lead in self.audit_over.items()},
            "seconds": self.seconds,
        }


def compare_policies(
    *, claims: int, months: int, seeds: Sequence[int], review_share: float, audit_share: float, done: Done
) -> PolicyComparison:
    """Simulate every policy on the year of every seed; calls `done(steps, of, description)` as it proceeds."""
    started = time.perf_counter()
    config = LoopConfig(review_share=review_share, audit_share=audit_share)
    of = len(seeds) * (1 + len(POLICIES) * months)
    finished = count(1)
    runs: Runs = {}
    change = 0
    for seed in seeds:
        done(len(runs) * of // len(seeds), of, f"Seed {seed}: {claims:,} claims and their features")
        year = world.simulate_year(claims, seed, months=months)
        change = year.change_month
        done(next(finished), of, f"Seed {seed}: the first model")

        def report(policy: str, month: int, seed: int = seed) -> None:
            done(next(finished), of, f"Seed {seed}, {policy}, month {month}")

        runs[seed] = simulate_policies(year, config, done=report)
    return PolicyComparison(
        claims=claims,
        months=months,
        change_month=change,
        review_share=review_share,
        audit_share=audit_share,
        policies={policy: _policy_metrics(policy, runs, change) for policy in POLICIES},
        audit_over={other: _lead(POLICIES[0], other, runs, change) for other in POLICIES[1:]},
        seconds=round(time.perf_counter() - started, 1),
    )


def _policy_metrics(policy: str, runs: Runs, change: int) -> PolicyMetrics:
    mine = {seed: [month for month in months if month.policy == policy] for seed, months in runs.items()}
    late = {seed: [month for month in months if month.month >= change] for seed, months in mine.items()}
    length = len(next(iter(mine.values())))
    return PolicyMetrics(
        total=_period_metrics(mine),
        after_change=_period_metrics(late),
        by_month=tuple(_month_metrics([months[at] for months in mine.values()]) for at in range(length)),
        runs={seed: tuple(months) for seed, months in mine.items()},
    )


def _period_metrics(runs: Runs) -> PeriodMetrics:
    def over(metric: Callable[[list[Month]], float]) -> MeanAndRange:
        return MeanAndRange.of([metric(months) for months in runs.values()])

    return PeriodMetrics(
        found_cents=over(lambda months: float(sum(month.found_cents for month in months))),
        dollars=over(_found_share),
        frauds=over(lambda months: float(sum(month.frauds for month in months))),
        reviews=over(lambda months: float(sum(month.reviews for month in months))),
        precision=over(lambda months: sum(m.frauds for m in months) / sum(m.reviews for m in months)),
        average_precision=over(lambda months: float(np.mean([month.average_precision for month in months]))),
        calibration_error=over(lambda months: float(np.mean([month.calibration_error for month in months]))),
        brier=over(lambda months: float(np.mean([month.brier for month in months]))),
        base_rate=over(lambda months: float(np.mean([month.base_rate for month in months]))),
        estimated_base_rate=over(lambda months: float(np.mean([month.estimated_base_rate for month in months]))),
    )


def _month_metrics(over_seeds: Sequence[Month]) -> MonthMetrics:
    return MonthMetrics(
        found_cents=MeanAndRange.of([float(month.found_cents) for month in over_seeds]),
        dollars=MeanAndRange.of([_found_share([month]) for month in over_seeds]),
        precision=MeanAndRange.of([month.precision for month in over_seeds]),
        average_precision=MeanAndRange.of([month.average_precision for month in over_seeds]),
        calibration_error=MeanAndRange.of([month.calibration_error for month in over_seeds]),
        brier=MeanAndRange.of([month.brier for month in over_seeds]),
        base_rate=MeanAndRange.of([month.base_rate for month in over_seeds]),
        estimated_base_rate=MeanAndRange.of([month.estimated_base_rate for month in over_seeds]),
    )


def _found_share(months: Sequence[Month]) -> float:
    """The share of the fraudulent amount that was found."""
    return sum(month.found_cents for month in months) / max(sum(month.fraud_cents for month in months), 1)


def _lead(ours: str, theirs: str, runs: Runs, change: int) -> PolicyLead:
    def of(policy: str, months: Sequence[Month], first: int) -> list[Month]:
        return [month for month in months if month.policy == policy and month.month >= first]

    def lead(first: int) -> Lead:
        dollars, error = [], []
        for months in runs.values():
            a, b = of(ours, months, first), of(theirs, months, first)
            dollars.append(_found_share(a) - _found_share(b))
            error.append(float(np.mean([m.calibration_error for m in a]) - np.mean([m.calibration_error for m in b])))
        return Lead(MeanAndRange.of(dollars), MeanAndRange.of(error))

    return PolicyLead(lead(1), lead(change))
