"""The wire of the scorer: bodies into requests, scores into bytes; nothing about models.

A request that cannot be taken becomes a `Refusal` here, before BentoML sees an exception: BentoML would log the values
that were sent, and those are personal data.
"""

import time
from typing import Any, Self

import bentoml
from pydantic import Field, PrivateAttr, ValidationError
from starlette.requests import ClientDisconnect, Request

from claims.scoring import ClaimFacts, Score
from core.settings import settings
from serving.errors import DeadlinePassed, InvalidScoreRequest, JsonRequired, Refusal, ScoreRequestTooLarge

MAX_BATCH = 500
"""Most claims of one `score_batch`."""
MAX_BATCH_BYTES = 4 * 1024 * 1024
MAX_ERRORS = 20
"""Wrong fields named in one answer."""

_DEADLINE = "ginja-deadline"


class WireModel(bentoml.IODescriptor):
    """A body of ours: read as JSON only, whatever else BentoML could read."""

    _deadline: float | None = PrivateAttr(None)

    @property
    def deadline(self) -> float | None:
        """When the answer stops being of use, in seconds since 1970; None: no limit was sent."""
        return self._deadline

    @classmethod
    def limit_bytes(cls) -> int:
        """Largest body that is read."""
        return settings().max_body_bytes

    @classmethod
    async def from_http_request(cls, request: Request, serde: Any) -> Self | Refusal:
        """Read the request, or say why not."""
        try:
            deadline = _deadline(request)
            body = await _body(request, cls.limit_bytes())
            asked: Self = cls.model_validate_json(body)
        except ValidationError as error:
            return _invalid(error)
        except Refusal as refusal:
            return refusal
        asked._deadline = deadline
        return asked


class ScoreRequest(WireModel):
    """One claim to score; `states` as of its receipt, or null to read what is known now from the online store."""

    claim: ClaimFacts
    states: dict[str, Any] | None = None


class BatchItem(bentoml.IODescriptor):
    """One claim of a batch."""

    claim: ClaimFacts
    states: dict[str, Any] | None = None


class BatchRequest(WireModel):
    """Claims to score in one go, answered in the same order."""

    requests: list[BatchItem] = Field(min_length=1, max_length=MAX_BATCH)

    @classmethod
    def limit_bytes(cls) -> int:
        return MAX_BATCH_BYTES


class BatchScores(bentoml.IODescriptor):
    """The answers to a batch."""

    scores: list[Score]


def seconds_left(deadline: float | None) -> float | None:
    """Seconds until the deadline; raises `DeadlinePassed` when there are none, None without a deadline."""
    if deadline is None:
        return None
    left = deadline - time.time()
    if left <= 0:
        raise DeadlinePassed("the deadline had passed when the work was due to begin; nothing was done")
    return left


def _deadline(request: Request) -> float | None:
    sent = request.headers.get(_DEADLINE)
    if sent is None:
        return None
    if not (sent.isascii() and sent.isdigit() and len(sent) <= 15):
        raise InvalidScoreRequest("the header Ginja-Deadline is a whole number of milliseconds since 1970")
    deadline = int(sent) / 1_000
    seconds_left(deadline)
    return deadline


async def _body(request: Request, limit: int) -> bytes:
    declared = request.headers.get("content-type", "")
    if declared.partition(";")[0].strip().lower() != "application/json":
        raise JsonRequired("send Content-Type: application/json")
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > limit:
                raise ScoreRequestTooLarge(f"a body is at most {limit} bytes")
    except ClientDisconnect:
        raise InvalidScoreRequest(
            "the body ended before it was whole"
        ) from None  # nobody hears it, and no traceback is logged
    return bytes(body)


def _invalid(error: ValidationError) -> InvalidScoreRequest:
    wrong = [
        {"field": ".".join(map(str, entry["loc"])) or "body", "message": entry["msg"]}
        for entry in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    noun = "field is" if len(wrong) == 1 else "fields are"
    return InvalidScoreRequest(f"{len(wrong)} {noun} wrong", errors=wrong[:MAX_ERRORS])
