"""The fields that a condition can read: one entry each. The member's sex is not among them."""

from dataclasses import dataclass
from enum import Enum


class FieldKind(Enum):
    """The type of a field's value."""

    NUMBER = "whole number"
    SHARE = "number from 0 to 1"
    TEXT = "text"
    FLAG = "true or false"
    CODES = "set of finding codes"


@dataclass(frozen=True, slots=True)
class PolicyField:
    """A field of a claim, its member, its provider, its findings or its score."""

    name: str
    kind: FieldKind
    meaning: str
    is_personal: bool = False
    """Its value is not written into a trace; the claim's row has it."""


def _declared(*fields: PolicyField) -> dict[str, PolicyField]:
    return {field.name: field for field in fields}


FIELDS = _declared(
    PolicyField("amount_cents", FieldKind.NUMBER, "Amount of the claim in cents."),
    PolicyField("units", FieldKind.NUMBER, "Units over all lines."),
    PolicyField("lines", FieldKind.NUMBER, "Number of lines."),
    PolicyField("diagnoses", FieldKind.NUMBER, "Number of diagnoses."),
    PolicyField("procedure_code", FieldKind.TEXT, "Procedure of the line with the highest amount."),
    PolicyField("diagnosis_code", FieldKind.TEXT, "Principal diagnosis.", is_personal=True),
    PolicyField("place_of_service", FieldKind.TEXT, "CMS two-digit code."),
    PolicyField("service_days", FieldKind.NUMBER, "Days from the first to the last day of service, both counted."),
    PolicyField("receipt_delay_days", FieldKind.NUMBER, "Days from the last day of service to the receipt, in UTC."),
    PolicyField("age_years", FieldKind.NUMBER, "Age of the member on the first day of service.", is_personal=True),
    PolicyField("benefit_limit_cents", FieldKind.NUMBER, "Yearly limit of the member's plan in cents."),
    PolicyField("provider_id", FieldKind.TEXT, "Id of the provider."),
    PolicyField("specialty", FieldKind.TEXT, "Specialty of the provider."),
    PolicyField("region", FieldKind.TEXT, "Region of the provider."),
    PolicyField("findings", FieldKind.CODES, "Codes of the findings of edits, prices and earlier claims."),
    PolicyField("probability", FieldKind.SHARE, "Probability of fraud; missing without a score."),
    PolicyField("model_flagged", FieldKind.FLAG, "Whether the model flags the claim; missing without a score."),
    PolicyField("rule_flagged", FieldKind.FLAG, "Whether the 2x rule flags it; missing where it cannot be applied."),
)
"""By name."""
