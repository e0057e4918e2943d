"""Whose rows a transaction sees: stated to the database, whose row security enforces it.

A transaction that states nothing sees no row of a provider or member
(`docs/adr/0252-requests-are-answered-under-a-role-that-owns-nothing.md`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Final

from api.database.statements import Query, Statement, nothing

ALL_ROWS: Final = "-c ginja.sees=all"
"""Option of a connection whose transactions all see everything: of processes that work for no caller."""

_STATE: Final = Statement(
    "SELECT set_config('ginja.sees', %(sees)s::text, %(local)s::bool), "
    "set_config('ginja.provider_id', %(provider_id)s::text, %(local)s::bool), "
    "set_config('ginja.member_id', %(member_id)s::text, %(local)s::bool), "
    "set_config('ginja.actor_id', %(actor_id)s::text, %(local)s::bool)",
    {},
)


@dataclass(frozen=True, slots=True)
class RowAccess:
    """What is stated of a caller; a role that is bound states its provider or member."""

    sees_all: bool = False
    provider_id: str | None = None
    member_id: str | None = None
    actor_id: str | None = None

    def deciding(self) -> "RowAccess":
        """To decide a claim, which depends on claims of others; written are the caller's own alone."""
        return replace(self, sees_all=True)

    def statement(self, *, of_session: bool = False) -> Query[None]:
        """What states it: for the transaction, or until something else is stated."""
        values = {
            "sees": "all" if self.sees_all else "own",
            "provider_id": self.provider_id or "",
            "member_id": self.member_id or "",
            "actor_id": self.actor_id or "",
            "local": not of_session,
        }
        return Query(_STATE, values, nothing)


NO_ROWS: Final = RowAccess()
"""Before it is known who calls."""
EVERY_ROW: Final = RowAccess(sees_all=True)

_access: ContextVar[RowAccess] = ContextVar("row_access", default=NO_ROWS)


def current_access() -> RowAccess:
    """What the transactions of this task state."""
    return _access.get()


def see(access: RowAccess) -> None:
    """From now on, in this request, transactions state `access`."""
    _access.set(access)


@contextmanager
def seeing(access: RowAccess) -> Iterator[None]:
    """Transactions of the block state `access`."""
    token = _access.set(access)
    try:
        yield
    finally:
        _access.reset(token)


@contextmanager
def deciding_claims() -> Iterator[None]:
    """Transactions of the block see the claims of others, too, on which the decision of a claim depends."""
    with seeing(current_access().deciding()):
        yield
