"""A suspicion stays with the service: a claim that follows a held or denied one inherits its review.

Otherwise a held claim is paid by replacing or re-submitting it with other amounts until one passes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from claims.claim import Claim
from claims.outcome import Finding, Outcome

INHERITED = "review_inherited"
REPLACED_OFTEN = "replaced_often"
SUSPICION_CODES = frozenset({INHERITED, REPLACED_OFTEN})


@dataclass(frozen=True, slots=True)
class SuspicionPolicy:
    """How far a suspicion reaches."""

    days: int = 7
    """A service so many days apart from a held one may be the same service."""
    often: int = 2
    """More replacements of one claim than this are a reason for review."""
    max_replacements: int = 5
    """A claim is replaced at most so often."""


@dataclass(frozen=True, slots=True)
class HeldClaim:
    """An earlier claim of the same member and provider that is in review, was denied, or was voided while it was."""

    claim_id: str
    how: str
    """`in review`, `denied`, or `voided while in review`."""
    findings: tuple[Finding, ...]
    """Of its last assessment."""
    procedure_codes: frozenset[str]
    diagnosis_codes: frozenset[str]
    service_from: date
    service_to: date
    is_replacement: bool
    chain: tuple[str, ...]
    """The claim and those it replaces or follows, the newest first."""
    chain_findings: tuple[Finding, ...] = ()
    """Of all assessments of the chain, oldest first: where the claim itself only inherited its review."""

    @property
    def own_reason(self) -> Finding | None:
        """What sent this claim to review, beside its resemblance to another."""
        return _first_reason(self.findings)

    @property
    def reason(self) -> Finding | None:
        """What sent it, or the first of its chain, to review."""
        return self.own_reason or _first_reason(self.chain_findings)

    @property
    def passes_on(self) -> bool:
        """Whether another claim may inherit from it. A claim held only because it resembles a held one does not:
        otherwise one suspicion would travel along a course of weekly treatments for ever."""
        return self.is_replacement or self.how != "in review" or self.own_reason is not None


def _first_reason(findings: Sequence[Finding]) -> Finding | None:
    held = (
        finding for finding in findings if finding.outcome is Outcome.IN_REVIEW and finding.code not in SUSPICION_CODES
    )
    return next(held, None)


@dataclass(frozen=True, slots=True)
class Inherited:
    """The finding of a claim that inherits a review, and the claim that it comes from."""

    finding: Finding
    source: HeldClaim


def inherit(
    claim: Claim, *, replaced: HeldClaim | None, held: Sequence[HeldClaim], policy: SuspicionPolicy
) -> Inherited | None:
    """The review a claim inherits: that of the claim it replaces, else of the newest for the same service, or none.

    `held` are ordered newest first.
    """
    source = replaced or next((one for one in held if one.passes_on and _same_service(claim, one, policy)), None)
    if source is None:
        return None
    reason = source.reason
    because = f" because of {reason.code}: {reason.text}" if reason is not None else "."
    chain = ", ".join((claim.claim_id, *source.chain))
    text = f"Claim {source.claim_id}, for the same service, is {source.how}{because} Claims in this chain: {chain}."
    return Inherited(Finding(INHERITED, Outcome.IN_REVIEW, text, f"claims/{source.claim_id}"), source)


def _same_service(claim: Claim, other: HeldClaim, policy: SuspicionPolicy) -> bool:
    """A procedure in common within some days, or a diagnosis in common on the same day."""
    if other.procedure_codes & {line.procedure_code for line in claim.lines}:
        return days_apart(claim, other.service_from, other.service_to) <= policy.days
    common = other.diagnosis_codes.intersection(claim.diagnosis_codes)
    return bool(common) and days_apart(claim, other.service_from, other.service_to) == 0


def days_apart(claim: Claim, service_from: date, service_to: date) -> int:
    """Days between two periods of service; 0 where they overlap."""
    gap = max(service_from - claim.service_to, claim.service_from - service_to, timedelta(0))
    return gap.days


def replaced_often(replacements: int, chain: Sequence[str], policy: SuspicionPolicy) -> tuple[Finding, ...]:
    """Many corrections of one claim are an indicator of a search for what passes. `chain`: ids, the newest first."""
    if replacements <= policy.often:
        return ()
    text = f"This is replacement {replacements} of claim {chain[-1]}; more than {policy.often} are unusual."
    return (Finding(REPLACED_OFTEN, Outcome.IN_REVIEW, text, f"claims/{chain[-1]}"),)
