"""The payment of a claim as FHIR says it: adjudications of the items, totals, and what is paid."""

from collections.abc import Iterator, Sequence
from typing import Final

from pydantic import JsonValue

from claims.payment import (
    COINSURANCE,
    COPAYMENT,
    DEDUCTIBLE,
    OTHER_PAYER,
    AdjustmentGroup,
    AdjustmentReason,
    ClaimPayment,
    LinePayment,
)

ADJUDICATION: Final = "http://terminology.hl7.org/CodeSystem/adjudication"
CARIN: Final = "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBAdjudication"
"""Of what R4 has no code for; the value set of R4 is an example, so that others may be used."""
CARC: Final = "https://x12.org/codes/claim-adjustment-reason-codes"
RARC: Final = "https://x12.org/codes/remittance-advice-remark-codes"
_PAYMENT_TYPE: Final = "http://terminology.hl7.org/CodeSystem/ex-paymenttype"
_OF_MEMBER: Final = {
    DEDUCTIBLE: (ADJUDICATION, "deductible"),
    COPAYMENT: (ADJUDICATION, "copay"),
    COINSURANCE: (CARIN, "coinsurance"),
    OTHER_PAYER: (CARIN, "priorpayerpaid"),
}
_CONTRACTUAL: Final = (CARIN, "discount")
_NOT_COVERED: Final = (CARIN, "noncovered")


def items(
    payment: ClaimPayment, sequences: Sequence[int], notes: dict[int, list[int]], currency: str | None
) -> list[JsonValue]:
    """The items with their adjudications; `notes` are the numbers of the notes of each line, from 1.

    Of an item, `submitted` is `benefit` and the adjustments, each with its reason.
    """
    found: list[JsonValue] = []
    for sequence, line in zip(sequences, payment.lines, strict=True):
        item: dict[str, JsonValue] = {"itemSequence": sequence}
        numbers = notes.get(line.price.line)
        if numbers:
            item["noteNumber"] = list(numbers)
        item["adjudication"] = list(_adjudications(line, currency))
        found.append(item)
    return found


def submitted_items(cents: Sequence[int], sequences: Sequence[int], currency: str | None) -> list[JsonValue]:
    """The items of a claim that is not decided: what was submitted, in cents."""
    return [
        {"itemSequence": sequence, "adjudication": [_amount((ADJUDICATION, "submitted"), one, currency)]}
        for sequence, one in zip(sequences, cents, strict=True)
    ]


def submitted_totals(cents: Sequence[int], currency: str | None) -> list[JsonValue]:
    """What was submitted in all, of lines with these cents."""
    return [_amount((ADJUDICATION, "submitted"), sum(cents), currency)]


def totals(payment: ClaimPayment, currency: str | None) -> list[JsonValue]:
    """The sums of the items, by category; a category of the member or of others is left out where it is 0."""
    sums: dict[tuple[str, str], int] = {}
    for line in payment.lines:
        for category, cents in _amounts(line):
            sums[category] = sums.get(category, 0) + cents
    return [_amount(category, cents, currency) for category, cents in sums.items()]


def payment_of(payment: ClaimPayment, *, in_part: bool, currency: str | None) -> JsonValue | None:
    """What is paid; `None`: nothing. `in_part`: the plan pays less than is due, because its benefit is used up."""
    if not payment.paid_cents:
        return None
    code = "partial" if in_part else "complete"
    return {
        "type": {"coding": [{"system": _PAYMENT_TYPE, "code": code}]},
        "amount": _money(payment.paid_cents, currency),
    }


def _amounts(line: LinePayment) -> Iterator[tuple[tuple[str, str], int]]:
    yield (ADJUDICATION, "submitted"), line.price.billed_cents
    yield (ADJUDICATION, "eligible"), line.allowed_cents
    for one in line.adjustments:
        yield _category(one.reason, is_denied=line.denied), one.cents
    yield (ADJUDICATION, "benefit"), line.paid_cents


def _adjudications(line: LinePayment, currency: str | None) -> Iterator[JsonValue]:
    yield _amount((ADJUDICATION, "submitted"), line.price.billed_cents, currency)
    yield _amount((ADJUDICATION, "eligible"), line.allowed_cents, currency)
    for one in line.adjustments:
        category = _category(one.reason, is_denied=line.denied)
        yield {**_amount(category, one.cents, currency), "reason": _reason(one.reason)}
    yield _amount((ADJUDICATION, "benefit"), line.paid_cents, currency)


def _category(reason: AdjustmentReason, *, is_denied: bool) -> tuple[str, str]:
    if reason in _OF_MEMBER:
        return _OF_MEMBER[reason]
    return _CONTRACTUAL if reason.group is AdjustmentGroup.CONTRACTUAL and not is_denied else _NOT_COVERED


def _reason(reason: AdjustmentReason) -> JsonValue:
    coding: list[JsonValue] = [{"system": CARC, "code": reason.carc}]
    if reason.rarc is not None:
        coding.append({"system": RARC, "code": reason.rarc})
    return {"coding": coding, "text": reason.text}


def _amount(category: tuple[str, str], cents: int, currency: str | None) -> dict[str, JsonValue]:
    system, code = category
    return {"category": {"coding": [{"system": system, "code": code}]}, "amount": _money(cents, currency)}


def _money(cents: int, currency: str | None) -> JsonValue:
    money: dict[str, JsonValue] = {"value": cents / 100}
    return money if currency is None else {**money, "currency": currency}
