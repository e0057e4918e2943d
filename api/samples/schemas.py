"""Requests about samples of a case."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from api.fields import Amount, AmountOrZero, Day
from api.samples.records import (
    LEAST_PRECISION,
    MAX_SAMPLE,
    MAX_STRATA,
    MOST_PRECISION,
    PRECISION,
    EntryKind,
    ItemReview,
    OverpaymentReason,
    SamplePlan,
)
from claims.identifiers import MAX_ID
from claims.sampling import MAX_SEED, Allocation, Estimator

_ClaimKey = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=MAX_ID)]
_ID_TEXT: Final = StringConstraints(strict=True, min_length=1, max_length=MAX_ID)


class SamplePlanIn(BaseModel):
    """What is sampled: the paid claims of a provider of the case with a first day of service in a period."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"first_day": "2026-01-01", "last_day": "2026-06-30", "size": 30, "seed": "2026-11-28/417"}]
        },
    )

    first_day: Day
    last_day: Day
    provider_id: Annotated[str, _ID_TEXT] | None = Field(
        None, description="One of the providers of the case; may be left out where it has one."
    )
    size: Annotated[int, Field(strict=True, ge=1, le=MAX_SAMPLE)] | None = Field(
        None, description="Claims to draw; left out, as many as `precision` is expected to need."
    )
    precision: Annotated[float, Field(ge=LEAST_PRECISION, le=MOST_PRECISION)] | None = Field(
        None,
        description=f"Half of the interval as a share of the expected overpayment; {PRECISION} where neither it nor "
        "`size` is sent.",
    )
    seed: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=MAX_SEED)] | None = Field(
        None, description="Text that the draw follows from; left out, a random one."
    )
    boundaries: Annotated[list[Amount], Field(max_length=MAX_STRATA - 1)] = Field(
        default_factory=list, description="Lowest paid amounts of further strata; none: one stratum."
    )
    allocation: Literal["proportional", "neyman"] = Field(
        "proportional", description="How the size is divided among strata."
    )
    error_rate: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.5, description="Share of claims that are expected to be overpaid in full, for size and allocation."
    )

    @model_validator(mode="after")
    def _size_or_precision(self) -> "SamplePlanIn":
        if self.size is not None and self.precision is not None:
            raise ValueError("size and precision exclude each other; send one of them")
        return self

    @property
    def plan(self) -> SamplePlan:
        """As the service takes it."""
        return SamplePlan(
            first_day=self.first_day,
            last_day=self.last_day,
            provider_id=self.provider_id,
            size=self.size,
            seed=self.seed,
            boundaries_cents=tuple(self.boundaries),
            allocation=Allocation(self.allocation),
            error_rate=self.error_rate,
            precision=PRECISION if self.precision is None else self.precision,
        )


class ItemReviewIn(BaseModel):
    """What the review of a drawn claim found."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    claim_id: _ClaimKey
    correct_amount: AmountOrZero = Field(description="What should have been paid; 0 for nothing.")
    reason: Literal[
        "correct",
        "not_documented",
        "not_necessary",
        "not_covered",
        "not_rendered",
        "wrong_code",
        "duplicate",
        "pricing",
        "underpaid",
    ] = Field(description="`correct` exactly where the correct amount is what was paid.")

    @property
    def review(self) -> ItemReview:
        """As the service takes it."""
        return ItemReview(self.claim_id, self.correct_amount, OverpaymentReason(self.reason))


class SampleReviewsIn(BaseModel):
    """Reviews of drawn claims."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {"items": [{"claim_id": "clm_1", "correct_amount": "0.00", "reason": "not_documented"}]},
            ]
        },
    )

    items: Annotated[list[ItemReviewIn], Field(min_length=1, max_length=MAX_SAMPLE)] = Field(
        description="Each claim once; a claim that is not named keeps its review."
    )


class SampleEstimateIn(BaseModel):
    """How the overpayment is estimated."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"estimator": "difference"}]}
    )

    estimator: Literal["difference", "mean_per_unit"] = "difference"

    @property
    def chosen(self) -> Estimator:
        """As the service takes it."""
        return Estimator(self.estimator)


class OverpaymentDemandIn(BaseModel):
    """Until when a demanded overpayment is repaid or appealed."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"due_on": "2999-01-31", "appeal_until": "2999-02-28"}]},
    )

    due_on: Day = Field(description="After today.")
    appeal_until: Day = Field(description="After today.")


class LedgerEntryIn(BaseModel):
    """A line of the ledger of a demand."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"kind": "received", "amount": "100.00"}]},
    )

    kind: Literal["appealed", "reduced", "received", "written_off"]
    amount: Amount = Field(description="At most the balance.")
    claims: dict[_ClaimKey, Amount] | None = Field(
        None,
        description="Of received money: amounts by reviewed claim that it is for; left out, it is assigned to the "
        "overpaid ones in the order of the draw.",
        examples=[{"clm_1": "60.00"}],
    )

    @property
    def entry_kind(self) -> EntryKind:
        """As the service takes it."""
        return EntryKind(self.kind)
