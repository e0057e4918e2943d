"""What a plan pays of each line, and why it is less than billed.

Order: allowed amount, deductible, co-payment, co-insurance, out-of-pocket maximum, then what other payers paid. What
they paid first relieves the member, and the plan pays at most the rest of the allowed amount. The deductible is counted
as if there were no other payer. Sources: NAIC, *Coordination of Benefits Model Regulation* (MDL-120), section 7 (the
plan that pays second); 45 CFR 156.130 (what an out-of-pocket maximum limits).

Rounding, once: the co-insurance of a line is rounded to the cent, half a cent up. Every other amount is a sum, a
difference or a minimum of cents, so a line's billed amount is its paid amount and its adjustments, to the cent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from claims.cost_sharing import NOTHING_SHARED, WHOLE_SHARE, CostShared, CostSharing
from claims.payment.codes import (
    ABOVE_PRICE,
    COINSURANCE,
    COPAYMENT,
    DEDUCTIBLE,
    OTHER_PAYER,
    AdjustmentGroup,
    AdjustmentReason,
)
from claims.payment.prices import LinePrice


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A part of the billed amount that is not paid, and why."""

    reason: AdjustmentReason
    cents: int
    """Above 0; below 0 in a reversal."""


@dataclass(frozen=True, slots=True)
class LinePayment:
    """One line itemized; `price.billed_cents` is `paid_cents` and the sum of the adjustments."""

    price: LinePrice
    paid_cents: int
    adjustments: tuple[Adjustment, ...]
    denied: bool = False
    """Nothing of it is allowed; the price is kept for a decision that is reopened."""

    @property
    def allowed_cents(self) -> int:
        """What the plan and the member together owe for the line."""
        return 0 if self.denied else self.price.allowed_cents

    def of(self, reason: AdjustmentReason) -> int:
        """Cents adjusted for a reason."""
        return sum(one.cents for one in self.adjustments if one.reason == reason)

    def borne_by(self, group: AdjustmentGroup) -> int:
        """Cents adjusted in a group."""
        return sum(one.cents for one in self.adjustments if one.reason.group is group)


@dataclass(frozen=True, slots=True)
class ClaimPayment:
    """A claim itemized, with what it counts towards the member's plan year."""

    lines: tuple[LinePayment, ...]
    terms: CostSharing | None = None
    """None: the plan has no cost sharing."""
    counts: CostShared = NOTHING_SHARED

    @property
    def paid_cents(self) -> int:
        """What the plan pays."""
        return sum(line.paid_cents for line in self.lines)

    @property
    def codes(self) -> frozenset[str]:
        """The reason and remark codes of its adjustments."""
        reasons = [one.reason for line in self.lines for one in line.adjustments]
        return frozenset(code for reason in reasons for code in (reason.carc, reason.rarc) if code is not None)

    @property
    def prices(self) -> tuple[LinePrice, ...]:
        """The lines before cost sharing, to itemize them again."""
        return tuple(line.price for line in self.lines)

    def reversal(self) -> "ClaimPayment":
        """What takes the payment back: every amount negative."""
        lines = []
        for line in self.lines:
            price = replace(
                line.price,
                billed_cents=-line.price.billed_cents,
                allowed_cents=-line.price.allowed_cents,
                other_payer_cents=-line.price.other_payer_cents,
            )
            adjustments = tuple(replace(one, cents=-one.cents) for one in line.adjustments)
            lines.append(replace(line, price=price, paid_cents=-line.paid_cents, adjustments=adjustments))
        counts = CostShared(-self.counts.deductible_cents, -self.counts.out_of_pocket_cents)
        return ClaimPayment(tuple(lines), self.terms, counts)

    def limited_to(self, cents: int, reason: AdjustmentReason) -> "ClaimPayment":
        """The payment with at most so many cents paid; the lines are paid in their order until these are used up."""
        lines = []
        for line in self.lines:
            paid = min(line.paid_cents, cents)
            cents -= paid
            lines.append(_reduced(line, line.paid_cents - paid, reason))
        return replace(self, lines=tuple(lines))

    def denied(self, reason: AdjustmentReason) -> "ClaimPayment":
        """The payment of a claim that is rejected or denied: nothing is allowed, and nothing is counted."""
        return ClaimPayment(
            tuple(
                LinePayment(price, 0, (Adjustment(reason, price.billed_cents),), denied=True) for price in self.prices
            ),
            self.terms,
        )


def itemize(prices: Sequence[LinePrice], terms: CostSharing | None, shared: CostShared) -> ClaimPayment:
    """Itemize a claim before its benefit limit; `shared` is what the member's other claims have counted this plan year.

    With `terms=None` the plan pays all that is allowed and not paid by others.
    """
    lines = []
    deductible = 0 if terms is None else max(0, terms.deductible_cents - shared.deductible_cents)
    copay = 0 if terms is None else terms.copay_cents
    share = 0 if terms is None else terms.coinsurance_share
    maximum = None if terms is None else terms.out_of_pocket_cents
    counted = NOTHING_SHARED
    for price in prices:
        of_deductible = min(price.allowed_cents, deductible)
        of_copay = min(price.allowed_cents - of_deductible, copay)
        of_coinsurance = _share_of(price.allowed_cents - of_deductible - of_copay, share)
        parts = [of_deductible, of_copay, of_coinsurance]
        if maximum is not None:
            left = max(0, maximum - shared.out_of_pocket_cents - counted.out_of_pocket_cents)
            parts = _relieved(parts, sum(parts) - left)
        deductible -= parts[0]
        copay -= of_copay
        due = price.allowed_cents - max(sum(parts), price.other_payer_cents)
        borne = _relieved(parts, price.other_payer_cents)
        counted = CostShared(counted.deductible_cents + parts[0], counted.out_of_pocket_cents + sum(borne))
        lines.append(LinePayment(price, due, _adjustments(price, borne)))
    return ClaimPayment(tuple(lines), terms, counted)


def without_terms(
    billed_cents: Sequence[int], approved_cents: int, reason: AdjustmentReason, *, denied: bool
) -> ClaimPayment:
    """The payment of a claim that was not itemized when it was decided: all that was billed is allowed.

    Of lines with these amounts so much was approved; `reason` says why not all of it, or why it is `denied`.
    """
    prices = [LinePrice(number, cents, cents) for number, cents in enumerate(billed_cents, start=1)]
    due = itemize(prices, None, NOTHING_SHARED)
    return due.denied(reason) if denied else due.limited_to(approved_cents, reason)


def _share_of(cents: int, share: int) -> int:
    """A share of an amount, rounded to the cent, half a cent up."""
    return (cents * share + WHOLE_SHARE // 2) // WHOLE_SHARE


def _relieved(parts: Sequence[int], cents: int) -> list[int]:
    """The member's parts less an amount, which is taken from the last part first."""
    left = []
    for part in reversed(parts):
        taken = min(part, max(0, cents))
        cents -= taken
        left.append(part - taken)
    return left[::-1]


def _adjustments(price: LinePrice, borne: Sequence[int]) -> tuple[Adjustment, ...]:
    amounts = (
        (ABOVE_PRICE, price.billed_cents - price.allowed_cents),
        *zip((DEDUCTIBLE, COPAYMENT, COINSURANCE), borne, strict=True),
        (OTHER_PAYER, price.other_payer_cents),
    )
    return tuple(Adjustment(reason, cents) for reason, cents in amounts if cents)


def _reduced(line: LinePayment, cents: int, reason: AdjustmentReason) -> LinePayment:
    if not cents:
        return line
    return replace(line, paid_cents=line.paid_cents - cents, adjustments=(*line.adjustments, Adjustment(reason, cents)))
