"""Consents as FHIR R4 `Consent` (https://hl7.org/fhir/R4/consent.html). Pure.

Codes are those that the resource binds: consentscope for the scope, LOINC and consentcategorycodes for the category,
ActCode for the rule, ActReason for the purpose but ours. An objection is a `deny` under the rule that allows a use
without consent (OPTOUT), a consent is a `permit` under the rule that does not (OPTIN).
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

from pydantic import JsonValue

from api.consents.records import Consent, ConsentKind, ConsentScope, ConsentState
from api.purposes import HL7_SYSTEM, PURPOSES_OF_USE
from core.format import json_instant

CONSENT_SYSTEM: Final = "urn:ginja:consent"
MEMBER_SYSTEM: Final = "urn:ginja:member"
DOCUMENT_SYSTEM: Final = "urn:ginja:sha256"
_HL7: Final = "http://terminology.hl7.org/CodeSystem/"
_LOINC: Final = "http://loinc.org"
_RESOURCES: Final = "http://hl7.org/fhir/resource-types"
_RESEARCH: Final = "HRESCH"
_OF_CLAIMS: Final = ("Claim", "ClaimResponse")
_ENDED: Final = frozenset({ConsentState.WITHDRAWN, ConsentState.EXPIRED})


def fhir_consent(consent: Consent, day: date) -> dict[str, JsonValue]:
    """A `Consent`, with its status on a day. One whose first day is to come is active: its period says from when."""
    is_granted = consent.kind is ConsentKind.GRANTED
    is_research = consent.purpose == _RESEARCH
    category = [_concept(_coding(_LOINC, "59284-0", "Consent Document"))]
    if is_research:
        category.append(_concept(_coding(f"{_HL7}consentcategorycodes", "research", "Research Information Access")))
    made: dict[str, JsonValue] = {
        "resourceType": "Consent",
        "id": consent.consent_id.replace("_", "-"),  # an id of FHIR has no underscore; `read_fhir_id`
        "meta": {"lastUpdated": json_instant(consent.withdrawn_at or consent.recorded_at)},
        "identifier": [{"system": CONSENT_SYSTEM, "value": consent.consent_id}],
        "status": "inactive" if consent.state_on(day) in _ENDED else "active",
        "scope": _concept(_coding(f"{_HL7}consentscope", "research" if is_research else "patient-privacy")),
        "category": category,
        "patient": {"identifier": {"system": MEMBER_SYSTEM, "value": consent.member_id}},
        "dateTime": json_instant(consent.recorded_at),
        "policyRule": _concept(_coding(f"{_HL7}v3-ActCode", "OPTIN" if is_granted else "OPTOUT")),
        "provision": _provision(consent),
    }
    if consent.document_sha256 is not None:
        made["sourceReference"] = {
            "type": "DocumentReference",
            "identifier": {"system": DOCUMENT_SYSTEM, "value": consent.document_sha256},
            "display": consent.document_place,
        }
    return made


def read_fhir_id(resource_id: str) -> str:
    """The id of a consent, of the id of its resource."""
    return resource_id.replace("-", "_")


def fhir_consents(found: Sequence[Consent], day: date) -> list[JsonValue]:
    """Each as `Consent`, with its status on a day."""
    return [fhir_consent(one, day) for one in found]


def _provision(consent: Consent) -> dict[str, JsonValue]:
    declared = PURPOSES_OF_USE.get(consent.purpose)
    purpose = {"code": consent.purpose, "system": HL7_SYSTEM if declared is None else declared.system}
    if declared is not None:
        purpose["display"] = declared.display
    period: dict[str, JsonValue] = {"start": consent.first_day.isoformat()}
    if consent.last_day is not None:
        period["end"] = consent.last_day.isoformat()
    made: dict[str, JsonValue] = {
        "type": "permit" if consent.kind is ConsentKind.GRANTED else "deny",
        "period": period,
        "purpose": [dict(purpose)],
    }
    if consent.scope is ConsentScope.CLAIMS:
        made["class"] = [_coding(_RESOURCES, one) for one in _OF_CLAIMS]
    return made


def _coding(system: str, code: str, display: str | None = None) -> JsonValue:
    coding: dict[str, JsonValue] = {"system": system, "code": code}
    return coding if display is None else coding | {"display": display}


def _concept(coding: JsonValue) -> JsonValue:
    return {"coding": [coding]}
