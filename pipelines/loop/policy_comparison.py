"""Compare the retraining policies over several simulated years, for `ginja review simulate` and its chart."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import count
from typing import Any

import numpy as np

from pipelines.loop import world
from pipelines.loop.policy_simulation import POLICIES, LoopConfig, Month, simulate_policies

Done = Callable[[int, int, str], None]
_MEASURES = ("precision", "average_precision", "calibration_error", "brier", "base_rate", "estimated_base_rate")


def compare_policies(
    *, claims: int, months: int, seeds: Sequence[int], review_share: float, audit_share: float, done: Done
) -> dict[str, Any]:
    """Simulate every policy on the year of every seed; calls `done(steps, of, description)` as it proceeds."""
    started = time.perf_counter()
    config = LoopConfig(review_share=review_share, audit_share=audit_share)
    of = len(seeds) * (1 + len(POLICIES) * months)
    finished = count(1)
    runs: dict[int, list[Month]] = {}
    change = 0
    for seed in seeds:
        done(len(runs) * of // len(seeds), of, f"Seed {seed}: {claims:,} claims and their features")
        year = world.simulate_year(claims, seed, months=months)
        change = year.change_month
        done(next(finished), of, f"Seed {seed}: the first model")

        def report(policy: str, month: int, seed: int = seed) -> None:
            done(next(finished), of, f"Seed {seed}, {policy}, month {month}")

        runs[seed] = simulate_policies(year, config, done=report)
    return {
        "claims": claims,
        "months": months,
        "change_month": change,
        "ending_kinds": world.ENDING_KINDS,
        "new_kinds": world.NEW_KINDS,
        "review_share": review_share,
        "audit_share": audit_share,
        "seeds": list(seeds),
        "policies": {policy: _summary(policy, runs, change) for policy in POLICIES},
        "audit_over": {other: _lead(POLICIES[0], other, runs, change) for other in POLICIES[1:]},
        "seconds": round(time.perf_counter() - started, 1),
    }


def _summary(policy: str, runs: dict[int, list[Month]], change: int) -> dict[str, Any]:
    mine = {seed: [month for month in months if month.policy == policy] for seed, months in runs.items()}
    late = {seed: [month for month in months if month.month >= change] for seed, months in mine.items()}
    return {
        **_totals(mine),
        "after_change": _totals(late),
        "by_month": [_month([months[at] for months in mine.values()]) for at in range(len(next(iter(mine.values()))))],
        "runs": {str(seed): [asdict(month) for month in months] for seed, months in mine.items()},
    }


def _totals(of_seed: dict[int, list[Month]]) -> dict[str, Any]:
    totals = {
        "found_cents": [float(sum(month.found_cents for month in months)) for months in of_seed.values()],
        "dollars": [_dollars(months) for months in of_seed.values()],
        "frauds": [float(sum(month.frauds for month in months)) for months in of_seed.values()],
        "reviews": [float(sum(month.reviews for month in months)) for months in of_seed.values()],
    }
    for name in _MEASURES:
        totals[name] = [float(np.mean([getattr(month, name) for month in months])) for months in of_seed.values()]
    totals["precision"] = [
        sum(m.frauds for m in months) / sum(m.reviews for m in months) for months in of_seed.values()
    ]
    return {name: _spread(values) for name, values in totals.items()}


def _dollars(months: Sequence[Month]) -> float:
    """The share of the fraudulent amount that was found."""
    return sum(month.found_cents for month in months) / max(sum(month.fraud_cents for month in months), 1)


def _month(over_seeds: Sequence[Month]) -> dict[str, Any]:
    found: dict[str, Any] = {name: _spread([getattr(month, name) for month in over_seeds]) for name in _MEASURES}
    found["dollars"] = _spread([_dollars([month]) for month in over_seeds])
    found["found_cents"] = _spread([float(month.found_cents) for month in over_seeds])
    return found


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"mean": float(np.mean(values)), "minimum": float(np.min(values)), "maximum": float(np.max(values))}


def _lead(ours: str, theirs: str, runs: dict[int, list[Month]], change: int) -> dict[str, Any]:
    """One policy less another on the same years: share of the amount, calibration error; all months, and after the
    change.
    """

    def of(policy: str, months: Sequence[Month], first: int) -> list[Month]:
        return [month for month in months if month.policy == policy and month.month >= first]

    def leads(first: int) -> dict[str, Any]:
        dollars, error = [], []
        for months in runs.values():
            a, b = of(ours, months, first), of(theirs, months, first)
            dollars.append(_dollars(a) - _dollars(b))
            error.append(float(np.mean([m.calibration_error for m in a]) - np.mean([m.calibration_error for m in b])))
        return {"dollars": _spread(dollars), "calibration_error": _spread(error)}

    return {**leads(1), "after_change": leads(change)}
