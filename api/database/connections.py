"""Connections: one engine per process, and the only commits.

There are two interfaces over one pool of connections. `reading` and `transaction` run SQLAlchemy statements. `looking`
and `deciding` are for submissions: the same statements, compiled once, sent several at a time in one round trip
(Postgres pipelining). A submission runs a dozen statements; one by one through SQLAlchemy they cost 9 ms of CPU, this
way 2 ms (`docs/adr/0051-one-transaction-and-an-outbox.md`).
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final, Protocol, TypeVar, cast, overload

import psycopg
from sqlalchemy import Connection, event, make_url
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import PoolProxiedConnection

from api.database.admission import ConnectionQueue
from api.database.failures import (
    FAILS_EVERY_WRITE,
    CommitUnconfirmed,
    committing,
    is_own_timeout,
    leaves_commit_open,
    operational,
)
from api.database.limits import DEAD_PEER, NO_LIMITS, SessionLimits, session_options
from api.database.renewal import renew_by_age
from api.database.round_trips import RoundTrip, StatementSession
from api.database.row_access import current_access
from api.database.silence import cut_when_silent
from api.database.statements import Query
from api.database.unit import Connected, UnitOfWork, open_unit, opened
from api.errors import ApiError
from api.migrate import plain_url

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
F = TypeVar("F")
G = TypeVar("G")

WAIT_S: Final = 2.0
"""Longest wait for a connection."""
MAX_WAITING: Final = 128
"""Requests of one caller that wait for a connection."""
_OVERFLOW: Final = 4
_SESSION: Final = "ginja_session"
FAILING_S: Final = 5.0
"""How long a failure that would meet every transaction counts, unless one succeeds before."""


class Pipelined:
    """A connection that runs several statements in one round trip."""

    def __init__(self, session: StatementSession, *, begin: bool, commit: bool = True) -> None:
        """`commit`: whether `finish` commits, or leaves that to the unit of work that the connection belongs to."""
        self._session = session
        self._begin = begin
        self._commit = commit
        self.finished = False

    @overload
    async def fetch(self, first: Query[T], /) -> tuple[T]: ...
    @overload
    async def fetch(self, first: Query[T], second: Query[A], /) -> tuple[T, A]: ...
    @overload
    async def fetch(self, first: Query[T], second: Query[A], third: Query[B], /) -> tuple[T, A, B]: ...
    @overload
    async def fetch(
        self, first: Query[T], second: Query[A], third: Query[B], fourth: Query[C], /
    ) -> tuple[T, A, B, C]: ...
    @overload
    async def fetch(
        self, first: Query[T], second: Query[A], third: Query[B], fourth: Query[C], fifth: Query[D], /
    ) -> tuple[T, A, B, C, D]: ...
    @overload
    async def fetch(
        self,
        first: Query[T],
        second: Query[A],
        third: Query[B],
        fourth: Query[C],
        fifth: Query[D],
        sixth: Query[E],
        /,
    ) -> tuple[T, A, B, C, D, E]: ...
    @overload
    async def fetch(
        self,
        first: Query[T],
        second: Query[A],
        third: Query[B],
        fourth: Query[C],
        fifth: Query[D],
        sixth: Query[E],
        seventh: Query[F],
        eighth: Query[G],
        /,
    ) -> tuple[T, A, B, C, D, E, F, G]: ...
    async def fetch(self, *queries: Query[object]) -> tuple[object, ...]:
        """Run all in one round trip, in their order; each sees the effects of those before it."""
        return await self._send(queries)

    async def fetch_all(self, queries: Sequence[Query[T]]) -> tuple[T, ...]:
        """Run any number of queries of one kind in one round trip, in their order."""
        return tuple(cast(T, answer) for answer in await self._send(queries)) if queries else ()

    @overload
    async def finish(self, first: Query[T], /, *queries: Query[object]) -> tuple[T, *tuple[object, ...]]: ...
    @overload
    async def finish(self, *queries: Query[object]) -> tuple[object, ...]: ...
    async def finish(self, *queries: Query[object]) -> tuple[object, ...]:
        """Run all and commit in the same round trip, or nothing if one fails; the last call of a block.

        Raises `CommitUnconfirmed` where the connection is lost and the server may have committed.
        """
        answers = await self._send(queries, commit=self._commit)
        self.finished = True
        return answers

    async def _send(self, queries: Sequence[Query[object]], *, commit: bool = False) -> tuple[object, ...]:
        trip = RoundTrip(self._session)
        begin, self._begin = self._begin, False
        try:
            results = await trip.run(queries, begin=begin, commit=commit)
        except psycopg.Error as error:
            if trip.is_commit_reached and leaves_commit_open(error):
                raise CommitUnconfirmed("the connection was lost during COMMIT") from error
            raise
        return tuple(query.read(rows) for query, rows in zip(queries, results, strict=True))


class Database:
    """A pool of connections, for reading or for one transaction, with a queue for each caller before it."""

    def __init__(
        self, url: str, *, pool_size: int = 12, limits: SessionLimits = NO_LIMITS, for_callers: bool = False
    ) -> None:
        """`for_callers`: each transaction states whose rows it sees (`row_access.py`)."""
        self._for_callers = for_callers
        self.engine: AsyncEngine = create_async_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            pool_size=pool_size,
            max_overflow=_OVERFLOW,
            pool_timeout=WAIT_S,
            use_native_hstore=False,  # which would look the type up on each new connection
            connect_args={
                "prepare_threshold": 0,
                "connect_timeout": 3,
                "options": session_options(plain_url(url), limits),
                **DEAD_PEER,
            },
        )
        event.listen(self.engine.sync_engine, "connect", lambda made, _record: _limit_transactions(made, limits))
        renew_by_age(self.engine)
        event.listen(self.engine.sync_engine, "rollback", _before_rollback)
        event.listen(self.engine.sync_engine, "reset", lambda _made, record, _state: _before_reset(record.info))
        self._silent_s = limits.silent_s
        size = pool_size + _OVERFLOW
        share = max(1, size * 3 // 4)
        self._queue = ConnectionQueue(size, share=share, max_waiting=MAX_WAITING, timeout_s=WAIT_S)
        self._reading = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._failed: tuple[float, type[ApiError]] | None = None

    def failing(self) -> type[ApiError] | None:
        """Why the last transaction failed, if that was within `FAILING_S` and would fail every transaction."""
        if self._failed is None or time.monotonic() > self._failed[0] + FAILING_S:
            return None
        return self._failed[1]

    @contextmanager
    def _noting_failures(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            kind = operational(error)
            if kind in FAILS_EVERY_WRITE:
                self._failed = time.monotonic(), kind
            raise

    @asynccontextmanager
    async def unit(self, begun: Callable[[AsyncConnection], Awaitable[None]]) -> AsyncIterator[UnitOfWork]:
        """The block's use of the database is one transaction, which `UnitOfWork.commit` commits (`unit.py`)."""
        unit = UnitOfWork(self._began, begun, self._use)
        with self._noting_failures():
            try:
                with opened(unit):
                    yield unit
            finally:
                await unit.close()
        if unit.committed:
            self._failed = None

    def after_commit(self, act: Callable[[], None]) -> None:
        """Call `act` once the open unit of work is stored, or may be; at once where none is open."""
        unit = open_unit()
        if unit is None:
            act()
        else:
            unit.after_commit(act)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reading: each statement is its own transaction."""
        if (unit := open_unit()) is not None:
            async with unit.reading() as (connection, session):
                await session.restate()
                yield connection
            return
        async with self._single_statements() as (connection, _):
            yield connection

    @asynccontextmanager
    async def transaction(self, mode: str = "") -> AsyncIterator[AsyncConnection]:
        """A connection whose statements are committed when the block ends, or rolled back when it raises.

        `mode`: characteristics of the transaction, as `SET TRANSACTION` takes them.
        """
        with self._noting_failures():
            if (unit := open_unit()) is not None:
                async with unit.changing() as (connection, session):
                    await session.restate()
                    yield connection
                return
            async with self._began(mode) as (connection, _):
                yield connection
                with committing():
                    await connection.commit()
        self._failed = None

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[Pipelined]:
        """As `reading`, pipelined."""
        if (unit := open_unit()) is not None:
            async with unit.reading() as (_, session):
                yield Pipelined(session, begin=False)
            return
        async with self._raw() as session:
            yield Pipelined(session, begin=False)

    @asynccontextmanager
    async def deciding(self) -> AsyncIterator[Pipelined]:
        """As `transaction`, pipelined."""
        with self._noting_failures():
            if (unit := open_unit()) is not None:
                async with unit.changing() as (_, session):
                    yield Pipelined(session, begin=False, commit=False)
                return
            async with self._raw() as session:
                try:
                    deciding = Pipelined(session, begin=True)
                    yield deciding
                    if not deciding.finished:
                        with committing():
                            await session.commit()
                except BaseException:
                    if not session.closed:
                        with suppress(psycopg.Error):  # what has failed first counts
                            await session.rollback()
                    raise
        self._failed = None

    @asynccontextmanager
    async def _raw(self) -> AsyncIterator[StatementSession]:
        """The driver's own connection, in autocommit."""
        async with self._connected(self._reading) as (connection, session), self._noting_loss(connection, session):
            yield session

    @asynccontextmanager
    async def _began(self, mode: str = "") -> AsyncIterator[Connected]:
        """A connection with a transaction, which has stated whose rows it sees where it does."""
        async with self._connected(self.engine) as (connection, session):
            if self._for_callers:
                async with self._noting_loss(connection, session):
                    await session.begin(mode)
            elif mode:
                await connection.exec_driver_sql(f"SET TRANSACTION {mode}")
            yield connection, session

    @asynccontextmanager
    async def _single_statements(self) -> AsyncIterator[Connected]:
        """A connection whose statements are each a transaction."""
        async with self._connected(self._reading) as (connection, session):
            async with self._noting_loss(connection, session):
                await session.state_for_single_statements()
            yield connection, session

    def _use(self, connected: Connected) -> None:
        """Note whose rows the open transaction sees from now on."""
        if self._for_callers:
            connected[1].access = current_access()

    @asynccontextmanager
    async def _noting_loss(self, connection: AsyncConnection, session: StatementSession) -> AsyncIterator[None]:
        """When the server is lost in the block, idle connections are closed, too."""
        try:
            yield
        except psycopg.Error as error:
            if session.closed:
                await connection.invalidate()
                if not is_own_timeout(error):
                    await self.engine.dispose()
            raise

    @asynccontextmanager
    async def _connected(self, engine: AsyncEngine) -> AsyncIterator[Connected]:
        """A connection in the caller's turn, and the driver's own; it is cut when the server stops answering."""
        async with self._queue.turn(), engine.connect() as connection:
            session = _session_of(await connection.get_raw_connection())
            session.access = current_access() if self._for_callers else None
            with cut_when_silent(session.connection, self._silent_s):
                yield connection, session

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def _session_of(pooled: PoolProxiedConnection) -> StatementSession:
    """What has been prepared on the driver's own connection; the pool keeps it for as long as the connection."""
    session = pooled.info.get(_SESSION)
    if session is None:
        driver = pooled.driver_connection
        assert isinstance(driver, psycopg.AsyncConnection)
        session = pooled.info[_SESSION] = StatementSession(driver)
    assert isinstance(session, StatementSession)
    return session


def _before_rollback(connection: Connection) -> None:
    if not connection.invalidated:
        _before_reset(connection.info)


def _before_reset(of_connection: MutableMapping[str, object]) -> None:
    session = of_connection.get(_SESSION)
    if isinstance(session, StatementSession):
        session.before_rollback_of_driver()


class _MadeConnection(Protocol):
    """A new connection as SQLAlchemy passes it to listeners: synchronous, around the driver's own."""

    @property
    def driver_connection(self) -> psycopg.AsyncConnection: ...

    def set_autocommit(self, value: bool, /) -> None: ...

    def cursor(self) -> DBAPICursor: ...


def _limit_transactions(made: _MadeConnection, limits: SessionLimits) -> None:
    """Set what cannot be an option of the connection, because older servers refuse it."""
    statement = limits.of_transactions(made.driver_connection.info.server_version)
    if statement is not None:
        made.set_autocommit(True)
        cursor = made.cursor()
        cursor.execute(statement)
        cursor.close()
        made.set_autocommit(False)
