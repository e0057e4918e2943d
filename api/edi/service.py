"""The claims of an 837 file: each goes through the submission of `POST /v1/claims`, or is refused with its reasons."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from api.errors import ApiError, FieldError, Forbidden, Invalid, NotFound, NotX12, TooLarge
from api.identity import Caller, Scope
from api.intake import ClaimOut, Intake, ParsedReply, claim_key, refused_fields, submit_parsed
from formats.x12 import (
    AnsweredSet,
    ClaimAnswer,
    ClaimOutcome,
    ClaimReason,
    EnvelopeReader,
    Interchange,
    InvalidX12,
    ReadSet,
    Segment,
    SegmentPlace,
    SegmentProblem,
    TransactionSet,
    X12Claim,
    read_claims,
    read_segments,
    unread_rest,
)

PIECE: Final = 500
"""Segments that are read before live claims get their turn."""
_PIECE_OF_CLAIMS: Final = 20


class Yielding(Protocol):
    """Who gives way to live claims between two pieces of a batch."""

    async def give_way(self) -> None:
        """Let live claims be served."""


@dataclass(frozen=True, slots=True)
class TakenClaim:
    """A claim of a file with what became of it, and the claim as it is stored where it was taken."""

    answer: ClaimAnswer
    stored: ClaimOut | None


@dataclass(frozen=True, slots=True)
class TakenSet:
    """A transaction set and its claims."""

    read: ReadSet
    claims: Sequence[TakenClaim]

    @property
    def answered(self) -> AnsweredSet:
        """What the 277CA reports."""
        message = self.read.message
        begin = next((one for one in message.segments if one.name == "BHT"), None)
        return AnsweredSet(
            reference="" if begin is None else begin.element(3),
            submitter=_name(message, "41"),
            receiver=_name(message, "40"),
            answers=[claim.answer for claim in self.claims],
        )


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """What became of an X12 file."""

    interchange: Interchange
    """The last of the file."""
    sets: Sequence[TakenSet]
    problems: Sequence[SegmentProblem]
    """Outside of the transaction sets."""

    @property
    def claims(self) -> list[TakenClaim]:
        """All claims, in their order."""
        return [claim for one in self.sets for claim in one.claims]


class StreamedFile:
    """An 837 file of any size: one transaction set after the other is read, submitted and forgotten."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._reader = EnvelopeReader(read_segments(chunks))
        self._unreadable: SegmentProblem | None = None

    async def sets(self, intake: Intake, caller: Caller, live: Yielding) -> AsyncIterator[FileAnswer]:
        """What became of each transaction set, as soon as it was submitted.

        Raises `NotX12` for a text that does not begin with an interchange, and what `Intake.submit` raises about all
        claims, such as `Unavailable`, after which the file is to be sent again: claims that were taken are repeated.
        """
        messages = iter(self._reader)
        while (message := self._next(messages)) is not None:
            claims = [claim async for claim in _claims(message, live)]
            taken = [await _take(claim, intake, caller, live) for claim in claims]
            assert self._reader.latest is not None
            yield FileAnswer(self._reader.latest, [TakenSet(ReadSet(message, claims), taken)], ())
        if self._reader.latest is None:
            raise _not_x12("there is no ISA segment")

    @property
    def problems(self) -> Sequence[SegmentProblem]:
        """Outside of the transaction sets, once all of them were read."""
        return [*self._reader.problems, *([] if self._unreadable is None else [self._unreadable])]

    def _next(self, messages: Iterator[TransactionSet]) -> TransactionSet | None:
        try:
            return next(messages, None)
        except InvalidX12 as error:
            latest = self._reader.latest
            if latest is None:
                raise _not_x12(str(error)) from None
            self._unreadable = unread_rest(latest, error)
            return None


async def take_claims(
    chunks: Iterable[bytes], intake: Intake, caller: Caller, live: Yielding, *, max_claims: int
) -> FileAnswer:
    """Submit every claim of an 837 file that can be read, in its order.

    Sending a file again repeats the answers about the claims that were taken. Raises `NotX12`; `TooLarge` for more than
    `max_claims`, before anything is stored; and what `Intake.submit` raises about all claims, such as `Unavailable`,
    after which the file is to be sent again.
    """
    segments = [segment async for segment in _segments(chunks, live)]
    reader = EnvelopeReader(segments)
    read = []
    for message in reader:
        claims = [claim async for claim in _claims(message, live)]
        read.append(ReadSet(message, claims))
    if reader.latest is None:
        raise _not_x12("there is no ISA segment")
    if sum(len(one.claims) for one in read) > max_claims:
        raise TooLarge(f"the file has more than {max_claims} claims; split it, or upload it to /v1/bulk/claims as x12")
    sets = [TakenSet(one, [await _take(claim, intake, caller, live) for claim in one.claims]) for one in read]
    return FileAnswer(reader.latest, sets, reader.problems)


async def _segments(chunks: Iterable[bytes], live: Yielding) -> AsyncIterator[Segment]:
    try:
        for segment in read_segments(chunks):
            if segment.number % PIECE == 0:
                await live.give_way()
            yield segment
    except InvalidX12 as error:
        raise _not_x12(str(error)) from None


async def _claims(message: TransactionSet, live: Yielding) -> AsyncIterator[X12Claim]:
    for number, claim in enumerate(read_claims(message)):
        if number % _PIECE_OF_CLAIMS == 0:
            await live.give_way()
        yield claim


def _not_x12(reason: str) -> NotX12:
    return NotX12(f"{reason}; send an interchange from its ISA to its IEA segment")


def _name(message: TransactionSet, entity: str) -> Segment | None:
    names = (one for one in message.segments[:20] if one.name == "NM1" and one.element(1) == entity)
    return next(names, None)


async def take_claim(
    claim: X12Claim, intake: Intake, caller: Caller, *, accepted_at: datetime | None = None
) -> TakenClaim:
    """Submit a claim that was read, or refuse it; raises what `Intake.submit` raises about all claims."""
    if claim.problems:
        reasons = [ClaimReason(one.place, one.code.value, one.reason, one.remedy) for one in claim.problems]
        return TakenClaim(ClaimAnswer(claim, "refused", None, reasons), None)
    try:
        if claim.is_void:
            reply = await _void(claim, intake, caller)
        else:
            assert claim.claim is not None
            reply = await submit_parsed(intake, caller, claim.claim.document, _key(claim), accepted_at=accepted_at)
    except ApiError as error:
        if error.status >= 429:
            raise
        return _refused(claim, error)
    outcome: ClaimOutcome = "voided" if claim.is_void else "accepted"
    if reply.repeated:
        outcome = "repeated"
    return TakenClaim(ClaimAnswer(claim, outcome, reply.claim.claim_id), reply.claim)


async def _take(claim: X12Claim, intake: Intake, caller: Caller, live: Yielding) -> TakenClaim:
    if not claim.problems:
        await live.give_way()
    return await take_claim(claim, intake, caller)


def _key(claim: X12Claim) -> str:
    return claim_key("x12", claim.provider_id, claim.claim_number, claim.frequency, claim.original or "")


async def _void(claim: X12Claim, intake: Intake, caller: Caller) -> ParsedReply:
    """Void the claim that a void names, if it is one of the same provider and member."""
    original = claim.original or ""
    if not caller.may(Scope.VOID):
        raise Forbidden(f"a void needs a key with the scope {Scope.VOID.value}; send it with another key")
    try:
        found = await intake.get(caller, original)
    except NotFound:
        found = None
    if found is None or (found.provider_id, found.member_id) != (claim.provider_id, claim.patient_id):
        message = "does not refer to a claim for this member and provider; send its claim id in REF F8"
        raise Invalid.fields([FieldError("replaces", message)])
    return ParsedReply.of(await intake.void(caller, original, "X12 void (frequency 8)", _key(claim)))


def _refused(claim: X12Claim, error: ApiError) -> TakenClaim:
    reasons = [ClaimReason(_place(claim, one.field), one.code, one.reason, one.remedy) for one in refused_fields(error)]
    return TakenClaim(ClaimAnswer(claim, "refused", None, reasons), None)


def _place(claim: X12Claim, field: str) -> SegmentPlace:
    found = None if claim.claim is None else claim.claim.place_of(field)
    return found or claim.place
