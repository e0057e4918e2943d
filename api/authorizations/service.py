"""What can be done with prior authorizations: create, read, list, change, end, and read what is used of them.

Each change is one transaction with its audit row, under the lock of the member: a claim is decided by the authorization
before the change and committed before it, or by the one after it. Nothing is deleted, and every earlier state is kept.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from api import audit
from api.authorizations import repository
from api.authorizations.responses import authorization_out
from api.database import Database, fetch
from api.entity_tags import entity_tag, matches
from api.errors import Conflict, Invalid, NotFound, PreconditionFailed
from api.identity import Caller
from api.intake import authorization_use
from api.paging import ListPage, PageCursor
from api.registry import Ending
from api.responses import encode
from claims.prior_authorization import Authorization, AuthorizationUse
from core import clock

_ANY_TIME = clock.from_micros(0)
"""Of the places in a list that is ordered by number alone."""


class Authorizations:
    """The service of prior authorizations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, number: str, at: datetime | None = None) -> Authorization:
        """An authorization, as it is or as it was stored at an instant; raises `NotFound`."""
        async with self._database.reading() as connection:
            if at is None:
                return _found(await repository.authorization(connection, number))
            return _found(await repository.authorization_at(connection, number, at))

    async def use(self, number: str) -> AuthorizationUse:
        """An authorization with what claims have used of it; raises `NotFound`."""
        async with self._database.reading() as connection:
            found = _found(await repository.authorization(connection, number))
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
        shown = found[:limit]
        return ListPage(shown, PageCursor(_ANY_TIME, shown[-1].number) if len(found) > limit else None)

    async def create(self, caller: Caller, new: Authorization) -> Authorization:
        """Store a new authorization; raises `Conflict` where there is one of this number, and `Invalid`."""
        _check(new)
        async with self._database.transaction() as connection:
            if not await repository.has_member(connection, new.member_id):
                raise Invalid.field("member_id", "member not found; check the id, or create the member first")
            await _require_provider(connection, new.provider_id)
            if not await repository.add(connection, new):
                raise Conflict(f"authorization {new.number} exists already; change it with PUT")
            await _record(connection, caller, "create", None, new, {})
        return new

    async def update(self, caller: Caller, number: str, stated: Authorization, if_match: str) -> Authorization:
        """Replace what is stated of an authorization; its member stays.

        Raises `NotFound`, `PreconditionFailed` and `Invalid`.
        """

        def change(before: Authorization) -> Authorization:
            changed = replace(stated, member_id=before.member_id)
            _check(changed)
            return changed

        return await self._change(caller, number, "update", change, if_match, {})

    async def end(self, caller: Caller, number: str, ending: Ending, if_match: str | None) -> Authorization:
        """End an authorization; raises `NotFound`, `Conflict`, `PreconditionFailed`, `Invalid`."""

        def change(before: Authorization) -> Authorization:
            if before.last_day is not None and before.last_day <= ending.last_day:
                raise Conflict(f"authorization {number} already ends on {before.last_day}; correct that day with PUT")
            if ending.last_day < before.first_day:
                raise Invalid.field("last_day", f"must not be before first_day, {before.first_day}")
            return replace(before, last_day=ending.last_day)

        return await self._change(caller, number, "end", change, if_match, {"reason": ending.reason})

    async def _change(
        self,
        caller: Caller,
        number: str,
        act: str,
        change: Callable[[Authorization], Authorization],
        if_match: str | None,
        details: Mapping[str, JsonValue],
    ) -> Authorization:
        async with self._database.transaction() as connection:
            before = _found(await repository.lock(connection, number))
            if if_match is not None and not matches(if_match, entity_tag(encode(authorization_out(before)))):
                raise PreconditionFailed(
                    "the authorization has changed since it was read; nothing was stored; read it again and decide"
                )
            after = change(before)
            if after.provider_id != before.provider_id:
                await _require_provider(connection, after.provider_id)
            if after != before:
                await repository.replace_authorization(connection, after)
            await _record(connection, caller, act, before, after, details)
        return after


def _found(found: Authorization | None) -> Authorization:
    if found is None:
        raise NotFound("authorization not found; check its number")
    return found


def _check(stated: Authorization) -> None:
    if stated.last_day is not None and stated.last_day < stated.first_day:
        raise Invalid.field("last_day", f"must not be before first_day, {stated.first_day}")


async def _require_provider(connection: AsyncConnection, provider_id: str | None) -> None:
    if provider_id is not None and not await repository.has_provider(connection, provider_id):
        raise Invalid.field("provider_id", "provider not found; check the id, or create the provider first")


async def _record(
    connection: AsyncConnection,
    caller: Caller,
    act: str,
    before: Authorization | None,
    after: Authorization,
    details: Mapping[str, JsonValue],
) -> None:
    old = {} if before is None else authorization_out(before).model_dump(mode="json")
    new = authorization_out(after).model_dump(mode="json")
    changed: JsonValue = {name: [old.get(name), value] for name, value in new.items() if old.get(name) != value}
    recorded = {"subject": f"authorizations/{after.number}", **details, "changed": changed}
    await fetch(connection, audit.record(caller, f"authorization.{act}", None, recorded, clock.now()))
