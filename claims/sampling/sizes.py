"""How many units a sample needs for a precision, and how they are divided among strata.

Formulas: W. G. Cochran, Sampling Techniques, 3rd edition, Wiley 1977, sections 4.6 (simple), 5.5 (Neyman), 5.9 (with a
given variance). They use the normal quantile and the finite population correction.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

from claims.sampling.frame import SamplingError, SamplingFrame
from claims.sampling.quantiles import normal_quantile

LEAST_IN_STRATUM: Final = 2
"""Units that a stratum needs for its variance."""
USUAL_LEAST: Final = 30
"""Units below which a size is raised unless a smaller least is asked for: a usual minimum of auditors."""


class Allocation(StrEnum):
    """How the units of a sample are divided among strata."""

    PROPORTIONAL = "proportional"
    NEYMAN = "neyman"


@dataclass(frozen=True, slots=True)
class PlannedStratum:
    """What is expected of a stratum before it is reviewed."""

    name: str
    units: int
    deviation_cents: float
    """Standard deviation of the overpayment of a unit."""
    mean_cents: float = 0.0
    """Overpayment of a unit."""


@dataclass(frozen=True, slots=True)
class SampleSize:
    """A sample size by stratum, and the precision that is expected of it."""

    sizes: Mapping[str, int]
    expected_cents: float
    """Overpayment of all units that is expected."""
    half_width_cents: float
    """Half of the two-sided interval that is expected, with these sizes."""

    @property
    def total(self) -> int:
        """Units of all strata."""
        return sum(self.sizes.values())


def planned_strata(frame: SamplingFrame, error_rate: float) -> tuple[PlannedStratum, ...]:
    """What a share of units that are overpaid in full would mean for each stratum.

    With a share p of units whose whole amount y is an overpayment, and the others 0, the overpayment of a unit has the
    mean p·E(y) and the variance p·E(y²) - p²·E(y)². Raises `SamplingError` for a rate outside (0, 1].
    """
    if not 0 < error_rate <= 1:
        raise SamplingError("The expected error rate must be above 0 and at most 1, such as 0.2.")
    planned = []
    for name, units in frame.by_stratum.items():
        mean = sum(unit.paid_cents for unit in units) / len(units)
        square = sum(unit.paid_cents**2 for unit in units) / len(units)
        variance = max(0.0, error_rate * square - (error_rate * mean) ** 2)
        planned.append(PlannedStratum(name, len(units), math.sqrt(variance), error_rate * mean))
    return tuple(planned)


def sample_size(
    strata: Sequence[PlannedStratum],
    *,
    precision_cents: float,
    confidence: float,
    allocation: Allocation = Allocation.PROPORTIONAL,
    least: int = USUAL_LEAST,
) -> SampleSize:
    """The smallest sample whose two-sided interval for the total is expected to reach `precision_cents` each way.

    `confidence` is that of the two-sided interval, such as 0.8. One stratum gives a simple random sample. `least` is
    the least size of the whole sample. Raises `SamplingError` for values that give no size.
    """
    if precision_cents <= 0:
        raise SamplingError("The precision must be above 0.")
    if not 0 < confidence < 1:
        raise SamplingError("The confidence must be between 0 and 1, such as 0.8.")
    quantile = normal_quantile((1 + confidence) / 2)
    allowed = (precision_cents / quantile) ** 2
    within = sum(stratum.units * stratum.deviation_cents**2 for stratum in strata)
    if allocation == Allocation.NEYMAN:
        needed = sum(stratum.units * stratum.deviation_cents for stratum in strata) ** 2 / (allowed + within)
    else:
        needed = sum(stratum.units for stratum in strata) * within / (allowed + within)
    units = sum(stratum.units for stratum in strata)
    total = min(units, max(least, math.ceil(needed - 1e-9), LEAST_IN_STRATUM * len(strata)))
    sizes = allocate(strata, total, allocation)
    return SampleSize(
        sizes,
        sum(stratum.units * stratum.mean_cents for stratum in strata),
        quantile * math.sqrt(planned_variance(strata, sizes)),
    )


def planned_variance(strata: Iterable[PlannedStratum], sizes: Mapping[str, int]) -> float:
    """Variance of the estimated total: Σ N(N - n)S²/n (Cochran, theorem 5.3)."""
    return sum(
        stratum.units * (stratum.units - sizes[stratum.name]) * stratum.deviation_cents**2 / sizes[stratum.name]
        for stratum in strata
    )


def attribute_sample_size(units: int, *, error_rate: float, precision: float, confidence: float) -> int:
    """Units for an error rate that is known to ±`precision` (Cochran, 4.4): n0 = z²pq/d², then corrected for N."""
    if units < 1 or not 0 < error_rate < 1 or not 0 < precision < 1 or not 0 < confidence < 1:
        raise SamplingError("error rate, precision and confidence must be between 0 and 1, and the frame not empty.")
    first = (normal_quantile((1 + confidence) / 2) / precision) ** 2 * error_rate * (1 - error_rate)
    return min(units, math.ceil(first / (1 + (first - 1) / units) - 1e-9))


def allocate(strata: Sequence[PlannedStratum], total: int, allocation: Allocation) -> dict[str, int]:
    """Divide `total` units among strata by size, or by size and deviation (Neyman), with at least two each.

    A stratum whose share is above its size is reviewed whole, and the rest is divided among the others. Rounded by
    largest remainder, so that the sizes sum to `total`. Raises `SamplingError` where that is impossible.
    """
    least = {stratum.name: min(LEAST_IN_STRATUM, stratum.units) for stratum in strata}
    units = {stratum.name: stratum.units for stratum in strata}
    if not sum(least.values()) <= total <= sum(units.values()):
        raise SamplingError(
            f"The sample must have {sum(least.values())} to {sum(units.values())} units: at least "
            f"{LEAST_IN_STRATUM} of each stratum, and not more than there are."
        )
    weights = {stratum.name: Fraction(stratum.units) for stratum in strata}
    if allocation == Allocation.NEYMAN and any(stratum.deviation_cents > 0 for stratum in strata):
        weights = {stratum.name: stratum.units * Fraction(stratum.deviation_cents) for stratum in strata}
    shares = _bounded_shares(weights, total, least, units)
    sizes = {name: math.floor(share) for name, share in shares.items()}
    for name in sorted(shares, key=lambda name: (sizes[name] - shares[name], name))[: total - sum(sizes.values())]:
        sizes[name] += 1
    return sizes


def _bounded_shares(
    weights: Mapping[str, Fraction], total: int, least: Mapping[str, int], most: Mapping[str, int]
) -> dict[str, Fraction]:
    """Shares in proportion to the weights, each within its bounds.

    Of the shares outside, those of the side with the larger excess are fixed first: the others then stay divisible.
    """
    fixed: dict[str, Fraction] = {}
    while len(fixed) < len(weights):
        open_names = [name for name in weights if name not in fixed]
        rest = total - sum(fixed.values(), Fraction(0))
        weight = sum((weights[name] for name in open_names), Fraction(0))
        shares = {name: rest * weights[name] / weight if weight else rest / len(open_names) for name in open_names}
        above = {name: share - most[name] for name, share in shares.items() if share > most[name]}
        below = {name: least[name] - share for name, share in shares.items() if share < least[name]}
        if not above and not below:
            return fixed | shares
        if sum(above.values(), Fraction(0)) >= sum(below.values(), Fraction(0)):
            fixed |= {name: Fraction(most[name]) for name in above}
        else:
            fixed |= {name: Fraction(least[name]) for name in below}
    return fixed
