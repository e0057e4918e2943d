"""Reading the audit log over HTTP. Each read is an entry of the log itself (`api/audited_requests.py`)."""

from api.audit.changes import StoredChange, stored_change
from api.audit.records import AuditedAct, AuditFilter
from api.audit.repository import audited_act, entries
from api.database import Database
from api.errors import NotFound
from api.field_keys import FieldKeys
from api.paging import ListPage, PageCursor
from api.request_context import note_items


class AuditReading:
    """Searches and single entries of the log."""

    def __init__(self, database: Database, keys: FieldKeys) -> None:
        self._database = database
        self._keys = keys

    async def page(self, chosen: AuditFilter, *, after: PageCursor | None, limit: int) -> ListPage[AuditedAct]:
        """The latest entries that a filter chooses, after a place."""
        before = None if after is None else as_entry_number(after.item_id)
        async with self._database.reading() as connection:
            found = await entries(connection, chosen, before=before, limit=limit + 1)
        shown = list(found[:limit])
        note_items(len(shown))
        return ListPage(shown, PageCursor(shown[-1].at, str(shown[-1].audit_id)) if len(found) > limit else None)

    async def entry(self, number: str) -> tuple[AuditedAct, StoredChange]:
        """One entry with its change decrypted; raises `NotFound`, and what `stored_change` raises."""
        async with self._database.reading() as connection:
            found = await audited_act(connection, as_entry_number(number))
            if found is None:
                raise NotFound("entry not found; check its number")
            return found, await stored_change(connection, self._keys, found)


def as_entry_number(text: str) -> int:
    """The number of an entry; a text that is none becomes one that no entry has."""
    is_number = text.isascii() and text.isdigit() and len(text) < 19
    return int(text) if is_number else 0
