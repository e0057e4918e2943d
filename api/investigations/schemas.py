"""Dispositions as investigators send them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.fields import AmountOrZero, FraudKind, Note
from api.investigations.records import NewDisposition

DispositionName = Literal["confirmed", "cleared", "billing_error", "overpayment", "waste", "abuse", "inconclusive"]


class DispositionIn(BaseModel):
    """What an investigation of a claim found. The investigator is the holder of the key."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"disposition": "confirmed", "kind": "upcoding", "amount_recovered": "120.50"}]
        },
    )

    disposition: DispositionName = Field(
        description="`confirmed` (fraud) and `cleared` (no fraud) become labels; `waste`, `abuse`, "
        "`billing_error`, `overpayment` and `inconclusive` do not."
    )
    kind: FraudKind | None = Field(None, description="Kind of confirmed fraud.")
    amount_recovered: AmountOrZero = Field(
        0,
        description="Recovered amount, with `confirmed`, `waste`, `abuse`, `billing_error` or `overpayment`. All "
        "recoveries of one claim together are at most what was paid.",
    )
    note: Note | None = Field(None, description="A short comment, without a member's name.")

    def to_disposition(self, decided_by: str) -> NewDisposition:
        """The disposition of an investigator."""
        return NewDisposition(self.disposition, decided_by, self.amount_recovered, self.kind, self.note)
