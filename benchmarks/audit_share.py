"""What share of the reviews should be drawn at random, and when it pays: `ginja bench audit-share`.

**Does the model learn the truth?** Binary regression as in arXiv 2509.18739 (Revelas, Boldea, Werker 2025), saturated
in eight groups of claims: the estimate of a group is the share of fraud among its reviewed claims, with half a fraud
and half a clean claim added. Every group starts with a few reviews; then each period the claims of highest estimate are
reviewed, and a share of the reviews goes to claims drawn at random. Estimates are consistent if their error vanishes as
reviews accumulate.

**Does it pay?** The learning loop of `pipelines.loop` on simulated insurers: halfway, kinds of fraud end and begin. One
start knows the labels of a whole year. The other knows only those of the more expensive half of its claims, as an
insurer does that never looked at small ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from benchmarks.recovery import mean_interval
from models.evaluation import Interval
from pipelines.loop.policy_simulation import AUDIT, FLAGGED, LoopConfig, Month, simulate_policies
from pipelines.loop.world import SimulatedYear, simulate_year

Step = Callable[[str], None]

SHARES = (0.0, 0.1, 0.3)
"""Shares of the reviews that are drawn at random."""
REVIEW_SHARE = 0.1
GROUPS = 8
FIRST_REVIEWS = 5
CLAIMS_A_PERIOD = 100
REVIEWS_A_PERIOD = 10
PERIODS = (10, 100, 1_000)


class Start(StrEnum):
    """Labels known when the live months begin."""

    YEAR = "labels of a whole year"
    EXPENSIVE = "labels of the more expensive half of a year"


@dataclass(frozen=True, slots=True)
class Learning:
    """Binary regression under one share, over all worlds, after some periods."""

    periods: int
    share: float
    error: Interval
    """Mean distance of the estimated from the true share of fraud, over claims."""
    worlds_off: int
    """Worlds with a group whose estimate is off by more than 0.1."""
    frauds_found: Interval
    """Frauds reviewed, as a share of what an investigator finds who knows the true shares."""


@dataclass(frozen=True, slots=True)
class AuditOutcome:
    """The learning loop under one share and start, over all insurers."""

    start: Start
    share: float
    dollars: Interval
    """Share of the fraudulent amount found in all months."""
    dollars_lead: Interval
    """The same less that without an audit on the same insurers."""
    late_lead: Interval
    """The lead after kinds of fraud changed."""
    precision_lead: Interval
    """Lead in the average precision of the model on all claims after the change."""
    insurers_ahead: int
    """Insurers in which the audit found more dollars."""


@dataclass(frozen=True, slots=True)
class AuditShareFigures:
    """Output of `ginja bench audit-share --json`."""

    seeds: tuple[int, ...]
    claims: int
    months: int
    review_share: float
    learning: tuple[Learning, ...]
    outcomes: tuple[AuditOutcome, ...]

    def as_json(self) -> dict[str, object]:
        """The JSON form."""
        return asdict(self)


def measure(step: Step, *, seeds: Sequence[int], claims: int, months: int) -> AuditShareFigures:
    """Both experiments, on one world for each seed."""
    step("Binary regression: what is learned by share")
    learning = learn(seeds)
    runs: dict[tuple[Start, float], list[list[Month]]] = {(start, share): [] for start in Start for share in SHARES}
    change = 0
    for place, seed in enumerate(seeds, 1):
        step(f"Insurer {seed} ({place} of {len(seeds)}): {claims:,} claims and their features")
        year = simulate_year(claims, seed, months=months)
        change = year.change_month
        for start, share in runs:
            step(f"Insurer {seed}, {start}: {share:.0%} at random")
            runs[start, share].append(_loop(year if start is Start.YEAR else known_if_expensive(year), share))
    outcomes = tuple(_outcome(start, share, runs, change) for start, share in runs)
    return AuditShareFigures(tuple(seeds), claims, months, REVIEW_SHARE, learning, outcomes)


def known_if_expensive(year: SimulatedYear) -> SimulatedYear:
    """The same year, of whose history only the labels of the more expensive half of the claims become known."""
    amounts = year.examples.amounts_cents
    hidden = (year.day < 0) & (amounts < np.median(amounts))
    return replace(year, delay_days=np.where(hidden, np.inf, year.delay_days))


def _loop(year: SimulatedYear, share: float) -> list[Month]:
    config = LoopConfig(review_share=REVIEW_SHARE, audit_share=share)
    return simulate_policies(year, config, policies=(AUDIT if share else FLAGGED,))


def learn(seeds: Sequence[int]) -> tuple[Learning, ...]:
    """Binary regression under each share, on one world for each seed."""
    found = {share: [_regression(seed, share) for seed in seeds] for share in SHARES}
    return tuple(
        Learning(
            periods=periods,
            share=share,
            error=mean_interval(np.array([one[at][0] for one in worlds])),
            worlds_off=sum(one[at][1] > 0.1 for one in worlds),
            frauds_found=mean_interval(np.array([one[at][2] for one in worlds])),
        )
        for at, periods in enumerate(PERIODS)
        for share, worlds in found.items()
    )


def _regression(seed: int, share: float) -> list[tuple[float, float, float]]:
    """Mean and largest error of the estimates, and the frauds found relative to the best, at each of `PERIODS`."""
    rng = np.random.default_rng(seed)
    truth = np.sort(rng.beta(0.7, 2.5, GROUPS))
    frauds, reviews = rng.binomial(FIRST_REVIEWS, truth).astype(float), np.full(GROUPS, float(FIRST_REVIEWS))
    audits = round(REVIEWS_A_PERIOD * share)
    found = best = 0.0
    reports = []
    for period in range(1, PERIODS[-1] + 1):
        groups = rng.integers(0, GROUPS, CLAIMS_A_PERIOD)
        fraud = rng.random(CLAIMS_A_PERIOD) < truth[groups]
        order = np.argsort(-_estimates(frauds, reviews)[groups], kind="stable")
        at_random = rng.permutation(order[REVIEWS_A_PERIOD - audits :])[:audits]
        chosen = np.concatenate([order[: REVIEWS_A_PERIOD - audits], at_random])
        np.add.at(reviews, groups[chosen], 1.0)
        np.add.at(frauds, groups[chosen], fraud[chosen].astype(float))
        found += fraud[chosen].sum()
        best += fraud[np.argsort(-truth[groups], kind="stable")[:REVIEWS_A_PERIOD]].sum()
        if period in PERIODS:
            error = np.abs(_estimates(frauds, reviews) - truth)
            reports.append((float(error.mean()), float(error.max()), found / max(best, 1.0)))
    return reports


def _estimates(frauds: NDArray[np.float64], reviews: NDArray[np.float64]) -> NDArray[np.float64]:
    return (frauds + 0.5) / (reviews + 1.0)


def _outcome(
    start: Start, share: float, runs: dict[tuple[Start, float], list[list[Month]]], change: int
) -> AuditOutcome:
    mine, without = runs[start, share], runs[start, 0.0]

    def lead(metric: Callable[[list[Month]], float], first: int = 1) -> NDArray[np.float64]:
        def of(months: list[Month]) -> float:
            return metric([month for month in months if month.month >= first])

        return np.array([of(ours) - of(theirs) for ours, theirs in zip(mine, without, strict=True)])

    dollars = lead(_dollars)
    return AuditOutcome(
        start=start,
        share=share,
        dollars=mean_interval(np.array([_dollars(months) for months in mine])),
        dollars_lead=mean_interval(dollars),
        late_lead=mean_interval(lead(_dollars, change)),
        precision_lead=mean_interval(lead(_precision, change)),
        insurers_ahead=int((dollars > 0).sum()),
    )


def _dollars(months: Sequence[Month]) -> float:
    return sum(month.found_cents for month in months) / max(sum(month.fraud_cents for month in months), 1)


def _precision(months: Sequence[Month]) -> float:
    return float(np.mean([month.average_precision for month in months]))


def tables(found: AuditShareFigures) -> list[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    """Title, headings and rows of each table."""
    worlds = len(found.seeds)
    learning: list[tuple[str, ...]] = [
        (
            f"{one.periods:,}",
            f"{one.share:.0%}",
            f"{one.error.value:.3f} ({one.error.low:.3f} to {one.error.high:.3f})",
            f"{one.worlds_off} of {worlds}",
            f"{one.frauds_found.value:.1%}",
        )
        for one in found.learning
    ]
    outcomes: list[tuple[str, ...]] = [
        (
            str(one.start),
            f"{one.share:.0%}",
            f"{one.dollars.value:.1%}",
            _points(one.dollars_lead),
            _points(one.late_lead),
            _points(one.precision_lead),
            f"{one.insurers_ahead} of {worlds}",
        )
        for one in found.outcomes
    ]
    return [
        (
            "what is learned",
            ("periods", "at random", "error of the estimates", "worlds with a group off by 0.1", "frauds found"),
            learning,
        ),
        (
            "what it pays",
            (
                "start",
                "at random",
                "dollars found",
                "lead, points",
                "lead after the change",
                "lead in average precision after the change, points",
                "insurers ahead",
            ),
            outcomes,
        ),
    ]


def _points(one: Interval) -> str:
    return f"{100 * one.value:+.1f} ({100 * one.low:+.1f} to {100 * one.high:+.1f})"
