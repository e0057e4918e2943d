"""Which failures of the database are operational, and the response to each: one table, by SQLSTATE.

A failure that has an entry here is none of the caller's doing and no defect of this program: it gets its own problem
type, a 503 and a `Retry-After`. Everything else that the database reports is a defect: a statement that is wrong, or a
constraint that a service should have checked.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from api.errors import (
    ApiError,
    DatabaseFault,
    DatabaseFull,
    DatabaseMemory,
    DatabaseMisconfigured,
    DatabaseReadOnly,
    DatabaseRestarting,
    LockTimeout,
    OutcomeUnknown,
    PoolExhausted,
    SchemaMismatch,
    StatementTimeout,
    TooManyConnections,
    Unavailable,
    WriteConflict,
)

DATABASE_FAILURES = (DBAPIError, psycopg.Error, PoolTimeout)
"""What the database layer raises, in all its wrappings."""

SQLSTATES: Final[Mapping[str, type[ApiError]]] = MappingProxyType(
    {
        # A whole SQLSTATE, or its class (the first two characters). The longest match counts.
        "08": Unavailable,  # connection exceptions
        "0A000": SchemaMismatch,  # a cached plan whose result type a migration has changed
        "25006": DatabaseReadOnly,  # also a standby, before or after a failover
        "25P03": StatementTimeout,  # idle_in_transaction_session_timeout
        "25P04": StatementTimeout,  # transaction_timeout
        "26000": SchemaMismatch,  # a prepared statement that a pooler or DISCARD has removed
        "28": DatabaseMisconfigured,  # wrong password or role
        "3D": DatabaseMisconfigured,  # no such database
        "3F": SchemaMismatch,  # no such schema
        "40": WriteConflict,  # serialization failures and deadlocks
        "40003": OutcomeUnknown,  # statement completion unknown
        "42501": DatabaseMisconfigured,  # insufficient privilege; also a file system mounted read-only
        "42703": SchemaMismatch,  # no such column
        "42883": SchemaMismatch,  # no such function
        "42P01": SchemaMismatch,  # no such table
        "53": DatabaseMemory,  # insufficient resources
        "53100": DatabaseFull,
        "53300": TooManyConnections,
        "55P03": LockTimeout,
        "57": DatabaseRestarting,  # shutdown, crash, start-up, recovery
        "57014": StatementTimeout,  # statement_timeout, or cancelled by an operator
        "58": DatabaseFault,  # I/O errors
        "F0": DatabaseMisconfigured,  # errors in the configuration file
        "XX": DatabaseFault,  # internal errors, corrupted data or indexes
    }
)

_AT_CONNECT: Final = (
    # A refused connection has no SQLSTATE in the driver, only the server's message. That is English unless
    # `lc_messages` says otherwise; then it is `Unavailable`.
    (TooManyConnections, ("too many clients", "connection slots are reserved", "too many connections")),
    (DatabaseRestarting, ("starting up", "shutting down", "recovery mode", "not yet accepting connections")),
    (DatabaseMisconfigured, ("authentication failed", "does not exist", "pg_hba.conf", "not permitted", "denied")),
)

FAILS_EVERY_WRITE: Final = frozenset(
    {DatabaseFault, DatabaseFull, DatabaseMemory, DatabaseMisconfigured, DatabaseReadOnly, SchemaMismatch}
    | {TooManyConnections}
)
"""States of the whole database, unlike a lock or a lost connection."""


class CommitUnconfirmed(psycopg.OperationalError):
    """The connection was lost after COMMIT was sent and before its answer came: the transaction may be stored."""


def operational(error: BaseException) -> type[ApiError] | None:
    """The error that a caller gets for a failure of the database; `None` for a defect, or for another exception."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, CommitUnconfirmed):
        return OutcomeUnknown
    if isinstance(cause, PoolTimeout):
        return PoolExhausted
    if not isinstance(cause, psycopg.Error):
        return None
    code = cause.sqlstate
    if code is None:
        return _without_code(str(cause)) if isinstance(cause, psycopg.OperationalError) else None
    return SQLSTATES.get(code) or SQLSTATES.get(code[:2])


TEMPORARY: Final = (429, 503)
"""Statuses of errors that say nothing about the request: the same one can succeed later."""


def is_temporary(error: BaseException) -> bool:
    """Whether work failed because something is unavailable or too busy, and can succeed later as it is."""
    return error.status in TEMPORARY if isinstance(error, ApiError) else operational(error) is not None


def _without_code(message: str) -> type[ApiError]:
    """Of the driver's own failures: refused, reset, timed out."""
    if "FATAL" not in message:
        return Unavailable
    return next((kind for kind, texts in _AT_CONNECT if any(text in message for text in texts)), Unavailable)


def leaves_commit_open(error: psycopg.Error) -> bool:
    """Whether a failure of COMMIT leaves open what the server did: it is not the server's answer to that statement."""
    code = error.sqlstate
    if code is None:
        return isinstance(error, psycopg.OperationalError)
    return code == "40003" or code.startswith(("08", "57P"))


def is_own_timeout(error: psycopg.Error) -> bool:
    """Whether the server ended the session for its own slowness: other sessions are as good as before."""
    return error.sqlstate in ("25P03", "25P04")


@contextmanager
def committing() -> Iterator[None]:
    """Around a COMMIT and nothing else. Raises `CommitUnconfirmed` where the connection is lost during it."""
    try:
        yield
    except (psycopg.Error, DBAPIError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(cause, psycopg.Error) and leaves_commit_open(cause):
            raise CommitUnconfirmed("the connection was lost during COMMIT") from error
        raise
