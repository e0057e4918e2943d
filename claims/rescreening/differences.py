"""A claim as it was decided, against what is found with the tables and registries known now.

What is compared depends on the claim's status. A new finding matters to a claim that is in review or paid; one that no
longer holds to a claim that is in review, rejected or denied; an amount to a claim that is in review or paid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from claims.claim import Claim
from claims.cost_sharing import CostShared, CostSharing
from claims.money import format_cents
from claims.outcome import Finding, Outcome
from claims.payment import (
    ABOVE_PRICE,
    COINSURANCE,
    COPAYMENT,
    DEDUCTIBLE,
    OTHER_PAYER,
    ClaimPayment,
    LinePrice,
    itemize,
)
from claims.rescreening.changes import ScreenedChange, cited_entry, identity_line

_EXCLUSIONS = frozenset({"provider_on_exclusion_list", "provider_excluded"})
_OPEN_OR_PAID = frozenset({Outcome.IN_REVIEW, Outcome.APPROVED, Outcome.PARTIALLY_APPROVED})
_OPEN_OR_REFUSED = frozenset({Outcome.IN_REVIEW, Outcome.REJECTED, Outcome.DENIED})
_OF_TERMS = frozenset({DEDUCTIBLE, COPAYMENT, COINSURANCE, OTHER_PAYER, ABOVE_PRICE})
"""Adjustments that follow from price, terms and other payers; any other limits the payment further."""
AMOUNT_CODE = "amount"
"""`ScreeningDifference.code` of an amount."""


class DifferenceKind(StrEnum):
    """How what is found now differs from what the claim was decided by."""

    NEW = "new_finding"
    GONE = "finding_no_longer_holds"
    AMOUNT = "amount_differs"


@dataclass(frozen=True, slots=True)
class ScreenedClaim:
    """A claim with what it was decided by."""

    claim: Claim
    status: Outcome
    paid_cents: int
    """What is paid, or would be by a claim in review."""
    findings: tuple[Finding, ...]
    """Of its latest assessment."""
    payment: ClaimPayment | None
    """None: it was not itemized."""
    is_assessed: bool = True
    """False: loaded as history; what it was priced by is unknown."""


DifferenceKey: TypeAlias = tuple[DifferenceKind, str, int, str, int | None, int | None]


def difference_key(
    kind: DifferenceKind, code: str, line: int | None, cites: str, before_cents: int | None, now_cents: int | None
) -> DifferenceKey:
    """What a difference is about, found now or stored earlier: kind, code, line, entry and the amounts.

    The line counts where it distinguishes findings; of an amount the entry does not.
    """
    entry = AMOUNT_CODE if kind is DifferenceKind.AMOUNT else cited_entry(code, cites)
    return kind, code, identity_line(code, line), entry, before_cents, now_cents


@dataclass(frozen=True, slots=True)
class ScreeningDifference:
    """One difference. Two with the same `key` are the same one."""

    kind: DifferenceKind
    code: str
    """Of the finding; `amount` for an amount."""
    line: int | None
    text: str
    cites: str
    before_cents: int | None = None
    """What is paid, or would be by a claim in review; None: no amount is known to change."""
    now_cents: int | None = None

    @property
    def key(self) -> DifferenceKey:
        """What it is about, and the amounts: another amount is another difference."""
        return difference_key(self.kind, self.code, self.line, self.cites, self.before_cents, self.now_cents)

    @property
    def entry(self) -> str:
        """What it rests on, without a release."""
        return self.key[3]


def finding_differences(
    change: ScreenedChange, decided: ScreenedClaim, found: Sequence[Finding]
) -> tuple[ScreeningDifference, ...]:
    """New findings, then those that no longer hold, of what the change can affect; `found` is found now."""
    now, then = _by_place(change, found), _by_place(change, decided.findings)
    differences = []
    if decided.status in _OPEN_OR_PAID:
        differences += [_new(decided, one) for place, one in now.items() if place not in then]
    if decided.status in _OPEN_OR_REFUSED:
        differences += [_gone(one) for place, one in then.items() if place not in now]
    return tuple(differences)


def _by_place(change: ScreenedChange, findings: Sequence[Finding]) -> dict[tuple[str, int, str], Finding]:
    """What the change can affect, by code, line and entry; the first of several about the same."""
    by_place: dict[tuple[str, int, str], Finding] = {}
    for one in findings:
        if change.affects(one):
            place = one.code, identity_line(one.code, one.line), cited_entry(one.code, one.cites)
            by_place.setdefault(place, one)
    return by_place


def _new(decided: ScreenedClaim, finding: Finding) -> ScreeningDifference:
    rejects = finding.outcome is Outcome.REJECTED
    subject = "the exclusion" if finding.code in _EXCLUSIONS else "this"
    lead = f"Paid before {subject} was known" if decided.status.pays else f"Sent to review before {subject} was known"
    return ScreeningDifference(
        DifferenceKind.NEW,
        finding.code,
        finding.line,
        f"{lead}: {finding.text}",
        finding.cites,
        decided.paid_cents if rejects else None,
        0 if rejects else None,
    )


def _gone(finding: Finding) -> ScreeningDifference:
    return ScreeningDifference(
        DifferenceKind.GONE,
        finding.code,
        finding.line,
        f"No longer found with what is known now: {finding.text}",
        finding.cites,
    )


def differs_in_price(decided: ScreenedClaim, prices: Sequence[LinePrice], terms: CostSharing | None) -> bool:
    """Whether the claim was priced otherwise than by these prices and terms; False: its amount need not be compared."""
    if not decided.is_assessed or decided.status not in _OPEN_OR_PAID:
        return False
    if decided.payment is None:
        return terms is not None
    then = [line.price.allowed_cents for line in decided.payment.lines]
    return then != [price.allowed_cents for price in prices] or decided.payment.terms != terms


class AmountUnknown(ValueError):
    """What the plan would pay cannot be computed from what is stored of the claim."""


def _check_other_payers(then: Sequence[LinePrice], now: Sequence[LinePrice]) -> None:
    """Raise `AmountUnknown` where what other payers paid is not known for these prices.

    Of claims that were priced before it was stored as sent, it is known as far as it counted: of a line at most the
    allowed amount, and the rest of what was paid of the whole claim at the next lines. A price that rises may count
    more of a line that it covered; one that falls below it may leave more to the others.
    """
    if not any(one.other_payer_cents for one in then) or all(one.other_payer_sent is not None for one in then):
        return
    for earlier, later in zip(then, now, strict=True):
        paid = earlier.other_payer_cents
        is_cut = paid == earlier.allowed_cents < later.allowed_cents
        if is_cut or (len(then) > 1 and paid > later.allowed_cents):
            raise AmountUnknown(f"what other payers paid of line {earlier.line} is stored up to its price then")


def amount_difference(
    decided: ScreenedClaim, prices: Sequence[LinePrice], terms: CostSharing | None, shared: CostShared
) -> ScreeningDifference | None:
    """What the plan would pay by these prices and terms, if it is not what it pays; None: the same.

    `shared` is what the member's other claims count in the plan year now. The claim as it was priced is itemized with
    it too, so that only prices and terms make a difference. A payment that was limited further, by a benefit or a
    person, is not raised.

    Raises `AmountUnknown` where what other payers paid was not stored as sent, and counts now by more, or elsewhere.
    """
    if decided.payment is not None:
        _check_other_payers(decided.payment.prices, prices)
    due_then = decided.claim.amount_cents
    is_limited = decided.paid_cents < due_then
    if decided.payment is not None:
        due_then = itemize(decided.payment.prices, decided.payment.terms, shared).paid_cents
        is_limited = any(one.reason not in _OF_TERMS for line in decided.payment.lines for one in line.adjustments)
    due_now = itemize(prices, terms, shared).paid_cents
    paid = decided.paid_cents
    now = min(paid, due_now) if is_limited else max(0, paid + due_now - due_then)
    now = min(now, decided.claim.amount_cents)
    if now == paid:
        return None
    cites = next((price.cites for price in prices if price.cites is not None), "plan terms")
    verb = "was paid" if decided.status.pays else "is reserved"
    text = f"{format_cents(paid)} {verb}; by the prices and terms known now it would be {format_cents(now)}."
    return ScreeningDifference(DifferenceKind.AMOUNT, AMOUNT_CODE, None, text, cites, paid, now)
