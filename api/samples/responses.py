"""Samples of a case as the API returns them."""

from datetime import date
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from api.fields import AmountOut, InstantOut
from api.samples.records import FixedEstimate, RecoupmentEntry, SampleDetails, SampleItem, SampleRecord


class SampledStratumOut(BaseModel):
    """A stratum of the frame."""

    name: str
    claims: int = Field(description="In the frame.")
    paid_amount: AmountOut
    drawn: int = Field(description="Claims of the sample.")


class EstimateWarningOut(BaseModel):
    """A reason for caution with an estimate."""

    code: str
    message: str


class SampleEstimateOut(BaseModel):
    """The estimate of a sample, as it was fixed when the review was complete."""

    estimator: str
    quantile: str = Field(description="Distribution of the limits: `student_t` or `normal`.")
    confidence: float = Field(description="Of the one-sided interval.")
    point_amount: AmountOut
    standard_error: AmountOut
    degrees: float | None = Field(description="Degrees of freedom; null: none are used.")
    multiple: float = Field(description="Standard errors between point estimate and limit.")
    lower_amount: AmountOut
    upper_amount: AmountOut
    reviewed: int
    errors: int = Field(description="Reviewed claims that were not paid as they should have been.")
    found_amount: AmountOut = Field(description="Net overpayment of the reviewed claims.")
    demand_amount: AmountOut = Field(description="What can be demanded.")
    is_extrapolated: bool = Field(description="False: the demand is what was found in the reviewed claims.")
    wrong_lower: int | None
    wrong_upper: int | None = Field(description="Exact 90 % limits of the wrong claims of the frame; null: strata.")
    warnings: list[EstimateWarningOut]

    @classmethod
    def of(cls, made: FixedEstimate) -> Self:
        """An estimate."""
        return cls(
            estimator=made.estimator,
            quantile=made.quantile,
            confidence=made.confidence,
            point_amount=made.point_cents,
            standard_error=made.standard_error_cents,
            degrees=made.degrees,
            multiple=made.multiple,
            lower_amount=made.lower_cents,
            upper_amount=made.upper_cents,
            reviewed=made.reviewed,
            errors=made.errors,
            found_amount=made.found_cents,
            demand_amount=made.demand_cents,
            is_extrapolated=made.is_extrapolated,
            wrong_lower=made.wrong_lower,
            wrong_upper=made.wrong_upper,
            warnings=[EstimateWarningOut(code=one.code, message=one.message) for one in made.warnings],
        )


class CaseSampleOut(BaseModel):
    """A sample with what draws it again: frame, seed, method and sizes."""

    model_config = ConfigDict(frozen=True)

    sample_id: str
    case_id: str
    provider_id: str
    first_day: date
    last_day: date
    frame_sha256: str = Field(description="Of the canonical text of the frame, in hex.")
    frame_claims: int
    frame_paid_amount: AmountOut
    method: str
    seed: str
    size: int = Field(description="Claims of the sample.")
    strata: list[SampledStratumOut]
    boundaries: list[AmountOut]
    drawn_at: InstantOut
    drawn_by: str = Field(description="Id of the key or user.")
    estimate: SampleEstimateOut | None = Field(description="null: it is not fixed yet.")
    estimated_at: InstantOut | None
    estimated_by: str | None

    @classmethod
    def of(cls, record: SampleRecord) -> Self:
        """A sample without its claims."""
        return cls(
            sample_id=record.sample_id,
            case_id=record.case_id,
            provider_id=record.provider_id,
            first_day=record.first_day,
            last_day=record.last_day,
            frame_sha256=record.frame_sha256,
            frame_claims=record.frame_units,
            frame_paid_amount=record.frame_cents,
            method=record.method,
            seed=record.seed,
            size=record.size,
            strata=[
                SampledStratumOut(name=one.name, claims=one.units, paid_amount=one.paid_cents, drawn=one.size)
                for one in record.strata
            ],
            boundaries=list(record.boundaries_cents),
            drawn_at=record.created_at,
            drawn_by=record.created_by,
            estimate=None if record.estimate is None else SampleEstimateOut.of(record.estimate),
            estimated_at=record.fixed_at,
            estimated_by=record.fixed_by,
        )


class CaseSampleList(BaseModel):
    """The samples of a case."""

    samples: list[CaseSampleOut]


class SampleItemOut(BaseModel):
    """A drawn claim with its review."""

    position: int
    claim_id: str
    stratum: str
    paid_amount: AmountOut
    number: str = Field(description="That it was drawn by, in hex.")
    correct_amount: AmountOut | None = Field(description="null: not reviewed yet.")
    overpaid_amount: AmountOut | None = Field(description="Paid less correct; negative: underpaid.")
    reason: str | None
    reviewed_at: InstantOut | None
    reviewed_by: str | None

    @classmethod
    def of(cls, item: SampleItem) -> Self:
        """A drawn claim."""
        return cls(
            position=item.position,
            claim_id=item.claim_id,
            stratum=item.stratum,
            paid_amount=item.paid_cents,
            number=item.number,
            correct_amount=item.correct_cents,
            overpaid_amount=item.overpaid_cents,
            reason=item.reason,
            reviewed_at=item.reviewed_at,
            reviewed_by=item.reviewed_by,
        )


class SampleWorksheetOut(BaseModel):
    """The claims of a sample, in the order of the draw."""

    items: list[SampleItemOut]

    @classmethod
    def of(cls, details: SampleDetails) -> Self:
        """The worksheet of a sample."""
        return cls(items=[SampleItemOut.of(one) for one in details.items])


class LedgerEntryOut(BaseModel):
    """A line of the ledger, which is never changed."""

    entry_no: int
    at: InstantOut
    by: str = Field(description="Id of the key or user.")
    kind: str
    amount: AmountOut
    balance: AmountOut = Field(description="After this line.")
    claims: dict[str, AmountOut] = Field(description="Of received money: amounts by claim that it was assigned to.")

    @classmethod
    def of(cls, entry: RecoupmentEntry) -> Self:
        """A line."""
        return cls(
            entry_no=entry.entry_no,
            at=entry.at,
            by=entry.by,
            kind=entry.kind,
            amount=entry.amount_cents,
            balance=entry.balance_cents,
            claims=dict(entry.claims),
        )


class RecoupmentOut(BaseModel):
    """A demand with its ledger."""

    recoupment_id: str
    sample_id: str
    case_id: str
    provider_id: str
    demanded_amount: AmountOut
    demanded_at: InstantOut
    demanded_by: str = Field(description="Id of the key or user.")
    due_on: date
    appeal_until: date
    balance: AmountOut = Field(description="What is still owed.")
    entries: list[LedgerEntryOut] = Field(description="The ledger, the first line first.")

    @classmethod
    def of(cls, details: SampleDetails) -> Self | None:
        """The demand of a sample; `None`: nothing is demanded yet."""
        made = details.recoupment
        if made is None:
            return None
        return cls(
            recoupment_id=made.recoupment_id,
            sample_id=made.sample_id,
            case_id=made.case_id,
            provider_id=made.provider_id,
            demanded_amount=made.demanded_cents,
            demanded_at=made.demanded_at,
            demanded_by=made.demanded_by,
            due_on=made.due_on,
            appeal_until=made.appeal_until,
            balance=details.balance_cents,
            entries=[LedgerEntryOut.of(one) for one in details.entries],
        )


class CaseSampleDetailsOut(CaseSampleOut):
    """A sample with its claims, their reviews, its demand and ledger."""

    reviewed: int = Field(description="Claims that are reviewed.")
    items: list[SampleItemOut] = Field(description="In the order of the draw.")
    recoupment: RecoupmentOut | None = Field(description="null: nothing is demanded yet.")

    @classmethod
    def of_details(cls, details: SampleDetails) -> Self:
        """A sample with all of it."""
        return cls(
            **dict(CaseSampleOut.of(details.record)),
            reviewed=details.reviewed,
            items=[SampleItemOut.of(one) for one in details.items],
            recoupment=RecoupmentOut.of(details),
        )
