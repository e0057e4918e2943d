"""The database: one engine per process, and the only commits.

There are two interfaces over one pool of connections. `reading` and `transaction` run SQLAlchemy statements. `looking`
and `deciding` are for submissions: the same statements, compiled once, sent several at a time in one round trip
(Postgres pipelining). A submission runs a dozen statements; one by one through SQLAlchemy they cost 9 ms of CPU, this
way 2 ms (`docs/adr/0051-one-transaction-and-an-outbox.md`).
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload

import psycopg
from sqlalchemy import make_url
from sqlalchemy.dialects.postgresql.psycopg import PGDialectAsync_psycopg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.sql.expression import ClauseElement

from api.migrate import upgrade

__all__ = ["Database", "Pipelined", "Query", "compiled", "fetch", "upgrade"]

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")

Rows = Sequence[tuple[Any, ...]]

_DIALECT = PGDialectAsync_psycopg()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL for psycopg, with `%(name)s` for each parameter, and the parameters with constant values."""

    sql: str
    fixed: Mapping[str, Any]


def compiled(statement: ClauseElement) -> Statement:
    """Compile a SQLAlchemy statement, once, at import. A `Query` gives the values of its bind parameters."""
    done = statement.compile(dialect=_DIALECT)
    return Statement(str(done), {name: value for name, value in done.params.items() if value is not None})


def nothing(_rows: Rows) -> None:
    """The result of a statement without one."""


@dataclass(frozen=True, slots=True)
class Query(Generic[T]):
    """A statement, its parameters, and how its rows are read."""

    statement: Statement
    params: Mapping[str, Any]
    read: Callable[[Rows], T]


async def fetch(connection: AsyncConnection, query: Query[T]) -> T:
    """Run one `Query` on a SQLAlchemy connection, in its transaction."""
    result = await connection.exec_driver_sql(query.statement.sql, {**query.statement.fixed, **query.params})
    return query.read([tuple(row) for row in result] if result.returns_rows else ())


class Pipelined:
    """A connection that runs several statements in one round trip."""

    def __init__(self, connection: "psycopg.AsyncConnection[tuple[Any, ...]]", *, begin: bool) -> None:
        self._connection = connection
        self._begin = begin
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
    async def fetch(self, *queries: Query[Any]) -> tuple[Any, ...]: ...
    async def fetch(self, *queries: Query[Any]) -> tuple[Any, ...]:
        """Run all in one round trip, in their order; each sees the effects of those before it."""
        return await self._send(queries)

    async def finish(self, *queries: Query[Any]) -> tuple[Any, ...]:
        """Run all and commit in the same round trip, or nothing if one fails; the last call of a block."""
        answers = await self._send(queries, commit=True)
        self.finished = True
        return answers

    async def _send(self, queries: Sequence[Query[Any]], *, commit: bool = False) -> tuple[Any, ...]:
        cursors = []
        async with self._connection.pipeline():
            if self._begin:
                self._begin = False
                await self._connection.execute("BEGIN")
            for query in queries:
                sent = {**query.statement.fixed, **query.params}
                cursors.append(await self._connection.execute(query.statement.sql, sent))
            if commit:
                await self._connection.execute("COMMIT")  # the server skips it when a statement before it failed
        answers = []
        for query, cursor in zip(queries, cursors, strict=True):
            # `description` would say the same, and builds an object for every column.
            answered = cursor.pgresult is not None and cursor.pgresult.nfields > 0
            answers.append(query.read(await cursor.fetchall() if answered else ()))
        return tuple(answers)


class Database:
    """A pool of connections, for reading or for one transaction."""

    def __init__(self, url: str, *, pool_size: int = 12) -> None:
        self.engine: AsyncEngine = create_async_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            pool_size=pool_size,
            max_overflow=4,
            pool_timeout=2,
            pool_recycle=1_800,
            connect_args={"prepare_threshold": 0, "connect_timeout": 3, "options": "-c timezone=UTC"},
        )
        self._reading = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reading: each statement is its own transaction."""
        async with self._reading.connect() as connection:
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose statements are committed when the block ends, or rolled back when it raises."""
        async with self.engine.connect() as connection:
            yield connection
            await connection.commit()

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[Pipelined]:
        """As `reading`, pipelined."""
        async with self._raw() as connection:
            yield Pipelined(connection, begin=False)

    @asynccontextmanager
    async def deciding(self) -> AsyncIterator[Pipelined]:
        """As `transaction`, pipelined."""
        async with self._raw() as connection:
            try:
                deciding = Pipelined(connection, begin=True)
                yield deciding
                if not deciding.finished:
                    await connection.execute("COMMIT")
            except BaseException:
                if not connection.closed:
                    await connection.execute("ROLLBACK")
                raise

    @asynccontextmanager
    async def _raw(self) -> AsyncIterator["psycopg.AsyncConnection[tuple[Any, ...]]"]:
        """The driver's own connection, in autocommit. When it is lost, the idle connections are closed, too."""
        async with self._reading.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert isinstance(driver, psycopg.AsyncConnection)
            try:
                yield driver
            except psycopg.OperationalError:
                if driver.closed:
                    await connection.invalidate()
                    await self.engine.dispose()
                raise

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()
