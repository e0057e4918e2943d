"""Encrypting what earlier releases stored in clear in `BACKFILLED`, in bounded batches while the platform runs.

A row that another transaction has locked is left for the next run, as is what a process of the earlier release stores
meanwhile.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sqlalchemy import RowMapping, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Database
from api.field_keys.columns import BACKFILLED, SealedColumn
from api.field_keys.service import FieldKeys
from api.field_keys.texts import changes_allowed, key_of_claim
from core.field_encryption import SealingKey

BATCH: Final = 50
"""Rows of one transaction: parts of uploads have up to a mebibyte."""
_LOCK_TIMEOUT: Final = text("SET LOCAL lock_timeout = '5s'")
_BYTES: Final = {
    "bytea": "{column}",
    "text": "convert_to({column}, 'UTF8')",
}
"""SQL of a value in clear as bytes, by the type of its column."""


async def clear_values(database: Database) -> dict[str, int]:
    """Rows with a value in clear, by table and column; reads the tables as a whole."""
    counts = {}
    async with database.reading() as connection:
        for one in BACKFILLED:
            found = await connection.execute(text(f"SELECT count(*) FROM {one.table} WHERE {_is_clear(one)}"))
            counts[f"{one.table}.{one.clear}"] = int(found.scalar_one())
    return counts


async def encrypt_values(database: Database, keys: FieldKeys, progress: Callable[[int], None]) -> int:
    """Encrypt what is in clear; returns the number of values. `progress` gets the values of each batch.

    Only the owner of the tables may do it. Raises what `FieldKeys` raises.
    """
    done = 0
    for one in BACKFILLED:
        done += await _encrypt(database, keys, one, progress)
    return done


async def _encrypt(database: Database, keys: FieldKeys, column: SealedColumn, progress: Callable[[int], None]) -> int:
    last: Sequence[object] | None = None
    done = 0
    while True:
        async with database.transaction() as connection:
            await connection.execute(_LOCK_TIMEOUT)
            rows = await _batch(connection, column, last)
            if not rows:
                return done
            await _seal(connection, keys, column, rows)
        last = [rows[-1][name] for name in column.row]
        done += len(rows)
        progress(len(rows))


async def _batch(
    connection: AsyncConnection, column: SealedColumn, last: Sequence[object] | None
) -> Sequence[RowMapping]:
    """The next rows after a place with a value in clear, locked."""
    kind = await connection.scalar(
        text(
            "SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = to_regclass(:name) AND attname = :of"
        ),
        {"name": column.table, "of": column.clear},
    )
    value = f"{column.clear} -> '{column.part}'" if column.part else column.clear
    as_bytes = "convert_to(({column})::text, 'UTF8')" if column.part else _BYTES[str(kind)]
    names = ", ".join(column.row)
    after = "" if last is None else f"AND ({names}) > ({', '.join(f':last_{n}' for n in range(len(column.row)))})"
    statement = text(
        f"SELECT {names}, {as_bytes.format(column=value)} AS clear_value, {column.claim or 'NULL'} AS of_claim "
        f"FROM {column.table} "
        f"WHERE {_is_clear(column)} {after} ORDER BY {names} LIMIT {BATCH} FOR UPDATE SKIP LOCKED"
    )
    given = {f"last_{place}": one for place, one in enumerate(last or ())}
    return (await connection.execute(statement, given)).mappings().all()


async def _seal(connection: AsyncConnection, keys: FieldKeys, column: SealedColumn, rows: Sequence[RowMapping]) -> None:
    sealing = await keys.current(column.purpose)
    values = []
    for row in rows:
        own = sealing if row["of_claim"] is None else await key_of_claim(connection, keys, row["of_claim"])
        values.append(_sealed(column, own, row))
    async with changes_allowed(connection, column):
        await connection.execute(_update(column), values)


def _sealed(column: SealedColumn, sealing: SealingKey, row: RowMapping) -> Mapping[str, object]:
    of_row = [row[name] for name in column.row]
    sealed = column.seal(sealing, bytes(row["clear_value"]), *of_row)
    return {"sealed": sealed, **{f"row_{place}": one for place, one in enumerate(of_row)}}


def _update(column: SealedColumn) -> TextClause:
    emptied = f"({column.clear}::jsonb - '{column.part}')::json" if column.part else "NULL"
    row = " AND ".join(f"{name} = :row_{place}" for place, name in enumerate(column.row))
    return text(f"UPDATE {column.table} SET {column.column} = :sealed, {column.clear} = {emptied} WHERE {row}")


def _is_clear(column: SealedColumn) -> str:
    """SQL of whether a row has a value in clear."""
    if column.part:
        return f"({column.clear} -> '{column.part}') IS NOT NULL"
    return f"{column.clear} IS NOT NULL"
