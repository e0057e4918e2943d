"""Batch scoring on the wire."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.fields import Identifier, PastInstant
from api.intake import ClaimIn
from claims.scoring import Score

MAX_BATCH = 500
_EXAMPLE: dict[str, JsonValue] = {
    "claim_id": "old-1",
    "member_id": "M123",
    "provider_id": "H456",
    "diagnosis_code": "D001",
    "procedure_code": "P001",
    "claim_amount": 450,
}


class HistoricalClaim(ClaimIn):
    """A claim decided elsewhere or earlier."""

    claim_id: Identifier = Field(description="Your id of the claim; it is returned with the score.")
    received_at: PastInstant | None = Field(
        None,
        description="At most five minutes ahead of now, not before 1990. Default: now. Current features may include "
        "what came after a receipt in the past, so they count as missing then.",
    )


class ScoreBatchIn(BaseModel):
    """Claims to score; none of them is stored."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [{"claims": [_EXAMPLE]}]})

    claims: Annotated[list[HistoricalClaim], Field(min_length=1, max_length=MAX_BATCH)]


class ScoreBatchOut(BaseModel):
    """Scores in the order of the claims."""

    scores: list[Score]
