"""`ClaimResponse`: the decision about a claim."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import JsonValue

from formats.fhir.elements import FhirClaim, Reference

CLAIM_SYSTEM: Final = "urn:ginja:claims"
"""Of the identifiers that this platform gives to claims."""
_ADJUDICATION: Final = "http://terminology.hl7.org/CodeSystem/adjudication"
_WAITING: Final = "in_review"


@dataclass(frozen=True, slots=True)
class AnsweredClaim:
    """What a `ClaimResponse` says."""

    claim_id: str
    status: str
    received_at: datetime
    submitted: float
    approved: float
    reasons: Sequence[str]
    """Texts of the findings that the sender may see."""


def claim_response(resource: FhirClaim, answer: AnsweredClaim) -> dict[str, JsonValue]:
    """The answer to a claim. While a person has to decide, its outcome is `queued` and there is no benefit."""
    waiting = answer.status == _WAITING
    currency = None if resource.total is None else resource.total.currency
    totals = [_total("submitted", answer.submitted, currency)]
    if not waiting:
        totals.append(_total("benefit", answer.approved, currency))
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
        "outcome": "queued" if waiting else "complete",
        "disposition": answer.status,
        "total": totals,
    }
    identifier = next((one for one in resource.identifier if one.value is not None), None)
    if identifier is not None:
        response["request"] = {"identifier": _without_none({"system": identifier.system, "value": identifier.value})}
    if not resource.type.coding:
        response["type"] = {"text": "claim"}
    if answer.reasons:
        response["processNote"] = [
            {"number": number, "type": "display", "text": text} for number, text in enumerate(answer.reasons, start=1)
        ]
    return response


def _total(category: str, amount: float, currency: str | None) -> JsonValue:
    money = _without_none({"value": amount, "currency": currency})
    return {"category": {"coding": [{"system": _ADJUDICATION, "code": category}]}, "amount": money}


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
