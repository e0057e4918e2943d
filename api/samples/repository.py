"""Samples and recoupments in the database."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import date, datetime
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import RowMapping, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.intake import ClaimRow
from api.samples.records import (
    MAX_FRAME,
    FixedEstimate,
    ItemReview,
    RecoupmentEntry,
    RecoupmentRecord,
    SampledStratum,
    SampleItem,
    SampleRecord,
)
from api.samples.tables import CaseSampleRow, RecoupmentEntryRow, RecoupmentRow, SampleItemRow
from claims.sampling import SamplingUnit

PAID: Final = ("approved", "partially_approved")
_SAMPLE: Final = tuple(CaseSampleRow.__table__.c[one.name] for one in fields(SampleRecord))
_ITEM: Final = tuple(SampleItemRow.__table__.c[one.name] for one in fields(SampleItem))
_RECOUPMENT: Final = tuple(RecoupmentRow.__table__.c[one.name] for one in fields(RecoupmentRecord))
_ENTRY: Final = tuple(RecoupmentEntryRow.__table__.c[one.name] for one in fields(RecoupmentEntry))
_ESTIMATE: Final = TypeAdapter(FixedEstimate)


async def paid_claims(
    connection: AsyncConnection, provider_id: str, first_day: date, last_day: date
) -> list[SamplingUnit]:
    """The paid claims of a provider with a first day of service in a period; at most one more than `MAX_FRAME`."""
    statement = (
        select(ClaimRow.claim_id, ClaimRow.approved_cents)
        .where(
            ClaimRow.provider_id == provider_id,
            ClaimRow.service_from.between(first_day, last_day),
            ClaimRow.status.in_(PAID),
            ClaimRow.approved_cents > 0,
        )
        .limit(MAX_FRAME + 1)
    )
    return [SamplingUnit(claim_id, cents) for claim_id, cents in await connection.execute(statement)]


async def add_sample(
    connection: AsyncConnection, sample: SampleRecord, frame: str, items: Sequence[SampleItem]
) -> None:
    """Store a sample with its frame and claims."""
    values = asdict(sample) | {
        "boundaries_cents": list(sample.boundaries_cents),
        "strata": [asdict(one) for one in sample.strata],
        "frame": frame,
    }
    await connection.execute(insert(CaseSampleRow).values(values))
    await connection.execute(insert(SampleItemRow), [{**asdict(one), "sample_id": sample.sample_id} for one in items])


async def find_sample(
    connection: AsyncConnection, case_id: str, sample_id: str, *, lock: bool = False
) -> SampleRecord | None:
    """A sample of a case; `lock`: changed by no other transaction until this one ends."""
    statement = select(*_SAMPLE).where(CaseSampleRow.sample_id == sample_id, CaseSampleRow.case_id == case_id)
    row = (await connection.execute(statement.with_for_update() if lock else statement)).mappings().one_or_none()
    return None if row is None else _sample(row)


async def samples_of_case(connection: AsyncConnection, case_id: str, limit: int) -> list[SampleRecord]:
    """The samples of a case, in the order in which they were drawn."""
    statement = (
        select(*_SAMPLE)
        .where(CaseSampleRow.case_id == case_id)
        .order_by(CaseSampleRow.created_at, CaseSampleRow.sample_id)
        .limit(limit)
    )
    return [_sample(row) for row in (await connection.execute(statement)).mappings()]


async def frame_of(connection: AsyncConnection, case_id: str, sample_id: str) -> str | None:
    """The canonical text of the frame; None: the case has no such sample."""
    statement = select(CaseSampleRow.frame).where(
        CaseSampleRow.sample_id == sample_id, CaseSampleRow.case_id == case_id
    )
    found: str | None = await connection.scalar(statement)
    return found


async def items_of(connection: AsyncConnection, sample_id: str) -> list[SampleItem]:
    """The claims of a sample, in the order of the draw."""
    statement = select(*_ITEM).where(SampleItemRow.sample_id == sample_id).order_by(SampleItemRow.position)
    return [SampleItem(**row) for row in (await connection.execute(statement)).mappings()]


async def set_reviews(
    connection: AsyncConnection, sample_id: str, reviews: Sequence[ItemReview], *, by: str, at: datetime
) -> None:
    """Store what the review of drawn claims found."""
    statement = (
        update(SampleItemRow)
        .where(SampleItemRow.sample_id == sample_id, SampleItemRow.claim_id == bindparam("reviewed"))
        .values(correct_cents=bindparam("correct"), reason=bindparam("why"), reviewed_at=at, reviewed_by=by)
    )
    await connection.execute(
        statement,
        [{"reviewed": one.claim_id, "correct": one.correct_cents, "why": one.reason.value} for one in reviews],
    )


async def set_estimate(
    connection: AsyncConnection, sample_id: str, estimate: FixedEstimate, *, by: str, at: datetime
) -> None:
    """Store the estimate of a sample, which is locked."""
    stored = _ESTIMATE.dump_python(estimate, mode="json")
    statement = update(CaseSampleRow).where(CaseSampleRow.sample_id == sample_id)
    await connection.execute(statement.values(estimate=stored, fixed_at=at, fixed_by=by))


async def add_recoupment(connection: AsyncConnection, recoupment: RecoupmentRecord) -> None:
    """Store a demand."""
    await connection.execute(insert(RecoupmentRow).values(asdict(recoupment)))


async def find_recoupment(
    connection: AsyncConnection, sample_id: str, *, lock: bool = False
) -> RecoupmentRecord | None:
    """The demand of a sample; `lock`: its ledger gets no line from others until this transaction ends."""
    statement = select(*_RECOUPMENT).where(RecoupmentRow.sample_id == sample_id)
    row = (await connection.execute(statement.with_for_update() if lock else statement)).mappings().one_or_none()
    return None if row is None else RecoupmentRecord(**row)


async def entries_of(connection: AsyncConnection, recoupment_id: str) -> list[RecoupmentEntry]:
    """The ledger of a recoupment, the first line first."""
    statement = (
        select(*_ENTRY).where(RecoupmentEntryRow.recoupment_id == recoupment_id).order_by(RecoupmentEntryRow.entry_no)
    )
    return [RecoupmentEntry(**row) for row in (await connection.execute(statement)).mappings()]


async def add_entry(connection: AsyncConnection, recoupment_id: str, entry: RecoupmentEntry) -> None:
    """Add a line to the ledger of a recoupment, which is locked."""
    values = {**asdict(entry), "claims": dict(entry.claims), "recoupment_id": recoupment_id}
    await connection.execute(insert(RecoupmentEntryRow).values(values))


def _sample(row: RowMapping) -> SampleRecord:
    values = dict(row)
    values["boundaries_cents"] = tuple(values["boundaries_cents"])
    values["strata"] = tuple(SampledStratum(**one) for one in values["strata"])
    values["estimate"] = None if values["estimate"] is None else _ESTIMATE.validate_python(values["estimate"])
    return SampleRecord(**values)
