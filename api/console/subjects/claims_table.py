"""The claims of a provider or member as a table: a page of it, and all of them as CSV."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from sqlalchemy import literal, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from api.assessments import AssessmentRow, LabelRow
from api.intake import ClaimRow
from api.paging import ListPage, PageCursor
from claims.money import format_cents
from core.format import percent_to_1_decimal, utc_minute
from core.spreadsheets import csv_text

PAGE_SIZE: Final = 25
MOST_EXPORTED: Final = 10_000
"""Claims of a CSV file at most, the latest."""
SubjectColumn = Literal["provider_id", "member_id"]


@dataclass(frozen=True, slots=True)
class SubjectClaim:
    """A claim of the table."""

    claim_id: str
    received_at: datetime
    service_from: date
    provider_id: str | None
    member_id: str | None
    procedure_code: str | None
    amount_cents: int
    approved_cents: int
    status: str
    flagged: bool | None
    """By its latest assessment; `None`: it has none."""
    probability: float | None
    is_fraud: bool | None
    """By its latest label; `None`: it has none, or it was withdrawn."""

    @property
    def received(self) -> str:
        """The instant, UTC, to the minute."""
        return utc_minute(self.received_at)

    @property
    def billed(self) -> str:
        """In currency units."""
        return format_cents(self.amount_cents)

    @property
    def approved(self) -> str:
        """In currency units."""
        return format_cents(self.approved_cents)

    @property
    def state(self) -> str:
        """The status in words."""
        return self.status.replace("_", " ")

    @property
    def score(self) -> str:
        """The probability of fraud, or what decided without one."""
        if self.flagged is None:
            return "–"
        return "rule" if self.probability is None else percent_to_1_decimal(self.probability)

    @property
    def finding(self) -> str:
        """What is recorded of it."""
        return {True: "fraud confirmed", False: "no fraud", None: ""}[self.is_fraud]


async def claims_of(
    connection: AsyncConnection, column: SubjectColumn, subject_id: str, after: PageCursor | None, limit: int
) -> ListPage[SubjectClaim]:
    """The claims of a provider or member, latest first."""
    statement = (
        select(ClaimRow.claim_id, ClaimRow.received_at)
        .where(ClaimRow.__table__.c[column] == subject_id)
        .order_by(ClaimRow.received_at.desc(), ClaimRow.claim_id.desc())
        .limit(limit + 1)
    )
    if after is not None:
        place = tuple_(literal(after.received_at), literal(after.item_id))
        statement = statement.where(tuple_(ClaimRow.received_at, ClaimRow.claim_id) < place)
    page = statement.subquery()
    assessed = (
        select(AssessmentRow.flagged, AssessmentRow.probability)
        .where(AssessmentRow.claim_id == page.c.claim_id)
        .order_by(AssessmentRow.made_at.desc())
        .limit(1)
        .lateral()
    )
    labelled = (
        select(LabelRow.is_fraud)
        .where(LabelRow.claim_id == page.c.claim_id)
        .order_by(LabelRow.known_at.desc())
        .limit(1)
        .lateral()
    )
    rows = (
        await connection.execute(
            select(
                ClaimRow.claim_id,
                ClaimRow.received_at,
                ClaimRow.service_from,
                ClaimRow.provider_id,
                ClaimRow.member_id,
                ClaimRow.procedure_code,
                ClaimRow.amount_cents,
                ClaimRow.approved_cents,
                ClaimRow.status,
                assessed.c.flagged,
                assessed.c.probability,
                labelled.c.is_fraud,
            )
            .select_from(page)
            .join(ClaimRow, ClaimRow.claim_id == page.c.claim_id)
            .outerjoin(assessed, true())
            .outerjoin(labelled, true())
            .order_by(page.c.received_at.desc(), page.c.claim_id.desc())
        )
    ).all()
    found = [SubjectClaim(*row) for row in rows[:limit]]
    last = found[-1] if len(rows) > limit else None
    return ListPage(found, None if last is None else PageCursor(last.received_at, last.claim_id))


_COLUMNS: Final = (
    *("claim_id", "received_at", "service_from", "provider_id", "member_id", "procedure_code"),
    *("billed", "approved", "status", "flagged", "probability", "finding"),
)


def claims_csv(claims: Sequence[SubjectClaim]) -> str:
    """The claims as a CSV file that a spreadsheet opens without running what a text says."""
    rows = (
        (
            *(claim.claim_id, claim.received_at.isoformat(), claim.service_from.isoformat()),
            *(claim.provider_id, claim.member_id, claim.procedure_code),
            *(claim.billed, claim.approved, claim.status, claim.flagged, claim.probability, claim.finding),
        )
        for claim in claims
    )
    return csv_text((_COLUMNS, *rows), line_end="\r\n")
