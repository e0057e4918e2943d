"""Inherited reviews: a claim for the same service as a held or denied claim goes to review as well.

Otherwise a held claim could be paid by replacing or resubmitting it with other amounts until one passes.
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
    """Limits of inherited reviews and replacements."""

    days: int = 7
    """Services up to this many days apart may be the same service."""
    unreviewed_replacements: int = 2
    """More replacements of one claim than this send it to review."""
    max_replacements: int = 5
    """Most replacements of one claim."""


@dataclass(frozen=True, slots=True)
class HeldClaim:
    """An earlier claim of the same member and provider that is in review, was denied, or was voided while it was."""

    claim_id: str
    status: str
    """`in review`, `denied`, or `voided while in review`."""
    findings: tuple[Finding, ...]
    """Findings of its latest assessment."""
    procedure_codes: frozenset[str]
    diagnosis_codes: frozenset[str]
    service_from: date
    service_to: date
    is_replacement: bool
    chain: tuple[str, ...]
    """Ids of the claim and of those it replaces or inherits from, newest first."""
    chain_reason: Finding | None = None
    """The first finding in the chain that sent a claim to review, other than an inherited one."""

    @property
    def own_reason(self) -> Finding | None:
        """The finding that sent this claim to review, other than an inherited one."""
        return _first_reason(self.findings)

    @property
    def reason(self) -> Finding | None:
        """The finding that sent this claim, or the first of its chain, to review."""
        return self.own_reason or self.chain_reason

    @property
    def is_inheritable(self) -> bool:
        """Whether other claims may inherit this review. A claim in review only because it inherited one is not a
        source: otherwise one review would spread along a whole course of weekly treatments."""
        return self.is_replacement or self.status != "in review" or self.own_reason is not None


def _first_reason(findings: Sequence[Finding]) -> Finding | None:
    held = (
        finding for finding in findings if finding.outcome is Outcome.IN_REVIEW and finding.code not in SUSPICION_CODES
    )
    return next(held, None)


@dataclass(frozen=True, slots=True)
class InheritedReview:
    """The finding of an inherited review and the claim it comes from."""

    finding: Finding
    source: HeldClaim


def inherit(
    claim: Claim, *, replaced: HeldClaim | None, held: Sequence[HeldClaim], policy: SuspicionPolicy
) -> InheritedReview | None:
    """The review a claim inherits, or `None`: from the claim it replaces, else from the newest for the same service.

    `held` is ordered newest first.
    """
    source = replaced or next((one for one in held if one.is_inheritable and _same_service(claim, one, policy)), None)
    if source is None:
        return None
    reason = source.reason
    because = f" because of {reason.code}: {reason.text}" if reason is not None else "."
    chain = ", ".join((claim.claim_id, *source.chain))
    text = f"Claim {source.claim_id}, for the same service, is {source.status}{because} Claims in this chain: {chain}."
    return InheritedReview(Finding(INHERITED, Outcome.IN_REVIEW, text, f"claims/{source.claim_id}"), source)


def _same_service(claim: Claim, other: HeldClaim, policy: SuspicionPolicy) -> bool:
    """A common procedure within `policy.days`, or a common diagnosis on the same day."""
    if other.procedure_codes & {line.procedure_code for line in claim.lines}:
        return days_apart(claim, other.service_from, other.service_to) <= policy.days
    common = other.diagnosis_codes.intersection(claim.diagnosis_codes)
    return bool(common) and days_apart(claim, other.service_from, other.service_to) == 0


def days_apart(claim: Claim, service_from: date, service_to: date) -> int:
    """Days between two service periods; 0 when they overlap."""
    gap = max(service_from - claim.service_to, claim.service_from - service_to, timedelta(0))
    return gap.days


def replaced_often(replacements: int, chain: Sequence[str], policy: SuspicionPolicy) -> tuple[Finding, ...]:
    """Review a claim that was replaced too often: repeated corrections can be a search for an amount that passes.

    `chain` holds the claim ids, newest first.
    """
    if replacements <= policy.unreviewed_replacements:
        return ()
    limit = policy.unreviewed_replacements
    text = f"This is replacement {replacements} of claim {chain[-1]}; claims with more than {limit} are reviewed."
    return (Finding(REPLACED_OFTEN, Outcome.IN_REVIEW, text, f"claims/{chain[-1]}"),)
