"""Where a segment is, and what is wrong with it."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypedDict, Unpack

from formats.x12.tokens import Segment

MAX_NAMED: Final = 50
"""Problems, and notes, that are named of one claim, level or file."""


class X12Code(StrEnum):
    """Stable codes of what is wrong in an X12 file; the meaning of a code never changes."""

    CUT_OFF = "cut_off"
    TRAILER = "trailer"
    SEGMENT_COUNT = "segment_count"
    CONTROL_NUMBER = "control_number"
    UNSUPPORTED_TYPE = "unsupported_type"
    UNSUPPORTED_VERSION = "unsupported_version"
    OUTSIDE = "outside"
    UNKNOWN_SEGMENT = "unknown_segment"
    UNEXPECTED_SEGMENT = "unexpected_segment"
    REPEATED_SEGMENT = "repeated_segment"
    MISSING_SEGMENT = "missing_segment"
    MISSING_ELEMENT = "missing_element"
    SEPARATOR = "separator"
    INVALID_TEXT = "invalid_text"
    INVALID_CODE = "invalid_code"
    INVALID_AMOUNT = "invalid_amount"
    INVALID_QUANTITY = "invalid_quantity"
    INVALID_DATE = "invalid_date"
    ROUNDED = "rounded"


@dataclass(frozen=True, slots=True)
class SegmentPlace:
    """A place in a file: a segment, and where it matters an element and a component of it, each from 1."""

    segment: str
    number: int
    """The segment's number in the file."""
    number_in_set: int
    """Its number in the transaction set; ST is 1."""
    element: int | None = None
    component: int | None = None

    def __str__(self) -> str:
        name = self.segment
        if self.element is not None:
            name += f"{self.element:02}"
        if self.component is not None:
            name += f"-{self.component}"
        return f"{name}, segment {self.number}"


@dataclass(frozen=True, slots=True)
class SegmentProblem:
    """What is wrong with one place. Never repeats what was sent: it may be personal data."""

    place: SegmentPlace
    code: X12Code
    reason: str
    remedy: str
    segment_error: str = "8"
    """IK304 of the 999: 1 unknown, 2 unexpected, 3 missing, 5 repeated too often, 8 has element errors."""
    element_error: str | None = None
    """IK403 of the 999: 1 missing, 6 invalid character, 7 invalid code, 8 invalid date, I13 not valid here."""

    @property
    def where(self) -> str:
        """The place as text, such as `CLM02, segment 26`."""
        return str(self.place)


class SegmentErrors(TypedDict, total=False):
    """The codes of a `SegmentProblem` in a 999."""

    segment_error: str
    element_error: str | None


@dataclass(slots=True, kw_only=True)
class ProblemReport:
    """What is wrong with a part of a file: at most `MAX_NAMED` of each."""

    problems: list[SegmentProblem] = field(default_factory=list)
    """They refuse the part."""
    notes: list[SegmentProblem] = field(default_factory=list)
    """They do not prevent reading it."""

    def problem(
        self, place: SegmentPlace, code: X12Code, reason: str, remedy: str, **errors: Unpack[SegmentErrors]
    ) -> None:
        """Refuse the part."""
        _add(self.problems, SegmentProblem(place, code, reason, remedy, **errors))

    def note(
        self, place: SegmentPlace, code: X12Code, reason: str, remedy: str, **errors: Unpack[SegmentErrors]
    ) -> None:
        """Note what does not prevent reading it."""
        _add(self.notes, SegmentProblem(place, code, reason, remedy, **errors))


def _add(named: list[SegmentProblem], one: SegmentProblem) -> None:
    if len(named) < MAX_NAMED:
        named.append(one)


def at(segment: Segment, first: int, element: int | None = None, component: int | None = None) -> SegmentPlace:
    """The place of a segment; `first` is the number of the transaction set's first segment."""
    return SegmentPlace(segment.name, segment.number, segment.number - first + 1, element, component)
