"""The groups of features that reasons are stated for, declared once.

Every feature of the model belongs to exactly one group, and the contributions of its features are added up. The feature
of an attribute (`claims/attributes.py`) is a group of its own, whose code is the feature's name. A group is either
*evidence* about the claim or a *prior* about people, never both:

* evidence compares what is on this claim (amount, units, codes, dates, this member at this provider) with something;
* a prior is computed from the history of a provider or member alone, so it is the same whatever they bill now. It
  helps to prioritise claims; it proves nothing about this one.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from claims.attributes import PREFIX

ReasonKind = Literal["evidence", "prior"]


class GroupCode(StrEnum):
    """Stable codes; the meaning of a code never changes."""

    PRICE_AGAINST_PEERS = "price_against_peers"
    CLAIM_SIZE = "claim_size"
    TIMING = "timing"
    CLINICAL_PLAUSIBILITY = "clinical_plausibility"
    MEMBER_AT_PROVIDER = "member_at_provider"
    DATA_COMPLETENESS = "data_completeness"
    PROVIDER_VOLUME = "provider_volume"
    PROVIDER_PRACTICE = "provider_practice"
    PROVIDER_RECORD = "provider_record"
    MEMBER_PATTERN = "member_pattern"
    MEMBER_RECORD = "member_record"
    NETWORK = "network"


@dataclass(frozen=True, slots=True)
class ReasonGroup:
    """One group: code, page title, kind, and what it covers."""

    code: GroupCode
    title: str
    kind: ReasonKind
    meaning: str


REASON_GROUPS: dict[str, ReasonGroup] = {
    group.code.value: group
    for group in (
        ReasonGroup(
            GroupCode.PRICE_AGAINST_PEERS,
            "Price against peers",
            "evidence",
            "The amount compared with other claims of the procedure, and with the usual claims of this provider and "
            "member.",
        ),
        ReasonGroup(
            GroupCode.CLAIM_SIZE,
            "Size of the claim",
            "evidence",
            "Amount, units, lines, diagnoses and days on the claim, and the part of the benefit it uses.",
        ),
        ReasonGroup(
            GroupCode.TIMING,
            "Timing",
            "evidence",
            "When the service took place, how late it was billed, and what else was billed for the same day.",
        ),
        ReasonGroup(
            GroupCode.CLINICAL_PLAUSIBILITY,
            "Clinical plausibility",
            "evidence",
            "How usual the procedure is: at all, for the diagnosis, the specialty, the place, and the age and sex.",
        ),
        ReasonGroup(
            GroupCode.MEMBER_AT_PROVIDER,
            "This member at this provider",
            "evidence",
            "Earlier claims of the same member with the same provider or procedure: visits, repeats and duplicates.",
        ),
        ReasonGroup(
            GroupCode.DATA_COMPLETENESS,
            "Completeness of the data",
            "evidence",
            "What could not be looked up when the claim was scored.",
        ),
        ReasonGroup(
            GroupCode.PROVIDER_VOLUME,
            "The provider's volume",
            "prior",
            "How many claims, members and how much money the provider bills, since when, and how that has changed.",
        ),
        ReasonGroup(
            GroupCode.PROVIDER_PRACTICE,
            "The provider's practice",
            "prior",
            "What the provider bills, at what prices, and how often for the same or for new members.",
        ),
        ReasonGroup(
            GroupCode.PROVIDER_RECORD,
            "The provider's record",
            "prior",
            "Claims of the provider recorded as fraud before this claim.",
        ),
        ReasonGroup(
            GroupCode.MEMBER_PATTERN,
            "The member's pattern",
            "prior",
            "How often, where and for how much the member claims.",
        ),
        ReasonGroup(
            GroupCode.MEMBER_RECORD,
            "The member's record",
            "prior",
            "Claims of the member recorded as fraud before this claim.",
        ),
        ReasonGroup(
            GroupCode.NETWORK,
            "The provider's network",
            "prior",
            "Providers that share members with this one, and their records.",
        ),
    )
}
"""Group code → group, in the order in which pages list them."""


def title_of(code: str) -> str:
    """The title of a group: as declared, or made from the name of an attribute's feature."""
    declared = REASON_GROUPS.get(code)
    if declared is not None:
        return declared.title
    return code.removeprefix(PREFIX).replace("_", " ").replace(".", " ").capitalize()
