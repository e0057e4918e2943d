"""Sealing the values of a column by the newest data key of its purpose, in bounded batches."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from sqlalchemy import RowMapping, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Database
from api.field_keys.columns import SECRET_COLUMNS, SealedColumn
from api.field_keys.secrets import StoredSecrets

BATCH: Final = 50
"""Values of one transaction: parts of uploads have up to a mebibyte."""
_LOCK_TIMEOUT: Final = text("SET LOCAL lock_timeout = '5s'")
_EARLIER: Final = (
    "{column} IS NOT NULL AND (get_byte({column}, 0) <> 1 OR substring({column} FROM 2 FOR 4) <= int4send(:key_id))"
)
"""Sealed by a data key up to one, or encrypted by a release before data keys. The head of a value is its format and key
id (`core/field_encryption/sealing.py`)."""


async def reseal(database: Database, secrets: StoredSecrets, column: SealedColumn, key_id: int) -> AsyncIterator[int]:
    """Seal again what data keys up to this one sealed; gives the number of values of each batch.

    Values that another transaction has locked are left. Raises `DecryptionError` and what `FieldKeys` raises.
    """
    last: Sequence[object] | None = None
    while True:
        async with database.transaction() as connection:
            await connection.execute(_LOCK_TIMEOUT)
            rows = await _batch(connection, column, key_id, last)
            if rows:
                await connection.execute(_update(column), [await _sealed(secrets, column, row) for row in rows])
        if not rows:
            return
        last = [rows[-1][name] for name in column.row]
        yield len(rows)


async def left_in(connection: AsyncConnection, column: SealedColumn, key_id: int) -> int:
    """How many values data keys up to this one sealed."""
    counted = text(f"SELECT count(*) FROM {column.table} WHERE {_EARLIER.format(column=column.column)}")
    return int((await connection.execute(counted, {"key_id": key_id})).scalar_one())


async def _batch(
    connection: AsyncConnection, column: SealedColumn, key_id: int, last: Sequence[object] | None
) -> Sequence[RowMapping]:
    """The next values, locked. What was sealed is no longer among them, so the last row may be of the next batch."""
    names = ", ".join(column.row)
    after = "" if last is None else f"AND ({names}) >= ({', '.join(f':last_{n}' for n in range(len(column.row)))})"
    statement = text(
        f"SELECT {names}, {column.column} AS sealed FROM {column.table} "
        f"WHERE {_EARLIER.format(column=column.column)} {after} ORDER BY {names} LIMIT {BATCH} FOR UPDATE SKIP LOCKED"
    )
    given = {"key_id": key_id, **{f"last_{place}": one for place, one in enumerate(last or ())}}
    return (await connection.execute(statement, given)).mappings().all()


async def _sealed(secrets: StoredSecrets, column: SealedColumn, row: RowMapping) -> dict[str, object]:
    of_row = [row[name] for name in column.row]
    before = bytes(row["sealed"])
    if column in SECRET_COLUMNS:
        value = (await secrets.opened(column, before, *of_row)).encode()
    else:
        value = await column.opened(secrets.keys, before, *of_row)
    sealed = column.seal(await secrets.keys.current(column.purpose), value, *of_row)
    return {"after": sealed, "before": before, **{f"row_{place}": one for place, one in enumerate(of_row)}}


def _update(column: SealedColumn) -> TextClause:
    row = " AND ".join(f"{name} = :row_{place}" for place, name in enumerate(column.row))
    # The value before tells rows apart where `row` is of no unique index.
    return text(f"UPDATE {column.table} SET {column.column} = :after WHERE {row} AND {column.column} = :before")
