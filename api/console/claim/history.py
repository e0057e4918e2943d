"""The page of a claim that was loaded as history: another system decided it, so that there is nothing to explain."""

from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Database
from api.errors import NotFound
from api.intake import ClaimRow, LineRecord, lines_of_claims
from claims.money import format_cents

_NOT_ONE: Final = "This claim was not loaded as history."


class LoadedAsHistory(NotFound):
    """The claim has no assessment: it was decided elsewhere."""

    def __init__(self) -> None:
        super().__init__("This claim was loaded as history and has no assessment to explain.")


@dataclass(frozen=True, slots=True)
class _HistoryRow:
    """The columns that are shown."""

    claim_id: str
    status: str
    source: str
    amount_cents: int
    approved_cents: int
    member_id: str | None
    provider_id: str | None
    procedure_code: str | None
    diagnosis_code: str | None
    service_from: date
    service_to: date
    received_at: datetime
    voided_at: datetime | None
    replaces: str | None


@dataclass(frozen=True, slots=True)
class HistoryClaimPage:
    """A claim as it came from another system."""

    claim_id: str
    status: str
    source: str
    """The data set that it was loaded from."""
    provider_id: str | None
    member_id: str | None
    replaces: str | None
    facts: list[tuple[str, str]]
    lines: list[tuple[str, str, str, str, str]]
    """Line, procedure with modifiers, units, day, amount."""


async def history_page(database: Database, claim_id: str) -> HistoryClaimPage:
    """The page of such a claim; raises `NotFound`."""
    async with database.reading() as connection:
        row = await _row(connection, claim_id)
        if row is None:
            raise NotFound(_NOT_ONE)
        lines = (await lines_of_claims(connection, [claim_id])).get(claim_id, [])
    days = f"{row.service_from}" if row.service_from == row.service_to else f"{row.service_from} to {row.service_to}"
    facts = [
        ("Claimed", format_cents(row.amount_cents)),
        ("Paid", format_cents(row.approved_cents)),
        ("Service", days),
        ("Received", f"{row.received_at:%Y-%m-%d}"),
        ("Procedure", row.procedure_code or "–"),
        ("Diagnosis", row.diagnosis_code or "–"),
    ]
    if row.voided_at is not None:
        facts.append(("Voided", f"{row.voided_at:%Y-%m-%d}"))
    return HistoryClaimPage(
        claim_id=row.claim_id,
        status=row.status.replace("_", " "),
        source=row.source,
        provider_id=row.provider_id,
        member_id=row.member_id,
        replaces=row.replaces,
        facts=facts,
        lines=[_line(one, row.service_from) for one in lines],
    )


async def _row(connection: AsyncConnection, claim_id: str) -> _HistoryRow | None:
    columns = (ClaimRow.__table__.c[one.name] for one in fields(_HistoryRow))
    found = (await connection.execute(select(*columns).where(ClaimRow.claim_id == claim_id))).one_or_none()
    return None if found is None else _HistoryRow(*found)


def _line(line: LineRecord, service_from: date) -> tuple[str, str, str, str, str]:
    procedure = " ".join([line.procedure_code, *(line.modifiers or ())])
    return (
        str(line.line),
        procedure,
        str(line.units),
        str(line.service_date or service_from),
        format_cents(line.amount_cents),
    )
