"""What can be done with members, providers and procedures: create, read, list, change, end, and add a period.

Each change is one transaction with its audit row, and waits for the claims that are being decided about the entry: once
it is committed, no claim is decided by the state before it (`api/intake/references.py`). Nothing is deleted, and the
database keeps every state that is replaced.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from api.consents import ConsentCheck
from api.database import Database
from api.entry_changes import EntryStore
from api.errors import Conflict, Invalid, NotFound
from api.field_keys import FieldKeys
from api.identity import Caller
from api.paging import ListPage, PageCursor
from api.registry import repository, rules
from api.registry.details import Details
from api.registry.kinds import MEMBER, Kind
from api.registry.records import Ending, Entry, Span
from api.registry.responses import entry_out
from api.request_context import note_left_out
from api.responses import encode


class Registry:
    """The service of members, providers and procedures."""

    def __init__(self, database: Database, keys: FieldKeys) -> None:
        self._database = database
        self._keys = keys

    async def get(
        self, kind: Kind, entry_id: str, at: datetime | None = None, check: ConsentCheck | None = None
    ) -> Entry:
        """An entry, as it is or as it was stored at an instant; raises `NotFound`.

        Raises `ConsentMissing` where it is a member that may not be shown for the purpose that `check` is of.
        """
        async with self._database.reading() as connection:
            found = (
                await repository.entry(connection, self._keys, kind, entry_id, check)
                if at is None
                else await repository.entry_at(connection, self._keys, kind, entry_id, at, check)
            )
        return self._store(kind).found(found)

    async def page(
        self,
        kind: Kind,
        *,
        filters: Mapping[str, str],
        after: PageCursor | None,
        limit: int,
        descending: bool,
        check: ConsentCheck | None = None,
    ) -> ListPage[Entry]:
        """Entries after a place, by id.

        Members that may not be shown for the purpose that `check` is of are left out of a page after it is read.
        """
        async with self._database.reading() as connection:
            found = await repository.entries(
                connection,
                kind,
                filters=filters,
                after=None if after is None else after.item_id,
                limit=limit + 1,
                descending=descending,
                check=check,
            )
        page = self._store(kind).page([one.entry for one in found], limit)
        if check is None:
            return page
        shown = [one.entry for one in found[:limit] if one.is_answered]
        note_left_out(len(page.items) - len(shown))
        return ListPage(shown, page.next_place)

    async def create(self, caller: Caller, kind: Kind, new: Entry) -> Entry:
        """Store a new entry; raises `Conflict` where there is one of this id, and `Invalid`."""
        rules.check(new)
        async with self._database.transaction() as connection:
            await _require_plans(connection, None, new)
            if not await repository.add(connection, self._keys, kind, new):
                raise Conflict(f"{kind.name} {new.entry_id} exists already; change it with PUT, or add a period to it")
            await self._store(kind).record(connection, caller, "create", None, new, {})
        return new

    async def update(
        self, caller: Caller, kind: Kind, entry_id: str, details: Details, span: Span, if_match: str
    ) -> Entry:
        """Replace what is stated of an entry and its latest period.

        Raises `NotFound`, `PreconditionFailed` and `Invalid`.
        """

        def change(entry: Entry) -> Entry:
            changed = replace(entry, details=details, latest=span)
            rules.check(changed)
            return changed

        return await self._change(caller, kind, entry_id, "update", change, if_match, {})

    async def end(self, caller: Caller, kind: Kind, entry_id: str, ending: Ending, if_match: str | None) -> Entry:
        """End the latest period of an entry; raises `NotFound`, `Conflict`, `PreconditionFailed`, `Invalid`."""

        def change(entry: Entry) -> Entry:
            return rules.ended(kind, entry, ending)

        return await self._change(caller, kind, entry_id, "end", change, if_match, {"reason": ending.reason})

    async def add_period(self, caller: Caller, kind: Kind, entry_id: str, new: Span, if_match: str | None) -> Entry:
        """Add a period to an entry; raises `NotFound`, `PreconditionFailed`, `Invalid`."""

        def change(entry: Entry) -> Entry:
            return rules.with_period(entry, new)

        return await self._change(caller, kind, entry_id, "add_period", change, if_match, {})

    async def _change(
        self,
        caller: Caller,
        kind: Kind,
        entry_id: str,
        act: str,
        change: Callable[[Entry], Entry],
        if_match: str | None,
        details: Mapping[str, JsonValue],
    ) -> Entry:
        return await self._store(kind).change(
            self._database, caller, entry_id, act=act, change=change, if_match=if_match, details=details
        )

    def _store(self, kind: Kind) -> EntryStore[Entry]:
        return EntryStore(
            name=kind.name,
            table=kind.table.name,
            id_of=lambda entry: entry.entry_id,
            lock=lambda connection, entry_id: repository.lock(connection, self._keys, kind, entry_id),
            shown=lambda entry: entry_out(kind, entry),
            check=_require_plans,
            replace=lambda connection, entry: repository.replace_entry(connection, self._keys, kind, entry),
            differences=lambda before, after: rules.changes(kind, before, after),
            keys=self._keys if kind.personal else None,
        )


async def shown_member(registry: Registry, member_id: str) -> bytes | None:
    """A member with its decrypted identity as a response shows it; `None`: the registry has none of this id."""
    try:
        return encode(entry_out(MEMBER, await registry.get(MEMBER, member_id)))
    except NotFound:
        return None


async def _require_plans(connection: AsyncConnection, before: Entry | None, after: Entry) -> None:
    """Raise `Invalid` where a plan that was not there before does not exist."""
    known = {None} if before is None else {None, *before.plans}
    for plan_id in after.plans - known:
        if not await repository.has_plan(connection, plan_id or ""):
            raise Invalid.field("plan_id", "plan not found; check the id, or load the plan first")
