"""Plausibility: how usual the procedure is for the diagnosis, the specialty, the age and sex."""

from claims.reason_groups import GroupCode
from features.declare.agreement import LESS_THAN_TYPICAL
from features.declare.arithmetic import ratio
from features.declare.feature import Feature
from features.declare.features._terms import group_values

PRIOR_CLAIMS = 1.0
PRIOR_CHOICES = 200.0
"""Smoothing: as if each of 200 procedures had been claimed once, so that a new pair among few claims is not unusual."""


def _share_of_procedure(
    name: str, *, code: str, of: str, meaning_of: str, group: str, group_and_procedure: str
) -> Feature:
    """The smoothed share of the claim's procedure among the claims of an aggregation group."""
    return Feature(
        name=name,
        type="number",
        unit="share",
        aggregation_group=group_and_procedure,
        window="365 days",
        meaning=f"Smoothed share of the procedure among claims of {meaning_of}.",
        group=GroupCode.CLINICAL_PLAUSIBILITY,
        code=code,
        agrees=LESS_THAN_TYPICAL,
        raises=(
            f"{{x.claim.procedure_code}} was {{x.{group_and_procedure}.claims_365d:count}} of "
            f"{{x.{group}.claims_365d:count}} claims of {of}, {{value}} smoothed"
        ),
        compute=lambda x: ratio(
            group_values(x, group_and_procedure).claims_365d + PRIOR_CLAIMS,
            group_values(x, group).claims_365d + PRIOR_CHOICES,
        ),
        high=1.0,
    )


PLAUSIBILITY: tuple[Feature, ...] = (
    _share_of_procedure(
        "procedure_given_diagnosis",
        code="procedure_for_diagnosis",
        of="{x.claim.diagnosis_code}",
        meaning_of="the diagnosis",
        group="diagnosis",
        group_and_procedure="diagnosis_procedure",
    ),
    _share_of_procedure(
        "procedure_given_specialty",
        code="procedure_for_specialty",
        of="{x.claim.specialty}",
        meaning_of="the provider's specialty",
        group="specialty",
        group_and_procedure="procedure_specialty",
    ),
    _share_of_procedure(
        "procedure_given_demographic",
        code="procedure_for_age_and_sex",
        of="this age band and sex",
        meaning_of="the member's age band and sex",
        group="demographic",
        group_and_procedure="procedure_demographic",
    ),
)
