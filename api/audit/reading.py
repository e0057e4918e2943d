"""Reading the audit log over HTTP. Each read is an entry of the log itself (`api/audited_requests.py`)."""

from collections.abc import Mapping

from api.audit.acts import CHANGE_READ
from api.audit.changes import StoredChange, sealed_change, stored_change
from api.audit.records import SUCCESS, AuditedAct, AuditFilter, Subject
from api.audit.repository import audited_act, entries, entry
from api.database import Database
from api.errors import Invalid, NotFound
from api.field_keys import FieldKeys
from api.identity import Caller
from api.paging import ListPage, PageCursor, read_cursor
from api.request_context import PURPOSES, Actor, note_items
from core import clock


class AuditReading:
    """Searches and single entries of the log."""

    def __init__(self, database: Database, keys: FieldKeys) -> None:
        self._database = database
        self._keys = keys

    async def page(self, chosen: AuditFilter, *, before: int | None, limit: int) -> ListPage[AuditedAct]:
        """The latest entries that a filter chooses, of those below a number."""
        async with self._database.reading() as connection:
            found = await entries(connection, chosen, before=before, limit=limit + 1)
        shown = list(found[:limit])
        note_items(len(shown))
        return ListPage(shown, PageCursor(shown[-1].at, str(shown[-1].audit_id)) if len(found) > limit else None)

    async def entry(self, caller: Caller, number: str) -> tuple[AuditedAct, StoredChange]:
        """One entry with its change decrypted; raises `NotFound`, and what `shown_change` raises."""
        found = await self.act(number)
        actor = Actor(caller.actor_id, caller.name, caller.role)
        return found, await shown_change(self._database, self._keys, found, actor)

    async def act(self, number: str) -> AuditedAct:
        """One entry without its change; raises `NotFound`."""
        async with self._database.reading() as connection:
            found = await audited_act(connection, as_entry_number(number))
        if found is None:
            raise NotFound("entry not found; check its number")
        return found


async def shown_change(
    database: Database,
    keys: FieldKeys,
    found: AuditedAct,
    actor: Actor,
    *,
    archived: bool = False,
    sealed: bytes | None = None,
) -> StoredChange:
    """Decrypt the change of an entry; of one that is `archived`, `sealed`, which its archive has.

    If the entry is about a member, a record of this read is committed before the change is returned. Raises as
    `stored_change` does.
    """
    async with database.reading() as connection:
        stored_bytes = sealed if archived else await sealed_change(connection, found)
        stored = await stored_change(connection, keys, found, stored_bytes)
    if stored.change is None or found.subject_kind != "member" or found.subject_id is None:
        return stored
    row = entry(
        actor=actor,
        act=CHANGE_READ,
        claim_id=None,
        details={"audit_id": found.audit_id},
        at=clock.now(),
        subject=Subject(found.subject_kind, found.subject_id),
        outcome=SUCCESS,
    )
    async with database.deciding() as connection:
        await connection.finish(row)
    return stored


def read_place(name: str, cursor: str | None) -> int | None:
    """The number of the entry after which a page begins; raises `Invalid` for what is no cursor of this list.

    `name` is that of the parameter.
    """
    if cursor is None:
        return None
    try:
        number = as_entry_number(read_cursor(cursor).item_id)
    except Invalid:
        number = 0
    if number == 0:
        raise Invalid.field(name, "is no cursor of this list; send the one that the previous page names")
    return number


def check_stated(values: Mapping[str, str | None]) -> None:
    """Check that no filter is empty: it would find nothing. Raises `Invalid`."""
    for name, value in values.items():
        if value == "":
            raise Invalid.field(name, "must not be empty; state a value, or leave the parameter out")


def check_purpose(purpose: str | None) -> None:
    """Check that a purpose is one. Raises `Invalid`."""
    if purpose is not None and purpose not in PURPOSES:
        raise Invalid.field("purpose", f"must be one of {', '.join(PURPOSES)}")


def as_entry_number(text: str) -> int:
    """The number of an entry; a text that is none becomes one that no entry has."""
    is_number = text.isascii() and text.isdigit() and len(text) < 19
    return int(text) if is_number else 0
