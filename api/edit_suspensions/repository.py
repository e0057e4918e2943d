"""Suspended edits in the database."""

from dataclasses import asdict, dataclass, fields
from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import ScalarSelect, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api import outbox
from api.database import fetch
from api.edit_suspensions.tables import EditSuspensionRow


@dataclass(frozen=True, slots=True)
class EditSuspension:
    """An edit that is suspended."""

    edit: str
    suspended_at: datetime
    decided: int
    overturned: int
    limit_percent: int
    appeal_id: str


_SUSPENSION = tuple(EditSuspensionRow.__table__.c[one.name] for one in fields(EditSuspension))


def suspended_edits() -> ScalarSelect[list[str] | None]:
    """Codes of the edits that are suspended now, for use in another statement; null: none."""
    return (
        select(func.array_agg(EditSuspensionRow.edit)).where(EditSuspensionRow.resumed_at.is_(None)).scalar_subquery()
    )


async def suspensions(connection: AsyncConnection) -> list[EditSuspension]:
    """Edits that are suspended, by code."""
    statement = select(*_SUSPENSION).where(EditSuspensionRow.resumed_at.is_(None)).order_by(EditSuspensionRow.edit)
    return [EditSuspension(*row) for row in await connection.execute(statement)]


async def suspend(connection: AsyncConnection, suspension: EditSuspension) -> None:
    """Suspend an edit that is not suspended."""
    await connection.execute(insert(EditSuspensionRow).values(**asdict(suspension)))
    event: dict[str, JsonValue] = {"appeal_id": suspension.appeal_id}
    await fetch(connection, outbox.add(outbox.EDIT_SUSPENDED, suspension.edit, event, suspension.suspended_at))


async def resume(connection: AsyncConnection, edit: str, *, at: datetime, by: str, reason: str) -> bool:
    """End the suspension of an edit; says whether there was one."""
    statement = (
        update(EditSuspensionRow)
        .where(EditSuspensionRow.edit == edit, EditSuspensionRow.resumed_at.is_(None))
        .values(resumed_at=at, resumed_by=by, resume_reason=reason)
        .returning(EditSuspensionRow.suspension_id)
    )
    suspension_id = (await connection.execute(statement)).scalar_one_or_none()
    if suspension_id is None:
        return False
    await fetch(connection, outbox.add(outbox.EDIT_RESUMED, edit, {"suspension_id": suspension_id}, at))
    return True
