"""Rows of the audit log as FHIR R4 `AuditEvent` (https://hl7.org/fhir/R4/auditevent.html). Pure.

Codes are those that the resource binds: audit-event-type and DICOM for the type, ActReason for the purpose but ours,
audit-entity-type and object-role for what it is about. Acts and roles have code systems of our own.
"""

import json
from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from api.audit.records import COMMAND_LINE, DENIED, FAILED, NOT_FOUND, SUCCESS, AuditedAct
from api.purposes import HL7_SYSTEM, PURPOSES_OF_USE

ACT_SYSTEM: Final = "urn:ginja:audit:act"
ROLE_SYSTEM: Final = "urn:ginja:role"
ACTOR_SYSTEM: Final = "urn:ginja:actor"
REQUEST_SYSTEM: Final = "urn:ginja:request"
_HL7: Final = "http://terminology.hl7.org/CodeSystem/"
_DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
OUTCOME_CODES: Final[Mapping[str, str]] = {SUCCESS: "0", DENIED: "4", NOT_FOUND: "4", FAILED: "8"}
AUTHENTICATION: Final = "110114"
EXPORT: Final = "110106"
APPLICATION: Final = "110100"
ACTIONS: Final[Mapping[str, frozenset[str]]] = {
    "C": frozenset({"create", "submit", "add", "record", "draft", "upload", "load", "import"}),
    "R": frozenset({"read", "list", "search", "explain", "export", "list_due", "read_use", "read_rejects"}),
    "U": frozenset({"change", "set", "period", "confirm", "revoke", "rotate", "close", "encrypt"}),
    "D": frozenset({"end", "erase", "remove", "discard", "void", "cancel"}),
}
"""By the last word of the act; others, such as `activate`, execute."""
_PERSONS: Final = frozenset({"member", "provider", "user"})
_PATIENT: Final = "member"


def audit_event(found: AuditedAct) -> dict[str, JsonValue]:
    """An `AuditEvent`. Its `change`, which is encrypted, is no part of it."""
    event: dict[str, JsonValue] = {
        "resourceType": "AuditEvent",
        "id": str(found.audit_id),
        "type": _type(found),
        "subtype": [{"system": ACT_SYSTEM, "code": found.act}],
        "action": _action(found.act),
        "recorded": found.at.isoformat(timespec="microseconds"),
        "outcome": OUTCOME_CODES[found.outcome],
        "outcomeDesc": found.outcome,
        "agent": [_agent(found)],
        "source": {
            "observer": {"display": "Ginja"},
            "type": [{"system": f"{_HL7}security-source-type", "code": "4", "display": "Application Server"}],
        },
    }
    if found.purpose is not None:
        event["purposeOfEvent"] = [{"coding": [{"system": _system_of(found.purpose), "code": found.purpose}]}]
    entities = _entities(found)
    if entities:
        event["entity"] = entities
    return event


def _system_of(purpose: str) -> str:
    """The code system of a purpose; of one that is declared no more, that of HL7."""
    declared = PURPOSES_OF_USE.get(purpose)
    return HL7_SYSTEM if declared is None else declared.system


def _type(found: AuditedAct) -> dict[str, JsonValue]:
    if found.act.startswith("sign_"):
        return {"system": _DICOM, "code": AUTHENTICATION, "display": "User Authentication"}
    if found.act.endswith(".export"):
        return {"system": _DICOM, "code": EXPORT, "display": "Export"}
    if found.actor_id == COMMAND_LINE or found.request_id is None:
        return {"system": _DICOM, "code": APPLICATION, "display": "Application Activity"}
    return {"system": f"{_HL7}audit-event-type", "code": "rest", "display": "RESTful Operation"}


def _action(act: str) -> str:
    last = act.rpartition(".")[2]
    return next((code for code, verbs in ACTIONS.items() if last in verbs), "E")


def _agent(found: AuditedAct) -> dict[str, JsonValue]:
    agent: dict[str, JsonValue] = {
        "role": [{"coding": [{"system": ROLE_SYSTEM, "code": found.role}]}],
        "who": {"identifier": {"system": ACTOR_SYSTEM, "value": found.actor_id}, "display": found.name},
        "altId": found.actor_id,
        "name": found.name,
        "requestor": True,
    }
    if found.address:
        agent["network"] = {"address": found.address, "type": "2"}  # an IP address
    return agent


def _entities(found: AuditedAct) -> list[JsonValue]:
    entities: list[JsonValue] = []
    details = [_detail(name, value) for name, value in sorted(found.details.items())]
    if found.agent:
        details.append(_detail("program", found.agent))
    if found.subject_id is not None:
        about: dict[str, JsonValue] = {
            "what": {"identifier": {"system": f"urn:ginja:{found.subject_kind}", "value": found.subject_id}},
            "type": _coding("audit-entity-type", "1" if found.subject_kind in _PERSONS else "2"),
            "role": _coding("object-role", "1" if found.subject_kind == _PATIENT else "4"),
        }
        entities.append(about)
    if found.request_id is not None:
        request: dict[str, JsonValue] = {
            "what": {"identifier": {"system": REQUEST_SYSTEM, "value": found.request_id}},
            "type": _coding("audit-entity-type", "2"),
        }
        entities.append(request)
    if details:
        entities.append({"type": _coding("audit-entity-type", "4"), "name": "details", "detail": details})
    return entities


def _coding(system: str, code: str) -> dict[str, JsonValue]:
    return {"system": f"{_HL7}{system}", "code": code}


def _detail(name: str, value: JsonValue) -> JsonValue:
    """FHIR has no blank strings, and no control characters: those are as in JSON."""
    is_shown = isinstance(value, str) and value.isprintable() and value.strip()
    return {"type": name, "valueString": value if is_shown else json.dumps(value, sort_keys=True)}
