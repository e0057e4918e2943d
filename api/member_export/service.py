"""An export of a member that is requested by the member, and recorded in the audit log."""

import asyncio
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from api import audit
from api.audit import Subject
from api.database import NO_LIMITS, Database, connect, fetch
from api.errors import Invalid, NotFound
from api.field_keys import FieldKeys, SealedColumn, StoredText, list_text, open_texts, text_list
from api.fields import MAX_NOTE
from api.identity import Caller
from api.legal_holds import is_stored_member
from api.member_export.archive import ExportedRow, MemberExport, archived, rows_of_member
from api.member_export.declared import EXPORTED
from api.registry import Registry, shown_member
from core import clock


async def exported_member(
    database: Database, registry: Registry, keys: FieldKeys, url: str, caller: Caller, member_id: str, reason: str
) -> MemberExport:
    """Export what is stored about a member, from one state of the database; it is recorded before it is returned.

    `url` is that of the database for a connection of its own. Raises `NotFound`, `Invalid`, and what
    `open_texts` raises.
    """
    if not reason.strip() or len(reason) > MAX_NOTE or not reason.isprintable():
        raise Invalid.field("reason", f"must be 1 to {MAX_NOTE} characters on one line: why the data are exported")
    async with database.reading() as connection:
        if not await is_stored_member(connection, member_id):
            raise NotFound("member not found; check its id")
    member = await shown_member(registry, member_id)
    at = clock.now()

    def read() -> dict[str, list[ExportedRow]]:
        with connect(url, NO_LIMITS) as own:
            return rows_of_member(own, member_id)

    found = await asyncio.to_thread(read)
    async with database.reading() as connection:
        for table, declared in EXPORTED.items():
            for column in declared.opened:
                await _open(connection, keys, column, found[table])
    export = await asyncio.to_thread(archived, member_id, member, found, at)
    details = {"reason": reason.strip(), "sha256": export.sha256}
    row = audit.record(caller, "member.export", None, details, at, subject=Subject("member", member_id))
    async with database.transaction() as connection:
        await fetch(connection, row)
    return export


async def _open(
    connection: AsyncConnection, keys: FieldKeys, column: SealedColumn, rows: Sequence[ExportedRow]
) -> None:
    """Decrypt a text of each row into its column in clear."""
    stored = []
    for row in rows:
        sealed, clear = row[column.column], row[column.clear]
        stored.append(
            StoredText(
                str(row["claim_id"]),
                tuple(row[name] for name in column.row),
                None if sealed is None else bytes.fromhex(str(sealed).removeprefix("\\x")),
                _clear_text(clear),
            )
        )
    for row, opened in zip(rows, await open_texts(connection, keys, column, stored), strict=True):
        values = text_list(opened) if column.is_list else None
        row[column.clear] = opened if values is None else values


def _clear_text(value: object) -> str | None:
    """A value in clear as `StoredText` has it."""
    return list_text(value) if isinstance(value, list) else None if value is None else str(value)
