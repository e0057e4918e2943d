"""The database: statements, connections and the only commits, and what its failures mean to a caller."""

from api.database.admission import AUTHENTICATION, OWN, act_for, acting_for
from api.database.connections import Database, Pipelined
from api.database.failures import DATABASE_FAILURES, CommitUnconfirmed, is_temporary, operational
from api.database.limits import NO_LIMITS, SessionLimits, batch_limits, connect, request_limits
from api.database.row_access import ALL_ROWS, EVERY_ROW, NO_ROWS, RowAccess, deciding_claims, see, seeing
from api.database.snapshots import snapshot
from api.database.statements import Query, Rows, Statement, compiled, fetch, nothing
from api.database.unit import UnitOfWork, apart_from_unit
from api.migrate import upgrade

__all__ = [
    "ALL_ROWS",
    "AUTHENTICATION",
    "DATABASE_FAILURES",
    "EVERY_ROW",
    "NO_LIMITS",
    "NO_ROWS",
    "OWN",
    "CommitUnconfirmed",
    "Database",
    "Pipelined",
    "Query",
    "RowAccess",
    "Rows",
    "SessionLimits",
    "Statement",
    "UnitOfWork",
    "act_for",
    "acting_for",
    "apart_from_unit",
    "batch_limits",
    "compiled",
    "connect",
    "deciding_claims",
    "fetch",
    "is_temporary",
    "nothing",
    "operational",
    "request_limits",
    "see",
    "seeing",
    "snapshot",
    "upgrade",
]
