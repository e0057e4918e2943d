"""How many units of a frame are wrong: attribute appraisal with exact limits.

The number of wrong units in a sample without replacement is hypergeometric. A limit is the last number of wrong units
of the frame under which a result as far off as the one found is more likely than one minus the confidence: the
construction of Clopper and Pearson (Biometrika 26, 1934) for the binomial, with the hypergeometric distribution
(Cochran, Sampling Techniques, 3.6). Probabilities are compared as fractions: the limits are exact.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from claims.sampling.estimates import ONE_SIDED
from claims.sampling.frame import SamplingError
from claims.sampling.quantiles import beta_quantile


@dataclass(frozen=True, slots=True)
class AttributeEstimate:
    """Wrong units of a frame, with exact one-sided limits at `confidence` each."""

    units: int
    reviewed: int
    errors: int
    confidence: float
    point: float
    """Wrong units of the frame: N·x/n."""
    lower: int
    upper: int

    @property
    def rate(self) -> float:
        """Share of reviewed units that are wrong."""
        return self.errors / self.reviewed


def estimate_errors(units: int, reviewed: int, errors: int, confidence: Fraction = ONE_SIDED) -> AttributeEstimate:
    """Estimate how many of `units` are wrong, from `errors` among `reviewed` of them. Raises `SamplingError`."""
    if not 1 <= reviewed <= units or not 0 <= errors <= reviewed:
        raise SamplingError(
            f"errors must be from 0 to the {reviewed} reviewed units, and these from 1 to the {units} of the frame."
        )
    tail = 1 - confidence
    if not 0 < tail < Fraction(1, 2):
        raise SamplingError("The one-sided confidence must be above 0.5 and below 1, such as 0.9.")
    fewest, most = errors, units - (reviewed - errors)
    lower = _first(fewest, most, lambda wrong: _at_least(units, wrong, reviewed, errors) > tail)
    upper = most - _first(0, most - fewest, lambda less: _at_most(units, most - less, reviewed, errors) > tail)
    return AttributeEstimate(units, reviewed, errors, float(confidence), units * errors / reviewed, lower, upper)


def clopper_pearson(reviewed: int, errors: int, confidence: Fraction = ONE_SIDED) -> tuple[float, float]:
    """Exact one-sided limits of an error rate in a frame that is large beside the sample. Raises `SamplingError`."""
    if not 0 <= errors <= reviewed or reviewed < 1:
        raise SamplingError("errors must be from 0 to the number of reviewed units.")
    tail = float(1 - confidence)
    lower = beta_quantile(tail, errors, reviewed - errors + 1) if errors else 0.0
    upper = beta_quantile(1 - tail, errors + 1, reviewed - errors) if errors < reviewed else 1.0
    return lower, upper


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The first number from which on the condition holds, which it does at `high`."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _at_least(units: int, wrong: int, reviewed: int, errors: int) -> Fraction:
    return Fraction(_ways(units, wrong, reviewed, errors, min(wrong, reviewed)), math.comb(units, reviewed))


def _at_most(units: int, wrong: int, reviewed: int, errors: int) -> Fraction:
    first = max(0, reviewed - (units - wrong))
    return Fraction(_ways(units, wrong, reviewed, first, errors), math.comb(units, reviewed))


def _ways(units: int, wrong: int, reviewed: int, first: int, last: int) -> int:
    """Samples of `reviewed` units that contain `first` to `last` of the `wrong` ones."""
    if first > last or first > wrong or reviewed - first > units - wrong:
        return 0
    ways = term = math.comb(wrong, first) * math.comb(units - wrong, reviewed - first)
    for found in range(first, last):
        right = units - wrong - reviewed + found + 1
        term = term * (wrong - found) * (reviewed - found) // ((found + 1) * right)
        ways += term
    return ways
