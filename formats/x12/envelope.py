"""Interchanges, functional groups and transaction sets: the envelopes around an X12 message."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from formats.x12.problems import MAX_NAMED, SegmentPlace, SegmentProblem, X12Code, at
from formats.x12.tokens import Delimiters, InvalidX12, Segment
from formats.x12.values import is_digits

_WHOLE_INTERCHANGES: Final = "remove it, or send whole interchanges"


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


@dataclass(frozen=True, slots=True)
class EnvelopePosition:
    """A place of a file outside of its transaction sets, with what has to be known to continue there."""

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"cache_strings": "keys"}
    """For who stores it as JSON: values of a file are not kept in memory."""

    offset: int = 0
    """Bytes before it."""
    number: int = 0
    """Segments before it."""
    interchange: Interchange | None = None
    """The last one."""
    is_open: bool = False
    """Whether its IEA is still to come."""
    group: FunctionalGroup | None = None
    """The one that is open."""
    sets: int = 0
    """Transaction sets of the group before it."""

    @property
    def delimiters(self) -> Delimiters | None:
        """Of the interchange that is open."""
        return self.interchange.header.delimiters if self.interchange is not None and self.is_open else None


@dataclass(slots=True)
class EnvelopeReader:
    """Iterate over it for the transaction sets of a file; afterwards it has what is wrong around them."""

    segments: Iterable[Segment]
    position: EnvelopePosition = EnvelopePosition()
    """Where the segments begin; then behind the last one that was read and belongs to no set that is still open."""
    is_rest: bool = True
    """Whether the file ends with these segments: only then a set without its end is cut off."""
    unterminated: bool = field(init=False, default=False)
    """The last segment has no terminator: nothing can be read after it."""
    problems: list[SegmentProblem] = field(default_factory=list)
    """Outside of transaction sets: segments that belong to nothing, and trailers that do not fit."""
    latest: Interchange | None = field(init=False)
    """The last interchange of what was read."""
    _open: bool = field(init=False)
    """Whether its IEA is still to come."""
    _group: FunctionalGroup | None = field(init=False)
    _sets: int = field(init=False)
    _set: list[Segment] = field(init=False, default_factory=list)
    """Segments of the transaction set that is open."""

    def __post_init__(self) -> None:
        self.latest, self._open = self.position.interchange, self.position.is_open
        self._group, self._sets = self.position.group, self.position.sets

    def __iter__(self) -> Iterator[TransactionSet]:
        for segment in self.segments:
            if (found := self._take(segment)) is not None:
                yield found
        if not (self.is_rest or self.unterminated):
            return
        if self._set and self._group is not None:
            self._passed(self._set[-1])
            yield _transaction_set(tuple(self._set), self._group, closed=False)
        if self.latest is not None and self._open:
            place = at(self.latest.header, 1)
            self._add(place, X12Code.TRAILER, "the interchange has no IEA segment", "send the whole file")

    def _take(self, segment: Segment) -> TransactionSet | None:
        """The transaction set that ends with this segment, or before it."""
        if segment.complete and segment.name not in ("ISA", "GS", "ST", "SE", "GE", "IEA"):
            if self._set:
                self._set.append(segment)
            else:
                self._outside(segment)
                self._passed(segment)
            return None
        found = None
        if self._set and self._group is not None:
            closed = segment.name == "SE" and segment.complete
            found = _transaction_set((*self._set, segment) if closed else tuple(self._set), self._group, closed=closed)
            self._passed(found.segments[-1])
            self._set = []
        elif segment.name == "SE":
            self._outside(segment)
        self._take_envelope(segment)
        if not self._set:
            self._passed(segment)
        return found

    def _take_envelope(self, segment: Segment) -> None:
        if not segment.complete:
            self.unterminated = True
            self._cut(segment)
        elif segment.name == "ISA":
            self.latest, self._open, self._group = Interchange(segment), True, None
        elif segment.name == "GS" and self.latest is not None:
            self._group, self._sets = FunctionalGroup(segment, self.latest), 0
        elif segment.name == "ST":
            if self._group is None:
                self._outside(segment)
            else:
                self._set, self._sets = [segment], self._sets + 1
        elif segment.name == "GE":
            if self._group is not None:
                self._check_group(segment, self._group, self._sets)
            self._group = None
        elif segment.name == "IEA":
            self._check_interchange(segment)
            self._group = None

    def _passed(self, segment: Segment) -> None:
        self.position = EnvelopePosition(segment.ends, segment.number, self.latest, self._open, self._group, self._sets)

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


def unread_rest(last: Interchange, error: InvalidX12) -> SegmentProblem:
    """What is wrong where no interchange begins after the last one."""
    reason = f"what follows this interchange is not read: {error}"
    return SegmentProblem(at(last.header, last.header.number), X12Code.OUTSIDE, reason, _WHOLE_INTERCHANGES)


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
