"""Emergency access (45 CFR 164.312(a)(2)(ii)): a person gets another role for a limited time, for a reason.

The role ends by itself: it is compared with the clock wherever a user acts. Beginning ends the sessions, so that the
person signs in again, with the second factor that the role needs.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from api import audit
from api.database import Database, fetch
from api.errors import Conflict, Invalid, NotFound
from api.identity import ROLES, Caller
from api.users import repository
from api.users.records import EMERGENCY_ROLES, EmergencyUse, User, just_after
from core import clock

LONGEST: Final = timedelta(hours=24)
_MOST_CHARACTERS: Final = 500
BEGIN, END = "user.emergency_access", "user.end_emergency_access"


class EmergencyAccess:
    """The service of emergency access."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, caller: Caller, user_id: str, role: str, life: timedelta, reason: str) -> User:
        """Give a user `role` for `life`; raises `NotFound`, `Invalid`, `Conflict`."""
        if role not in EMERGENCY_ROLES or role not in ROLES:
            raise Invalid.field("role", f"must be one of {', '.join(EMERGENCY_ROLES)}")
        if not timedelta(0) < life <= LONGEST:
            raise Invalid.field("minutes", f"must be 1 to {int(LONGEST.total_seconds() // 60)}")
        if not 1 <= len(reason.strip()) <= _MOST_CHARACTERS or not reason.isprintable():
            raise Invalid.field("reason", f"must have 1 to {_MOST_CHARACTERS} printable characters")
        async with self._database.transaction() as connection:
            before = await _locked(connection, user_id)
            at = clock.now()
            if not before.is_active:
                raise Conflict("the user is disabled; enable it first")
            after = replace(
                before,
                emergency_role=role,
                emergency_until=at + life,
                emergency_reason=reason.strip(),
                signed_out_at=just_after(at),
                updated_at=at,
            )
            await _store(connection, after)
            details = {"user_id": user_id, "user_role": role, "reason": reason.strip()}
            details |= {"until": (at + life).isoformat()}
            await fetch(connection, audit.record(caller, BEGIN, None, {**details}, at))
        return after

    async def end(self, caller: Caller, user_id: str) -> User:
        """End emergency access before its time, and the sessions; raises `NotFound`, `Conflict`."""
        async with self._database.transaction() as connection:
            before = await _locked(connection, user_id)
            at = clock.now()
            if before.emergency_at(at) is None:
                raise Conflict("the user has no emergency access")
            after = replace(
                before,
                emergency_role=None,
                emergency_until=None,
                emergency_reason=None,
                signed_out_at=just_after(at),
                updated_at=at,
            )
            await _store(connection, after)
            await fetch(connection, audit.record(caller, END, None, {"user_id": user_id}, at))
        return after

    async def report(self) -> list[EmergencyUse]:
        """Every emergency access, latest first, with what was done under it."""
        async with self._database.reading() as connection:
            return await repository.emergency_uses(connection, BEGIN, END)


async def _locked(connection: AsyncConnection, user_id: str) -> User:
    user = await repository.find_user(connection, user_id, lock=True)
    if user is None:
        raise NotFound("user not found; check the id")
    return user


async def _store(connection: AsyncConnection, user: User) -> None:
    names = ("emergency_role", "emergency_until", "emergency_reason", "signed_out_at", "updated_at")
    await repository.change_user(connection, user.user_id, {name: getattr(user, name) for name in names})
