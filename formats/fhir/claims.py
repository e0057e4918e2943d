"""A FHIR R4 `Claim` as a claim: it is read, or refused with the FHIRPath, a code and the reason of each problem."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final, Literal

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from formats.fhir.elements import ClaimDiagnosis, ClaimItem, CodeableConcept, FhirClaim, FhirMoney, Reference
from formats.fhir.parties import UnnamedParty, party_id
from formats.parsed import ParsedClaim, ParsedLine, stated_authorization

IssueType = Literal[
    "structure",
    "required",
    "value",
    "code-invalid",
    "invariant",
    "not-supported",
    "not-found",
    "business-rule",
    "duplicate",
    "conflict",
    "forbidden",
    "too-long",
    "throttled",
    "transient",
]
"""Codes of http://hl7.org/fhir/issue-type that are used."""
_PRINCIPAL: Final = "principal"
_NOT_TREATED: Final = frozenset({"admitting"})
"""Types of diagnoses that are not among those of the claim."""
_REPLACES: Final = frozenset({"prior", "replaces"})


@dataclass(frozen=True, slots=True)
class FhirProblem:
    """What is wrong with one element. Never repeats what was sent."""

    where: str
    """FHIRPath."""
    code: str
    """Stable."""
    issue: IssueType
    reason: str
    remedy: str


@dataclass(slots=True)
class ReadClaim:
    """A claim that was read, or why not."""

    resource: FhirClaim | None = None
    claim: ParsedClaim[str] | None = None
    problems: list[FhirProblem] = field(default_factory=list)

    def problem(self, where: str, code: str, issue: IssueType, reason: str, remedy: str) -> None:
        """Refuse the claim."""
        self.problems.append(FhirProblem(where, code, issue, reason, remedy))


def read_claim(document: Mapping[str, object]) -> ReadClaim:
    """Read a `Claim` from the values of its JSON, with decimals as `Decimal`."""
    found = ReadClaim()
    if document.get("resourceType") != "Claim":
        reason = "the resource is not a Claim"
        found.problem("resourceType", "invalid_resource_type", "not-supported", reason, "send a Claim of FHIR R4")
        return found
    try:
        found.resource = FhirClaim.model_validate(document)
    except ValidationError as error:
        found.problems += [_problem(one) for one in error.errors(include_url=False, include_input=False)[:50]]
        return found
    _read(found.resource, found)
    return found


def read_resource(resource: FhirClaim) -> ReadClaim:
    """Read a `Claim` whose elements were read before."""
    found = ReadClaim(resource)
    _read(resource, found)
    return found


def _problem(error: ErrorDetails) -> FhirProblem:
    path = "Claim"
    for part in error["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    missing = error["type"] == "missing"
    message = error["msg"].removeprefix("Value error, ")
    reason = "the element is required" if missing else message[:1].lower() + message[1:]
    issue: IssueType = "required" if missing else "structure"
    code = "missing_element" if missing else "invalid_element"
    return FhirProblem(path, code, issue, reason, "send the element as FHIR R4 defines it")


def _read(resource: FhirClaim, found: ReadClaim) -> None:
    if resource.status != "active":
        reason = "only active claims are taken; to withdraw a claim, void it"
        found.problem("Claim.status", "invalid_status", "not-supported", reason, "send status active")
    if resource.use != "claim":
        reason = "only claims are taken, no preauthorizations or predeterminations"
        found.problem("Claim.use", "invalid_use", "not-supported", reason, "send use claim")
    member_id = _party(resource.patient, "patient", resource, found)
    provider_id = _party(resource.provider, "provider", resource, found)
    _check_currencies(resource, found)
    places: dict[str, str] = {
        "member_id": "Claim.patient",
        "provider_id": "Claim.provider",
        "service_from": "Claim.billablePeriod.start",
        "service_to": "Claim.billablePeriod.end",
        "claim_amount": "Claim.total",
        "lines": "Claim.item",
        "diagnosis_codes": "Claim.diagnosis",
    }
    diagnoses = _diagnoses(resource, found, places)
    lines = _lines(resource, found, places)
    place_of_service = _place_of_service(resource, found, places)
    replaces = _replaces(resource, found)
    authorization_number = _authorization(resource, places)
    period = resource.billablePeriod
    if found.problems or member_id is None or provider_id is None:
        return
    amounts = sum((Decimal(line.amount) for line in lines), Decimal(0))
    total = amounts if resource.total is None or resource.total.value is None else resource.total.value
    identifier = next((one for one in resource.identifier if one.value is not None), None)
    found.claim = ParsedClaim(
        claim_number="" if identifier is None else f"{identifier.system or ''}|{identifier.value}",
        member_id=member_id,
        provider_id=provider_id,
        diagnosis_codes=diagnoses,
        lines=lines,
        amount=_text(total),
        service_from=None if period is None else period.start,
        service_to=None if period is None else period.end or period.start,
        place_of_service=place_of_service,
        replaces=replaces,
        authorization_number=authorization_number,
        places=places,
    )


def _party(reference: Reference, name: str, resource: FhirClaim, found: ReadClaim) -> str | None:
    try:
        return party_id(reference, resource.contained)
    except UnnamedParty as error:
        found.problem(f"Claim.{name}", f"invalid_{name}", "required", error.reason, error.remedy)
        return None


def _check_currencies(resource: FhirClaim, found: ReadClaim) -> None:
    amounts: list[FhirMoney | None] = [resource.total, *(one.net for one in resource.item)]
    amounts += [one.unitPrice for one in resource.item]
    stated = {one.currency for one in amounts if one is not None and one.currency is not None}
    if len(stated) > 1:
        reason = "the amounts are in more than one currency"
        found.problem("Claim.item", "currencies_differ", "invariant", reason, "send all amounts in one currency")


def _diagnoses(resource: FhirClaim, found: ReadClaim, places: dict[str, str]) -> tuple[str, ...]:
    """Diagnoses, the principal one first, else in the order of their sequence."""
    ordered = sorted(
        enumerate(resource.diagnosis), key=lambda one: (not _has_type(one[1], _PRINCIPAL), one[1].sequence)
    )
    codes: dict[str, str] = {}
    for at, one in ordered:
        where = f"Claim.diagnosis[{at}].diagnosisCodeableConcept"
        if any(_has_type(one, kind) for kind in _NOT_TREATED):
            continue
        code = _code(one.diagnosisCodeableConcept)
        if code is None:
            reason = "the diagnosis has no code"
            found.problem(where, "missing_element", "required", reason, "send diagnosisCodeableConcept with a coding")
        else:
            codes.setdefault(code, where)
    if not resource.diagnosis:
        reason = "the claim has no diagnosis"
        found.problem("Claim.diagnosis", "missing_element", "required", reason, "send at least the principal diagnosis")
    places.update({f"diagnosis_codes[{at}]": where for at, where in enumerate(codes.values())})
    return tuple(codes)


def _precedence(diagnosis: ClaimDiagnosis) -> tuple[bool, int]:
    return not _has_type(diagnosis, _PRINCIPAL), diagnosis.sequence


def _has_type(diagnosis: ClaimDiagnosis, code: str) -> bool:
    return any(code in one.codes() for one in diagnosis.type)


def _code(concept: CodeableConcept | None) -> str | None:
    return None if concept is None else next(iter(concept.codes()), None)


def _lines(resource: FhirClaim, found: ReadClaim, places: dict[str, str]) -> tuple[ParsedLine, ...]:
    lines = []
    ordered = sorted(enumerate(resource.item), key=lambda one: one[1].sequence)
    sequences = [one.sequence for _, one in ordered]
    if len(set(sequences)) != len(sequences):
        reason = "two items have the same sequence"
        found.problem("Claim.item", "repeated_sequence", "invariant", reason, "number the items")
    for number, (at, item) in enumerate(ordered):
        where = f"Claim.item[{at}]"
        code = _code(item.productOrService) or _code(item.revenue)
        amount = _amount(item, resource)
        units = _units(item)
        if code is None:
            reason = "the item has no code"
            found.problem(f"{where}.productOrService", "missing_element", "required", reason, "send the procedure code")
        if amount is None:
            reason = "the item has no amount: neither net, nor unitPrice and quantity"
            found.problem(f"{where}.net", "missing_element", "required", reason, "send net")
        if units is None:
            reason = "the quantity must be a positive number"
            found.problem(f"{where}.quantity", "invalid_units", "value", reason, "send the number of units")
        if code is not None and amount is not None and units is not None:
            lines.append(ParsedLine(code, _text(amount), units, _day(item), _modifiers(item)))
        places |= {
            f"lines[{number}]": where,
            f"lines[{number}].procedure_code": f"{where}.productOrService",
            f"lines[{number}].modifiers": f"{where}.modifier",
            f"lines[{number}].amount": f"{where}.net",
            f"lines[{number}].units": f"{where}.quantity",
            f"lines[{number}].service_date": f"{where}.serviced",
        }
    if not resource.item:
        found.problem("Claim.item", "missing_element", "required", "the claim has no item", "send its services")
    return tuple(lines)


def _amount(item: ClaimItem, resource: FhirClaim) -> Decimal | None:
    """The charge for all units: `net`, else `unitPrice` times `quantity`, else the total of a claim with one item."""
    if item.net is not None and item.net.value is not None:
        return item.net.value
    if item.unitPrice is not None and item.unitPrice.value is not None:
        quantity = Decimal(1) if item.quantity is None or item.quantity.value is None else item.quantity.value
        return item.unitPrice.value * quantity
    if len(resource.item) == 1 and resource.total is not None:
        return resource.total.value
    return None


def _units(item: ClaimItem) -> int | None:
    if item.quantity is None or item.quantity.value is None:
        return 1
    value = item.quantity.value
    if not 0 < value <= 1_000_000_000:
        return None
    return int(value) + (value != int(value))


def _modifiers(item: ClaimItem) -> tuple[str, ...]:
    return tuple(code for code in map(_code, item.modifier) if code is not None)


def _day(item: ClaimItem) -> date | None:
    period = item.servicedPeriod
    return item.servicedDate or (None if period is None else period.start or period.end)


def _place_of_service(resource: FhirClaim, found: ReadClaim, places: dict[str, str]) -> str | None:
    """The place of all items; items at different places are refused, because a claim has one."""
    at = [(number, _code(one.locationCodeableConcept)) for number, one in enumerate(resource.item)]
    stated = [(number, code) for number, code in at if code is not None]
    if not stated:
        return None
    places["place_of_service"] = f"Claim.item[{stated[0][0]}].locationCodeableConcept"
    if len({code for _, code in stated}) > 1:
        reason = "the items have different places of service"
        remedy = "send a claim for each place"
        found.problem("Claim.item", "places_differ", "not-supported", reason, remedy)
    return stated[0][1]


def _replaces(resource: FhirClaim, found: ReadClaim) -> str | None:
    replaced = None
    for at, one in enumerate(resource.related):
        if one.relationship is None or not _REPLACES.intersection(one.relationship.codes()):
            continue
        reference = one.claim
        if reference is None:
            id_ = None
        elif reference.identifier is not None:
            id_ = reference.identifier.value
        else:
            id_ = (reference.reference or "").rpartition("/")[2]
        if not id_ or replaced is not None:
            reason = "the claim that this one replaces is not named, or there are several"
            found.problem(f"Claim.related[{at}].claim", "invalid_replaces", "value", reason, "name one claim by its id")
        replaced = id_ or None
    return replaced


def _authorization(resource: FhirClaim, places: dict[str, str]) -> str | None:
    """What is stated of the prior authorization under the focal insurance."""
    focal = [(at, one) for at, one in enumerate(resource.insurance) if one.focal is not False]
    stated = [(number, f"Claim.insurance[{at}].preAuthRef") for at, one in focal for number in one.preAuthRef]
    if stated:
        places["authorization_number"] = stated[0][1]
    return stated_authorization(number for number, _ in stated)


def _text(amount: Decimal) -> str:
    """The amount without an exponent."""
    return f"{amount:f}"
