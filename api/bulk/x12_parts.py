"""X12 files in parts: a transaction set at a time, read from a window of the file's bytes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter

from api.bulk.records import LineReject
from formats.x12 import (
    MAX_SEGMENT,
    EnvelopePosition,
    EnvelopeReader,
    InvalidX12,
    ReadSet,
    Segment,
    SegmentProblem,
    TransactionSet,
    X12Claim,
    X12Code,
    read_claims,
    read_segments,
    unread_rest,
)

_ENOUGH_FOR_ISA: Final = 1_024
"""Bytes in which an ISA segment is found if there is one."""
_BETWEEN: Final = b"\r\n\t \x1a"

_STORED: Final = TypeAdapter(EnvelopePosition)


@dataclass(frozen=True, slots=True)
class PlacedClaim:
    """A claim and the offset of what follows it."""

    claim: X12Claim
    ends: int


@dataclass(frozen=True, slots=True)
class FilePart:
    """The next transaction set with what is before it, or segments outside of transaction sets."""

    claims: Sequence[PlacedClaim]
    problems: Sequence[SegmentProblem]
    """Of no claim."""
    after: EnvelopePosition
    is_last: bool
    """Nothing is read after it."""


def stored_position(position: EnvelopePosition) -> bytes:
    """A position as it is stored with the job."""
    return _STORED.dump_json(position)


def position_of(stored: bytes | None) -> EnvelopePosition:
    """What `stored_position` gave; without it the beginning of the file."""
    return EnvelopePosition() if stored is None else _STORED.validate_json(stored)


def next_part(content: bytes, position: EnvelopePosition, *, is_rest: bool) -> FilePart | None:
    """The first part of the bytes that follow a position; `None`: it does not end within them.

    `is_rest`: the file ends with these bytes. Raises `InvalidX12` where the file does not begin with an interchange.
    """
    reader = EnvelopeReader(_segments(content, position, is_rest=is_rest), position, is_rest=is_rest)
    messages = iter(reader)
    try:
        message = next(messages, None)
    except InvalidX12 as error:
        if reader.position.offset > position.offset:
            return FilePart((), reader.problems, reader.position, is_last=False)
        if not is_rest and len(content.lstrip(_BETWEEN)) < _ENOUGH_FOR_ISA:
            return None
        if position.interchange is None:
            raise
        return FilePart((), [unread_rest(position.interchange, error)], position, is_last=True)
    if message is None:
        is_last = is_rest or reader.unterminated
        if not is_last and reader.position.offset == position.offset:
            return None
        return FilePart((), reader.problems, reader.position, is_last=is_last)
    if reader.unterminated:
        assert next(messages, None) is None  # adds what is wrong at the end
    claims = list(read_claims(message))
    problems = [*reader.problems, *([] if claims else _of_set(ReadSet(message, claims)))]
    return FilePart(_placed(message, claims), problems, reader.position, is_last=reader.unterminated)


def rejects_of(problems: Sequence[SegmentProblem]) -> Iterator[LineReject]:
    """Problems that are of no claim, each under its own segment."""
    places: dict[int, int] = {}
    for one in problems:
        number = one.place.number
        places[number] = places.get(number, 0) + 1
        yield LineReject(number, places[number], one.where, one.code.value, one.reason, one.remedy)


def _segments(content: bytes, position: EnvelopePosition, *, is_rest: bool) -> Iterator[Segment]:
    """Segments of a window; one that only the window's end cuts off is left to the next window."""
    begins, end = position.offset, position.offset + len(content)
    for segment in read_segments(
        [content], offset=position.offset, number=position.number, delimiters=position.delimiters
    ):
        if not segment.complete and not is_rest and end - begins <= 2 * MAX_SEGMENT:
            return
        yield segment
        begins = segment.ends


def _placed(message: TransactionSet, claims: Sequence[X12Claim]) -> list[PlacedClaim]:
    """Each claim with its end: what precedes the CLM segment of the next one, and at last the end of the set."""
    ends = [message.segments[one.place.number_in_set - 2].ends for one in claims[1:]]
    return [PlacedClaim(*one) for one in zip(claims, [*ends, message.segments[-1].ends], strict=True)] if claims else []


def _of_set(read: ReadSet) -> list[SegmentProblem]:
    """Why a transaction set has no claims, where something is wrong with it."""
    if not read.message.cut_off:
        return list(read.problems)
    reason = "the transaction set ends without SE, and before its first claim"
    place = read.message.place(read.message.header)
    return [*read.problems, SegmentProblem(place, X12Code.CUT_OFF, reason, "send the whole file again")]
