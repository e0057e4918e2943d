"""A unit of work: everything that one request does with the database, in one transaction with a single commit.

While a unit is open, `Database.reading`, `transaction`, `looking` and `deciding` of the task that opened it use its
connection, and none of them commits. So a mechanism around a route can store something in the transaction of the
change that the route makes, without the route or its service knowing (`api/idempotency.py`).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from contextvars import ContextVar

from sqlalchemy.ext.asyncio import AsyncConnection

from api.database.failures import DATABASE_FAILURES, committing
from api.database.round_trips import StatementSession

Connected = tuple[AsyncConnection, StatementSession]
"""A connection, and the driver's own with what has been prepared on it."""


class UnitOfWork:
    """One transaction, begun by the first use of the database; nothing is stored unless `commit` is called."""

    def __init__(
        self,
        connect: Callable[[], AbstractAsyncContextManager[Connected]],
        begun: Callable[[AsyncConnection], Awaitable[None]],
        used: Callable[[Connected], None],
    ) -> None:
        """`begun` is called with the connection before anything else uses it; what it raises ends the request.

        `used` is called before each use.
        """
        self._connect = connect
        self._used = used
        self._begun = begun
        self._stack = AsyncExitStack()
        self._connected: Connected | None = None
        self.task = asyncio.current_task()
        self.failed = False
        """Whether a statement or a change failed; the transaction can only be rolled back then."""
        self.committed = False
        self._after_commit: list[Callable[[], None]] = []

    def after_commit(self, act: Callable[[], None]) -> None:
        """Call `act` once everything is stored, or may be."""
        self._after_commit.append(act)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connected]:
        """The connection, for statements that change nothing."""
        connected = await self.connected()
        try:
            yield connected
        except DATABASE_FAILURES:
            await self._fail(*connected)
            raise

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[Connected]:
        """The connection, for a change that is stored whole or not at all."""
        connected = await self.connected()
        try:
            yield connected
        except BaseException:
            await self._fail(*connected)
            raise

    async def connected(self) -> Connected:
        """The connection; raises `RuntimeError` after a failure, what `begun` raises, and failures of the database."""
        if self.failed:
            raise RuntimeError("the change failed and is rolled back; a request ends with its first failed change")
        if self._connected is None:
            self._connected = await self._stack.enter_async_context(self._connect())
            try:
                await self._connected[0].begin()  # known to SQLAlchemy, whichever interface sends the first statement
                await self._begun(self._connected[0])
            except BaseException:
                await self._fail(*self._connected)
                raise
        self._used(self._connected)
        return self._connected

    async def commit(self) -> None:
        """Store everything; raises `CommitUnconfirmed` where the server may have done it."""
        connection, _ = await self.connected()
        try:
            with committing():
                await connection.commit()
            self.committed = True
        finally:
            for act in self._after_commit:
                act()

    async def close(self) -> None:
        """Give the connection back; what is not committed is rolled back."""
        await self._stack.aclose()

    async def _fail(self, connection: AsyncConnection, session: StatementSession) -> None:
        self.failed = True
        if session.closed and not connection.invalidated:
            await connection.invalidate()


_UNIT: ContextVar[UnitOfWork | None] = ContextVar("unit", default=None)


def open_unit() -> UnitOfWork | None:
    """The unit that this task has open; tasks that it starts have none."""
    unit = _UNIT.get()
    return unit if unit is not None and unit.task is asyncio.current_task() else None


@contextmanager
def opened(unit: UnitOfWork) -> Iterator[None]:
    """The block's use of the database belongs to `unit`."""
    token = _UNIT.set(unit)
    try:
        yield
    finally:
        _UNIT.reset(token)


@contextmanager
def apart_from_unit() -> Iterator[None]:
    """The block's use of the database is committed by itself, whatever becomes of the request."""
    token = _UNIT.set(None)
    try:
        yield
    finally:
        _UNIT.reset(token)
