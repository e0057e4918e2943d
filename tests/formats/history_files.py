"""Decided claims for tests: 835 remittances, and explanations of benefits in FHIR."""

import json
from collections.abc import Sequence
from typing import Any

from formats.fhir import read_explanation
from formats.history import HistoryRecord
from formats.strict_json import read as read_json
from formats.x12 import EnvelopeReader, read_remitted_claims, read_segments
from tests.formats.x12_files import written

VERSION = "005010X221A1"
LINE = ("SVC*HC:99213:25*120*80**1", "DTM*472*20260105", "CAS*CO*45*30", "CAS*PR*1*5*1*2*5")


def remitted(
    number: str = "PCN-1",
    *,
    control: str = "ICN-1",
    status: str = "1",
    charge: str = "120",
    paid: str = "80",
    more: Sequence[str] = ("DTM*050*20260107",),
    lines: Sequence[str] = LINE,
    patient: Sequence[str] = ("NM1*QC*1*ROE*JANE****MI*M123",),
) -> list[str]:
    """The segments of one claim, from CLP on."""
    return [f"CLP*{number}*{status}*{charge}*{paid}**12*{control}*11*1", *patient, *more, *lines]


def reversal(number: str = "PCN-1", *, control: str = "ICN-1", charge: str = "-120") -> list[str]:
    """The segments of a reversal."""
    return remitted(number, control=control, status="22", charge=charge, paid="-80", lines=())


def remittance(
    *claims: Sequence[str], paid_on: str = "20260120", payee: str = "N1*PE*CLINIC*XX*1234567893", kind: str = "835"
) -> list[str]:
    """A transaction set."""
    body = [f"BPR*I*80*C*CHK************{paid_on}", "TRN*1*CHECK-1*1512345678", f"DTM*405*{paid_on}"]
    body += ["N1*PR*PAYER", payee, "LX*1", *(segment for one in claims for segment in one)]
    return [f"ST*{kind}*0001", *body, f"SE*{len(body) + 2}*0001"]


def file_of_sets(*sets: Sequence[str], version: str = VERSION) -> bytes:
    """An interchange of remittances."""
    isa = f"ISA*00*{'':10}*00*{'':10}*ZZ*{'PAYER':15}*ZZ*{'CLINIC':15}*260120*1200*^*00501*000000001*0*T*:"
    head = [isa, f"GS*HP*PAYER*CLINIC*20260120*1200*1*X*{version}"]
    return written([*head, *(one for each in sets for one in each), f"GE*{len(sets)}*1", "IEA*1*000000001"])


def records_of(text: bytes) -> list[HistoryRecord]:
    """Every claim of an 835 file, or why it is refused."""
    return [one for message in EnvelopeReader(read_segments([text])) for one in read_remitted_claims(message)]


def amount(category: str, value: float | None, **more: Any) -> dict[str, Any]:
    """An adjudication or total of a category."""
    found: dict[str, Any] = {"category": {"coding": [{"code": category}]}}
    return found | ({} if value is None else {"amount": {"value": value, "currency": "USD"}}) | more


def explanation(number: str = "EOB-1", **changes: Any) -> dict[str, Any]:
    """A professional claim that was paid; a change of `None` leaves the element out."""
    found: dict[str, Any] = {
        "resourceType": "ExplanationOfBenefit",
        "id": f"id-{number}",
        "identifier": [{"value": number}],
        "status": "active",
        "type": {"coding": [{"code": "professional"}]},
        "use": "claim",
        "patient": {"reference": "Patient/M123"},
        "provider": {"identifier": {"value": "1234567893"}},
        "created": "2026-01-20T10:00:00Z",
        "outcome": "complete",
        "billablePeriod": {"start": "2026-01-05", "end": "2026-01-06"},
        "supportingInfo": [
            {"sequence": 1, "category": {"coding": [{"code": "clmrecvddate"}]}, "timingDate": "2026-01-07"}
        ],
        "diagnosis": [_diagnosis(1, "A02"), _diagnosis(2, "E119", "principal"), _diagnosis(3, "Z00", "admitting")],
        "item": [explained(1, "99213", 70), explained(2, "85025", 50)],
        "total": [amount("submitted", 120), amount("benefit", 80)],
        "payment": {"amount": {"value": 80, "currency": "USD"}, "date": "2026-01-21"},
    }
    changed = found | changes
    return {name: value for name, value in changed.items() if value is not None}


def explained(sequence: int, code: str, submitted: float | None, *more: dict[str, Any]) -> dict[str, Any]:
    """A service line with what was submitted, and further adjudications."""
    own = [] if submitted is None else [amount("submitted", submitted)]
    return {
        "sequence": sequence,
        "productOrService": {"coding": [{"code": code}]},
        "servicedDate": "2026-01-05",
        "locationCodeableConcept": {"coding": [{"code": "11"}]},
        "quantity": {"value": 1},
        "adjudication": [*own, *more],
    }


def read_json_explanation(document: dict[str, Any]) -> HistoryRecord:
    """An explanation as it is read from its JSON."""
    parsed = read_json(json.dumps(document).encode(), max_depth=24)
    assert isinstance(parsed, dict)
    return read_explanation(parsed)


def _diagnosis(sequence: int, code: str, kind: str = "secondary") -> dict[str, Any]:
    return {
        "sequence": sequence,
        "diagnosisCodeableConcept": {"coding": [{"code": code}]},
        "type": [{"coding": [{"code": kind}]}],
    }
