"""Contract denials: the only findings that reject or reduce a claim without a person, each by its code.

Whether a service was necessary, coded rightly or billed honestly is no question of the contract: a finding that is not
declared here sends a claim to review at most (`claims.adjudication.decide`).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from claims.outcome import Finding, Outcome


@dataclass(frozen=True, slots=True)
class ContractDenial:
    """A ground of the contract, that needs no opinion about the service."""

    code: str
    """Of the finding."""
    outcome: Outcome
    meaning: str
    carc: str
    """Claim adjustment reason code (X12 external code list 139) with the same meaning."""


def _declared(*denials: ContractDenial) -> dict[str, ContractDenial]:
    return {denial.code: denial for denial in denials}


CONTRACT_DENIALS = _declared(
    ContractDenial("cover_not_begun", Outcome.REJECTED, "The service began before the member's cover.", "26"),
    ContractDenial("cover_ended", Outcome.REJECTED, "The service ended after the member's cover.", "27"),
    ContractDenial("waiting_period", Outcome.REJECTED, "The service began in the waiting period of the plan.", "179"),
    ContractDenial("provider_inactive", Outcome.REJECTED, "The provider may not bill for services of that day.", "B7"),
    ContractDenial("provider_excluded", Outcome.REJECTED, "The insurer has excluded the provider.", "B7"),
    ContractDenial(
        "provider_on_exclusion_list",
        Outcome.REJECTED,
        "The provider is on the list of excluded individuals and entities: nothing may be paid.",
        "B7",
    ),
    ContractDenial(
        "authorization_missing", Outcome.REJECTED, "The plan requires prior authorization; the claim names none.", "197"
    ),
    ContractDenial(
        "authorization_unknown",
        Outcome.REJECTED,
        "The claim names no approved authorization of its member.",
        "197",
    ),
    ContractDenial(
        "authorization_other_provider", Outcome.REJECTED, "The authorization is for another provider.", "197"
    ),
    ContractDenial("authorization_other_day", Outcome.REJECTED, "The authorization is for other days.", "197"),
    ContractDenial(
        "authorization_exceeded", Outcome.REJECTED, "Other claims have used all that was authorized.", "198"
    ),
    ContractDenial("benefit_exhausted", Outcome.REJECTED, "The yearly benefit limit is used up.", "119"),
    ContractDenial("benefit_limit", Outcome.PARTIALLY_APPROVED, "The rest of the yearly benefit pays a part.", "119"),
    ContractDenial("duplicate", Outcome.REJECTED, "The same service was claimed before at the same amount.", "18"),
)
"""By code. `docs/reference/contract-denials.md` is generated from it."""


_SUSPENDED = " This edit is suspended, because too many of its decisions were overturned on appeal: a person decides."


def rejecting(findings: Iterable[Finding]) -> ContractDenial | None:
    """The contract denial that rejects a claim: that of its first finding that does."""
    codes = (finding.code for finding in findings if finding.outcome is Outcome.REJECTED)
    return next((CONTRACT_DENIALS[code] for code in codes if code in CONTRACT_DENIALS), None)


def without_a_person(findings: Iterable[Finding], suspended: Collection[str] = ()) -> tuple[Finding, ...]:
    """The findings as a decision without a person may use them: an adverse one off the contract sends to review.

    So does one of an edit that is suspended, and says so.
    """
    return tuple(_limited(finding, suspended) for finding in findings)


def _limited(finding: Finding, suspended: Collection[str]) -> Finding:
    if finding.outcome in (Outcome.APPROVED, Outcome.IN_REVIEW):
        return finding
    if finding.code in suspended:
        return replace(finding, outcome=Outcome.IN_REVIEW, text=finding.text + _SUSPENDED)
    declared = CONTRACT_DENIALS.get(finding.code)
    if declared is None or declared.outcome is not finding.outcome:
        return replace(finding, outcome=Outcome.IN_REVIEW)
    return finding
