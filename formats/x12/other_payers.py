"""What other payers paid of a claim: AMT*D of each of them (loop 2320), and SVD02 of its lines (loop 2430).

Source: 005010X222A1 and 005010X223A2, section 1.4.1: the payments of the lines, less the adjustments of the claim as a
whole, are the amount of the claim.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from formats.parsed import ParsedLine
from formats.x12.loop_report import LoopReport
from formats.x12.problems import X12Code
from formats.x12.tokens import Segment
from formats.x12.values import amount_text

PAID: Final = "D"
"""AMT01: payer amount paid."""


class OtherPayers:
    """Collects the amounts of one claim."""

    def __init__(self, report: LoopReport) -> None:
        self._report = report
        self._of_claim: list[Segment] = []
        self._of_loop: Segment | None = None
        self._of_lines: dict[int, dict[tuple[str, ...], Segment]] = {}
        """Line → its SVD segments by their elements, so that equal ones are found at once however many there are."""

    def begin(self) -> None:
        """Begin the loop of another payer."""
        self._of_loop = None

    def take(self, segment: Segment) -> None:
        """Take a segment of the loop of another payer."""
        if segment.name != "AMT" or segment.element(1) != PAID:
            return
        if self._of_loop is None:
            self._of_loop = segment
            self._of_claim.append(segment)
        elif self._of_loop.elements == segment.elements:
            self._note_repeated(segment)
        else:
            reason = "a second, different amount that this payer paid: it is unclear which is meant"
            place = self._report.place(segment, 2)
            self._report.problem(place, X12Code.REPEATED_SEGMENT, reason, "send one", segment_error="5")

    def take_of_line(self, line: int, segment: Segment) -> None:
        """Take an SVD segment of a line, which is counted from 0."""
        of_line = self._of_lines.setdefault(line, {})
        if of_line.setdefault(segment.elements, segment) is not segment:
            self._note_repeated(segment)

    def paid(self, lines: Sequence[ParsedLine]) -> tuple[str | None, tuple[ParsedLine, ...]]:
        """What other payers paid: of the claim, or of its lines; the other stays unset, and both where it is nothing.

        The lines have it where they add up to the claim's amount, or none is stated for the claim.
        """
        of_lines = {line: sum(map(self._cents, segments.values())) for line, segments in self._of_lines.items()}
        of_claim = sum(map(self._cents, self._of_claim))
        if self._of_claim and of_claim != sum(of_lines.values()):
            self._report.read_from("other_payer_paid", self._report.place(self._of_claim[0], 2))
            return (_decimal(of_claim) if of_claim else None), tuple(lines)
        for line in of_lines:
            place = self._report.place(next(iter(self._of_lines[line].values())), 2)
            self._report.read_from(f"lines[{line}].other_payer_paid", place)
        return None, tuple(
            replace(line, other_payer_paid=_decimal(of_lines[at])) if of_lines.get(at) else line
            for at, line in enumerate(lines)
        )

    def _cents(self, segment: Segment) -> int:
        found = amount_text(segment.element(2))
        if found is None:
            self._report.problem(
                self._report.place(segment, 2),
                X12Code.INVALID_AMOUNT,
                "what another payer paid is not a number with at most two decimal places",
                "send the amount from its remittance advice, 0 if it paid nothing",
                element_error="6",
            )
            return 0
        return int(found.replace(".", ""))

    def _note_repeated(self, segment: Segment) -> None:
        reason = "the amount that another payer paid is repeated; the repetition is ignored"
        place = self._report.place(segment)
        self._report.note(place, X12Code.REPEATED_SEGMENT, reason, "send it once", segment_error="5")


def _decimal(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"
