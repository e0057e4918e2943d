"""What reviewed units say about all units of their frame: variable appraisal, simple and stratified.

Formulas: W. G. Cochran, Sampling Techniques, 3rd edition, Wiley 1977, (2.20) for the simple and (5.6) with (5.16) for
the stratified estimate. Totals and variances are exact fractions of cents; only the standard error and the limits are
rounded. A simple random sample is a stratified one with one stratum.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from enum import StrEnum
from fractions import Fraction
from typing import Final

from claims.money import MAX_CENTS
from claims.sampling.frame import SamplingError, StratumSize
from claims.sampling.quantiles import normal_quantile, student_t_quantile

ONE_SIDED: Final = Fraction(9, 10)
"""Confidence of the one-sided interval whose lower bound is demanded: the lower limit of the two-sided 80 % one."""
_DIGITS: Final = 50


class Estimator(StrEnum):
    """How the overpayment of all units is estimated."""

    DIFFERENCE = "difference"
    """Units × mean overpayment of a reviewed unit."""
    MEAN_PER_UNIT = "mean_per_unit"
    """Paid for all units, less units × mean amount that should have been paid for a reviewed unit."""


class Quantile(StrEnum):
    """Which distribution the limits take their multiple of the standard error from."""

    STUDENT_T = "student_t"
    """With n - 1 degrees of freedom, for strata as Satterthwaite approximates them."""
    NORMAL = "normal"


@dataclass(frozen=True, slots=True)
class ReviewedUnit:
    """A unit of the sample with the amount that should have been paid for it."""

    unit_id: str
    stratum: str
    paid_cents: int
    correct_cents: int

    def __post_init__(self) -> None:
        if not 0 <= self.correct_cents <= MAX_CENTS:
            raise SamplingError(f"The correct amount of {self.unit_id} must be from 0 to {MAX_CENTS // 100}.00.")

    @property
    def overpaid_cents(self) -> int:
        """Below 0: too little was paid."""
        return self.paid_cents - self.correct_cents


@dataclass(frozen=True, slots=True)
class StratumEstimate:
    """What the reviewed units of one stratum say about it."""

    name: str
    units: int
    reviewed: int
    errors: int
    """Reviewed units whose amount was wrong, either way."""
    mean: Fraction
    """Of the estimated quantity of a reviewed unit, in cents."""
    variance: Fraction
    """Of the estimated quantity among reviewed units (divisor n - 1), in cents²."""

    @property
    def total(self) -> Fraction:
        """Of the quantity, for all units of the stratum."""
        return self.units * self.mean

    @property
    def total_variance(self) -> Fraction:
        """Of `total`: N(N - n)s²/n."""
        return Fraction(self.units * (self.units - self.reviewed), self.reviewed) * self.variance


@dataclass(frozen=True, slots=True)
class OverpaymentEstimate:
    """The estimated overpayment of all units, in cents.

    Point estimate and standard error are rounded to the nearest cent (ties to even), the lower limit down and the upper
    one up, so that rounding widens the interval.
    """

    estimator: Estimator
    quantile: Quantile
    confidence: float
    """Of the one-sided interval; the two-sided one between the limits has 2 × confidence - 1."""
    point_cents: int
    standard_error_cents: int
    degrees: float | None
    """Degrees of freedom; `None` where the normal distribution is used or every unit was reviewed."""
    multiple: float
    """Of the standard error, from point estimate to limit."""
    lower_cents: int
    upper_cents: int
    units: int
    reviewed: int
    errors: int
    found_cents: int
    """Net overpayment of the reviewed units themselves."""
    skewness: float | None
    """Of the overpayments of the reviewed units, by stratum and pooled; `None` where all are equal."""
    strata: tuple[StratumEstimate, ...]

    @property
    def demand_cents(self) -> int:
        """What is demanded: the lower bound, and never less than what was found in the reviewed units, or 0."""
        return max(self.lower_cents, self.found_cents, 0)

    @property
    def extrapolated(self) -> bool:
        """Whether the demand is the lower bound, and not what was found in the reviewed units alone."""
        return self.lower_cents > max(self.found_cents, 0)

    @property
    def relative_precision(self) -> float | None:
        """Half of the interval as a share of the point estimate; `None` where that is not above 0."""
        if self.point_cents <= 0:
            return None
        return (self.point_cents - self.lower_cents) / self.point_cents


def estimate_overpayment(
    frame: Sequence[StratumSize],
    reviewed: Sequence[ReviewedUnit],
    *,
    estimator: Estimator = Estimator.DIFFERENCE,
    quantile: Quantile = Quantile.STUDENT_T,
    confidence: Fraction = ONE_SIDED,
) -> OverpaymentEstimate:
    """Estimate the overpayment of all units of a frame from a simple or stratified random sample of them.

    Raises `SamplingError` where a stratum has fewer than two reviewed units (and more than one unit), where a unit is
    of no stratum of the frame, and where a unit occurs twice.
    """
    if not Fraction(1, 2) < confidence < 1:
        raise SamplingError("The one-sided confidence must be above 0.5 and below 1, such as 0.9.")
    by_stratum = _by_stratum(frame, reviewed)
    strata = tuple(_stratum(one, by_stratum[one.name], estimator) for one in frame)
    total = sum((one.total for one in strata), Fraction(0))
    if estimator == Estimator.MEAN_PER_UNIT:
        total = sum(one.paid_cents for one in frame) - total
    variance = sum((one.total_variance for one in strata), Fraction(0))
    degrees = _degrees(strata) if quantile == Quantile.STUDENT_T and variance else None
    root = _root(variance)
    multiple = normal_quantile(float(confidence)) if degrees is None else student_t_quantile(float(confidence), degrees)
    margin = Fraction(multiple) * root
    return OverpaymentEstimate(
        estimator=estimator,
        quantile=quantile,
        confidence=float(confidence),
        point_cents=round(total),
        standard_error_cents=round(root),
        degrees=degrees,
        multiple=multiple,
        lower_cents=math.floor(total - margin),
        upper_cents=math.ceil(total + margin),
        units=sum(one.units for one in strata),
        reviewed=len(reviewed),
        errors=sum(one.errors for one in strata),
        found_cents=sum(one.overpaid_cents for one in reviewed),
        skewness=_skewness(by_stratum),
        strata=strata,
    )


def _by_stratum(frame: Sequence[StratumSize], reviewed: Sequence[ReviewedUnit]) -> Mapping[str, list[ReviewedUnit]]:
    found: dict[str, list[ReviewedUnit]] = {one.name: [] for one in frame}
    seen: set[str] = set()
    for unit in reviewed:
        if unit.stratum not in found:
            raise SamplingError(
                f"Stratum {unit.stratum!r} of {unit.unit_id} is not in the frame, which has {', '.join(found)}."
            )
        if unit.unit_id in seen:
            raise SamplingError(f"Unit {unit.unit_id} occurs more than once; list each unit once.")
        seen.add(unit.unit_id)
        found[unit.stratum].append(unit)
    for one in frame:
        least = min(2, one.units)
        if not least <= len(found[one.name]) <= one.units:
            raise SamplingError(
                f"Stratum {one.name!r} of {one.units} units must have {least} to {one.units} reviewed units, "
                f"not {len(found[one.name])}."
            )
    return found


def _stratum(size: StratumSize, reviewed: Sequence[ReviewedUnit], estimator: Estimator) -> StratumEstimate:
    per_unit = estimator == Estimator.MEAN_PER_UNIT
    values = [unit.correct_cents if per_unit else unit.overpaid_cents for unit in reviewed]
    count, total = len(values), sum(values)
    spread = count * sum(value * value for value in values) - total * total
    return StratumEstimate(
        name=size.name,
        units=size.units,
        reviewed=count,
        errors=sum(unit.overpaid_cents != 0 for unit in reviewed),
        mean=Fraction(total, count),
        variance=Fraction(spread, count * (count - 1)) if count > 1 else Fraction(0),
    )


def _degrees(strata: Sequence[StratumEstimate]) -> float:
    """Satterthwaite's effective degrees of freedom (Cochran, 5.16); n - 1 for one stratum."""
    parts = [(one.total_variance, one.reviewed - 1) for one in strata if one.total_variance]
    whole = sum((part for part, _ in parts), Fraction(0))
    return float(whole * whole / sum((part * part / degrees for part, degrees in parts), Fraction(0)))


def _root(value: Fraction) -> Fraction:
    with localcontext() as context:
        context.prec = _DIGITS
        return Fraction((Decimal(value.numerator) / Decimal(value.denominator)).sqrt())


def _skewness(by_stratum: Mapping[str, Sequence[ReviewedUnit]]) -> float | None:
    """Fisher's G1 of the deviations from the mean of the stratum."""
    second = third = 0.0
    count = 0
    for units in by_stratum.values():
        values = [unit.overpaid_cents for unit in units]
        mean = sum(values) / len(values)
        count += len(values)
        second += math.fsum((value - mean) ** 2 for value in values)
        third += math.fsum((value - mean) ** 3 for value in values)
    if second <= 0:
        return None
    return float((third / count) / (second / count) ** 1.5)
