"""`ClaimResponse`: the decision about a claim."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import JsonValue

from claims.payment import ClaimPayment
from formats.fhir.adjudications import items, payment_of, submitted_items, submitted_totals, totals
from formats.fhir.elements import FhirClaim, Reference

CLAIM_SYSTEM: Final = "urn:ginja:claims"
"""Of the identifiers that this platform gives to claims."""
_IN_PART: Final = "partially_approved"


@dataclass(frozen=True, slots=True)
class AnsweredReason:
    """The text of a finding, and the line that it is about, from 1; None: the claim."""

    text: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class AnsweredClaim:
    """What a `ClaimResponse` says."""

    claim_id: str
    status: str
    received_at: datetime
    billed_cents: Sequence[int]
    """Of the lines, in the order of their items' sequence."""
    payment: ClaimPayment | None
    """By line; None: a person has to decide."""
    reasons: Sequence[AnsweredReason]
    """The findings that the sender may see."""


def claim_response(resource: FhirClaim, answer: AnsweredClaim) -> dict[str, JsonValue]:
    """The answer to a claim. While a person has to decide, its outcome is `queued` and there is no benefit."""
    payment = answer.payment
    currency = currency_of(resource)
    sequences = sorted(one.sequence for one in resource.item)
    notes = _notes(answer.reasons)
    response: dict[str, JsonValue] = {
        "resourceType": "ClaimResponse",
        "id": answer.claim_id.replace("_", "-"),
        "identifier": [{"system": CLAIM_SYSTEM, "value": answer.claim_id}],
        "status": "active",
        "type": {"coding": [_coding(one.system, one.code) for one in resource.type.coding]},
        "use": "claim",
        "patient": _reference(resource.patient),
        "created": f"{answer.received_at:%Y-%m-%dT%H:%M:%SZ}",
        "insurer": {"display": "Ginja"},
        "outcome": "queued" if payment is None else "complete",
        "disposition": answer.status,
    }
    if payment is None:
        response["item"] = submitted_items(answer.billed_cents, sequences, currency)
        response["total"] = submitted_totals(answer.billed_cents, currency)
    else:
        response["item"] = items(payment, sequences, notes, currency)
        response["total"] = totals(payment, currency)
    paid = None if payment is None else payment_of(payment, in_part=answer.status == _IN_PART, currency=currency)
    if paid is not None:
        response["payment"] = paid
    identifier = next((one for one in resource.identifier if one.value is not None), None)
    if identifier is not None:
        response["request"] = {"identifier": _without_none({"system": identifier.system, "value": identifier.value})}
    if not resource.type.coding:
        response["type"] = {"text": "claim"}
    if answer.reasons:
        response["processNote"] = [
            {"number": number, "type": "display", "text": one.text}
            for number, one in enumerate(answer.reasons, start=1)
        ]
    return response


def _notes(reasons: Sequence[AnsweredReason]) -> dict[int, list[int]]:
    """Line → the numbers of its notes."""
    found: dict[int, list[int]] = {}
    for number, one in enumerate(reasons, start=1):
        if one.line is not None:
            found.setdefault(one.line, []).append(number)
    return found


def currency_of(resource: FhirClaim) -> str | None:
    """The currency of a claim's amounts, which have one; `None`: none is stated."""
    amounts = (resource.total, *(one.net for one in resource.item), *(one.unitPrice for one in resource.item))
    return next((one.currency for one in amounts if one is not None and one.currency is not None), None)


def _coding(system: str | None, code: str | None) -> JsonValue:
    return _without_none({"system": system, "code": code})


def _reference(reference: Reference) -> JsonValue:
    """The reference as it was sent; one to a contained resource by its identifier would need that resource."""
    if reference.identifier is not None:
        return {
            "identifier": _without_none({"system": reference.identifier.system, "value": reference.identifier.value})
        }
    if reference.reference is not None and not reference.reference.startswith("#"):
        return {"reference": reference.reference}
    return {"display": "the patient of the claim"}


def _without_none(values: dict[str, JsonValue]) -> JsonValue:
    return {name: value for name, value in values.items() if value is not None}
