"""Guessing is slowed down by login and by address, and nobody can lock somebody else out.

Each attempt counts as failed before the password is looked at, so that attempts at the same time count too; a sign-in
that succeeds sets the counters of its login back. After `FREE_FAILURES` in a row each further attempt has to wait,
twice as long each time, up to `LONGEST_WAIT`. A login has one counter for all addresses that it was never signed in
from, and one of its own for each place it was signed in from in the last `PLACE_KEPT`: guesses from elsewhere do not
delay those, and neither does the counter of the address, which others may share. Logins that do not exist are counted
alike. Logins and addresses are stored as hashes.
"""

import hashlib
import math
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import case, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Database
from api.errors import SignInThrottled
from api.users.tables import SignInCounterRow, SignInPlaceRow
from core import clock

FREE_FAILURES: Final = 5
"""Of a login from a place in a row, before attempts have to wait."""
FREE_FAILURES_OF_ADDRESS: Final = 20
"""Of an address for any login: several people may share it."""
LONGEST_WAIT: Final = timedelta(minutes=15)
FORGOTTEN_AFTER: Final = timedelta(days=1)
"""A counter starts at zero this long after the last failure."""
PLACE_KEPT: Final = timedelta(days=90)


class SignInLimits:
    """The counters of all processes, in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, login: str, address: str) -> None:
        """Count an attempt, committed before it is looked at; raises `SignInThrottled` where it has to wait."""
        at = clock.now()
        async with self._database.transaction() as connection:
            # In one order, so that attempts at the same time do not wait for each other.
            for counter_key, free in sorted(await _limits_of(connection, login, address, at)):
                if not await _count(connection, counter_key, free, at):
                    raise SignInThrottled(await _wait_s(connection, counter_key, at))  # and nothing is counted

    async def succeeded(self, connection: AsyncConnection, login: str, address: str) -> None:
        """Set the counter of the login back and remember the place, in the transaction of the sign-in."""
        at = clock.now()
        for counter_key, _ in sorted(await _limits_of(connection, login, address, at)):
            if counter_key == _of_address(address):
                await _take_back(connection, counter_key)  # failures with other logins stay
            else:
                await connection.execute(delete(SignInCounterRow).where(SignInCounterRow.counter_key == counter_key))
        seen = insert(SignInPlaceRow).values(place_key=_place(login, address), seen_at=at)
        await connection.execute(
            seen.on_conflict_do_update(index_elements=[SignInPlaceRow.place_key], set_={"seen_at": at})
        )


async def _limits_of(connection: AsyncConnection, login: str, address: str, at: datetime) -> list[tuple[bytes, int]]:
    """The counters of an attempt, each with the failures that are free.

    One from a known place has the counter of the place alone: neither guesses from elsewhere nor those of other people
    behind the same address delay it.
    """
    place = _place(login, address)
    known = select(SignInPlaceRow.place_key).where(
        SignInPlaceRow.place_key == place, SignInPlaceRow.seen_at > at - PLACE_KEPT
    )
    if (await connection.execute(known)).first() is not None:
        return [(place, FREE_FAILURES)]
    return [(_digest("login", login), FREE_FAILURES), (_of_address(address), FREE_FAILURES_OF_ADDRESS)]


async def _count(connection: AsyncConnection, counter_key: bytes, free: int, at: datetime) -> bool:
    """Count an attempt in one statement; says whether it may be made now."""
    stored = SignInCounterRow
    is_old = stored.failed_at <= at - FORGOTTEN_AFTER
    failures = case((is_old, 1), else_=stored.failures + 1)
    # Seconds: 2, 4, 8 … after the free ones; the exponent is bounded so that the power stays a number.
    seconds = func.least(func.power(2, func.least(failures - free, 20)), LONGEST_WAIT.total_seconds())
    wait = func.make_interval(0, 0, 0, 0, 0, 0, case((failures > free, seconds), else_=0))
    added = insert(stored).values(counter_key=counter_key, failures=1, failed_at=at, allowed_at=at)
    statement = added.on_conflict_do_update(
        index_elements=[stored.counter_key],
        set_={"failures": failures, "failed_at": at, "allowed_at": at + wait},
        where=or_(stored.allowed_at <= at, is_old),
    ).returning(stored.failures)
    return (await connection.execute(statement)).first() is not None


async def _wait_s(connection: AsyncConnection, counter_key: bytes, at: datetime) -> int:
    statement = select(SignInCounterRow.allowed_at).where(SignInCounterRow.counter_key == counter_key)
    allowed_at = (await connection.execute(statement)).scalar_one_or_none()
    return 1 if allowed_at is None else max(1, math.ceil((allowed_at - at).total_seconds()))


async def _take_back(connection: AsyncConnection, counter_key: bytes) -> None:
    """Take back what this attempt counted."""
    counter = SignInCounterRow.counter_key == counter_key
    await connection.execute(update(SignInCounterRow).where(counter).values(failures=SignInCounterRow.failures - 1))


def _of_address(address: str) -> bytes:
    return _digest("address", address)


def _place(login: str, address: str) -> bytes:
    return _digest("place", login, address)


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode(errors="replace")).digest()
