"""What was found out while a claim was read: problems that refuse it, notes, and where its fields are."""

from datetime import date

from formats.x12.envelope import TransactionSet
from formats.x12.problems import ProblemReport, SegmentPlace, X12Code
from formats.x12.tokens import Segment
from formats.x12.values import period


class LoopReport(ProblemReport):
    """Of one claim."""

    def __init__(self, message: TransactionSet, claim: Segment) -> None:
        super().__init__()
        self._message = message
        self._claim = claim
        self.places: dict[str, SegmentPlace] = {}

    @property
    def claim_place(self) -> SegmentPlace:
        """The place of the CLM segment."""
        return self.place(self._claim)

    def place(self, segment: Segment, element: int | None = None, component: int | None = None) -> SegmentPlace:
        """The place of a segment."""
        return self._message.place(segment, element, component)

    def read_from(self, field: str, place: SegmentPlace) -> None:
        """Remember where a field of the claim was read."""
        self.places[field] = place

    def read_period(self, segment: Segment) -> tuple[date, date] | None:
        """The days of a DTP segment; a date that cannot be read refuses the claim."""
        found = period(segment.element(2), segment.element(3))
        if found is None:
            self.problem(
                self.place(segment, 3),
                X12Code.INVALID_DATE,
                "the date is not a day of the calendar written as CCYYMMDD (D8) or CCYYMMDD-CCYYMMDD (RD8)",
                "correct the date and its qualifier (DTP02)",
                element_error="8",
            )
        return found
