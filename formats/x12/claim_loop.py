"""One claim of an 837: from its CLM segment to the next CLM, HL or SE."""

from datetime import date
from typing import Final

from formats.parsed import ParsedClaim, stated_authorization
from formats.x12.diagnoses import Diagnoses
from formats.x12.envelope import TransactionSet
from formats.x12.loop_report import LoopReport
from formats.x12.other_payers import OtherPayers
from formats.x12.parties import HierarchyLevel
from formats.x12.problems import X12Code
from formats.x12.service_lines import ServiceLines
from formats.x12.tokens import Segment
from formats.x12.values import amount_text, is_identifier
from formats.x12.x12_claim import REPLACEMENT, VOID, X12Claim

MAX_CLAIM_NUMBER: Final = 38
"""CLM01."""
_ORIGINAL: Final = frozenset("1234")
_PLACE_OF_SERVICE: Final = "B"
"""CLM05-2: CLM05-1 is a place of service; A: a facility type of institutional claims."""
_FACILITY: Final = "A"


class ClaimLoop:
    """Collects the segments of a claim."""

    def __init__(
        self, segment: Segment, message: TransactionSet, level: HierarchyLevel, *, institutional: bool
    ) -> None:
        self._segment = segment
        self._level = level
        self.report = LoopReport(message, segment)
        self._diagnoses = Diagnoses(self.report)
        self._other_payers = OtherPayers(self.report)
        self._lines = ServiceLines(self.report, self._other_payers, institutional=institutional)
        self._other_payer = False
        self._once: dict[str, Segment] = {}
        """Segments that a claim has once, by name and qualifier."""
        self._statement: tuple[date, date] | None = None
        self._original: str | None = None
        self._authorizations: list[str] = []

    def is_first(self, key: str, segment: Segment) -> bool:
        """Whether a segment is the first of its kind in its loop. An equal repetition is noted, another one refuses."""
        first = self._once.setdefault(key, segment)
        if first is segment:
            return True
        place = self.report.place(segment)
        if first.elements == segment.elements:
            reason = "the segment is repeated; the repetition is ignored"
            self.report.note(place, X12Code.REPEATED_SEGMENT, reason, "send it once", segment_error="5")
        else:
            reason = f"a second, different {segment.name} segment where the guide has one: it is unclear which is meant"
            self.report.problem(place, X12Code.REPEATED_SEGMENT, reason, "send one", segment_error="5")
        return False

    def take(self, segment: Segment) -> None:
        """Take a segment of the loop."""
        name = segment.name
        if name == "LX" or (name.startswith("SV") and name != "SVD"):
            self._other_payer = False
            self._lines.take(segment)
        elif self._lines.are_open:
            self._lines.take(segment)
        elif name == "SBR":
            self._other_payer = True
            self._other_payers.begin()
        elif self._other_payer:
            self._other_payers.take(segment)
        elif name == "HI":
            self._diagnoses.take(segment)
        elif name == "DTP" and segment.element(1) == "434":
            if self.is_first("DTP 434", segment):
                self._statement = self.report.read_period(segment)
                self.report.read_from("service_from", self.report.place(segment, 3))
                self.report.read_from("service_to", self.report.place(segment, 3))
        elif name == "REF" and segment.element(1) == "F8" and self.is_first("REF F8", segment):
            self._original = segment.element(2)
            self.report.read_from("replaces", self.report.place(segment, 2))
        elif name == "REF" and segment.element(1) == "G1":
            if not self._authorizations:
                self.report.read_from("authorization_number", self.report.place(segment, 2))
            self._authorizations.append(segment.element(2))

    def close(self) -> X12Claim:
        """The claim, or why it is refused."""
        member_id, provider_id = self._level.ids
        number = self._number()
        amount = self._amount()
        place_of_service, frequency = self._facility()
        original = self._checked_original(frequency)
        claim = None
        diagnoses = self._diagnoses.codes()
        other_paid, lines = self._other_payers.paid(self._lines.close())
        problems = tuple(dict.fromkeys((*self._level.problems, *self.report.problems)))
        service = self._statement or self._lines.days
        if not problems and member_id and provider_id and amount:
            for party, field in ((self._level.patient, "member_id"), (self._level.provider, "provider_id")):
                if party.segment is not None:
                    self.report.read_from(field, self.report.place(party.segment, 9))
            first, last = service or (None, None)
            claim = ParsedClaim(
                claim_number=number,
                member_id=member_id,
                provider_id=provider_id,
                diagnosis_codes=diagnoses,
                lines=lines,
                amount=amount,
                service_from=first,
                service_to=last,
                place_of_service=place_of_service,
                replaces=original if frequency == REPLACEMENT else None,
                other_payer_paid=other_paid,
                authorization_number=stated_authorization(self._authorizations),
                places={"lines": self.report.place(self._segment), **self.report.places},
            )
        patient, provider = self._level.patient, self._level.provider
        return X12Claim(
            claim_number=number,
            place=self.report.place(self._segment),
            provider_id=provider_id or "",
            provider_name=provider.name[0],
            patient_id=member_id or "",
            patient_name=patient.name,
            frequency=frequency,
            original=original,
            amount=amount or "0.00",
            service=service,
            claim=claim,
            problems=tuple(sorted(problems, key=lambda one: one.place.number)),
            notes=tuple(sorted((*self._level.notes, *self.report.notes), key=lambda one: one.place.number)),
        )

    def _number(self) -> str:
        number = self._segment.element(1)
        if is_identifier(number, MAX_CLAIM_NUMBER):
            return number
        code = X12Code.INVALID_TEXT if number else X12Code.MISSING_ELEMENT
        self.report.problem(
            self.report.place(self._segment, 1),
            code,
            f"the claim number (CLM01) is missing, or not at most {MAX_CLAIM_NUMBER} printable ASCII characters",
            "send the number by which you know the claim",
            element_error="6" if number else "1",
        )
        return ""

    def _amount(self) -> str | None:
        self.report.read_from("claim_amount", self.report.place(self._segment, 2))
        found = amount_text(self._segment.element(2))
        if found is None:
            self.report.problem(
                self.report.place(self._segment, 2),
                X12Code.INVALID_AMOUNT,
                "the total charge (CLM02) is not a number with at most two decimal places",
                "send the sum of the lines' charges",
                element_error="6",
            )
        return found

    def _facility(self) -> tuple[str | None, str]:
        """Place of service, where it states one, and frequency."""
        code, qualifier, frequency = (self._segment.component(5, number) for number in (1, 2, 3))
        self.report.read_from("place_of_service", self.report.place(self._segment, 5, 1))
        if qualifier not in (_PLACE_OF_SERVICE, _FACILITY):
            separator = self._segment.delimiters.component
            self.report.problem(
                self.report.place(self._segment, 5),
                X12Code.SEPARATOR if not qualifier else X12Code.INVALID_CODE,
                f"CLM05 is not CODE{separator}QUALIFIER{separator}FREQUENCY with qualifier A or B; the component "
                f"separator that ISA16 declares is {separator}",
                "separate components by the declared separator, or declare the one that is used",
                element_error="7",
            )
        elif frequency not in _ORIGINAL and frequency not in (REPLACEMENT, VOID):
            self.report.problem(
                self.report.place(self._segment, 5, 3),
                X12Code.INVALID_CODE,
                "the claim frequency (CLM05-3) is not one that is taken: 1 to 4, 7 (replacement) or 8 (void)",
                "send one of these",
                element_error="7",
            )
        return (code or None) if qualifier == _PLACE_OF_SERVICE else None, frequency

    def _checked_original(self, frequency: str) -> str | None:
        if frequency not in (REPLACEMENT, VOID):
            return None
        if self._original and is_identifier(self._original, 64):
            return self._original
        self.report.problem(
            self.report.places.get("replaces", self.report.place(self._segment)),
            X12Code.MISSING_SEGMENT,
            "a replacement or void does not name its claim (REF F8)",
            "send the claim id of the earlier answer in REF F8",
            segment_error="3",
        )
        return None
