"""Random samples of paid claims, and what they say about the overpayment of all of them.

A frame lists the units that could be drawn; a draw can be repeated from frame and seed; an estimate follows from the
reviewed units. Nothing here reads a clock, a file or a source of random numbers.
"""

from claims.sampling.attributes import AttributeEstimate, clopper_pearson, estimate_errors
from claims.sampling.drawing import DRAW_METHOD, MAX_SEED, Draw, DrawnUnit, check_seed, draw, unit_number
from claims.sampling.estimates import (
    ONE_SIDED,
    Estimator,
    OverpaymentEstimate,
    Quantile,
    ReviewedUnit,
    StratumEstimate,
    estimate_overpayment,
)
from claims.sampling.frame import (
    FRAME_FORMAT,
    MAX_TEXT,
    MAX_UNITS,
    ONE_STRATUM,
    SamplingError,
    SamplingFrame,
    SamplingUnit,
    StratumSize,
    stratify_by_amount,
)
from claims.sampling.quantiles import beta_quantile, normal_quantile, student_t_quantile
from claims.sampling.sizes import (
    USUAL_LEAST,
    Allocation,
    PlannedStratum,
    SampleSize,
    allocate,
    attribute_sample_size,
    planned_strata,
    planned_variance,
    sample_size,
)
from claims.sampling.warnings import SamplingWarning, warnings_of

__all__ = [
    "DRAW_METHOD",
    "FRAME_FORMAT",
    "MAX_SEED",
    "MAX_TEXT",
    "MAX_UNITS",
    "ONE_SIDED",
    "ONE_STRATUM",
    "USUAL_LEAST",
    "Allocation",
    "AttributeEstimate",
    "Draw",
    "DrawnUnit",
    "Estimator",
    "OverpaymentEstimate",
    "PlannedStratum",
    "Quantile",
    "ReviewedUnit",
    "SampleSize",
    "SamplingError",
    "SamplingFrame",
    "SamplingUnit",
    "SamplingWarning",
    "StratumEstimate",
    "StratumSize",
    "allocate",
    "attribute_sample_size",
    "beta_quantile",
    "check_seed",
    "clopper_pearson",
    "draw",
    "estimate_errors",
    "estimate_overpayment",
    "normal_quantile",
    "planned_strata",
    "planned_variance",
    "sample_size",
    "stratify_by_amount",
    "student_t_quantile",
    "unit_number",
    "warnings_of",
]
