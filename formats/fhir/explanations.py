"""A FHIR R4 `ExplanationOfBenefit` as a decided claim: it is read, or refused with a FHIRPath and reason.

Profiles differ in where they put amounts. The charge is the total of category `submitted`, else the sum of the items'
submitted amounts; what was paid is `payment.amount`, else the total of category `benefit`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from pydantic import ValidationError

from formats.fhir.elements import ClaimDiagnosis, CodeableConcept, FhirMoney, Quantity, read_day
from formats.fhir.explanation_elements import ExplainedItem, FhirExplanation, ItemAdjudication
from formats.fhir.parties import UnnamedParty, party_id
from formats.history import HistoryAdjustment, HistoryClaim, HistoryLine, HistoryProblem, HistoryRecord, HistoryStatus

EXPLANATION: Final = "ExplanationOfBenefit"
_CARC: Final = "https://x12.org/codes/claim-adjustment-reason-codes"
_GROUPED_CARC: Final = "_ansi_cd"
"""End of the systems of Blue Button whose codes are group and reason in one, such as CO45."""
_TOTAL_CHARGE: Final = ("/rev_cntr_tot_chrg_amt", "/line_sbmtd_chrg_amt")
"""End of the codes of Blue Button that tell the charge from other amounts of category `submitted`."""
_ABSENT: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_NOT_TREATED: Final = frozenset({"admitting", "patientreasonforvisit"})
_PAID: Final = frozenset({"paid", "partiallypaid"})
"""Types of a payment that say that the claim was paid; those of base FHIR, `complete` and `partial`, do not."""
_MOST_CENTS: Final = 10**14
_MOST_UNITS: Final = 1_000_000_000


class UnreadElement(ValueError):
    """An element of an explanation that cannot be read."""

    def __init__(self, where: str, code: str, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.where, self.code, self.reason, self.remedy = where, code, reason, remedy


def read_explanation(document: Mapping[str, object], where: str = "") -> HistoryRecord:
    """Read an `ExplanationOfBenefit` from the values of its JSON, with decimals as `Decimal`.

    `where` is the path of the resource in its file.
    """
    prefix = f"{where}." if where else ""
    try:
        resource = FhirExplanation.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
        missing = first["type"] == "missing"
        reason = "the element is required" if missing else first["msg"].removeprefix("Value error, ")
        code = "missing_element" if missing else "invalid_element"
        return HistoryProblem("", prefix + path, code, reason, "ask the sender for the element as FHIR R4 defines it")
    try:
        return _read(resource, where or EXPLANATION)
    except UnreadElement as error:
        number = _identifier(resource) or ""
        return HistoryProblem(number, prefix + error.where, error.code, error.reason, error.remedy)


def _read(resource: FhirExplanation, where: str) -> HistoryClaim:
    _check_kind(resource)
    claim_id = _identifier(resource)
    if claim_id is None:
        reason = "the explanation has neither an identifier nor an id"
        raise UnreadElement("identifier", "missing_element", reason, "ask the sender for the claim's identifier")
    lines = tuple(_line(number, at, resource) for number, at in enumerate(_in_sequence(resource), start=1))
    billed = _billed(resource, lines)
    paid = _paid(resource)
    period = resource.billablePeriod
    days = [line.service_date for line in lines if line.service_date is not None]
    first = (None if period is None else period.start) or min(days, default=None)
    last = (None if period is None else period.end or period.start) or max(days, default=None)
    return HistoryClaim(
        claim_id=claim_id,
        claim_number=claim_id,
        where=where,
        member_id=_party(resource, "patient"),
        provider_id=_party(resource, "provider"),
        status=_status(resource, paid),
        billed_cents=billed,
        paid_cents=paid,
        received_on=_received_on(resource),
        decided_on=_decided_on(resource),
        service_from=first,
        service_to=last,
        lines=lines,
        adjustments=tuple(_adjustments(resource)),
        diagnosis_codes=_diagnoses(resource),
        place_of_service=_place_of_service(resource),
        replaces=_replaces(resource),
        reversed_on=_reversed_on(resource),
    )


def _check_kind(resource: FhirExplanation) -> None:
    if resource.status not in ("active", "cancelled"):
        reason = "the status is neither active nor cancelled, so it states no decision"
        raise UnreadElement("status", "invalid_status", reason, "leave it out; it is no history")
    if resource.use != "claim":
        reason = "a preauthorization or predetermination, not a claim"
        raise UnreadElement("use", "invalid_use", reason, "leave it out; it is no history")
    if resource.outcome not in ("complete", "partial"):
        reason = "the outcome is neither complete nor partial, so the claim is not decided"
        raise UnreadElement("outcome", "invalid_outcome", reason, "take it once it is decided")
    amounts = [resource.payment.amount if resource.payment else None, *(one.amount for one in resource.total)]
    if len({one.currency for one in amounts if one is not None and one.currency is not None}) > 1:
        reason = "the amounts are in more than one currency"
        raise UnreadElement("total", "currencies_differ", reason, "ask the sender for amounts in one currency")


def _identifier(resource: FhirExplanation) -> str | None:
    """The first identifier, as of a submitted `Claim`; else the id of the resource."""
    return next((one.value for one in resource.identifier if one.value is not None), resource.id)


def _party(resource: FhirExplanation, name: str) -> str:
    try:
        return party_id(resource.patient if name == "patient" else resource.provider, resource.contained)
    except UnnamedParty as error:
        raise UnreadElement(name, f"invalid_{name}", error.reason, error.remedy) from None


def _in_sequence(resource: FhirExplanation) -> list[int]:
    """The indexes of the items, in the order of their sequence."""
    return sorted(range(len(resource.item)), key=lambda at: resource.item[at].sequence)


def _line(number: int, at: int, resource: FhirExplanation) -> HistoryLine:
    item, where = resource.item[at], f"item[{at}]"
    charge = _charge(item)
    period = item.servicedPeriod
    return HistoryLine(
        number=number,
        procedure_code=_code(item.productOrService) or _code(item.revenue),
        units=_units(item.quantity, f"{where}.quantity"),
        amount_cents=None if charge is None else _cents(charge, f"{where}.adjudication"),
        service_date=item.servicedDate or (None if period is None else period.start or period.end),
    )


def _charge(item: ExplainedItem) -> FhirMoney | None:
    """The submitted amount of an item; `None` where several are stated and none is marked as the charge."""
    submitted = [one for one in item.adjudication if "submitted" in one.category.codes()]
    if len(submitted) > 1:
        submitted = [one for one in submitted if any(code.endswith(_TOTAL_CHARGE) for code in one.category.codes())]
    return submitted[0].amount if len(submitted) == 1 else None if submitted else item.net


def _billed(resource: FhirExplanation, lines: Sequence[HistoryLine]) -> int:
    totals = [(at, one) for at, one in enumerate(resource.total) if "submitted" in one.category.codes()]
    if len(totals) == 1:
        at, total = totals[0]
        cents = _cents(total.amount, f"total[{at}].amount")
        if cents is not None:
            return cents
    amounts = [line.amount_cents for line in lines if line.amount_cents is not None]
    if totals or not lines or len(amounts) < len(lines):
        reason = "there is not one total of category submitted, and the items do not all have a submitted amount"
        raise UnreadElement("total", "missing_element", reason, "ask the sender for the submitted amount")
    return sum(amounts)


def _paid(resource: FhirExplanation) -> int | None:
    if resource.payment is not None and resource.payment.amount is not None:
        return _cents(resource.payment.amount, "payment.amount")
    benefits = [(at, one) for at, one in enumerate(resource.total) if "benefit" in one.category.codes()]
    return _cents(benefits[0][1].amount, f"total[{benefits[0][0]}].amount") if len(benefits) == 1 else None


def _cents(money: FhirMoney, where: str) -> int | None:
    if money.value is None:
        return None
    cents = money.value * 100
    if cents != cents.to_integral_value() or abs(cents) > _MOST_CENTS:
        reason = "the amount has more than two decimal places, or is too large"
        raise UnreadElement(where, "invalid_amount", reason, "ask the sender for the amount in cents")
    return int(cents)


def _units(quantity: Quantity | None, where: str) -> int:
    if quantity is None or quantity.value is None:
        return 1
    if not Decimal(0) <= quantity.value <= _MOST_UNITS:
        reason = "the quantity is negative or too large"
        raise UnreadElement(where, "invalid_units", reason, "ask the sender for the number of units")
    return int(quantity.value) + (quantity.value != int(quantity.value))


def _status(resource: FhirExplanation, paid: int | None) -> HistoryStatus:
    if resource.status == "cancelled":
        return HistoryStatus.REVERSED
    kind = resource.payment.type if resource.payment is not None else None
    stated = set() if kind is None else set(kind.codes())
    if "denied" in stated or (not stated & _PAID and not paid and _denies(resource)):
        return HistoryStatus.DENIED
    return HistoryStatus.PAID


def _denies(resource: FhirExplanation) -> bool:
    """Whether the claim, or each of its items, has a reason of denial that is an adjustment reason code."""
    parts = [resource.adjudication, *(item.adjudication for item in resource.item)]
    denied = [any("denialreason" in one.category.codes() and _carcs(one) for one in part) for part in parts]
    return denied[0] or (len(denied) > 1 and all(denied[1:]))


def _adjustments(resource: FhirExplanation) -> Iterable[HistoryAdjustment]:
    for adjudication in resource.adjudication:
        yield from _of(adjudication, None, "adjudication")
    for number, at in enumerate(_in_sequence(resource), start=1):
        for adjudication in resource.item[at].adjudication:
            yield from _of(adjudication, number, f"item[{at}].adjudication")


def _of(adjudication: ItemAdjudication, line: int | None, where: str) -> Iterable[HistoryAdjustment]:
    amount = None if adjudication.amount is None else _cents(adjudication.amount, where)
    for group, carc in _carcs(adjudication):
        yield HistoryAdjustment(line, group, carc, amount)


def _carcs(adjudication: ItemAdjudication) -> list[tuple[str | None, str]]:
    """Group, where the code has it, and adjustment reason code."""
    found: list[tuple[str | None, str]] = []
    for coding in () if adjudication.reason is None else adjudication.reason.coding:
        if coding.code is None or coding.system is None:
            continue
        if coding.system == _CARC:
            found.append((None, coding.code))
        elif coding.system.endswith(_GROUPED_CARC) and len(coding.code) > 2 and coding.code[:2].isalpha():
            found.append((coding.code[:2], coding.code[2:]))
    return found


def _code(concept: CodeableConcept | None) -> str | None:
    codings = () if concept is None else concept.coding
    return next((one.code for one in codings if one.code is not None and one.system != _ABSENT), None)


def _diagnoses(resource: FhirExplanation) -> tuple[str, ...]:
    """Codes, the principal one first, else in the order of their sequence."""
    treated = [one for one in resource.diagnosis if not any(_NOT_TREATED.intersection(t.codes()) for t in one.type)]
    ordered = sorted(treated, key=_precedence)
    codes = (_code(one.diagnosisCodeableConcept) for one in ordered)
    return tuple(dict.fromkeys(code for code in codes if code is not None))


def _precedence(diagnosis: ClaimDiagnosis) -> tuple[bool, int]:
    return not any("principal" in one.codes() for one in diagnosis.type), diagnosis.sequence


def _place_of_service(resource: FhirExplanation) -> str | None:
    """The place of all items, where it is one."""
    stated = {code for one in resource.item if (code := _code(one.locationCodeableConcept)) is not None}
    place = stated.pop() if len(stated) == 1 else ""
    return place if len(place) == 2 and place.isascii() and place.isdigit() else None


def _received_on(resource: FhirExplanation) -> date | None:
    received = (one.timingDate for one in resource.supportingInfo if "clmrecvddate" in one.category.codes())
    return next((day for day in received if day is not None), None)


def _decided_on(resource: FhirExplanation) -> date | None:
    if resource.payment is not None and resource.payment.date is not None:
        return resource.payment.date
    return _day(resource.created)


def _reversed_on(resource: FhirExplanation) -> date | None:
    """When a cancelled explanation was last changed: the latest that it can have counted."""
    if resource.status != "cancelled":
        return None
    found = _day(None if resource.meta is None else resource.meta.lastUpdated) or _day(resource.created)
    if found is None:
        reason = "the claim was cancelled, and nothing says when: neither meta.lastUpdated nor created is a date"
        raise UnreadElement("meta.lastUpdated", "missing_element", reason, "ask the sender for the date")
    return found


def _day(text: str | None) -> date | None:
    try:
        return read_day(text)
    except ValueError:
        return None


def _replaces(resource: FhirExplanation) -> str | None:
    for one in resource.related:
        if one.relationship is None or not {"prior", "replaces"}.intersection(one.relationship.codes()):
            continue
        if one.reference is not None and one.reference.value is not None:
            return one.reference.value
        if one.claim is not None and one.claim.identifier is not None:
            return one.claim.identifier.value
    return None
