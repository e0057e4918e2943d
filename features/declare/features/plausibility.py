"""Plausibility: how usual the procedure is for the diagnosis, the specialty, the age and sex."""

from functools import partial
from typing import Any

from claims.reason_groups import GroupCode
from features.declare.agreement import LESS_THAN_TYPICAL
from features.declare.arithmetic import ratio
from features.declare.feature import Feature

PRIOR_CLAIMS = 1.0
PRIOR_CHOICES = 200.0
"""Smoothing: as if each of 200 procedures had been claimed once. A pair never seen among few claims is no wonder."""

_OF_DIAGNOSIS = (
    "{x.claim.procedure_code} was {x.diagnosis_procedure.claims_365d:count} of "
    "{x.diagnosis.claims_365d:count} claims of {x.claim.diagnosis_code}, {value} smoothed"
)
_OF_SPECIALTY = (
    "{x.claim.procedure_code} was {x.procedure_specialty.claims_365d:count} of "
    "{x.specialty.claims_365d:count} claims of {x.claim.specialty}, {value} smoothed"
)
_OF_DEMOGRAPHIC = (
    "{x.claim.procedure_code} was {x.procedure_demographic.claims_365d:count} of "
    "{x.demographic.claims_365d:count} claims of this age band and sex, {value} smoothed"
)

_Usual = partial(
    Feature,
    type="number",
    unit="share",
    window="365 days",
    group=GroupCode.CLINICAL_PLAUSIBILITY,
    agrees=LESS_THAN_TYPICAL,
    high=1.0,
)


def _smoothed(both: Any, one: Any) -> Any:
    return ratio(both.claims_365d + PRIOR_CLAIMS, one.claims_365d + PRIOR_CHOICES)


PLAUSIBILITY: tuple[Feature, ...] = (
    _Usual(
        name="procedure_given_diagnosis",
        entity="diagnosis_procedure",
        meaning="Smoothed share of the procedure among claims of the diagnosis.",
        code="procedure_for_diagnosis",
        raises=_OF_DIAGNOSIS,
        lowers=_OF_DIAGNOSIS,
        compute=lambda x: _smoothed(x.diagnosis_procedure, x.diagnosis),
    ),
    _Usual(
        name="procedure_given_specialty",
        entity="procedure_specialty",
        meaning="Smoothed share of the procedure among claims of the provider's specialty.",
        code="procedure_for_specialty",
        raises=_OF_SPECIALTY,
        lowers=_OF_SPECIALTY,
        compute=lambda x: _smoothed(x.procedure_specialty, x.specialty),
    ),
    _Usual(
        name="procedure_given_demographic",
        entity="procedure_demographic",
        meaning="Smoothed share of the procedure among claims of the member's age band and sex.",
        code="procedure_for_age_and_sex",
        raises=_OF_DEMOGRAPHIC,
        lowers=_OF_DEMOGRAPHIC,
        compute=lambda x: _smoothed(x.procedure_demographic, x.demographic),
    ),
)
