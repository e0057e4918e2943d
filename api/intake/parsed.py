"""Claims of other formats, submitted as `POST /v1/claims` submits its body."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from api.errors import ApiError
from api.identity import Caller
from api.intake.responses import ClaimOut
from api.intake.schemas import ClaimIn
from api.intake.service import Intake
from api.replies import Reply
from api.requests import parse

_SINGULAR: Final = {"diagnosis_codes": "diagnosis_code", "lines": "line", "modifiers": "modifier"}


@dataclass(frozen=True, slots=True)
class ParsedReply:
    """A claim that was taken."""

    claim: ClaimOut
    repeated: bool

    @classmethod
    def of(cls, reply: Reply) -> Self:
        """The claim that a reply of `Intake` holds as JSON."""
        return cls(ClaimOut.model_validate_json(reply.body), reply.replayed)

    """It was taken before: this is the answer given then."""


@dataclass(frozen=True, slots=True)
class RefusedField:
    """What is wrong with a field of a claim, in the terms of `POST /v1/claims`."""

    field: str
    code: str
    reason: str
    remedy: str


def claim_key(kind: str, *parts: str) -> str:
    """The Idempotency-Key of a claim that its sender identifies; no key of a client contains a blank."""
    return f"{kind} {hashlib.sha256(chr(31).join(parts).encode()).hexdigest()}"


async def submit_parsed(
    intake: Intake, caller: Caller, document: bytes, key: str | None, *, accepted_at: datetime | None = None
) -> ParsedReply:
    """Decide and store a claim; `document` is the JSON body of `POST /v1/claims`. Raises as `Intake.submit`."""
    sent = parse(ClaimIn, document)
    return ParsedReply.of(await intake.submit(caller, sent, document, key, accepted_at=accepted_at))


def refused_fields(error: ApiError, *, by_number: bool = True) -> Iterator[RefusedField]:
    """The reasons of an error that refuses one claim, each with a stable code.

    `by_number` says whether the key of the request was made of the claim's number (`claim_key`), or sent by the client.
    """
    if not error.errors:
        yield RefusedField("", error.kind.replace("-", "_"), *_halves(error.detail))
    for one in error.errors:
        if one.field == "Idempotency-Key" and by_number:
            reason = "the claim number was used for another claim of this provider in the last seven days"
            yield RefusedField("", "claim_number_used", reason, "send a new number, or a replacement of that claim")
            continue
        leaf = one.field.rpartition(".")[2].partition("[")[0].lower().replace("-", "_")
        reason, remedy = _halves(one.message)
        yield RefusedField(one.field, f"invalid_{_SINGULAR.get(leaf, leaf)}", f"{one.field}: {reason}", remedy)


def _halves(message: str) -> tuple[str, str]:
    """What is wrong and what to do, of a message that says both."""
    reason, _, remedy = message.partition("; ")
    return reason, remedy or "correct it and send the claim again"
