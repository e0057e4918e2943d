"""The payment of a claim in a response."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

from api.fields import AmountOut
from claims.payment import (
    COINSURANCE,
    COPAYMENT,
    DEDUCTIBLE,
    OTHER_PAYER,
    Adjustment,
    AdjustmentGroup,
    AdjustmentReason,
    ClaimPayment,
    LinePayment,
    LinePrice,
    PriceSource,
)


class AdjustmentOut(BaseModel):
    """A part of the billed amount that is not paid, and why."""

    group: AdjustmentGroup = Field(
        description="Who bears it: `CO` the provider by contract, `PR` the member, `OA` neither, such as another payer."
    )
    carc: str = Field(description="Claim adjustment reason code.", examples=["1"])
    rarc: str | None = Field(description="Remittance advice remark code; null: none.", examples=["N130"])
    amount: AmountOut
    text: str = Field(examples=["Deductible."])


class _PaymentAmounts(BaseModel):
    """`billed` is `paid` and the sum of the adjustments."""

    billed: AmountOut
    allowed: AmountOut = Field(description="What the plan and the member together owe; 0 if nothing is covered.")
    contractual_reduction: AmountOut = Field(description="Borne by the provider: group `CO`.")
    deductible: AmountOut
    copay: AmountOut
    coinsurance: AmountOut
    other_payer: AmountOut = Field(description="What other payers paid of the allowed amount.")
    paid: AmountOut
    member_responsibility: AmountOut = Field(description="What the member must pay the provider: group `PR`.")


class LinePaymentOut(_PaymentAmounts):
    """The payment of one line."""

    line: int = Field(description="From 1.")
    price_source: Literal["billed", "fee_schedule", "contract"] = Field(
        description="Where the allowed amount is from: the amount billed, where it is not above the price."
    )
    price_cites: str | None = Field(
        description="Table, release and entry of the price; null: there is none.", examples=["fees 2026Q4 P001 26"]
    )
    adjustments: list[AdjustmentOut]


class PaymentOut(_PaymentAmounts):
    """The payment of a claim: the sums of its lines, and the lines."""

    plan_id: str | None = Field(description="The plan whose cost sharing applies; null: it has none.")
    terms_from: date | None = Field(description="The first day of the terms that apply.")
    counted_to_deductible: AmountOut = Field(
        description="What the claim counts towards the deductible, as if there were no other payer."
    )
    counted_to_maximum: AmountOut = Field(description="What it counts towards the out-of-pocket maximum.")
    lines: list[LinePaymentOut]


def payment_out(payment: ClaimPayment) -> PaymentOut:
    """A payment as responses show it."""
    lines = [_line(line) for line in payment.lines]
    amounts = [_amounts(line) for line in payment.lines]
    terms = payment.terms
    return PaymentOut(
        **{name: sum(one[name] for one in amounts) for name in _PaymentAmounts.model_fields},
        plan_id=None if terms is None else terms.plan_id,
        terms_from=None if terms is None else terms.first_day,
        counted_to_deductible=payment.counts.deductible_cents,
        counted_to_maximum=payment.counts.out_of_pocket_cents,
        lines=lines,
    )


def cents_of(amount: float) -> int:
    """Cents of an amount in a response, which is exact to the cent."""
    return round(amount * 100)


def payment_of(shown: PaymentOut, *, denied: bool) -> ClaimPayment:
    """The lines of a payment from a response, such as one that was stored under a key; without terms and counts.

    `denied`: the claim is rejected or denied. A response does not say it of a line: a price may be 0.00 too.
    """
    lines = []
    for line in shown.lines:
        billed, allowed = cents_of(line.billed), cents_of(line.allowed)
        price = LinePrice(line.line, billed, allowed, cents_of(line.other_payer), PriceSource(line.price_source))
        adjustments = tuple(
            Adjustment(AdjustmentReason(one.group, one.carc, one.text, one.rarc), cents_of(one.amount))
            for one in line.adjustments
        )
        lines.append(LinePayment(price, cents_of(line.paid), adjustments, denied=denied))
    return ClaimPayment(tuple(lines))


def _line(line: LinePayment) -> LinePaymentOut:
    return LinePaymentOut(
        line=line.price.line,
        **_amounts(line),
        price_source=line.price.source.value,
        price_cites=line.price.cites,
        adjustments=[_adjustment(one) for one in line.adjustments],
    )


def _amounts(line: LinePayment) -> dict[str, int]:
    """In cents; the models write them as decimals."""
    return {
        "billed": line.price.billed_cents,
        "allowed": line.allowed_cents,
        "contractual_reduction": line.borne_by(AdjustmentGroup.CONTRACTUAL),
        "deductible": line.of(DEDUCTIBLE),
        "copay": line.of(COPAYMENT),
        "coinsurance": line.of(COINSURANCE),
        "other_payer": line.of(OTHER_PAYER),
        "paid": line.paid_cents,
        "member_responsibility": line.borne_by(AdjustmentGroup.PATIENT),
    }


def _adjustment(adjustment: Adjustment) -> AdjustmentOut:
    reason = adjustment.reason
    return AdjustmentOut(
        group=reason.group, carc=reason.carc, rarc=reason.rarc, amount=adjustment.cents, text=reason.text
    )
