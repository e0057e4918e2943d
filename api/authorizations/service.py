"""What can be done with prior authorizations: create, read, list, change, end, and read what is used of them.

Each change is one transaction with its audit row, under the lock of the member: a claim is decided by the authorization
before the change and committed before it, or by the one after it. Nothing is deleted, and every earlier state is kept.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from api.authorizations import repository
from api.authorizations.responses import authorization_out
from api.database import Database, fetch
from api.entry_changes import EntryStore
from api.errors import Conflict, Invalid
from api.identity import Caller
from api.intake import authorization_use
from api.paging import ListPage, PageCursor
from api.registry import Ending
from claims.prior_authorization import Authorization, AuthorizationUse


class Authorizations:
    """The service of prior authorizations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, number: str, at: datetime | None = None) -> Authorization:
        """An authorization, as it is or as it was stored at an instant; raises `NotFound`."""
        async with self._database.reading() as connection:
            if at is None:
                return _STORE.found(await repository.authorization(connection, number))
            return _STORE.found(await repository.authorization_at(connection, number, at))

    async def use(self, number: str) -> AuthorizationUse:
        """An authorization with what claims have used of it; raises `NotFound`."""
        async with self._database.reading() as connection:
            found = _STORE.found(await repository.authorization(connection, number))
            use = await fetch(connection, authorization_use(found.member_id, number, without=None))
        assert use is not None  # nothing deletes an authorization
        return use

    async def page(
        self, *, filters: Mapping[str, str], after: PageCursor | None, limit: int
    ) -> ListPage[Authorization]:
        """Authorizations after a place, by number."""
        async with self._database.reading() as connection:
            found = await repository.authorizations(
                connection, filters=filters, after=None if after is None else after.item_id, limit=limit + 1
            )
        return _STORE.page(found, limit)

    async def create(self, caller: Caller, new: Authorization) -> Authorization:
        """Store a new authorization; raises `Conflict` where there is one of this number, and `Invalid`."""
        _check(new)
        async with self._database.transaction() as connection:
            if not await repository.has_member(connection, new.member_id):
                raise Invalid.field("member_id", "member not found; check the id, or create the member first")
            await _check_provider(connection, None, new)
            if not await repository.add(connection, new):
                raise Conflict(f"authorization {new.number} exists already; change it with PUT")
            await _STORE.record(connection, caller, "create", None, new, {})
        return new

    async def update(self, caller: Caller, number: str, stated: Authorization, if_match: str) -> Authorization:
        """Replace what is stated of an authorization; its member stays.

        Raises `NotFound`, `PreconditionFailed` and `Invalid`.
        """

        def change(before: Authorization) -> Authorization:
            changed = replace(stated, member_id=before.member_id)
            _check(changed)
            return changed

        return await _STORE.change(
            self._database, caller, number, act="update", change=change, if_match=if_match, details={}
        )

    async def end(self, caller: Caller, number: str, ending: Ending, if_match: str | None) -> Authorization:
        """End an authorization; raises `NotFound`, `Conflict`, `PreconditionFailed`, `Invalid`."""

        def change(before: Authorization) -> Authorization:
            if before.last_day is not None and before.last_day <= ending.last_day:
                raise Conflict(f"authorization {number} already ends on {before.last_day}; correct that day with PUT")
            if ending.last_day < before.first_day:
                raise Invalid.field("last_day", f"must not be before first_day, {before.first_day}")
            return replace(before, last_day=ending.last_day)

        details = {"reason": ending.reason}
        return await _STORE.change(
            self._database, caller, number, act="end", change=change, if_match=if_match, details=details
        )


def _check(stated: Authorization) -> None:
    if stated.last_day is not None and stated.last_day < stated.first_day:
        raise Invalid.field("last_day", f"must not be before first_day, {stated.first_day}")


async def _check_provider(connection: AsyncConnection, before: Authorization | None, after: Authorization) -> None:
    known = (None,) if before is None else (None, before.provider_id)
    if after.provider_id not in known and not await repository.has_provider(connection, after.provider_id or ""):
        raise Invalid.field("provider_id", "provider not found; check the id, or create the provider first")


def _differences(before: Authorization | None, after: Authorization) -> dict[str, JsonValue]:
    old = {} if before is None else authorization_out(before).model_dump(mode="json")
    new = authorization_out(after).model_dump(mode="json")
    return {name: [old.get(name), value] for name, value in new.items() if old.get(name) != value}


_STORE: Final[EntryStore[Authorization]] = EntryStore(
    name="authorization",
    table="authorizations",
    id_of=lambda one: one.number,
    lock=repository.lock,
    shown=authorization_out,
    check=_check_provider,
    replace=repository.replace_authorization,
    differences=_differences,
    key="number",
)
