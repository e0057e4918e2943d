"""How often the lower bound of an overpayment is below the true one: `python -m benchmarks.sampling_coverage`.

Simulated universes of paid claims, whose overpayment is known, are sampled with several seeds each and estimated as
`claims.sampling` does. The lower bound of a one-sided 90 % interval should be below the truth for at least 90 % of the
samples. Each family of universes is one way in which audits differ; the figures are also given for the samples whose
estimate had no warning.
"""

import argparse
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from claims.sampling import (
    Allocation,
    ReviewedUnit,
    SamplingFrame,
    SamplingUnit,
    allocate,
    draw,
    estimate_overpayment,
    planned_strata,
    stratify_by_amount,
    warnings_of,
)

NOMINAL: Final = 0.9
UNITS: Final = 600
SAMPLE: Final = 60
WARNED_OF: Final = frozenset(("few_errors", "few_correct", "no_correct", "skewed"))
"""Warnings that say that the bound may not have its confidence; the others are about precision."""

_Amounts = list[tuple[int, int]]
"""Paid and correct cents of each claim."""


def _lognormal(source: random.Random) -> int:
    return max(100, min(5_000_000, round(100 * source.lognormvariate(5, 1))))


def _sparse(source: random.Random) -> _Amounts:
    rate = source.uniform(0.02, 0.08)
    return [(paid, 0 if source.random() < rate else paid) for paid in (_lognormal(source) for _ in range(UNITS))]


def _heavy_tails(source: random.Random) -> _Amounts:
    rate = source.uniform(0.2, 0.6)
    amounts = [min(50_000_000, round(10_000 * source.paretovariate(1.5))) for _ in range(UNITS)]
    return [(paid, round(paid * source.random()) if source.random() < rate else paid) for paid in amounts]


def _all_or_nothing(source: random.Random) -> _Amounts:
    rate = source.uniform(0.2, 0.7)
    return [(paid, 0 if source.random() < rate else paid) for paid in (_lognormal(source) for _ in range(UNITS))]


def _one_price_all_or_nothing(source: random.Random) -> _Amounts:
    rate = source.uniform(0.2, 0.7)
    return [(15_000, 0 if source.random() < rate else 15_000) for _ in range(UNITS)]


def _one_price_mostly_denied(source: random.Random) -> _Amounts:
    rate = source.uniform(0.9, 0.98)
    return [(15_000, 0 if source.random() < rate else 15_000) for _ in range(UNITS)]


def _downcoded(source: random.Random) -> _Amounts:
    rate, share = source.uniform(0.3, 0.7), source.uniform(0.4, 0.9)
    return [
        (paid, round(paid * share) if source.random() < rate else paid)
        for paid in (_lognormal(source) for _ in range(UNITS))
    ]


def _with_underpayments(source: random.Random) -> _Amounts:
    return [
        (paid, round(paid * source.choice((1.3, 0.5, 0.8, 1, 1))))
        for paid in (_lognormal(source) for _ in range(UNITS))
    ]


FAMILIES: Final[Mapping[str, tuple[Callable[[random.Random], _Amounts], bool]]] = {
    "sparse_errors": (_sparse, False),
    "heavy_tails": (_heavy_tails, False),
    "heavy_tails_stratified": (_heavy_tails, True),
    "all_or_nothing": (_all_or_nothing, False),
    "all_or_nothing_stratified": (_all_or_nothing, True),
    "one_price_all_or_nothing": (_one_price_all_or_nothing, False),
    "one_price_mostly_denied": (_one_price_mostly_denied, False),
    "downcoded": (_downcoded, False),
    "downcoded_stratified": (_downcoded, True),
    "with_underpayments": (_with_underpayments, False),
}
"""How a universe of each family is made, and whether it is sampled in three strata by amount."""


@dataclass(frozen=True, slots=True)
class CoverageResult:
    """What the samples of some universes gave."""

    universes: int
    samples: int
    covered: int
    """Samples whose lower bound is at most the true overpayment."""
    unwarned: int
    """Samples whose estimate has no warning of `WARNED_OF`."""
    unwarned_covered: int

    @property
    def coverage(self) -> float:
        """Share of all samples."""
        return self.covered / self.samples

    @property
    def unwarned_coverage(self) -> float | None:
        """Share of the samples without a warning; `None` where each has one."""
        return self.unwarned_covered / self.unwarned if self.unwarned else None

    def as_json(self) -> dict[str, object]:
        """For `--json`."""
        return {
            "universes": self.universes,
            "samples": self.samples,
            "coverage": round(self.coverage, 4),
            "reached": self.coverage >= NOMINAL,
            "warned_share": round(1 - self.unwarned / self.samples, 4),
            "coverage_without_warning": None if self.unwarned_coverage is None else round(self.unwarned_coverage, 4),
        }


def measure(universes: int, seeds: int) -> dict[str, CoverageResult]:
    """Coverage by family; `universes` are divided among the families evenly, and each is sampled with `seeds` seeds."""
    names = list(FAMILIES)
    of_family = {name: list(range(at, universes, len(names))) for at, name in enumerate(names)}
    return {name: measure_family(name, numbers, seeds) for name, numbers in of_family.items() if numbers}


def pooled(results: Sequence[CoverageResult]) -> CoverageResult:
    """All of them together."""
    return CoverageResult(
        universes=sum(one.universes for one in results),
        samples=sum(one.samples for one in results),
        covered=sum(one.covered for one in results),
        unwarned=sum(one.unwarned for one in results),
        unwarned_covered=sum(one.unwarned_covered for one in results),
    )


def measure_family(name: str, numbers: Sequence[int], seeds: int) -> CoverageResult:
    """Coverage in the universes of one family with these numbers."""
    counts: Counter[tuple[bool, bool]] = Counter()
    for number in numbers:
        counts.update(_samples(name, number, seeds))
    return CoverageResult(
        universes=len(numbers),
        samples=counts.total(),
        covered=counts[True, True] + counts[True, False],
        unwarned=counts[True, False] + counts[False, False],
        unwarned_covered=counts[True, False],
    )


def _samples(name: str, number: int, seeds: int) -> Iterator[tuple[bool, bool]]:
    """Whether the bound of each sample covers the truth, and whether there is a warning."""
    make, stratified = FAMILIES[name]
    amounts = make(random.Random(f"{name} {number}"))
    units = [SamplingUnit(f"c{at:04}", paid) for at, (paid, _) in enumerate(amounts)]
    correct = {unit.unit_id: right for unit, (_, right) in zip(units, amounts, strict=True)}
    truth = sum(paid - right for paid, right in amounts)
    frame = SamplingFrame.of(units)
    sizes = {frame.strata[0].name: SAMPLE}
    if stratified:
        paid = sorted(paid for paid, _ in amounts)
        frame = stratify_by_amount(units, (paid[UNITS // 2], paid[UNITS * 9 // 10]))
        sizes = allocate(planned_strata(frame, 0.3), SAMPLE, Allocation.NEYMAN)
    for seed in range(seeds):
        sample = draw(frame, f"{number} {seed}", sizes)
        reviewed = [
            ReviewedUnit(one.unit.unit_id, one.unit.stratum, one.unit.paid_cents, correct[one.unit.unit_id])
            for one in sample.drawn
        ]
        estimate = estimate_overpayment(frame.strata, reviewed)
        warned = any(one.code in WARNED_OF for one in warnings_of(estimate))
        yield estimate.lower_cents <= truth, warned


def main() -> None:
    """Print the coverage of each family."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--universes", type=int, default=1_000, help="simulated universes; default: 1,000")
    parser.add_argument("--seeds", type=int, default=10, help="samples of each universe; default: 10")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()
    found = measure(chosen.universes, chosen.seeds)
    everything = pooled(list(found.values()))
    if chosen.json:
        families = {name: one.as_json() for name, one in found.items()}
        print(json.dumps({**everything.as_json(), "units": UNITS, "sample": SAMPLE, "families": families}))
        return
    for name, one in {**found, "all": everything}.items():
        without = "" if one.unwarned_coverage is None else f"{one.unwarned_coverage:.1%}"
        print(f"{name:>28}  {one.coverage:6.1%} of {one.samples:,} samples; without a warning {without or '-'}")


if __name__ == "__main__":
    main()
