"""The payment of a claim as its page shows it: pure, tested without a browser."""

from collections.abc import Callable
from dataclasses import dataclass

from api.code_tables import AdjustmentTexts
from claims.code_tables import TableKind
from claims.money import format_cents
from claims.payment import (
    ABOVE_PRICE,
    COINSURANCE,
    COPAYMENT,
    DEDUCTIBLE,
    OTHER_PAYER,
    AdjustmentGroup,
    AdjustmentReason,
    ClaimPayment,
    LinePayment,
)

_COLUMNS: tuple[tuple[str, Callable[[LinePayment], int]], ...] = (
    ("Billed", lambda line: line.price.billed_cents),
    ("Allowed", lambda line: line.allowed_cents),
    ("Contractual reduction", lambda line: line.borne_by(AdjustmentGroup.CONTRACTUAL)),
    ("Deductible", lambda line: line.of(DEDUCTIBLE)),
    ("Co-pay", lambda line: line.of(COPAYMENT)),
    ("Co-insurance", lambda line: line.of(COINSURANCE)),
    ("Other payer", lambda line: line.of(OTHER_PAYER)),
    ("Paid", lambda line: line.paid_cents),
    ("Member pays", lambda line: line.borne_by(AdjustmentGroup.PATIENT)),
)


@dataclass(frozen=True, slots=True)
class PaymentSection:
    """The table of lines, with a last row of sums, and what explains the reductions."""

    summary: str
    headings: tuple[str, ...]
    rows: list[tuple[str, ...]]
    """The line, then its amounts."""
    totals: tuple[str, ...]
    adjustments: list[tuple[str, str, str, str]]
    """Line, codes, amount and meaning."""


def payment_section(payment: ClaimPayment, status: str, texts: AdjustmentTexts) -> PaymentSection:
    """The section of a claim that is itemized; `texts` are those of imported lists, which come before our own."""
    amounts = [[read(line) for _, read in _COLUMNS] for line in payment.lines]
    return PaymentSection(
        summary=_summary(payment, status),
        headings=tuple(name for name, _ in _COLUMNS),
        rows=[
            (str(line.price.line), *map(format_cents, row)) for line, row in zip(payment.lines, amounts, strict=True)
        ],
        totals=tuple(format_cents(sum(column)) for column in zip(*amounts, strict=True)),
        adjustments=[
            (
                str(line.price.line),
                " ".join(filter(None, (f"{one.reason.group.value}-{one.reason.carc}", one.reason.rarc))),
                format_cents(one.cents),
                _meaning(one.reason, texts) + (f" {line.price.cites}." if _is_price(one.reason, line) else ""),
            )
            for line in payment.lines
            for one in line.adjustments
        ],
    )


def _meaning(reason: AdjustmentReason, texts: AdjustmentTexts) -> str:
    meaning = texts.get((TableKind.CARC.value, reason.carc), reason.text)
    remark = None if reason.rarc is None else texts.get((TableKind.RARC.value, reason.rarc))
    return meaning if remark is None else f"{meaning} {reason.rarc}: {remark}"


def _is_price(reason: AdjustmentReason, line: LinePayment) -> bool:
    return reason.carc == ABOVE_PRICE.carc and line.price.cites is not None


def _summary(payment: ClaimPayment, status: str) -> str:
    plan = "" if payment.terms is None else f" Plan {payment.terms.plan_id}, terms from {payment.terms.first_day}."
    if status == "in_review":
        return f"What a release would pay, by what the member had paid at the last decision; computed again then.{plan}"
    if status == "voided":
        return f"Before the claim was voided; it counts nothing any more.{plan}"
    return (
        f"Counts {format_cents(payment.counts.deductible_cents)} towards the deductible and "
        f"{format_cents(payment.counts.out_of_pocket_cents)} towards the out-of-pocket maximum.{plan}"
    )
