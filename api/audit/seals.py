"""The arithmetic of seals: digests of rows, and the hash of a seal over the one before. Pure.

A digest is the SHA-256 of the row's columns as a JSON array; a seal holds the id and the digest of each of its rows, so
that verification names the row that differs (`docs/adr/0260-the-audit-log-is-sealed-in-batches.md`).
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from api.audit.records import Seal
from core import clock

DIGEST_BYTES: Final = 32
ENTRY_BYTES: Final = 8 + DIGEST_BYTES
BEFORE_ALL: Final = -(2**63)
"""Below every id, those that only an intruder gives included."""
FIRST: Final = bytes(DIGEST_BYTES)
"""`previous` of the first seal."""
_DOMAIN: Final = b"audit seal 1\n"

RowValues = Sequence[object]
"""Of a row of the log, in the order of `repository.SEALED_COLUMNS`: its id, its instant, then texts."""


def digest(row: RowValues) -> bytes:
    """SHA-256 of a row."""
    values = [_plain(value) for value in row]
    return hashlib.sha256(json.dumps(values, separators=(",", ":")).encode()).digest()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return clock.micros(value)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value


def write_entries(rows: Iterable[RowValues]) -> bytes:
    """The rows of a seal as it stores them: for each its id and its digest."""
    return b"".join(int(str(row[0])).to_bytes(8, signed=True) + digest(row) for row in rows)


def read_entries(entries: bytes) -> Iterator[tuple[int, bytes]]:
    """Ids and digests of the rows of a seal."""
    for at in range(0, len(entries) - ENTRY_BYTES + 1, ENTRY_BYTES):
        yield int.from_bytes(entries[at : at + 8], signed=True), entries[at + 8 : at + ENTRY_BYTES]


def seal_hash(number: int, sealed_at: datetime, last_audit_id: int, entries: bytes, previous: bytes) -> bytes:
    """The hash of a seal."""
    head = b"".join(
        one.to_bytes(8, signed=True) for one in (number, clock.micros(sealed_at), last_audit_id, len(entries))
    )
    return hashlib.sha256(_DOMAIN + head + entries + previous).digest()


def next_seal(last: Seal | None, rows: Sequence[RowValues], sealed_at: datetime) -> Seal:
    """The seal over rows that follow those of `last`, in the order of their ids."""
    number, previous = (1, FIRST) if last is None else (last.number + 1, last.hash)
    entries, last_audit_id = write_entries(rows), int(str(rows[-1][0]))
    made = seal_hash(number, sealed_at, last_audit_id, entries, previous)
    return Seal(number, sealed_at, last_audit_id, entries, previous, made)
