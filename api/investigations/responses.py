"""Responses about weekly lists and dispositions."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from api.fields import AmountOut, InstantOut
from api.investigations.schemas import DispositionName


def _as_published(stored: object) -> object:
    """A disposition in the values that version 2026-11-27 has: waste and abuse were recorded as overpayments."""
    return "overpayment" if stored in ("waste", "abuse") else stored


PublishedDisposition = Annotated[
    Literal["confirmed", "cleared", "billing_error", "overpayment", "inconclusive"], BeforeValidator(_as_published)
]
_FOUND = "The disposition as it was recorded; `waste` and `abuse` are `overpayment` in the field `disposition`."


class DispositionOut(BaseModel):
    """A disposition as it was recorded; the latest of a claim counts."""

    model_config = ConfigDict(from_attributes=True)

    disposition: PublishedDisposition
    found: DispositionName = Field(validation_alias=AliasChoices("disposition"), description=_FOUND)
    kind: str | None
    amount_recovered: AmountOut = Field(validation_alias="amount_recovered_cents")
    decided_by: str
    note: str | None
    known_at: InstantOut = Field(description="When it was recorded; features and labels include it from then.")


class DispositionList(BaseModel):
    """The dispositions of a claim, latest first."""

    dispositions: list[DispositionOut]


class SelectedClaimOut(BaseModel):
    """A claim on a week's list."""

    model_config = ConfigDict(from_attributes=True)

    claim_id: str
    selected_by: Literal["score", "audit"] = Field(description="`audit`: sampled at random.")
    propensity: float = Field(description="The probability of being selected.")
    score: float = Field(validation_alias="probability")
    model_version: str
    received_at: InstantOut
    provider_id: str | None
    claim_amount: AmountOut = Field(validation_alias="amount_cents")
    expected_recovery: AmountOut | None = Field(
        validation_alias="expected_recovery_cents",
        description="Expected recovery less the cost of the review, when the list was made; the list is in this order. "
        "Null: the list was made without.",
    )
    recovery_low: AmountOut | None = Field(
        validation_alias="recovery_low_cents", description="Lower end of its 90 % interval."
    )
    recovery_high: AmountOut | None = Field(
        validation_alias="recovery_high_cents", description="Upper end of its 90 % interval."
    )
    disposition: PublishedDisposition | None = Field(description="The latest disposition.")
    found: DispositionName | None = Field(validation_alias=AliasChoices("disposition"), description=_FOUND)


class PromiseOut(BaseModel):
    """What is promised of the list's claims by score."""

    model_config = ConfigDict(from_attributes=True)

    at_least: float | None = Field(description="Least share of them that is fraud; null: no promise.")
    confidence: float = Field(description="Share of the lists for which a promise holds.")
    lists: int = Field(description="Earlier lists with enough findings.")
    lists_required: int = Field(description="How many of them a promise requires.")
    text: str = Field(description="The promise, or why there is none, as a sentence.")


class WeeklyListOut(BaseModel):
    """The claims to investigate of those received in a week."""

    week: date | None = Field(description="Its Monday; null: there is no list yet.")
    promise: PromiseOut | None = Field(description="Null: there is no list.")
    reviews: list[SelectedClaimOut]
