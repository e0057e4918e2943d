"""Seals and the rows that they cover, in the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from api.audit.records import Seal
from api.audit.seals import BEFORE_ALL, ENTRY_BYTES, RowValues
from api.database import Query, Rows, Statement, nothing

_COLUMNS: Final = (
    "audit_id, at, api_key_id, name, role, act, claim_id, details::text, purpose, subject_kind, subject_id, outcome, "
    "request_id, address, agent, change"
)
"""What a digest covers, in its order: every column."""
SEALED_ORDER: Final = tuple(one.removesuffix("::text") for one in _COLUMNS.split(", "))
"""Names of these columns."""
_SEAL: Final = "seal, sealed_at, last_audit_id, entries, previous, hash"
_ROWS: Final = Statement(
    f"SELECT {_COLUMNS} FROM audit_log WHERE audit_id > %(after)s AND audit_id <= %(until)s "
    "ORDER BY audit_id LIMIT %(most)s",
    {},
)
_SEALS: Final = Statement(f"SELECT {_SEAL} FROM audit_seals WHERE seal > %(after)s ORDER BY seal LIMIT %(most)s", {})
_LAST: Final = Statement(f"SELECT {_SEAL} FROM audit_seals ORDER BY seal DESC LIMIT 1", {})
_ADD: Final = Statement(
    "INSERT INTO audit_seals (seal, sealed_at, last_audit_id, rows, entries, previous, hash) "
    "VALUES (%(seal)s, %(sealed_at)s, %(last_audit_id)s, %(rows)s, %(entries)s, %(previous)s, %(hash)s)",
    {},
)
_NEWEST: Final = Statement("SELECT coalesce(max(audit_id), %(none)s) FROM audit_log", {})
_UNSEALED: Final = Statement("SELECT count(*), min(at) FROM audit_log WHERE audit_id > %(after)s", {})
_HASH: Final = Statement("SELECT hash FROM audit_seals WHERE seal = %(seal)s", {})
_ROWS_OF: Final = Statement(
    "SELECT coalesce(sum(rows), 0), min(sealed_at) FROM audit_seals WHERE seal > %(after)s AND seal <= %(until)s", {}
)
_WRITERS: Final = Statement(
    "SELECT virtualtransaction FROM pg_locks WHERE relation = 'audit_log'::regclass AND mode = 'RowExclusiveLock' "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    {},
)
_TRY_LOCK: Final = Statement("SELECT pg_try_advisory_xact_lock(hashtext('audit seals'))", {})


def rows_between(after: int, until: int, *, most: int) -> Query[Sequence[RowValues]]:
    """Rows whose ids are above `after` and at most `until`, in their order, as digests cover them."""
    return Query(_ROWS, {"after": after, "until": until, "most": most}, lambda rows: rows)


def last_seal() -> Query[Seal | None]:
    """The seal that was made last; `None`: there is none."""
    return Query(_LAST, {}, lambda rows: Seal(*rows[0]) if rows else None)


def seals_after(number: int, *, most: int) -> Query[Sequence[Seal]]:
    """Seals with higher numbers, in their order."""
    return Query(_SEALS, {"after": number, "most": most}, lambda rows: [Seal(*row) for row in rows])


def add_seal(seal: Seal) -> Query[None]:
    """Store a seal."""
    params = {
        "seal": seal.number,
        "sealed_at": seal.sealed_at,
        "last_audit_id": seal.last_audit_id,
        "rows": len(seal.entries) // ENTRY_BYTES,
        "entries": seal.entries,
        "previous": seal.previous,
        "hash": seal.hash,
    }
    return Query(_ADD, params, nothing)


def newest_row() -> Query[int]:
    """The highest id of the log; `BEFORE_ALL`: it is empty."""
    return Query(_NEWEST, {"none": BEFORE_ALL}, lambda rows: int(rows[0][0]))


def unsealed_after(audit_id: int) -> Query[tuple[int, datetime | None]]:
    """Number and oldest instant of the rows above an id."""
    return Query(_UNSEALED, {"after": audit_id}, lambda rows: (int(rows[0][0]), rows[0][1]))


def hash_of(number: int) -> Query[bytes | None]:
    """The hash of a seal; `None`: there is no such seal."""
    return Query(_HASH, {"seal": number}, lambda rows: bytes(rows[0][0]) if rows else None)


def sealed_between(after: int, until: int) -> Query[tuple[int, datetime | None]]:
    """Rows of the seals above `after` up to `until`, and when the first of these was made."""
    return Query(_ROWS_OF, {"after": after, "until": until}, lambda rows: (int(rows[0][0]), rows[0][1]))


def writers() -> Query[frozenset[str]]:
    """The open transactions that add rows to the log, or may have taken an id for one."""

    def read(rows: Rows) -> frozenset[str]:
        return frozenset(row[0] for row in rows)

    return Query(_WRITERS, {}, read)


def try_lock() -> Query[bool]:
    """Become the only process that seals, until the transaction ends; false: another does."""
    return Query(_TRY_LOCK, {}, lambda rows: bool(rows[0][0]))
