"""Interchanges, functional groups and transaction sets: the envelopes around an X12 message."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from formats.x12.problems import MAX_NAMED, SegmentPlace, SegmentProblem, X12Code, at
from formats.x12.tokens import Segment
from formats.x12.values import is_digits


@dataclass(frozen=True, slots=True)
class Interchange:
    """From ISA to IEA: who sends to whom."""

    header: Segment

    @property
    def control_number(self) -> str:
        """ISA13."""
        return self.header.element(13)


@dataclass(frozen=True, slots=True)
class FunctionalGroup:
    """From GS to GE: messages of one kind and version."""

    header: Segment
    interchange: Interchange

    @property
    def control_number(self) -> str:
        """GS06."""
        return self.header.element(6)

    @property
    def version(self) -> str:
        """GS08, such as `005010X222A1`."""
        return self.header.element(8)


@dataclass(frozen=True, slots=True)
class TransactionSet:
    """From ST to SE: one message. `segments` includes both where both were sent."""

    segments: tuple[Segment, ...]
    group: FunctionalGroup
    cut_off: bool = False
    """There is no SE: what follows the last complete segment is missing."""
    problems: tuple[SegmentProblem, ...] = ()
    """What makes the whole set unreliable; its messages must not be used then."""

    @property
    def header(self) -> Segment:
        """The ST segment."""
        return self.segments[0]

    @property
    def kind(self) -> str:
        """ST01, such as `837`."""
        return self.header.element(1)

    @property
    def control_number(self) -> str:
        """ST02."""
        return self.header.element(2)

    @property
    def version(self) -> str:
        """The guide that it follows: ST03, else GS08."""
        return self.header.element(3) or self.group.version

    def place(self, segment: Segment, element: int | None = None, component: int | None = None) -> SegmentPlace:
        """The place of a segment of this set."""
        return at(segment, self.header.number, element, component)


@dataclass(slots=True)
class EnvelopeReader:
    """Iterate over it for the transaction sets of a file; afterwards it has what is wrong around them."""

    segments: Iterable[Segment]
    problems: list[SegmentProblem] = field(default_factory=list)
    """Outside of transaction sets: segments that belong to nothing, and trailers that do not fit."""
    latest: Interchange | None = None
    """The last interchange of what was read."""
    _open: bool = False
    """Whether its IEA is still to come."""

    def __iter__(self) -> Iterator[TransactionSet]:
        group: FunctionalGroup | None = None
        open_set: list[Segment] = []
        sets = 0
        for segment in self.segments:
            ends = segment.name in ("ISA", "GS", "ST", "SE", "GE", "IEA") or not segment.complete
            if not ends:
                if open_set:
                    open_set.append(segment)
                else:
                    self._outside(segment)
                continue
            if open_set and group is not None:
                closed = segment.name == "SE" and segment.complete
                yield _transaction_set((*open_set, segment) if closed else tuple(open_set), group, closed=closed)
                open_set = []
            elif segment.name == "SE":
                self._outside(segment)
            if not segment.complete:
                self._cut(segment)
            elif segment.name == "ISA":
                self.latest, self._open, group = Interchange(segment), True, None
            elif segment.name == "GS" and self.latest is not None:
                group, sets = FunctionalGroup(segment, self.latest), 0
            elif segment.name == "ST":
                if group is None:
                    self._outside(segment)
                else:
                    open_set, sets = [segment], sets + 1
            elif segment.name == "GE":
                if group is not None:
                    self._check_group(segment, group, sets)
                group = None
            elif segment.name == "IEA":
                self._check_interchange(segment)
                group = None
        if open_set and group is not None:
            yield _transaction_set(tuple(open_set), group, closed=False)
        if self.latest is not None and self._open:
            place = at(self.latest.header, 1)
            self._add(place, X12Code.TRAILER, "the interchange has no IEA segment", "send the whole file")

    def _add(self, place: SegmentPlace, code: X12Code, reason: str, remedy: str) -> None:
        if len(self.problems) < MAX_NAMED:
            self.problems.append(SegmentProblem(place, code, reason, remedy))

    def _outside(self, segment: Segment) -> None:
        self._add(at(segment, 1), X12Code.OUTSIDE, "the segment is outside of a transaction set", "remove it")

    def _cut(self, segment: Segment) -> None:
        reason = "the file ends within this segment, or the segment has no terminator"
        self._add(
            at(segment, 1), X12Code.CUT_OFF, reason, "send the whole file again; claims already taken are repeated"
        )

    def _check_group(self, trailer: Segment, group: FunctionalGroup, sets: int) -> None:
        count = trailer.element(1)
        if not is_digits(count) or int(count[:9]) != sets:
            reason = f"GE01 does not state the {sets} transaction sets that the group has"
            self._add(at(trailer, 1, 1), X12Code.SEGMENT_COUNT, reason, "send the missing transaction sets")
        if trailer.element(2) != group.control_number:
            reason = "GE02 differs from GS06"
            self._add(
                at(trailer, 1, 2), X12Code.CONTROL_NUMBER, reason, "send the control number of the group's header"
            )

    def _check_interchange(self, trailer: Segment) -> None:
        if self.latest is not None and trailer.element(2) != self.latest.control_number:
            reason = "IEA02 differs from ISA13"
            remedy = "send the control number of the interchange's header"
            self._add(at(trailer, 1, 2), X12Code.CONTROL_NUMBER, reason, remedy)
        self._open = False


def _transaction_set(segments: tuple[Segment, ...], group: FunctionalGroup, *, closed: bool) -> TransactionSet:
    found = TransactionSet(segments, group, cut_off=not closed)
    if not closed:
        return found
    trailer = segments[-1]
    problems = []
    count = trailer.element(1)
    if not is_digits(count) or int(count[:9]) != len(segments):
        reason = f"SE01 does not state the {len(segments)} segments from ST to SE: some may be missing"
        remedy = "send the whole transaction set with its number of segments"
        problems.append(SegmentProblem(found.place(trailer, 1), X12Code.SEGMENT_COUNT, reason, remedy))
    if trailer.element(2) != found.control_number:
        reason = "SE02 differs from ST02: the trailer belongs to another transaction set"
        remedy = "send the control number of the header"
        problems.append(SegmentProblem(found.place(trailer, 2), X12Code.CONTROL_NUMBER, reason, remedy))
    return TransactionSet(segments, group, problems=tuple(problems))
