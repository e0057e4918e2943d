"""How long a database session may work, wait and hold locks; set on each connection when it is opened."""

from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from core.settings import Settings

_TRANSACTION_TIMEOUT_SINCE = 170_000
"""First server version that has `transaction_timeout`."""
_OTHERS = "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Timeouts of a session in milliseconds; 0: none."""

    statement_ms: int
    lock_ms: int
    """Waiting for one lock."""
    idle_in_transaction_ms: int
    """A transaction whose client is silent is ended, and its locks are released."""
    transaction_ms: int
    """A whole transaction; PostgreSQL 17 and newer."""

    @property
    def options(self) -> str:
        """The connection options that set those that every supported server has."""
        values = (self.statement_ms, self.lock_ms, self.idle_in_transaction_ms)
        return " ".join(f"-c {name}={value}" for name, value in zip(_OTHERS, values, strict=True))

    @property
    def silent_s(self) -> float:
        """Seconds after which a server that should have ended a transaction by itself has stopped answering; 0: none.

        A statement more than the transaction, which a server before PostgreSQL 17 does not limit.
        """
        if not self.statement_ms or not self.transaction_ms:
            return 0.0
        return (self.transaction_ms + self.statement_ms) / 1_000

    def of_transactions(self, server_version: int) -> str | None:
        """The statement that sets the limit of transactions; `None` on a server that has none."""
        if server_version < _TRANSACTION_TIMEOUT_SINCE:
            return None
        return f"SET transaction_timeout = {self.transaction_ms}"


DEAD_PEER: Final = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""When a server that answers nothing, not even on the network's level, counts as gone: 10 to 25 s."""

NO_LIMITS = SessionLimits(0, 0, 0, 0)
"""Of migrations, loading, rebuilding and commands: their statements take as long as the data need."""


def request_limits(settings: Settings) -> SessionLimits:
    """Of sessions that answer a request, or do in the worker what one could wait for."""
    return SessionLimits(
        statement_ms=settings.database_statement_timeout_ms,
        lock_ms=settings.database_lock_timeout_ms,
        idle_in_transaction_ms=settings.database_idle_timeout_ms,
        transaction_ms=settings.database_transaction_timeout_ms,
    )


def batch_limits(settings: Settings) -> SessionLimits:
    """Of the worker's sessions that update features and do the daily work."""
    batch_ms = settings.database_batch_timeout_s * 1_000
    return SessionLimits(statement_ms=batch_ms, lock_ms=batch_ms, idle_in_transaction_ms=batch_ms, transaction_ms=0)


def session_options(url: str, limits: SessionLimits) -> str:
    """The options of a connection to `url`, one of `plain_url`: those that it names, UTC and the limits."""
    return f"{conninfo_to_dict(url).get('options') or ''} -c timezone=UTC {limits.options}".strip()


def connect(url: str, limits: SessionLimits) -> "psycopg.Connection":
    """A connection of psycopg, in autocommit until a caller begins a transaction, with these limits.

    `url` is one of `plain_url`. Raises `psycopg.OperationalError`.
    """
    target = make_conninfo(url, connect_timeout=5, options=session_options(url, limits), **DEAD_PEER)
    connection = psycopg.connect(target, autocommit=True)
    of_transactions = limits.of_transactions(connection.info.server_version)
    if of_transactions is not None:
        connection.execute(of_transactions)
    return connection
