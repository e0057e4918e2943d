"""Request and response bodies of the scorer.

An invalid request becomes a `Refusal` here, before BentoML sees an exception: BentoML would log the values sent, which
are personal data.
"""

import time
from operator import attrgetter
from typing import Self

import bentoml
import orjson
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError
from starlette.requests import ClientDisconnect, Request

from claims.identifiers import MAX_SPECIALTY
from claims.scoring import STORE_POSITION_HEADER, ClaimFacts, GroupPush, OutOfRange, Reason, Score, StorePosition
from core.settings import settings
from serving.errors import DeadlinePassed, InvalidScoreRequest, JsonRequired, Refusal, ScoreRequestTooLarge

MAX_BATCH = 500
"""Most claims of one `score_batch`."""
MAX_BATCH_BYTES = 4 * 1024 * 1024
MAX_FEATURES = 2_000
"""Most features of a vector that is explained further."""
MAX_ERRORS = 20
"""Most invalid fields listed in one response."""

_DEADLINE = "ginja-deadline"


class WireModel(bentoml.IODescriptor):
    """A request body, read as JSON only. Unknown fields are refused, so that a misspelt one is not ignored."""

    model_config = ConfigDict(extra="forbid", cache_strings="keys")

    _deadline: float | None = PrivateAttr(None)
    _store: StorePosition | None = PrivateAttr(None)

    @property
    def deadline(self) -> float | None:
        """Deadline in seconds since 1970; None: none was sent."""
        return self._deadline

    @property
    def store(self) -> StorePosition | None:
        """The position that the online store must have reached; None: none was sent."""
        return self._store

    @classmethod
    def limit_bytes(cls) -> int:
        """Largest accepted body."""
        return settings().max_body_bytes

    @classmethod
    async def from_http_request(cls, request: Request, serde: object) -> Self | Refusal:
        """Parse the request, or return the `Refusal` that answers it."""
        try:
            deadline, store = _deadline(request), _store_position(request)
            body = await _body(request, cls.limit_bytes())
            request_body: Self = cls.model_validate_json(body)
        except ValidationError as error:
            return _invalid(error)
        except Refusal as refusal:
            return refusal
        request_body._deadline, request_body._store = deadline, store
        return request_body


class ScoreRequest(WireModel):
    """One claim to score; `states` as of its receipt, or null to read the current ones from the online store."""

    claim: ClaimFacts
    states: dict[str, object] | None = None


class DetailsRequest(WireModel):
    """A vector that a model has scored, to be explained further."""

    model_version: str = Field(max_length=64)
    specialty: str | None = Field(None, max_length=MAX_SPECIALTY)
    vector: dict[str, float | None] = Field(max_length=MAX_FEATURES)


class BatchItem(bentoml.IODescriptor):
    """One claim of a batch."""

    model_config = ConfigDict(extra="forbid")

    claim: ClaimFacts
    states: dict[str, object] | None = None


class BatchRequest(WireModel):
    """Claims to score in one request, answered in the same order."""

    requests: list[BatchItem] = Field(min_length=1, max_length=MAX_BATCH)

    @classmethod
    def limit_bytes(cls) -> int:
        return MAX_BATCH_BYTES


class BatchScores(bentoml.IODescriptor):
    """The scores of a batch."""

    scores: list[Score]


_ENCODED_AS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_UTC_Z
_DATACLASSES = {kind: (kind.__slots__, attrgetter(*kind.__slots__)) for kind in (GroupPush, Reason, OutOfRange)}
"""Their fields; orjson's own way for a dataclass takes twice as long."""


def encode_score(score: Score) -> bytes:
    """A score as JSON."""
    return orjson.dumps(score, default=_fields, option=_ENCODED_AS)


def _fields(value: object) -> dict[str, object]:
    declared = _DATACLASSES.get(type(value))  # type: ignore[arg-type]
    if declared is not None:
        names, read = declared
        return dict(zip(names, read(value), strict=True))
    if isinstance(value, BaseModel):
        return value.__dict__
    raise TypeError(f"{type(value).__name__} is no part of a score")


def seconds_left(deadline: float | None) -> float | None:
    """Seconds until the deadline; None without one. Raises `DeadlinePassed`."""
    if deadline is None:
        return None
    left = deadline - time.time()
    if left <= 0:
        raise DeadlinePassed("the deadline passed before work began; nothing was done")
    return left


def _deadline(request: Request) -> float | None:
    sent = request.headers.get(_DEADLINE)
    if sent is None:
        return None
    if not (sent.isascii() and sent.isdigit() and len(sent) <= 15):
        raise InvalidScoreRequest("the header Ginja-Deadline must be a whole number of milliseconds since 1970")
    deadline = int(sent) / 1_000
    seconds_left(deadline)
    return deadline


def _store_position(request: Request) -> StorePosition | None:
    sent = request.headers.get(STORE_POSITION_HEADER)
    if sent is None:
        return None
    try:
        return StorePosition.parse(sent)
    except ValueError as error:
        raise InvalidScoreRequest(f"the header {STORE_POSITION_HEADER} is invalid: {error}") from None


async def _body(request: Request, limit: int) -> bytes:
    declared = request.headers.get("content-type", "")
    if declared.partition(";")[0].strip().lower() != "application/json":
        raise JsonRequired("send Content-Type: application/json")
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > limit:
                raise ScoreRequestTooLarge(f"the body must be at most {limit} bytes")
    except ClientDisconnect:
        raise InvalidScoreRequest("the body is incomplete") from None  # the client is gone; avoids a logged traceback
    return bytes(body)


def _invalid(error: ValidationError) -> InvalidScoreRequest:
    wrong = [
        {"field": ".".join(map(str, entry["loc"])) or "body", "message": entry["msg"]}
        for entry in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    noun = "field is" if len(wrong) == 1 else "fields are"
    return InvalidScoreRequest(f"{len(wrong)} {noun} invalid", errors=wrong[:MAX_ERRORS])
