"""Responses about findings of re-screening."""

from typing import Literal

from pydantic import BaseModel, Field

from api.fields import AmountOut, InstantOut
from api.rescreening.records import RescreeningFinding
from api.rescreening.schemas import ClosingReasonName

CauseName = Literal[
    "mue", "ptp", "leie", "hcpcs", "icd10", "fees", "contracts", "provider", "member", "procedure", "plan"
]
DifferenceName = Literal["new_finding", "finding_no_longer_holds", "amount_differs"]


class RescreeningFindingOut(BaseModel):
    """A difference between how a claim was decided and what is found after a change. The claim is unchanged."""

    finding_id: str
    claim_id: str
    provider_id: str | None
    cause: CauseName = Field(description="What changed: a table of the trade, an entry of a registry, or a plan.")
    change: str = Field(description="The release or entry that changed.", examples=["leie 2026-11"])
    claim_status: str = Field(description="Of the claim when it was compared.")
    difference: DifferenceName
    code: str = Field(description="Of the finding that differs; `amount` where the payment does.")
    line: int | None = Field(description="Of the claim, from 1; null: the claim as a whole.")
    text: str = Field(description="As a sentence.")
    cites: str = Field(description="Table and entry that it was read from.")
    amount_before: AmountOut | None = Field(description="Paid, or reserved in review; null: no amount changes.")
    amount_now: AmountOut | None = Field(description="What it would be by what is known now.")
    found_at: InstantOut
    status: Literal["open", "closed"]
    closed_at: InstantOut | None
    closed_reason: ClosingReasonName | Literal["withdrawn"] | None = Field(
        description="`withdrawn`: a later change removed the difference, or the claim was voided."
    )
    closed_by: str | None = Field(description="The key's name; null: it is open or was withdrawn.")
    note: str | None

    @classmethod
    def of(cls, record: RescreeningFinding) -> "RescreeningFindingOut":
        """The response about a finding."""
        return cls.model_validate(
            {
                "finding_id": record.finding_id,
                "claim_id": record.claim_id,
                "provider_id": record.provider_id,
                "cause": record.kind,
                "change": record.subject,
                "claim_status": record.status,
                "difference": record.difference,
                "code": record.code,
                "line": record.line or None,
                "text": record.text,
                "cites": record.cites,
                "amount_before": record.before_cents,
                "amount_now": record.now_cents,
                "found_at": record.found_at,
                "status": "open" if record.closed_at is None else "closed",
                "closed_at": record.closed_at,
                "closed_reason": record.closed_reason,
                "closed_by": record.closed_by,
                "note": record.note,
            }
        )


class RescreeningFindingList(BaseModel):
    """Findings of re-screening, the newest first."""

    findings: list[RescreeningFindingOut]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null: this is the last.")
