"""Statements that are sent and answered together, on a connection of psycopg, by libpq's pipeline mode.

psycopg has a pipeline of its own. In it each statement is a cursor that parses the SQL, chooses how its parameters are
sent and waits for itself; for a dozen statements that is more work than the server has with them. Here a statement is
prepared once on a connection, psycopg adapts its parameters and results (`Transformer`), and all statements are sent by
one system call with their `Sync` (`docs/adr/0241-statements-of-a-claim-without-cursors.md`).
"""

import itertools
from collections.abc import Sequence
from typing import Final

import psycopg
from psycopg.abc import Buffer, PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import InvalidSqlStatementName, error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult
from psycopg.waiting import READY_R, WAIT_R, WAIT_RW

from api.database.row_access import RowAccess
from api.database.statements import Query, Rows, Statement, nothing

_BEGIN: Final = Query(Statement("BEGIN", {}), {}, nothing)
_COMMIT: Final = Query(Statement("COMMIT", {}), {}, nothing)
_ROLLBACK: Final = Query(Statement("ROLLBACK", {}), {}, nothing)
_PREFIX: Final = b"ginja_"
"""Of the names of prepared statements; psycopg's own begin otherwise."""

_Key = tuple[str, tuple[int, ...]]
"""The SQL of a prepared statement, and the types of its parameters where they follow from the values."""


class StatementSession:
    """A connection of psycopg, and what has been prepared on it; lives as long as the connection."""

    def __init__(self, connection: psycopg.AsyncConnection) -> None:
        self.connection = connection
        self.adapter = Transformer(connection)
        self.prepared: dict[_Key, bytes] = {}
        """Names of the statements that the server has prepared."""
        self.access: RowAccess | None = None
        """What each transaction states before its first statement; `None`: nothing."""
        self._stated: RowAccess | None = None
        """What the transaction that is open has stated."""
        self._of_session: RowAccess | None = None
        """What is stated outside of transactions."""
        self._names = itertools.count()

    @property
    def closed(self) -> bool:
        """Whether the connection is closed or lost."""
        return self.connection.closed

    async def commit(self) -> None:
        """End the transaction that is open."""
        await RoundTrip(self).run([], begin=False, commit=True)

    async def rollback(self) -> None:
        """Give the transaction up that is open."""
        await RoundTrip(self).run([_ROLLBACK], begin=False, commit=False)

    async def begin(self, mode: str) -> None:
        """Open a transaction with these characteristics, such as an isolation level, and state whose rows it sees."""
        opening = Query(Statement(f"START TRANSACTION {mode}", {}), {}, nothing)
        await RoundTrip(self, opening).run([], begin=True, commit=False)

    async def restate(self) -> None:
        """State whose rows the open transaction sees from now on, where that has changed."""
        if self.access != self._stated:
            await RoundTrip(self).run([], begin=False, commit=False)

    async def state_for_single_statements(self) -> None:
        """State whose rows statements see that are each a transaction, where others were stated before."""
        access, self.access = self.access, None
        if access is not None and access != self._of_session:
            self._of_session = None  # a round trip that fails or is cancelled leaves open what is stated
            await RoundTrip(self).run([access.statement(of_session=True)], begin=False, commit=False)
            self._of_session = access

    def stating(self, *, new: bool) -> list[Query[None]]:
        """The statement of whose rows are seen, at the beginning of a transaction or where that has changed."""
        if self.access is None or (self.access == self._stated and not new):
            return []
        self._stated = None  # a round trip that fails or is cancelled leaves open what is stated
        return [self.access.statement()]

    def note_stated(self) -> None:
        """Note that the round trip with the statement has succeeded."""
        self._stated = self.access

    def before_rollback_of_driver(self) -> None:
        """Prepare every statement again: psycopg drops what is prepared on a connection when it rolls back."""
        if self.connection.pgconn.transaction_status != TransactionStatus.IDLE:
            self.prepared.clear()

    def new_name(self) -> bytes:
        """A name that no statement of the connection has had."""
        return _PREFIX + str(next(self._names)).encode()


class RoundTrip:
    """Statements that are sent and answered together, once."""

    def __init__(self, session: StatementSession, opening: Query[None] = _BEGIN) -> None:
        self._session = session
        self._opening = opening
        self._pgconn = session.connection.pgconn
        self._preparing: dict[_Key, bytes] = {}
        self._expected: list[_Key | None] = []
        """For each result in its order: what it says to be prepared; None: it is a statement's own."""
        self._results: list[PGresult] = []
        self._is_commit_sent = False
        self._is_commit_skipped = False

    @property
    def is_commit_reached(self) -> bool:
        """Whether COMMIT was sent, and the server has reported no failure of a statement before it."""
        return self._is_commit_sent and not self._is_commit_skipped

    async def run(self, queries: Sequence[Query[object]], *, begin: bool, commit: bool) -> list[Rows]:
        """The rows of each statement in their order. Raises the `psycopg.Error` of the first one that fails."""
        connection, pgconn = self._session.connection, self._pgconn
        async with connection.lock:
            if pgconn.status != ConnStatus.OK:
                raise psycopg.OperationalError("the connection is closed")
            is_idle = pgconn.transaction_status == TransactionStatus.IDLE
            before = [self._opening] if begin or (is_idle and not connection.autocommit) else []
            stating = self._session.stating(new=is_idle)
            before += stating
            # All are adapted before the first is sent: a value that cannot be leaves the connection as it was.
            sent = [self._adapted(query) for query in (*before, *queries, *([_COMMIT] if commit else []))]
            pgconn.enter_pipeline_mode()
            try:
                for key, values, formats in sent:
                    self._queue(key, values, formats)  # the server skips what follows a failed statement, COMMIT too
                pgconn.pipeline_sync()
            except BaseException:
                pgconn.finish()  # without a Sync nothing of it is committed
                raise
            self._is_commit_sent = commit
            try:
                await connection.wait(self._exchange())
            except psycopg.OperationalError:
                self._rows()  # raises what the server has reported before
                raise
        rows = self._rows()
        if stating:
            self._session.note_stated()
        return rows[len(before) : len(before) + len(queries)]

    def _adapted(self, query: Query[object]) -> tuple[_Key, Sequence[Buffer | None], Sequence[int]]:
        """A statement as it is sent: what is prepared of it, its values, and the format of each."""
        statement, adapter = query.statement, self._session.adapter
        if not statement.names:
            return (statement.numbered, ()), (), ()
        given = {**statement.fixed, **query.params} if statement.fixed else query.params
        params = [given[name] for name in statement.names]
        sent_as = PyFormat.AUTO if statement.types is None else PyFormat.TEXT
        values = adapter.dump_sequence(params, [sent_as] * len(params))
        types = adapter.types if statement.types is None else statement.numbered_types
        return (statement.numbered, types or ()), values, adapter.formats or ()

    def _queue(self, key: _Key, values: Sequence[Buffer | None], formats: Sequence[int]) -> None:
        """Give a statement to libpq, which sends it at once only where its buffer is full."""
        name = self._session.prepared.get(key) or self._preparing.get(key)
        if name is None:
            name = self._preparing[key] = self._session.new_name()
            sql, types = key
            self._pgconn.send_prepare(name, sql.encode(), types)
            self._expected.append(key)
        self._pgconn.send_query_prepared(name, values, formats)
        self._expected.append(None)

    def _exchange(self) -> PQGen[None]:
        """Send everything and take all results."""
        pgconn = self._pgconn
        while pgconn.flush():
            if (yield WAIT_RW) & READY_R:
                pgconn.consume_input()  # or the server would not read on either
        while True:
            while pgconn.is_busy():
                yield WAIT_R
                pgconn.consume_input()
            result = pgconn.get_result()
            if result is None:  # ends the results of each statement
                if pgconn.status != ConnStatus.OK:
                    raise psycopg.OperationalError("the connection was lost")
            elif result.status == ExecStatus.PIPELINE_SYNC:
                break
            else:
                self._results.append(result)
        pgconn.exit_pipeline_mode()

    def _rows(self) -> list[Rows]:
        rows: list[Rows] = []
        adapter = self._session.adapter
        for number, (key, result) in enumerate(zip(self._expected, self._results, strict=False), start=1):
            if result.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
                error = error_from_result(result)
                self._is_commit_skipped = error.sqlstate is not None and number < len(self._expected)
                if isinstance(error, InvalidSqlStatementName):
                    self._session.prepared.clear()
                raise error
            if key is not None:
                self._session.prepared[key] = self._preparing[key]
            elif result.nfields:
                adapter.set_pgresult(result)
                rows.append(adapter.load_rows(0, result.ntuples, tuple))
            else:
                rows.append(())
        if len(self._results) != len(self._expected):
            raise psycopg.OperationalError("the connection was lost")
        return rows
