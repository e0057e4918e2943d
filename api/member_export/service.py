"""An export of a member that is requested by the member, and recorded in the audit log."""

import asyncio

from api import audit
from api.audit import Subject
from api.database import NO_LIMITS, Database, connect, fetch
from api.errors import Invalid, NotFound
from api.fields import MAX_NOTE
from api.identity import Caller
from api.legal_holds import is_stored_member
from api.member_export.archive import MemberExport, export_member
from api.registry import Registry, shown_member
from core import clock


async def exported_member(
    database: Database, registry: Registry, url: str, caller: Caller, member_id: str, reason: str
) -> MemberExport:
    """Export what is stored about a member, from one state of the database; it is recorded before it is returned.

    `url` is that of the database for a connection of its own. Raises `NotFound`, `Invalid`.
    """
    if not reason.strip() or len(reason) > MAX_NOTE or not reason.isprintable():
        raise Invalid.field("reason", f"must be 1 to {MAX_NOTE} characters on one line: why the data are exported")
    async with database.reading() as connection:
        if not await is_stored_member(connection, member_id):
            raise NotFound("member not found; check its id")
    member = await shown_member(registry, member_id)
    at = clock.now()

    def read() -> MemberExport:
        with connect(url, NO_LIMITS) as own:
            return export_member(own, member_id, member, at)

    export = await asyncio.to_thread(read)
    details = {"reason": reason.strip(), "sha256": export.sha256}
    row = audit.record(caller, "member.export", None, details, at, subject=Subject("member", member_id))
    async with database.transaction() as connection:
        await fetch(connection, row)
    return export
