"""Everything the scorer refuses or fails at.

    ServingError
    ├── Refusal              an answer in place of a score: it knows its problem document
    │   ├── ScoreRequestTooLarge             413
    │   ├── JsonRequired              415
    │   ├── InvalidScoreRequest              422
    │   ├── DeadlinePassed                 504
    │   ├── NoModelLoaded              503
    │   ├── StatesUnavailable    503
    │   └── ScoringFailed               500
    └── (a model that does not load raises `models.ArtefactError`: the old one goes on serving)

No message repeats what was sent: members' identifiers are personal data.
"""

from typing import Any, ClassVar

import pydantic_core
from starlette.responses import Response


class ServingError(Exception):
    """The root of this room's errors."""


class Refusal(ServingError):
    """An answer in place of a score, as RFC 9457 wants it (docs/scoring.md lists them)."""

    status: ClassVar[int]
    kind: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.more = more

    def response(self) -> Response:
        """The problem document."""
        problem = {
            "type": f"urn:ginja:scoring:{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.more,
        }
        return Response(pydantic_core.to_json(problem), self.status, media_type="application/problem+json")


class ScoreRequestTooLarge(Refusal):
    """The body is over the limit."""

    status, kind, title = 413, "too-large", "The request is too large"


class JsonRequired(Refusal):
    """The body is not declared as JSON."""

    status, kind, title = 415, "not-json", "The scorer reads JSON only"


class InvalidScoreRequest(Refusal):
    """The body is not JSON, or not the contract."""

    status, kind, title = 422, "invalid", "The request is not a score request"


class DeadlinePassed(Refusal):
    """The caller has stopped waiting."""

    status, kind, title = 504, "late", "The deadline passed before the work was done"


class NoModelLoaded(Refusal):
    """Nothing verified is loaded."""

    status, kind, title = 503, "no-model", "No verified model is loaded"


class StatesUnavailable(Refusal):
    """The online store did not answer."""

    status, kind, title = 503, "states-unavailable", "The online store did not answer in time"


class ScoringFailed(Refusal):
    """A defect of ours."""

    status, kind, title = 500, "failed", "The scorer failed"
