"""Encrypting what earlier releases stored in clear in `BACKFILLED`, in bounded batches while the platform runs.

A row that another transaction has locked is left for the next run, as is what a process of the earlier release stores
meanwhile. Texts in append-only tables are stored under a lock of the table (`table_locks.py`).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from typing import Final

from sqlalchemy import RowMapping, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Database
from api.field_keys.columns import BACKFILLED, SealedColumn, is_clear
from api.field_keys.service import FieldKeys
from api.field_keys.table_locks import Pause, with_lock_retries
from api.field_keys.texts import changes_allowed, keys_of_claims

BATCH: Final = 50
"""Rows of one transaction: parts of uploads have up to a mebibyte."""
TEXTS: Final = 1_000
"""Rows of one transaction with texts about claims: each locks its table once."""
_LOCK_TIMEOUT: Final = text("SET LOCAL lock_timeout = '5s'")
_BYTES: Final = {
    "bytea": "{column}",
    "text": "convert_to({column}, 'UTF8')",
}
_AS_JSON: Final = "convert_to(to_jsonb({column})::text, 'UTF8')"
"""SQL of a value in clear as bytes, by the type of its column."""


async def clear_values(database: Database) -> dict[str, int]:
    """Rows with a value in clear, by table and column; reads the tables as a whole."""
    counts = {}
    async with database.reading() as connection:
        for one in BACKFILLED:
            found = await connection.execute(text(f"SELECT count(*) FROM {one.table} WHERE {is_clear(one)}"))
            counts[f"{one.table}.{one.clear}"] = int(found.scalar_one())
    return counts


async def encrypt_values(
    database: Database, keys: FieldKeys, progress: Callable[[int], None], pause: Pause = asyncio.sleep
) -> int:
    """Encrypt what is in clear; returns the number of values. `progress` gets the values of each batch.

    Only the owner of the tables may do it. `pause` waits for seconds while others have locked a table. Raises what
    `FieldKeys` raises.
    """
    done = 0
    for one in BACKFILLED:
        append_only = one.is_append_only
        batches = _encrypt_append_only(database, keys, one, pause) if append_only else _encrypt(database, keys, one)
        async for rows in batches:
            done += rows
            progress(rows)
    return done


async def _encrypt(database: Database, keys: FieldKeys, column: SealedColumn) -> AsyncIterator[int]:
    """Encrypt the values of a column in batches; rows that another transaction has locked are left."""
    last: Sequence[object] | None = None
    while True:
        async with database.transaction() as connection:
            await connection.execute(_LOCK_TIMEOUT)
            rows = await _batch(connection, column, last, lock="FOR UPDATE SKIP LOCKED")
            if rows:
                await connection.execute(_update(column), await _sealed(connection, keys, column, rows))
        if not rows:
            return
        last = [rows[-1][name] for name in column.row]
        yield len(rows)


async def _encrypt_append_only(
    database: Database, keys: FieldKeys, column: SealedColumn, pause: Pause
) -> AsyncIterator[int]:
    """Encrypt the values of a table that only its owner changes.

    They are read and sealed in a transaction before the one that locks the table, which only stores them.
    """
    last: Sequence[object] | None = None
    while True:
        async with database.transaction() as connection:
            rows = await _batch(connection, column, last, lock="")
            values = await _sealed(connection, keys, column, rows) if rows else []
        if not rows:
            return
        await with_lock_retries(database, partial(_store, column, values), pause)
        last = [rows[-1][name] for name in column.row]
        yield len(rows)


async def _store(column: SealedColumn, values: Sequence[Mapping[str, object]], connection: AsyncConnection) -> None:
    async with changes_allowed(connection, column):
        await connection.execute(_update(column), values)


async def _batch(
    connection: AsyncConnection, column: SealedColumn, last: Sequence[object] | None, lock: str
) -> Sequence[RowMapping]:
    """The next rows after a place with a value in clear."""
    kind = await connection.scalar(
        text(
            "SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = to_regclass(:name) AND attname = :of"
        ),
        {"name": column.table, "of": column.clear},
    )
    value = f"{column.clear} -> '{column.part}'" if column.part else column.clear
    as_bytes = _AS_JSON if column.part or column.is_list else _BYTES[str(kind)]
    names = ", ".join(column.row)
    after = "" if last is None else f"AND ({names}) > ({', '.join(f':last_{n}' for n in range(len(column.row)))})"
    statement = text(
        f"SELECT {names}, {as_bytes.format(column=value)} AS clear_value, {column.claim or 'NULL'} AS of_claim "
        f"FROM {column.table} "
        f"WHERE {is_clear(column)} {after} ORDER BY {names} LIMIT {BATCH if column.claim is None else TEXTS} {lock}"
    )
    given = {f"last_{place}": one for place, one in enumerate(last or ())}
    return (await connection.execute(statement, given)).mappings().all()


async def _sealed(
    connection: AsyncConnection, keys: FieldKeys, column: SealedColumn, rows: Sequence[RowMapping]
) -> list[Mapping[str, object]]:
    """The parameters of `_update` for some rows."""
    sealing = await keys.current(column.purpose)
    claims = [str(row["of_claim"]) for row in rows if row["of_claim"] is not None]
    own = await keys_of_claims(connection, keys, claims) if claims else {}
    values: list[Mapping[str, object]] = []
    for row in rows:
        of_row = [row[name] for name in column.row]
        value = bytes(row["clear_value"])
        sealed = column.seal(own.get(row["of_claim"], sealing), value, *of_row)
        index = {} if column.index is None else {"entry": column.entry(sealing, value)}
        values.append({"sealed": sealed, **index, **{f"row_{place}": one for place, one in enumerate(of_row)}})
    return values


def _update(column: SealedColumn) -> TextClause:
    emptied = f"({column.clear}::jsonb - '{column.part}')::json" if column.part else "NULL"
    row = " AND ".join(f"{name} = :row_{place}" for place, name in enumerate(column.row))
    index = "" if column.index is None else f", {column.index} = :entry"
    # What an erasure has emptied meanwhile stays empty.
    return text(
        f"UPDATE {column.table} SET {column.column} = :sealed, {column.clear} = {emptied}{index} "
        f"WHERE {row} AND {is_clear(column)}"
    )
