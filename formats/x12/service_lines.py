"""Service lines of a claim: LX with SV1 (professional) or SV2 (institutional), and their dates."""

from datetime import date
from typing import Final

from formats.parsed import ParsedLine
from formats.x12.loop_report import LoopReport
from formats.x12.other_payers import OtherPayers
from formats.x12.problems import X12Code
from formats.x12.tokens import Segment
from formats.x12.values import amount_text, time_units, whole_number

_PROFESSIONAL: Final = "SV1"
_INSTITUTIONAL: Final = "SV2"
_MINUTES: Final = "MJ"


class ServiceLines:
    """Collects the lines. Where a claim has no LX at all, each SV1 or SV2 is a line."""

    def __init__(self, report: LoopReport, other_payers: OtherPayers, *, institutional: bool) -> None:
        self._report = report
        self._other_payers = other_payers
        self._expected = _INSTITUTIONAL if institutional else _PROFESSIONAL
        self._lines: list[ParsedLine] = []
        self._header: Segment | None = None
        self._service: Segment | None = None
        self._dates: Segment | None = None
        self._days: tuple[date, date] | None = None
        self._all_days: list[date] = []
        self._numbered = False

    @property
    def are_open(self) -> bool:
        """Whether the segments that follow belong to a line."""
        return self._header is not None or self._service is not None

    @property
    def days(self) -> tuple[date, date] | None:
        """The first and the last day of all lines."""
        return (min(self._all_days), max(self._all_days)) if self._all_days else None

    def take(self, segment: Segment) -> None:
        """Take a segment of a line."""
        if segment.name == "LX":
            self._end()
            self._header, self._numbered = segment, True
        elif segment.name in (_PROFESSIONAL, _INSTITUTIONAL):
            self._take_service(segment)
        elif segment.name == "SVD":
            self._other_payers.take_of_line(len(self._lines), segment)
        elif segment.name.startswith("SV") and segment.name != "SV5":
            reason = f"{segment.name} is not a service line of a professional or institutional claim"
            self._report.problem(
                self._report.place(segment), X12Code.UNEXPECTED_SEGMENT, reason, "send SV1 or SV2", segment_error="2"
            )
            self._service = segment
        elif segment.name == "DTP" and segment.element(1) == "472":
            self._take_dates(segment)

    def _take_service(self, segment: Segment) -> None:
        if self._service is None:
            self._service = segment
        elif not self._numbered:
            self._end()
            self._service = segment
        elif self._service.name == segment.name and self._service.elements == segment.elements:
            reason = "the service is repeated under the same LX; the repetition is ignored"
            remedy = "send each service once, under an LX of its own"
            place = self._report.place(segment)
            self._report.note(place, X12Code.REPEATED_SEGMENT, reason, remedy, segment_error="5")
        else:
            reason = "a second, different service under the same LX: it is unclear which is meant"
            remedy = "send each service under an LX of its own"
            place = self._report.place(segment)
            self._report.problem(place, X12Code.REPEATED_SEGMENT, reason, remedy, segment_error="5")

    def _take_dates(self, segment: Segment) -> None:
        if self._dates is None:
            self._dates, self._days = segment, self._report.read_period(segment)
        elif self._dates.elements == segment.elements:
            reason = "the date of service is repeated; the repetition is ignored"
            place = self._report.place(segment)
            self._report.note(place, X12Code.REPEATED_SEGMENT, reason, "send it once", segment_error="5")
        else:
            reason = "a second, different date of service of the line: it is unclear which is meant"
            place = self._report.place(segment, 3)
            self._report.problem(place, X12Code.REPEATED_SEGMENT, reason, "send one", segment_error="5")

    def close(self) -> tuple[ParsedLine, ...]:
        """All lines; a claim without any is refused."""
        self._end()
        if not self._lines and not self._report.problems:
            self._report.problem(
                self._report.claim_place,
                X12Code.MISSING_SEGMENT,
                "the claim has no service line",
                "send its services, each with LX and SV1 or SV2",
                segment_error="3",
            )
        return tuple(self._lines)

    def _end(self) -> None:
        header, service, dates = self._header, self._service, self._dates
        days = self._days
        self._header = self._service = self._dates = self._days = None
        if service is None:
            if header is not None:
                reason, remedy = "the LX segment has no service (SV1 or SV2)", "send the service after its LX"
                place = self._report.place(header)
                self._report.problem(place, X12Code.MISSING_SEGMENT, reason, remedy, segment_error="3")
            return
        if service.name not in (_PROFESSIONAL, _INSTITUTIONAL):
            return
        if header is None:
            reason = "the service has no LX before it; it is taken as a line of its own"
            place = self._report.place(service)
            self._report.note(place, X12Code.MISSING_SEGMENT, reason, "send LX before each service", segment_error="3")
        if service.name != self._expected:
            reason = (
                f"{service.name} in a claim whose version has {self._expected}; it is read as {service.name} defines it"
            )
            place = self._report.place(service)
            remedy = f"send {self._expected}, or the other version in GS08 and ST03"
            self._report.note(place, X12Code.UNEXPECTED_SEGMENT, reason, remedy, segment_error="2")
        self._add(service, dates, days)

    def _add(self, service: Segment, dates: Segment | None, days: tuple[date, date] | None) -> None:
        number = len(self._lines)
        shift = 1 if service.name == _INSTITUTIONAL else 0
        code_element, amount_element = 1 + shift, 2 + shift
        procedure = service.component(code_element, 2)
        code_component: int | None = 2
        if not procedure and shift and not service.element(2):
            procedure, code_element, code_component = service.element(1), 1, None  # a revenue code alone
        amount = amount_text(service.element(amount_element))
        units = self._units(service, 3 + shift)
        read_from = self._report.read_from
        read_from(f"lines[{number}]", self._report.place(service))
        read_from(f"lines[{number}].procedure_code", self._report.place(service, code_element, code_component))
        read_from(f"lines[{number}].modifiers", self._report.place(service, code_element))
        read_from(f"lines[{number}].amount", self._report.place(service, amount_element))
        read_from(f"lines[{number}].units", self._report.place(service, 4 + shift))
        if dates is not None:
            read_from(f"lines[{number}].service_date", self._report.place(dates, 3))
        if not procedure:
            self._no_procedure(service, code_element)
        if amount is None:
            self._report.problem(
                self._report.place(service, amount_element),
                X12Code.INVALID_AMOUNT,
                "the charge is not a number with at most two decimal places",
                "send the charge for all units of the service",
                element_error="6",
            )
        if days is not None:
            self._all_days += days
        if procedure and amount is not None and units is not None:
            modifiers = tuple(one for one in service.components(code_element)[2:6] if one) if code_component else ()
            self._lines.append(ParsedLine(procedure, amount, units, None if days is None else days[0], modifiers))

    def _no_procedure(self, service: Segment, element: int) -> None:
        separator = service.delimiters.component
        sent = bool(service.element(element))
        self._report.problem(
            self._report.place(service, element),
            X12Code.SEPARATOR if sent else X12Code.MISSING_ELEMENT,
            f"{service.name}{element:02} is not QUALIFIER{separator}CODE; the component separator that ISA16 declares "
            f"is {separator}",
            "send qualifier and code of the procedure, separated by the declared separator",
            element_error="7" if sent else "1",
        )

    def _units(self, service: Segment, basis_element: int) -> int | None:
        """Whole units; a quantity that is not sent is one unit, minutes of anesthesia become time units."""
        text = service.element(basis_element + 1)
        place = self._report.place(service, basis_element + 1)
        if not text:
            return 1
        found = whole_number(text)
        if found is None:
            reason = "the quantity is not a positive number"
            self._report.problem(
                place, X12Code.INVALID_QUANTITY, reason, "send the units of the service", element_error="6"
            )
            return None
        units, rounded = found
        if rounded:
            reason = "the quantity has a fraction; it is rounded up"
            self._report.note(place, X12Code.ROUNDED, reason, "send whole units")
        return time_units(units) if service.element(basis_element) == _MINUTES else units
