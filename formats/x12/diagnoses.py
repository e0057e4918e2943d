"""Diagnoses of a claim: its HI segments."""

from typing import Final

from formats.x12.loop_report import LoopReport
from formats.x12.problems import SegmentPlace, X12Code
from formats.x12.tokens import Segment

_PRINCIPAL: Final = frozenset({"ABK", "BK"})
_OTHER: Final = frozenset({"ABF", "BF"})


class Diagnoses:
    """Collects the diagnoses. Admitting diagnoses, reasons for a visit, external causes and procedures are left out."""

    def __init__(self, report: LoopReport) -> None:
        self._report = report
        self._found: dict[str, SegmentPlace] = {}
        self._principal: str | None = None
        self._separator_missing = False

    def take(self, segment: Segment) -> None:
        """Take an HI segment."""
        for number in range(1, len(segment.elements) + 1):
            qualifier, code = segment.component(number, 1), segment.component(number, 2)
            place = self._report.place(segment, number, 2)
            if segment.element(number) and not code:
                self._separator_missing = True
                separator = segment.delimiters.component
                self._report.problem(
                    self._report.place(segment, number),
                    X12Code.SEPARATOR,
                    f"HI{number:02} is not QUALIFIER{separator}CODE; the component separator that ISA16 declares is "
                    f"{separator}",
                    "separate components by the declared separator, or declare the one that is used",
                    element_error="7",
                )
            elif qualifier in _PRINCIPAL:
                self._principal_code(code, place)
            elif qualifier in _OTHER:
                self._add(code, place)

    def _principal_code(self, code: str, place: SegmentPlace) -> None:
        if self._principal is None:
            self._principal = code
            self._found = {code: place, **{one: its for one, its in self._found.items() if one != code}}
            return
        reason = "a further principal diagnosis; the first is taken as the principal one, this as another diagnosis"
        remedy = "send further diagnoses with the qualifier ABF"
        self._report.note(place, X12Code.REPEATED_SEGMENT, reason, remedy, segment_error="5")
        self._add(code, place)

    def _add(self, code: str, place: SegmentPlace) -> None:
        if code in self._found:
            reason = "the diagnosis is repeated; the repetition is ignored"
            self._report.note(place, X12Code.REPEATED_SEGMENT, reason, "send each diagnosis once", element_error="I13")
        else:
            self._found[code] = place

    def codes(self) -> tuple[str, ...]:
        """All diagnoses, the principal one first; a claim without a principal diagnosis is refused."""
        if self._principal is None and not self._separator_missing:
            self._report.problem(
                self._report.claim_place,
                X12Code.MISSING_SEGMENT,
                "the claim has no principal diagnosis (HI with the qualifier ABK or BK)",
                "send the principal diagnosis",
                segment_error="3",
            )
        for number, place in enumerate(self._found.values()):
            self._report.read_from(f"diagnosis_codes[{number}]", place)
        return tuple(self._found)
