"""Answers about X12 files: the 999 and the 277CA, as JSON and as X12."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from api.edi.service import FileAnswer, TakenClaim, TakenSet
from api.intake import ClaimOut
from core import clock
from formats.x12 import (
    Address,
    ClaimOutcome,
    Interchange,
    SetStatus,
    claim_acknowledgement,
    implementation_acknowledgement,
    write_interchange,
)

MAX_NAMED: Final = 50


class EdiProblemOut(BaseModel):
    """What is wrong at one place of a file. Values are not repeated."""

    model_config = ConfigDict(from_attributes=True)

    where: str = Field(description="Segment, element and component, and the segment's number in the file.")
    code: str = Field(description="Stable.", examples=["invalid_amount"])
    reason: str
    remedy: str


class EdiClaimOut(BaseModel):
    """What became of one claim: the content of the 277CA."""

    claim_number: str = Field(description="CLM01.")
    segment: int = Field(description="Number of its CLM segment in the file, from 1.")
    transaction_set: str = Field(description="ST02.")
    outcome: ClaimOutcome = Field(
        description="`repeated`: it was taken before, and this is the answer given then. `refused`: see `reasons`."
    )
    claim: ClaimOut | None = Field(description="The claim and its decision; null: it was refused.")
    reasons: list[EdiProblemOut] = Field(description="Why it was refused.")
    notes: list[EdiProblemOut] = Field(description="What is not as the guide says, but did not prevent reading it.")


class EdiSetOut(BaseModel):
    """One transaction set: the content of the 999."""

    control_number: str = Field(description="ST02.")
    group_control_number: str = Field(description="GS06.")
    version: str = Field(examples=["005010X222A1"])
    status: SetStatus
    problems: list[EdiProblemOut] = Field(description="Of the set as a whole; all of its claims are refused then.")


class EdiReplyOut(BaseModel):
    """What became of a file."""

    accepted: int = Field(description="Claims that were taken now, including voids.")
    repeated: int = Field(description="Claims that were taken before.")
    refused: int
    claims: list[EdiClaimOut]
    transaction_sets: list[EdiSetOut]
    problems: list[EdiProblemOut] = Field(description="Outside of transaction sets.")
    x12: str = Field(description="The same as an interchange with a 999 and a 277CA.")


def reply_out(answer: FileAnswer, *, number: int = 0) -> EdiReplyOut:
    """The answer as JSON, with the acknowledgements as X12; `number` tells answers of one moment apart."""
    outcomes = [claim.answer.outcome for claim in answer.claims]
    return EdiReplyOut(
        accepted=outcomes.count("accepted") + outcomes.count("voided"),
        repeated=outcomes.count("repeated"),
        refused=outcomes.count("refused"),
        claims=[_claim(claim, one) for one in answer.sets for claim in one.claims],
        transaction_sets=[_set(one) for one in answer.sets],
        problems=problems_out(answer.problems),
        x12=acknowledgements(answer, clock.now(), number=number),
    )


def acknowledgements(answer: FileAnswer, at: datetime, *, number: int = 0) -> str:
    """The 999 and the 277CA as one interchange, from the file's receiver to its sender."""
    header = answer.interchange.header
    control_number = int(at.timestamp() * 1_000) + number
    groups = [implementation_acknowledgement([one.read for one in answer.sets])]
    answered = claim_acknowledgement([one.answered for one in answer.sets], at.date(), header.element(13))
    if answered.sets:
        groups.append(answered)
    return write_interchange(_reversed(answer.interchange), at, control_number, groups)


def _reversed(interchange: Interchange) -> Address:
    header = interchange.header
    return Address(
        sender_qualifier=header.element(7),
        sender=header.element(8).strip(),
        receiver_qualifier=header.element(5),
        receiver=header.element(6).strip(),
        test=header.element(15) == "T",
    )


def _claim(taken: TakenClaim, of: TakenSet) -> EdiClaimOut:
    answer = taken.answer
    return EdiClaimOut(
        claim_number=answer.claim.claim_number,
        segment=answer.claim.place.number,
        transaction_set=of.read.message.control_number,
        outcome=answer.outcome,
        claim=taken.stored,
        reasons=problems_out(answer.reasons),
        notes=problems_out(answer.claim.notes),
    )


def _set(one: TakenSet) -> EdiSetOut:
    message = one.read.message
    return EdiSetOut(
        control_number=message.control_number,
        group_control_number=message.group.control_number,
        version=message.version,
        status=one.read.status,
        problems=problems_out(one.read.problems),
    )


def problems_out(problems: Sequence[object]) -> list[EdiProblemOut]:
    """The first problems of a part of a file."""
    return [EdiProblemOut.model_validate(problem) for problem in problems[:MAX_NAMED]]
