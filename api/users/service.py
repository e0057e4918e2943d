"""What administrators do with users: create, change, disable, reset. Each is one transaction with its audit row."""

import secrets
from dataclasses import replace
from datetime import datetime
from typing import Final

from pydantic import JsonValue
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from api import audit
from api.audit import AuditedChange, Subject
from api.database import Database, fetch
from api.entity_tags import entity_tag, matches
from api.errors import Conflict, Invalid, NotFound, PreconditionFailed
from api.field_keys import FieldKeys
from api.identity import MEMBER, PROVIDER, ROLES, USER_PREFIX, Caller
from api.paging import ListPage, PageCursor
from api.responses import encode
from api.users import repository
from api.users.errors import WeakPassword
from api.users.passwords import PasswordHasher, accepted_password
from api.users.records import SECOND_FACTOR_ROLES, USER_ROLES, User, UserState, just_after
from api.users.responses import UserOut
from api.users.schemas import UserIn, UserUpdate
from core import clock
from core.ids import new_id

_PASSWORD_BYTES: Final = 18
"""Random bytes of a password that is generated."""
_CHANGED_BY_ADMIN: Final = ("display_name", "role", "provider_id", "member_id", "state")


class Users:
    """The service of users."""

    def __init__(self, database: Database, keys: FieldKeys, passwords: PasswordHasher) -> None:
        self._database = database
        self._keys = keys
        self._passwords = passwords

    async def create(self, caller: Caller, sent: UserIn, password: str | None = None) -> tuple[User, str]:
        """Add a user; returns it and its password. Without one, it is generated and changed at the first sign-in.

        Raises `Invalid`, `Conflict` where the login is taken.
        """
        at = clock.now()
        user = User(
            user_id=new_id(USER_PREFIX.rstrip("_")),
            login=sent.login,
            display_name=sent.display_name,
            role=sent.role,
            provider_id=sent.provider_id,
            member_id=sent.member_id,
            state=UserState.ACTIVE.value,
            must_change_password=password is None,
            second_factor_at=None,
            signed_out_at=at,
            created_at=at,
            updated_at=at,
            disabled_at=None,
        )
        _require_consistent(user)
        chosen, password_hash = await self._hashed(user, password)
        async with self._database.transaction() as connection:
            await repository.lock_logins(connection)
            if await repository.user_with_login(connection, self._keys, sent.login) is not None:
                raise Conflict(_TAKEN)
            try:
                await repository.add_user(connection, self._keys, user, password_hash)
            except IntegrityError:
                raise Conflict(_TAKEN) from None  # added at the same time
            await self._changed(connection, caller, "user.create", {"user_role": user.role}, at, None, user)
        return user, chosen

    async def get(self, user_id: str) -> User:
        """A user; raises `NotFound`."""
        async with self._database.reading() as connection:
            return await self._opened(await repository.find_user(connection, user_id))

    async def with_login(self, login: str) -> User:
        """The user of a login; raises `NotFound`."""
        async with self._database.reading() as connection:
            return _found(await repository.user_with_login(connection, self._keys, login.strip().lower()))

    async def all(self) -> list[User]:
        """Every user, the oldest first."""
        async with self._database.reading() as connection:
            return [await repository.opened(self._keys, one) for one in await repository.all_users(connection)]

    async def page(self, after: PageCursor | None, limit: int) -> ListPage[User]:
        """At most `limit` users after a place, the oldest first."""
        async with self._database.reading() as connection:
            found = await repository.users_after(connection, after, limit + 1)
        more = len(found) > limit
        last = found[limit - 1] if more else None
        shown = [await repository.opened(self._keys, one) for one in found[:limit]]
        return ListPage(shown, None if last is None else PageCursor(last.created_at, last.user_id))

    async def update(self, caller: Caller, user_id: str, sent: UserUpdate, if_match: str | None) -> User:
        """Replace what is stated of a user; raises `NotFound`, `PreconditionFailed`, `Invalid`, `Conflict`."""
        async with self._database.transaction() as connection:
            before = await self._opened(await repository.find_user(connection, user_id, lock=True))
            at = clock.now()
            tag = entity_tag(encode(UserOut.model_validate(before)))
            if if_match is not None and not matches(if_match, tag):
                raise PreconditionFailed(PreconditionFailed.example)
            after = replace(before, **sent.model_dump())
            if after == before:
                return before
            _require_consistent(after)
            if (after.role, after.state) != (before.role, before.state) and user_id == caller.actor_id:
                raise Conflict("your own role and state are changed by another administrator")
            if after.state != before.state:
                after = replace(after, disabled_at=None if after.is_active else at)
            if _rights(after) != _rights(before):
                after = replace(after, signed_out_at=just_after(at))
            after = replace(after, updated_at=at)
            changed = [name for name in _CHANGED_BY_ADMIN if getattr(after, name) != getattr(before, name)]
            values = {name: getattr(after, name) for name in (*changed, "signed_out_at", "updated_at", "disabled_at")}
            await repository.change_user(connection, user_id, values)
            details: dict[str, JsonValue] = {"changed": [*changed], "user_role": after.role, "state": after.state}
            await self._changed(connection, caller, "user.change", details, at, before, after)
            return after

    async def set_state(self, caller: Caller, user_id: str, state: UserState) -> User:
        """Disable or enable a user; raises `NotFound`, `Conflict`."""
        user = await self.get(user_id)
        stated = {name: getattr(user, name) for name in _CHANGED_BY_ADMIN} | {"state": state.value}
        tag = entity_tag(encode(UserOut.model_validate(user)))
        return await self.update(caller, user_id, UserUpdate.model_validate(stated), tag)

    async def reset_password(
        self, caller: Caller, user_id: str, reason: str, password: str | None = None
    ) -> tuple[User, str]:
        """Replace a password and end the sessions; returns it. Without one, it is generated, and the user changes it.

        Raises `NotFound`, `Invalid`.
        """
        chosen, password_hash = await self._hashed(await self.get(user_id), password)
        async with self._database.transaction() as connection:
            before = await self._opened(await repository.find_user(connection, user_id, lock=True))
            at = clock.now()
            after = replace(before, must_change_password=password is None, signed_out_at=just_after(at), updated_at=at)
            await repository.change_user(
                connection,
                user_id,
                {
                    "password_hash": password_hash,
                    "must_change_password": after.must_change_password,
                    "signed_out_at": after.signed_out_at,
                    "updated_at": at,
                },
            )
            await _audit(connection, caller, "user.reset_password", user_id, {"reason": reason}, at)
        return after, chosen

    async def reset_second_factor(self, caller: Caller, user_id: str, reason: str) -> User:
        """Remove the second factor with its recovery codes, and end the sessions; raises `NotFound`, `Conflict`."""
        async with self._database.transaction() as connection:
            before = await self._opened(await repository.find_user(connection, user_id, lock=True))
            at = clock.now()
            if user_id == caller.actor_id:
                raise Conflict("your own second factor is reset by another administrator")
            after = replace(before, second_factor_at=None, signed_out_at=just_after(at), updated_at=at)
            values: dict[str, object] = dict.fromkeys(("totp_secret", "pending_totp_secret", "totp_step"))
            values |= {"second_factor_at": None, "signed_out_at": after.signed_out_at, "updated_at": at}
            await repository.change_user(connection, user_id, values)
            await repository.replace_recovery_codes(connection, user_id, [], at)
            await _audit(connection, caller, "user.reset_second_factor", user_id, {"reason": reason}, at)
        return after

    async def _changed(
        self,
        connection: AsyncConnection,
        caller: Caller,
        act: str,
        details: dict[str, JsonValue],
        at: datetime,
        before: User | None,
        after: User,
    ) -> None:
        change = AuditedChange(None if before is None else _as_json(before), _as_json(after))
        about: dict[str, JsonValue] = {"user_id": after.user_id, **details}
        subject = Subject("user", after.user_id)
        await audit.record_change(connection, self._keys, caller, act, about, at, change, subject=subject)

    async def _opened(self, user: User | None) -> User:
        """A user that was found, with its login; raises `NotFound`."""
        return await repository.opened(self._keys, _found(user))

    async def _hashed(self, user: User, password: str | None) -> tuple[str, str]:
        """The password, a new one where it is `None`, and its hash; raises `Invalid`, `Overloaded`."""
        chosen = secrets.token_urlsafe(_PASSWORD_BYTES) if password is None else password
        try:
            accepted = accepted_password(
                chosen,
                login=user.login or "",
                display_name=user.display_name,
                second_factor=user.role in SECOND_FACTOR_ROLES,
            )
        except WeakPassword as error:
            raise Invalid.field("password", str(error)) from None
        return chosen, await self._passwords.hash(accepted)


def _as_json(user: User) -> dict[str, JsonValue]:
    return UserOut.model_validate(user).model_dump(mode="json")


_TAKEN: Final = "there is a user with this login; change that one, or use another e-mail address"


def _found(user: User | None) -> User:
    if user is None:
        raise NotFound("user not found; check the id")
    return user


def _rights(user: User) -> tuple[str, str | None, str | None, str]:
    """What decides what a user may do; another value ends the sessions."""
    return user.role, user.provider_id, user.member_id, user.state


def _require_consistent(user: User) -> None:
    """Check role, provider and member of a user against each other; raises `Invalid`."""
    if user.role not in ROLES:
        allowed = ", ".join(one for one in USER_ROLES if one in ROLES)
        raise Invalid.field("role", f"must be one of {allowed}")
    for field, role, value in (
        ("provider_id", PROVIDER, user.provider_id),
        ("member_id", MEMBER, user.member_id),
    ):
        if (user.role == role) != (value is not None):
            raise Invalid.field(field, f"is required of a user of role {role}, and not allowed for any other role")


async def _audit(
    connection: AsyncConnection,
    caller: Caller,
    act: str,
    user_id: str,
    details: dict[str, JsonValue],
    at: datetime,
) -> None:
    await fetch(connection, audit.record(caller, act, None, {"user_id": user_id, **details}, at))
