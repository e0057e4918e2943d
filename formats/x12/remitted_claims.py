"""835 transaction sets (005010X221) as decided claims: each is read, or refused with its segment and reason.

Only what the payer states about a claim is read (loops 2100 and 2110). Provider-level adjustments (PLB) belong to no
claim; the facility code (CLP08) is ignored, because nothing says whether it is a place of service or a type of bill.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from formats.history import HistoryAdjustment, HistoryClaim, HistoryLine, HistoryProblem, HistoryRecord, HistoryStatus
from formats.x12.envelope import TransactionSet
from formats.x12.problems import SegmentPlace, X12Code
from formats.x12.tokens import Segment
from formats.x12.values import day, is_identifier, signed_cents, whole_number

VERSION: Final = "005010X221"
_MAX_ID: Final = 64
_TRIPLETS: Final = 6
_REVERSAL: Final = "22"
_STATUSES: Final = {
    **dict.fromkeys(("1", "2", "3", "19", "20", "21"), HistoryStatus.PAID),
    "4": HistoryStatus.DENIED,
    _REVERSAL: HistoryStatus.REVERSED,
}
"""CLP02."""
_UNDECIDED: Final = {
    "23": "the payer forwarded the claim and did not decide it",
    "25": "a predetermination of benefits, not a claim",
}
_SERVICE_FROM: Final = frozenset(("150", "472"))
_SERVICE_TO: Final = frozenset(("151", "472"))
_LOOP_ENDS: Final = frozenset(("CLP", "LX", "PLB", "SE"))


def read_remitted_claims(message: TransactionSet) -> Iterator[HistoryRecord]:
    """The claims of a transaction set, in their order. All are refused where the set itself is unreliable."""
    unreliable = next(_set_problems(message), None)
    payee, decided, claims = RemittedPayee(), None, 0
    loop: RemittedLoop | None = None
    for segment in message.segments:
        name = segment.name
        if loop is not None and name in _LOOP_ENDS:
            yield _refused(loop, unreliable) if unreliable is not None else loop.close()
            loop = None
        if name == "CLP":
            loop, claims = RemittedLoop(segment, message, payee, decided), claims + 1
        elif loop is not None:
            loop.take(segment)
        elif name == "N1" and segment.element(1) == "PE":
            payee = RemittedPayee(segment)
        elif name == "BPR" and decided is None:
            decided = day(segment.element(16))
        elif name == "DTM" and segment.element(1) == "405":
            decided = day(segment.element(2)) or decided
    if loop is not None:
        reason = "the transaction set ends without SE: the end of this claim may be missing"
        cut = HistoryProblem("", "", X12Code.CUT_OFF, reason, "fetch the whole file again")
        yield _refused(loop, unreliable or cut)
    if unreliable is not None and not claims:
        yield unreliable


def _refused(loop: "RemittedLoop", problem: HistoryProblem) -> HistoryProblem:
    where = problem.where or loop.where()
    return HistoryProblem(loop.claim_number, where, problem.code, problem.reason, problem.remedy)


def _set_problems(message: TransactionSet) -> Iterator[HistoryProblem]:
    header = message.header
    if message.kind != "835":
        where = str(message.place(header, 1))
        reason = "the transaction set is not an 835"
        remedy = "leave it out; `ginja data ingest x12` submits the claims of an 837"
        yield HistoryProblem("", where, X12Code.UNSUPPORTED_TYPE, reason, remedy)
    elif not message.version.startswith(VERSION):
        where = str(message.place(header, 3))
        reason = f"the version (ST03, or GS08) is not {VERSION}"
        yield HistoryProblem("", where, X12Code.UNSUPPORTED_VERSION, reason, "ask the payer for 5010 remittances")
    for one in message.problems:
        yield HistoryProblem("", one.where, one.code, one.reason, one.remedy)


@dataclass(frozen=True, slots=True)
class RemittedPayee:
    """Who is paid, loop 1000B."""

    segment: Segment | None = None

    @property
    def id(self) -> str:
        """N104: the NPI, or the tax id."""
        return "" if self.segment is None else self.segment.element(4)


@dataclass(slots=True)
class RemittedService:
    """One SVC loop."""

    segment: Segment
    number: int
    begins: date | None = None
    ends: date | None = None


@dataclass(slots=True)
class RemittedLoop:
    """Collects the segments of a claim, from CLP on."""

    segment: Segment
    message: TransactionSet
    payee: RemittedPayee
    decided_on: date | None
    patient: Segment | None = None
    subscriber: Segment | None = None
    begins: date | None = None
    ends: date | None = None
    received_on: date | None = None
    services: list[RemittedService] = field(default_factory=list)
    lines: list[HistoryLine] = field(default_factory=list)
    adjustments: list[HistoryAdjustment] = field(default_factory=list)
    problem: HistoryProblem | None = None
    """The first one."""

    @property
    def claim_number(self) -> str:
        """CLP01."""
        number = self.segment.element(1)
        return number if is_identifier(number, _MAX_ID) else ""

    def where(self, segment: Segment | None = None, element: int | None = None) -> str:
        """A place of the loop."""
        place: SegmentPlace = self.message.place(segment or self.segment, element)
        return str(place)

    def take(self, segment: Segment) -> None:
        """Take a segment of the loop."""
        if segment.name == "SVC":
            self.services.append(RemittedService(segment, len(self.services) + 1))
        elif segment.name == "CAS":
            self._adjustment(segment)
        elif segment.name == "DTM":
            self._date(segment)
        elif segment.name == "NM1" and segment.element(1) == "QC" and self.patient is None:
            self.patient = segment
        elif segment.name == "NM1" and segment.element(1) == "IL" and self.subscriber is None:
            self.subscriber = segment

    def close(self) -> HistoryRecord:
        """The claim, or why it is refused."""
        status = self._status()
        reverses = status is HistoryStatus.REVERSED
        billed = self._amount(self.segment, 3, "the charge (CLP03)")
        paid = self._amount(self.segment, 4, "the payment (CLP04)")
        claim_id = self._identifier(self.segment, 7, "the payer's claim control number (CLP07)")
        member_id = self._member_id()
        provider_id = self._provider_id()
        lines = tuple(self._line(one, reverses=reverses) for one in self.services)
        if self.problem is not None:
            return self.problem
        assert status is not None
        adjusted = sum(one.amount_cents or 0 for one in self.adjustments)
        days = [day for one in self.services for day in (one.begins, one.ends) if day is not None]
        sign = -1 if reverses else 1
        if billed * sign < 0:
            reason = "a reversal's charge is not negative" if reverses else "the charge (CLP03) is negative"
            self._refuse(self.segment, 3, X12Code.INVALID_AMOUNT, reason, "ask the payer; a reversal has CLP02 22")
        return self.problem or HistoryClaim(
            claim_id=claim_id,
            claim_number=self.claim_number,
            where=self.where(),
            member_id=member_id,
            provider_id=provider_id,
            status=status,
            billed_cents=billed * sign,
            paid_cents=paid * sign,
            received_on=self.received_on,
            decided_on=self.decided_on,
            service_from=self.begins or min(days, default=None),
            service_to=self.ends or self.begins or max(days, default=None),
            lines=lines,
            adjustments=tuple(self.adjustments),
            reverses=reverses,
            balanced=billed - adjusted == paid,
        )

    def _status(self) -> HistoryStatus | None:
        code = self.segment.element(2)
        status = _STATUSES.get(code)
        if status is None and code in _UNDECIDED:
            self._refuse(self.segment, 2, X12Code.INVALID_CODE, _UNDECIDED[code], "leave it out; it is no history")
        elif status is None:
            reason = f"CLP02 is not a claim status: {', '.join(_STATUSES)}"
            self._refuse(self.segment, 2, X12Code.INVALID_CODE, reason, "ask the payer for its meaning")
        return status

    def _identifier(self, segment: Segment, element: int, what: str) -> str:
        found = segment.element(element)
        if not is_identifier(found, _MAX_ID):
            code = X12Code.INVALID_TEXT if found else X12Code.MISSING_ELEMENT
            reason = f"{what} is missing, or not at most {_MAX_ID} printable ASCII characters"
            self._refuse(segment, element, code, reason, "ask the payer for it, or leave the claim out")
        return found

    def _member_id(self) -> str:
        named = self.patient or self.subscriber
        if named is None:
            reason = "there is no patient (NM1*QC)"
            self._refuse(self.segment, None, X12Code.MISSING_SEGMENT, reason, "ask the payer, or leave the claim out")
            return ""
        return self._identifier(named, 9, "the patient's id (NM109)")

    def _provider_id(self) -> str:
        if self.payee.segment is None:
            reason = "there is no payee (N1*PE) before the claim"
            self._refuse(self.segment, None, X12Code.MISSING_SEGMENT, reason, "ask the payer for whole remittances")
            return ""
        return self._identifier(self.payee.segment, 4, "the payee's id (N104)")

    def _line(self, one: RemittedService, *, reverses: bool) -> HistoryLine:
        segment = one.segment
        amount = self._amount(segment, 2, "the line's charge (SVC02)")
        code = segment.component(1, 2)
        if not is_identifier(code, _MAX_ID):
            separator = segment.delimiters.component
            reason = f"SVC01 is not QUALIFIER{separator}CODE; the component separator of ISA16 is {separator}"
            remedy = "ask the payer to separate components by the declared separator"
            self._refuse(segment, 1, X12Code.SEPARATOR, reason, remedy)
        return HistoryLine(one.number, code, self._units(segment), -amount if reverses else amount, one.begins)

    def _units(self, segment: Segment) -> int:
        element = 7 if segment.element(7) else 5
        text = segment.element(element).removeprefix("-")
        if not text or signed_cents(text) == 0:
            return 0 if text else 1
        found = whole_number(text)
        if found is None:
            reason = f"the units (SVC{element:02}) are not a number"
            self._refuse(segment, element, X12Code.INVALID_QUANTITY, reason, "ask the payer for the number of units")
            return 0
        return found[0]

    def _adjustment(self, segment: Segment) -> None:
        line = self.services[-1].number if self.services else None
        for triplet in range(_TRIPLETS):
            reason_at, amount_at = 2 + 3 * triplet, 3 + 3 * triplet
            carc = segment.element(reason_at)
            if not carc and not segment.element(amount_at):
                continue
            if not is_identifier(carc, 5) or not segment.element(1).isalpha():
                reason = "CAS has no adjustment group and reason code"
                remedy = "ask the payer for group (CAS01) and reason code"
                self._refuse(segment, reason_at, X12Code.INVALID_CODE, reason, remedy)
            cents = self._amount(segment, amount_at, "the adjustment")
            self.adjustments.append(HistoryAdjustment(line, segment.element(1), carc, cents))

    def _date(self, segment: Segment) -> None:
        kind, found = segment.element(1), day(segment.element(2))
        used = kind in ("232", "233", "050") or kind in _SERVICE_FROM or kind in _SERVICE_TO
        if used and found is None:
            reason = "the date is not a day of the calendar written as CCYYMMDD"
            self._refuse(segment, 2, X12Code.INVALID_DATE, reason, "ask the payer for the date")
        if kind == "232":
            self.begins = found
        elif kind == "233":
            self.ends = found
        elif kind == "050":
            self.received_on = found
        elif self.services:
            service = self.services[-1]
            service.begins = found if kind in _SERVICE_FROM else service.begins
            service.ends = found if kind in _SERVICE_TO else service.ends

    def _amount(self, segment: Segment, element: int, what: str) -> int:
        found = signed_cents(segment.element(element))
        if found is None:
            reason = f"{what} is not a number with at most two decimal places"
            self._refuse(segment, element, X12Code.INVALID_AMOUNT, reason, "ask the payer for the amount")
        return found or 0

    def _refuse(self, segment: Segment, element: int | None, code: X12Code, reason: str, remedy: str) -> None:
        if self.problem is None:
            self.problem = HistoryProblem(self.claim_number, self.where(segment, element), code, reason, remedy)
