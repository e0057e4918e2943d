"""Statements compiled once, and queries: a statement with its parameters and how its rows are read."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Boolean, Float, LargeBinary, Numeric
from sqlalchemy.dialects.postgresql.psycopg import PGDialectAsync_psycopg
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Rows = Sequence[tuple[Any, ...]]

_DIALECT = PGDialectAsync_psycopg()  # type: ignore[no-untyped-call]
_NOT_CAST: Final = ((Boolean, 16), (LargeBinary, 17), (Float, 701), (Numeric, 1700))
"""Types without a cast in the SQL that SQLAlchemy makes for psycopg, and the server's numbers of them."""
_PLACEHOLDER: Final = re.compile(r"%\((\w+)\)s|%%")


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL for psycopg, with `%(name)s` for each parameter, and the parameters with constant values."""

    sql: str
    fixed: Mapping[str, object]
    types: Mapping[str, int] | None = None
    """The types of parameters that do not follow from the SQL; None: each follows from its value."""
    numbered: str = field(init=False, repr=False)
    """The SQL with `$1`, `$2` … for the parameters, as the server reads it."""
    names: tuple[str, ...] = field(init=False, repr=False)
    """The parameters in the order of their numbers."""
    numbered_types: tuple[int, ...] = field(init=False, repr=False)
    """Their types in that order; 0: it follows from the SQL."""

    def __post_init__(self) -> None:
        numbers: dict[str, int] = {}

        def number(found: re.Match[str]) -> str:
            name = found[1]
            return "%" if name is None else f"${numbers.setdefault(name, len(numbers) + 1)}"

        object.__setattr__(self, "numbered", _PLACEHOLDER.sub(number, self.sql))
        object.__setattr__(self, "names", tuple(numbers))
        object.__setattr__(self, "numbered_types", tuple((self.types or {}).get(name, 0) for name in numbers))


def compiled(statement: ClauseElement) -> Statement:
    """Compile a SQLAlchemy statement, once, at import. A `Query` gives the values of its bind parameters."""
    done = statement.compile(dialect=_DIALECT)
    assert isinstance(done, SQLCompiler)
    fixed = {name: value for name, value in done.params.items() if value is not None}
    types = {name: oid for name, bound in done.binds.items() for kind, oid in _NOT_CAST if isinstance(bound.type, kind)}
    return Statement(str(done), fixed, types)


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
