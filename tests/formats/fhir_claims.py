"""FHIR claims for tests, of the small insurer in `tests/api/makers.py`."""

from typing import Any

SYSTEM = "urn:example:claims"


def fhir_claim(**changes: Any) -> dict[str, Any]:
    """A professional claim with two lines; a change of `None` leaves the element out."""
    claim: dict[str, Any] = {
        "resourceType": "Claim",
        "identifier": [{"system": SYSTEM, "value": "PCN-1"}],
        "status": "active",
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "professional"}]},
        "use": "claim",
        "patient": {"identifier": {"value": "M123"}},
        "created": "2026-03-03",
        "provider": {"reference": "Organization/H456"},
        "priority": {"coding": [{"code": "normal"}]},
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"display": "plan"}}],
        "billablePeriod": {"start": "2026-03-01", "end": "2026-03-03"},
        "diagnosis": [diagnosis(1, "D002"), diagnosis(2, "D001", "principal")],
        "item": [
            item(1, "P001", 1200.5, quantity={"value": 1}, servicedDate="2026-03-01"),
            item(2, "P002", 99.5, quantity={"value": 3}, servicedPeriod={"start": "2026-03-02", "end": "2026-03-02"}),
        ],
        "total": {"value": 1300, "currency": "USD"},
    }
    changed = claim | changes
    return {name: value for name, value in changed.items() if value is not None}


def diagnosis(sequence: int, code: str, kind: str | None = None) -> dict[str, Any]:
    """A diagnosis of a type."""
    found: dict[str, Any] = {"sequence": sequence, "diagnosisCodeableConcept": {"coding": [{"code": code}]}}
    return found if kind is None else found | {"type": [{"coding": [{"code": kind}]}]}


def item(sequence: int, code: str, net: float | None, **more: Any) -> dict[str, Any]:
    """A service line at the doctor's office."""
    found = {
        "sequence": sequence,
        "productOrService": {"coding": [{"code": code}]},
        "locationCodeableConcept": {"coding": [{"code": "11"}]},
    }
    return found | ({} if net is None else {"net": {"value": net, "currency": "USD"}}) | more
