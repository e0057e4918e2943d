"""Findings and lists on the wire."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, StringConstraints, WithJsonSchema

from claims.money import MAX_CENTS, parse_cents

MAX_NOTE = 500
_ONE_LINE = r"^[^\x00-\x1f\x7f]*$"

Found = Literal["confirmed", "cleared", "billing_error", "overpayment", "inconclusive"]

Recovered = Annotated[
    int,
    PlainValidator(parse_cents),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": MAX_CENTS // 100},
                {"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,2})?$"},
            ],
            "examples": ["120.50"],
        }
    ),
]


FraudKind = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Note = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=MAX_NOTE, pattern=_ONE_LINE)]


class DispositionIn(BaseModel):
    """What was found of a claim. Who found it is the holder of the key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    disposition: Found = Field(
        description="`confirmed` (fraud) and `cleared` are labels; money paid wrongly without fraud (`billing_error`, "
        "`overpayment`) and `inconclusive` are none."
    )
    kind: FraudKind | None = Field(None, description="Of confirmed fraud, such as `upcoding`.")
    amount_recovered: Recovered = Field(
        0,
        description="Money that came back: with `confirmed`, `billing_error` or `overpayment`. All recoveries of one "
        "claim together are at most what was paid.",
    )
    note: Note | None = Field(None, description="In a few words; no member's name.")


class DispositionOut(BaseModel):
    """A finding as it is kept; the latest of a claim holds."""

    disposition: Found
    kind: str | None
    amount_recovered: float
    decided_by: str
    note: str | None
    known_at: datetime = Field(description="When it was recorded; features and labels know it from then.")


class DispositionList(BaseModel):
    """Everything found of a claim, the latest first."""

    dispositions: list[DispositionOut]


class ReviewOut(BaseModel):
    """A claim on a week's list."""

    claim_id: str
    selected_by: Literal["score", "audit"] = Field(description="`audit`: drawn by lot.")
    propensity: float = Field(description="The chance it had to be listed.")
    score: float
    model_version: str
    received_at: datetime
    provider_id: str | None
    claim_amount: float
    disposition: str | None = Field(description="What was found so far.")


class ReviewList(BaseModel):
    """The claims to look into that were received in a week."""

    week: date | None = Field(description="Its Monday; null: no list was made yet.")
    reviews: list[ReviewOut]
