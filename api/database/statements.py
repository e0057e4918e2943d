"""Statements compiled once, and queries: a statement with its parameters and how its rows are read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy.dialects.postgresql.psycopg import PGDialectAsync_psycopg
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.expression import ClauseElement

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Rows = Sequence[tuple[Any, ...]]

_DIALECT = PGDialectAsync_psycopg()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL for psycopg, with `%(name)s` for each parameter, and the parameters with constant values."""

    sql: str
    fixed: Mapping[str, object]


def compiled(statement: ClauseElement) -> Statement:
    """Compile a SQLAlchemy statement, once, at import. A `Query` gives the values of its bind parameters."""
    done = statement.compile(dialect=_DIALECT)
    return Statement(str(done), {name: value for name, value in done.params.items() if value is not None})


def nothing(_rows: Rows) -> None:
    """The result of a statement without one."""


@dataclass(frozen=True, slots=True)
class Query(Generic[T_co]):
    """A statement, its parameters, and how its rows are read."""

    statement: Statement
    params: Mapping[str, object]
    read: Callable[[Rows], T_co]


async def fetch(connection: AsyncConnection, query: Query[T]) -> T:
    """Run one `Query` on a SQLAlchemy connection, in its transaction."""
    result = await connection.exec_driver_sql(query.statement.sql, {**query.statement.fixed, **query.params})
    return query.read([tuple(row) for row in result] if result.returns_rows else ())
