"""Data keys in the database, over a connection of their own: they are stored whatever becomes of a transaction."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from api.migrate import plain_url
from core import clock
from core.field_encryption import StoredKey, WrapNew

_CONNECT_S: Final = 3
_STATEMENT_MS: Final = 5_000
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('data_keys', 0))"
_COLUMNS: Final = "SELECT key_id, purpose, wrapped_key, provider FROM data_keys"


class StoredDataKeys:
    """The table `data_keys` as the source of a `KeyRing`."""

    def __init__(self, url: str) -> None:
        self._url = plain_url(url)

    def stored(self, key_id: int) -> StoredKey | None:
        """The key with this id."""
        with self._connected() as connection:
            return _read(connection.execute(f"{_COLUMNS} WHERE key_id = %s", [key_id]).fetchone())

    def newest(self, purpose: str) -> StoredKey | None:
        """The newest key of a purpose."""
        with self._connected() as connection:
            return _newest(connection, purpose)

    def ids(self, purpose: str) -> Sequence[int]:
        """The ids of all keys of a purpose, newest first."""
        with self._connected() as connection:
            found = connection.execute("SELECT key_id FROM data_keys WHERE purpose = %s ORDER BY 1 DESC", [purpose])
            return [row[0] for row in found]

    def latest(self) -> StoredKey | None:
        """The newest key of any purpose."""
        with self._connected() as connection:
            return _latest(connection)

    def add(self, purpose: str, provider: str, wrap: WrapNew, after: int) -> StoredKey:
        """Store a key of a purpose, wrapped for its id, or return the newest where that has an id beyond `after`."""
        with self._connected() as connection:
            connection.execute(_LOCK)
            newest = _newest(connection, purpose)
            if newest is not None and newest.key_id > after:
                return newest
            row = connection.execute("SELECT nextval(pg_get_serial_sequence('data_keys', 'key_id'))::int").fetchone()
            assert row is not None
            key_id: int = row[0]
            # Under the lock: of two processes that make the first keys, the second finds the key of the first.
            stored = (_latest(connection), _latest(connection, "WHERE provider = %s", provider))
            made = wrap(key_id, list({one.key_id: one for one in stored if one is not None}.values()))
            connection.execute(
                "INSERT INTO data_keys (key_id, purpose, provider, master_version, wrapped_key, created_at) "
                "OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s, %s, %s)",
                [key_id, purpose, provider, made.master_version, made.wrapped, clock.now()],
            )
            return StoredKey(key_id, purpose, made.wrapped, provider)

    @contextmanager
    def _connected(self) -> Iterator["psycopg.Connection[TupleRow]"]:
        options = f"{conninfo_to_dict(self._url).get('options') or ''} -c statement_timeout={_STATEMENT_MS}"
        with psycopg.connect(self._url, connect_timeout=_CONNECT_S, options=options) as connection:
            yield connection


def _newest(connection: "psycopg.Connection[TupleRow]", purpose: str) -> StoredKey | None:
    return _latest(connection, "WHERE purpose = %s", purpose)


def _latest(connection: "psycopg.Connection[TupleRow]", where: str = "", *given: str) -> StoredKey | None:
    statement = f"{_COLUMNS} {where} ORDER BY key_id DESC LIMIT 1"
    return _read(connection.execute(statement, given).fetchone())


def _read(row: TupleRow | None) -> StoredKey | None:
    return None if row is None else StoredKey(row[0], row[1], bytes(row[2]), row[3])
