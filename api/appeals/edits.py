"""Suspended edits for operators: the list, and the end of a suspension."""

from api import edit_suspensions
from api.database import Database
from api.edit_suspensions import EditSuspension
from core import clock


async def suspended(database: Database) -> list[EditSuspension]:
    """Edits that are suspended, by code."""
    async with database.reading() as connection:
        return await edit_suspensions.suspensions(connection)


async def resume_edit(database: Database, *, edit: str, by: str, reason: str) -> bool:
    """End the suspension of an edit; says whether there was one."""
    async with database.transaction() as connection:
        return await edit_suspensions.resume(connection, edit, at=clock.now(), by=by, reason=reason)
