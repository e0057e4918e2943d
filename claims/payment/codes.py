"""Adjustment codes: why a line is paid less than billed, in the codes of a remittance advice.

Source: X12 external code lists 139 (claim adjustment reason codes, CARC) and 411 (remittance advice remark codes,
RARC), https://x12.org/codes, and 005010X221A1 for the group codes. The texts are our own.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class AdjustmentGroup(StrEnum):
    """Who bears an adjustment."""

    CONTRACTUAL = "CO"
    """The provider: it may not bill the member."""
    PATIENT = "PR"
    """The member."""
    OTHER = "OA"
    """Neither: another payer has paid it, or another claim has it."""


@dataclass(frozen=True, slots=True)
class AdjustmentReason:
    """A group and reason code, with a remark code where one adds something."""

    group: AdjustmentGroup
    carc: str
    text: str
    rarc: str | None = None


_CO, _PR, _OA = AdjustmentGroup.CONTRACTUAL, AdjustmentGroup.PATIENT, AdjustmentGroup.OTHER

ABOVE_PRICE: Final = AdjustmentReason(_CO, "45", "Billed above the contract or fee schedule.")
DEDUCTIBLE: Final = AdjustmentReason(_PR, "1", "Deductible.")
COINSURANCE: Final = AdjustmentReason(_PR, "2", "Co-insurance.")
COPAYMENT: Final = AdjustmentReason(_PR, "3", "Co-payment.")
OTHER_PAYER: Final = AdjustmentReason(_OA, "23", "Paid by another payer.")
BENEFIT_USED_UP: Final = AdjustmentReason(_PR, "119", "The yearly benefit limit is reached.", "N130")
DUPLICATE: Final = AdjustmentReason(_OA, "18", "The service was claimed before.")
NOT_COVERED_YET: Final = AdjustmentReason(_PR, "26", "Service before cover began.")
NOT_COVERED_ANY_MORE: Final = AdjustmentReason(_PR, "27", "Service after cover ended.")
WAITING_PERIOD: Final = AdjustmentReason(_PR, "179", "Service in the waiting period.")
PROVIDER_NOT_ELIGIBLE: Final = AdjustmentReason(_CO, "B7", "The provider could not bill on this day.")
NOT_AUTHORIZED: Final = AdjustmentReason(_CO, "197", "No valid prior authorization.")
AUTHORIZATION_EXCEEDED: Final = AdjustmentReason(_CO, "198", "The prior authorization is used up.")
BY_PERSON: Final = AdjustmentReason(_CO, "A1", "Denied or reduced after a review.", "N10")
"""A decision of a person whose reason has no code of its own."""

_CONTRACT = (
    *(BENEFIT_USED_UP, DUPLICATE, NOT_COVERED_YET, NOT_COVERED_ANY_MORE, WAITING_PERIOD, PROVIDER_NOT_ELIGIBLE),
    *(NOT_AUTHORIZED, AUTHORIZATION_EXCEEDED),
)
_OF_CONTRACT = {reason.carc: reason for reason in _CONTRACT}
ADJUSTMENT_REASONS: Final = (ABOVE_PRICE, DEDUCTIBLE, COINSURANCE, COPAYMENT, OTHER_PAYER, BY_PERSON, *_CONTRACT)
"""Every reason that is not a person's own (`claims.review`)."""
_OF_MEMBER = frozenset(("27", "96", "119"))
"""Reasons of reviewers that the member bears; of the others the provider bears the amount."""


def reason_of_contract(carc: str) -> AdjustmentReason:
    """Why the contract denies a claim; `carc` is that of a contract denial. Raises `KeyError` for another code."""
    return _OF_CONTRACT[carc]


def reason_of_person(carc: str | None, text: str) -> AdjustmentReason:
    """Why a person pays less or nothing; `carc` and `text` are those of the decision's reason."""
    if carc is None:
        return BY_PERSON
    if carc == DUPLICATE.carc:
        return AdjustmentReason(_OA, carc, text, BY_PERSON.rarc)
    return AdjustmentReason(_PR if carc in _OF_MEMBER else _CO, carc, text, BY_PERSON.rarc)
