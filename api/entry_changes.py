"""What the services of registries and authorizations share: pages by id, and changes by tag that are recorded."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel, JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from api import audit
from api.audit import AuditedChange, Subject
from api.database import Database, fetch
from api.entity_tags import entity_tag, matches
from api.errors import NotFound, PreconditionFailed
from api.field_keys import FieldKeys
from api.identity import Caller
from api.paging import ListPage, PageCursor
from api.responses import encode
from core import clock

Stored = TypeVar("Stored")
_ANY_TIME = clock.from_micros(0)
"""Of the places in lists that are ordered by id alone."""


@dataclass(frozen=True, slots=True)
class EntryStore(Generic[Stored]):
    """How the entries of one kind are read, shown and stored."""

    name: str
    """Of the kind, in messages and acts of the audit log: `provider`."""
    table: str
    id_of: Callable[[Stored], str]
    lock: Callable[[AsyncConnection, str], Awaitable[Stored | None]]
    """The entry of an id, which no claim is decided by until the transaction ends."""
    shown: Callable[[Stored], BaseModel]
    """The response that the tag is of."""
    check: Callable[[AsyncConnection, Stored | None, Stored], Awaitable[None]]
    """Raises `Invalid` where the entry after a change names what does not exist."""
    replace: Callable[[AsyncConnection, Stored], Awaitable[None]]
    differences: Callable[[Stored | None, Stored], dict[str, JsonValue]]
    """What a change changed, by field, for the audit log."""
    keys: FieldKeys | None = None
    """Seal before and after of each change for the audit log; `None`: nothing about an entry is personal."""
    key: str = "id"
    """What identifies an entry, in messages."""

    def found(self, entry: Stored | None) -> Stored:
        """The entry; raises `NotFound`."""
        if entry is None:
            raise NotFound(f"{self.name} not found; check its {self.key}")
        return entry

    def page(self, found: Sequence[Stored], limit: int) -> ListPage[Stored]:
        """The entries of a page, of which one more than `limit` was looked for."""
        shown = list(found[:limit])
        return ListPage(shown, PageCursor(_ANY_TIME, self.id_of(shown[-1])) if len(found) > limit else None)

    async def change(
        self,
        database: Database,
        caller: Caller,
        entry_id: str,
        *,
        act: str,
        change: Callable[[Stored], Stored],
        if_match: str | None,
        details: Mapping[str, JsonValue],
    ) -> Stored:
        """Change an entry and record it, in one transaction.

        Raises `NotFound`, `PreconditionFailed` where the entry is not as it was read, and what `change` and `check`
        raise.
        """
        async with database.transaction() as connection:
            before = self.found(await self.lock(connection, entry_id))
            if if_match is not None and not matches(if_match, entity_tag(encode(self.shown(before)))):
                raise PreconditionFailed(
                    f"the {self.name} has changed since it was read; nothing was stored; read it again and decide"
                )
            after = change(before)
            await self.check(connection, before, after)
            if after != before:
                await self.replace(connection, after)
            await self.record(connection, caller, act, before, after, details)
        return after

    async def record(
        self,
        connection: AsyncConnection,
        caller: Caller,
        act: str,
        before: Stored | None,
        after: Stored,
        details: Mapping[str, JsonValue],
    ) -> None:
        """Add a change to the audit log; `before` is `None` for an entry that is created."""
        recorded: dict[str, JsonValue] = {
            "subject": f"{self.table}/{self.id_of(after)}",
            **details,
            "changed": self.differences(before, after),
        }
        at, named, subject = clock.now(), f"{self.name}.{act}", Subject(self.name, self.id_of(after))
        if self.keys is None:
            await fetch(connection, audit.record(caller, named, None, recorded, at, subject=subject))
            return
        change = AuditedChange(None if before is None else self._as_json(before), self._as_json(after))
        await audit.record_change(connection, self.keys, caller, named, recorded, at, change, subject=subject)

    def _as_json(self, entry: Stored) -> dict[str, JsonValue]:
        return self.shown(entry).model_dump(mode="json")
