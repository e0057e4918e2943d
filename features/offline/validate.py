"""Validation of a claims frame before anything is computed from it.

Claims from `ginja data ingest` or the database were validated on the way; a frame may come from anywhere.
"""

import duckdb
import pyarrow as pa

from core import clock
from core.clock import DAY_US
from features.declare import CLAIMS
from features.errors import InvalidFrameError
from features.offline.load import check_columns

MAX_DAYS_AHEAD = 366
"""How far in the future a claim may be dated: simulated days are, a date of the wrong century is not."""
_WHERE = "the claims frame"
_INTEGER_TYPES = frozenset(
    ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
)
_UNTYPED = '"NULL"'
"""DuckDB's type of a column without a type: it has no value either."""


def check_claims(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    """Check that `source`, SQL that can follow FROM, is a valid claims frame (`CLAIMS`).

    Raises `MissingColumnError`, `NaiveTimeError`, or `InvalidFrameError`, which names the first invalid claim.
    """
    check_columns(connection, source, _WHERE, CLAIMS, ("received_at", "voided_at"))
    _check_types(connection, source)
    ahead_us = clock.micros(clock.now()) + MAX_DAYS_AHEAD * DAY_US
    faults = {
        "no claim_id": "claim_id IS NULL",
        "no received_at": "received_at IS NULL",
        "no service_from or no service_to": "service_from IS NULL OR service_to IS NULL",
        "an amount_cents that is not positive": "coalesce(amount_cents, 0) <= 0",
        "a received_at before 1970": "epoch_us(received_at) < 0",
        "a received_at more than a year from now": f"epoch_us(received_at) > {ahead_us}",
    }
    counts = ", ".join(f"count(*) FILTER ({fault}), min(claim_id) FILTER ({fault})" for fault in faults.values())
    ((rows, different, *found),) = connection.execute(
        f"SELECT count(claim_id), count(DISTINCT claim_id), {counts} FROM {source}"
    ).fetchall()
    for fault, count, first in zip(faults, found[::2], found[1::2], strict=True):
        if count:
            raise InvalidFrameError(_WHERE, f"{count} with {fault}", first)
    if different < rows:
        first = connection.execute(
            f"SELECT claim_id FROM {source} GROUP BY claim_id HAVING count(*) > 1 ORDER BY claim_id LIMIT 1"
        ).fetchall()[0][0]
        raise InvalidFrameError(_WHERE, f"{rows - different} with a duplicate claim_id", first)


def _check_types(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    for name, kind, *_ in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall():
        type_ = CLAIMS.field(name).type if name in CLAIMS.names else None
        if type_ is None or kind == _UNTYPED:
            continue
        if pa.types.is_integer(type_) and kind not in _INTEGER_TYPES:
            raise InvalidFrameError(_WHERE, f"all of them: {name} is {kind}, must be integers")
        if pa.types.is_date(type_) and kind != "DATE":
            raise InvalidFrameError(_WHERE, f"all of them: {name} is {kind}, must be dates")
