"""When the lower bound of an estimate may not reach its confidence, and what to do about it.

The limits assume that the estimated total is nearly normal. `python -m benchmarks.sampling_coverage` measures where
that fails; each rule here is one of its causes, or makes an estimate hard to defend.
"""

from dataclasses import dataclass
from typing import Final

from claims.sampling.estimates import OverpaymentEstimate

FEW_ERRORS: Final = 10
FEW_REVIEWED: Final = 30
FEW_IN_STRATUM: Final = 10
SKEWNESS_FACTOR: Final = 25
"""Cochran's rule (2.15): a normal approximation of the mean needs n > 25·G1² units."""
WIDE: Final = 0.25
"""Half of the interval as a share of the point estimate, above which the estimate counts as imprecise."""


@dataclass(frozen=True, slots=True)
class SamplingWarning:
    """A reason for caution. `code` is stable."""

    code: str
    message: str


def warnings_of(estimate: OverpaymentEstimate) -> tuple[SamplingWarning, ...]:
    """What a reader of the estimate has to know, in the order of its weight."""
    if estimate.reviewed == estimate.units:
        return ()
    found = []
    correct = estimate.reviewed - estimate.errors
    if estimate.errors < FEW_ERRORS:
        found.append(
            SamplingWarning(
                "few_errors",
                f"Only {estimate.errors} of {estimate.reviewed} reviewed units were paid wrongly (fewer than "
                f"{FEW_ERRORS}): the limits rest on too few differences to keep their confidence. Review more units, "
                "or demand only what was found.",
            )
        )
    if estimate.errors and 0 < correct < FEW_ERRORS:
        found.append(
            SamplingWarning(
                "few_correct",
                f"Only {correct} of {estimate.reviewed} reviewed units were paid correctly (fewer than {FEW_ERRORS}): "
                "the lower bound can be too high. Review more units.",
            )
        )
    if estimate.errors and correct == 0:
        found.append(
            SamplingWarning(
                "no_correct",
                f"All {estimate.reviewed} reviewed units were paid wrongly: units that were paid correctly may exist "
                "and none was drawn, so the lower bound can be too high. Review more units.",
            )
        )
    if estimate.skewness is not None and estimate.reviewed <= SKEWNESS_FACTOR * estimate.skewness**2:
        side = "low, which is cautious" if estimate.skewness > 0 else "high"
        found.append(
            SamplingWarning(
                "skewed",
                f"The differences are skewed (G1 {estimate.skewness:.1f}; {SKEWNESS_FACTOR}·G1² is above the "
                f"{estimate.reviewed} reviewed units): the lower bound tends to be too {side}. Stratify by amount or "
                "review more units.",
            )
        )
    if estimate.reviewed < FEW_REVIEWED:
        found.append(
            SamplingWarning(
                "few_reviewed",
                f"Only {estimate.reviewed} units were reviewed; {FEW_REVIEWED} is a usual minimum. Review more units.",
            )
        )
    thin = [one.name for one in estimate.strata if one.reviewed < min(FEW_IN_STRATUM, one.units)]
    if len(estimate.strata) > 1 and thin:
        found.append(
            SamplingWarning(
                "few_in_stratum",
                f"Fewer than {FEW_IN_STRATUM} units were reviewed in stratum {', '.join(thin)}: its variance is hardly "
                "known. Review more of its units, or all.",
            )
        )
    precision = estimate.relative_precision
    if precision is None or precision > WIDE:
        share = "" if precision is None else f" (±{precision:.0%} of the point estimate)"
        found.append(
            SamplingWarning(
                "imprecise",
                f"The interval is wide{share}: the lower bound is far below the point estimate. More units would "
                "narrow it.",
            )
        )
    return tuple(found)
