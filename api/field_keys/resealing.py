"""Sealing the values of a column by the newest data key of its purpose, in bounded batches."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import RowMapping, TextClause, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Database
from api.field_keys.columns import SECRET_COLUMNS, SealedColumn
from api.field_keys.secrets import StoredSecrets
from api.field_keys.service import FieldKeys
from api.field_keys.tables import DataKeyRow
from core.encryption import is_fernet
from core.errors import DecryptionError
from core.field_encryption import SealingKey, key_id_of

BATCH: Final = 50
"""Values of one transaction: parts of uploads have up to a mebibyte."""
_LOCK_TIMEOUT: Final = text("SET LOCAL lock_timeout = '5s'")
_EARLIER: Final = (
    "{column} IS NOT NULL AND (get_byte({column}, 0) <> 1 OR substring({column} FROM 2 FOR 4) <= int4send(:key_id))"
)
"""Sealed by a data key up to one, or encrypted by a release before data keys. The head of a value is its format and key
id (`core/field_encryption/sealing.py`)."""


@dataclass(frozen=True, slots=True)
class Resealed:
    """What became of the rows of a batch."""

    moved: int
    unreadable: int
    """They were changed, or their key is not stored; they stay as they are."""


async def reseal(
    database: Database, secrets: StoredSecrets, column: SealedColumn, key_id: int
) -> AsyncIterator[Resealed]:
    """Seal again, in batches, what data keys up to this one sealed.

    Values that another transaction has locked are left, and so are those that cannot be decrypted. Raises what
    `FieldKeys` raises.
    """
    last: Sequence[object] | None = None
    while True:
        async with database.transaction() as connection:
            await connection.execute(_LOCK_TIMEOUT)
            rows = await _batch(connection, column, key_id, last)
            sealed = []
            for row in rows:
                try:
                    sealed.append(await _sealed(connection, secrets, column, row))
                except DecryptionError:
                    continue
            if sealed:
                await connection.execute(_update(column), sealed)
        if not rows:
            return
        last = [rows[-1][name] for name in (*column.row, "place")]
        yield Resealed(len(sealed), len(rows) - len(sealed))


async def known_key(connection: AsyncConnection, keys: FieldKeys, key_id: int) -> SealingKey:
    """The key with this id. Raises `DecryptionError` where none is stored: a value that names it cannot be read."""
    is_stored = select(DataKeyRow.key_id).where(DataKeyRow.key_id == key_id)
    if keys.ring.cached(key_id) is None and await connection.scalar(is_stored) is None:
        raise DecryptionError(f"data key {key_id} is not stored")
    return await keys.key(key_id)


async def left_in(connection: AsyncConnection, column: SealedColumn, key_id: int) -> int:
    """How many values data keys up to this one sealed."""
    counted = text(f"SELECT count(*) FROM {column.table} WHERE {_EARLIER.format(column=column.column)}")
    return int((await connection.execute(counted, {"key_id": key_id})).scalar_one())


async def _batch(
    connection: AsyncConnection, column: SealedColumn, key_id: int, last: Sequence[object] | None
) -> Sequence[RowMapping]:
    """The next values, locked. The place in the table tells rows apart where `row` is of no unique index."""
    names = ", ".join(column.row)
    given = {f"last_{place}": one for place, one in enumerate(last or ())}
    after = ""
    if last is not None:
        *of_row, of_place = (f":{name}" for name in given)
        after = f"AND ({names}, ctid) > ({', '.join(of_row)}, CAST({of_place} AS tid))"
    statement = text(
        f"SELECT {names}, CAST(ctid AS text) AS place, {column.column} AS sealed FROM {column.table} "
        f"WHERE {_EARLIER.format(column=column.column)} {after} ORDER BY {names}, ctid LIMIT {BATCH} "
        "FOR UPDATE SKIP LOCKED"
    )
    return (await connection.execute(statement, {"key_id": key_id, **given})).mappings().all()


async def _sealed(
    connection: AsyncConnection, secrets: StoredSecrets, column: SealedColumn, row: RowMapping
) -> dict[str, object]:
    of_row = [row[name] for name in column.row]
    before = bytes(row["sealed"])
    if not is_fernet(before):
        await known_key(connection, secrets.keys, key_id_of(before))
    if column in SECRET_COLUMNS:
        value = (await secrets.opened(column, before, *of_row)).encode()
    else:
        value = await column.opened(secrets.keys, before, *of_row)
    newest = await secrets.keys.current(column.purpose)
    sealed = column.seal(newest, value, *of_row)
    index = {} if column.index is None else {"entry": column.entry(newest, value)}
    return {"after": sealed, **index, "before": before, **{f"row_{place}": one for place, one in enumerate(of_row)}}


def _update(column: SealedColumn) -> TextClause:
    row = " AND ".join(f"{name} = :row_{place}" for place, name in enumerate(column.row))
    index = "" if column.index is None else f", {column.index} = :entry"
    # The value before tells rows apart where `row` is of no unique index.
    return text(f"UPDATE {column.table} SET {column.column} = :after{index} WHERE {row} AND {column.column} = :before")
