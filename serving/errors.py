"""Errors of the scorer.

    ServingError
    ├── UnprotectedScorerError      it would listen beyond this machine without a token
    ├── Refusal                     a problem response in place of a score
    │   ├── TokenRequired           401
    │   ├── NotPrivate              403
    │   ├── NoSuchPath              404
    │   ├── ScoreRequestTooLarge    413
    │   ├── ModelNotLoaded          409
    │   ├── JsonRequired            415
    │   ├── InvalidScoreRequest     422
    │   ├── ScoringFailed           500
    │   ├── NoModelLoaded           503
    │   ├── StatesUnavailable       503
    │   ├── TooManyBatches          503
    │   ├── TooManyExplanations     503
    │   ├── DeadlinePassed          504
    │   └── TookTooLong             504
    └── (a model that fails to load raises `models.ArtefactError`; the previous one keeps serving)

Messages never repeat request values: member identifiers are personal data.
"""

from collections.abc import Mapping
from typing import ClassVar, Self

import pydantic_core
from starlette.responses import Response

from core.batch_queue import BatchRefused


class ServingError(Exception):
    """Root of the errors of this room."""


class UnprotectedScorerError(ServingError):
    """The scorer would listen beyond this machine without a token."""

    exit_code = 2


class Refusal(ServingError):
    """A problem response in place of a score (RFC 9457); docs/reference/scoring-api.md lists them."""

    status: ClassVar[int]
    kind: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, detail: str, **more: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.more = more
        self.headers: Mapping[str, str] = {}
        """Of the response."""

    def response(self) -> Response:
        """The problem document as a response."""
        problem = {
            "type": f"urn:ginja:scoring:{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.more,
        }
        body = pydantic_core.to_json(problem)
        return Response(body, self.status, self.headers, media_type="application/problem+json")


class TokenRequired(Refusal):
    """The request has no token, or another one."""

    status, kind, title = 401, "unauthenticated", "Token required"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.headers = {"WWW-Authenticate": "Bearer"}


class NotPrivate(Refusal):
    """There is no token, and the request came from beyond this machine."""

    status, kind, title = 403, "not-private", "The scorer has no token"


class NoSuchPath(Refusal):
    """The path is none of the contract's."""

    status, kind, title = 404, "not-found", "Not found"


class ScoreRequestTooLarge(Refusal):
    """The body exceeds the size limit."""

    status, kind, title = 413, "too-large", "Request too large"


class JsonRequired(Refusal):
    """The content type is not JSON."""

    status, kind, title = 415, "not-json", "Content type is not application/json"


class InvalidScoreRequest(Refusal):
    """The body is not valid JSON or violates the contract."""

    status, kind, title = 422, "invalid", "Invalid score request"


class ModelNotLoaded(Refusal):
    """The model that scored the claim is not loaded any more, or has no tables."""

    status, kind, title = 409, "model-not-loaded", "The model is not loaded"


class DeadlinePassed(Refusal):
    """The deadline has passed."""

    status, kind, title = 504, "late", "Deadline exceeded"


class TookTooLong(Refusal):
    """A batch or an explanation was given up."""

    status, kind, title = 504, "too-long", "The request took too long"


class NoModelLoaded(Refusal):
    """No verified model is loaded."""

    status, kind, title = 503, "no-model", "No verified model loaded"


class StatesUnavailable(Refusal):
    """The online store did not answer."""

    status, kind, title = 503, "states-unavailable", "Online store unavailable"


class TooManyBatches(Refusal):
    """Too many batches wait, or the wait would be too long; `position` batches are before this one."""

    status, kind, title = 503, "batch-queue-full", "Batches are waiting"

    @classmethod
    def of(cls, refused: BatchRefused) -> Self:
        """The refusal with the position in the queue, and when to send the request again."""
        refusal = cls(str(refused), position=refused.position, waiting=refused.waiting)
        refusal.headers = {"Retry-After": str(refused.retry_after_s)}
        return refusal


class TooManyExplanations(TooManyBatches):
    """Too many explanations wait; `position` requests are before this one."""

    status, kind, title = 503, "explanation-queue-full", "Explanations are waiting"


class ScoringFailed(Refusal):
    """An internal error of the scorer."""

    status, kind, title = 500, "failed", "Internal error"
