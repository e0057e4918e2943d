"""Scoring a back-book on the wire."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema

from api.intake.schemas import ClaimIn, Identifier
from claims.scoring import Score

MAX_BATCH = 500


def _instant(value: Any) -> datetime:
    if not isinstance(value, str) or not value.isascii():
        raise ValueError("a moment is written as 2026-03-02T10:15:00Z")
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("there is no such moment; write it as 2026-03-02T10:15:00Z") from None
    if at.tzinfo is None:
        raise ValueError("the moment has no time zone; end it with Z for UTC")
    return at


Instant = Annotated[datetime, PlainValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})]


class BackBookClaim(ClaimIn):
    """A claim decided elsewhere or long ago."""

    claim_id: Identifier = Field(description="Yours; it comes back with the score.")
    received_at: Instant | None = Field(None, description="Left out: now.")


class ScoreBatchIn(BaseModel):
    """Claims to score; nothing of them is stored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    claims: Annotated[list[BackBookClaim], Field(min_length=1, max_length=MAX_BATCH)]


class ScoreBatchOut(BaseModel):
    """Scores in the order of the claims."""

    scores: list[Score]
