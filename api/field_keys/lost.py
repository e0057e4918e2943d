"""Count values that cannot be decrypted because the key that encrypted them is not stored."""

from typing import Final

from sqlalchemy import text

from api.database import Database
from api.field_keys.columns import SEALED_COLUMNS, SealedColumn
from api.field_keys.member_keys import is_members_sql

_NOT_STORED: Final = (
    "NOT EXISTS (SELECT FROM data_keys WHERE int4send(data_keys.key_id) = substring({column} FROM 2 FOR 4))"
)
"""SQL: whether no data key has the id in the head of a sealed value (`core/field_encryption/sealing.py`)."""
_IDENTITIES: Final = ("name_sealed", "birth_date_sealed", "sex_sealed")


async def lost_values(database: Database) -> dict[str, int]:
    """Values without their key, by table and column, where there are any; reads the tables as a whole.

    A member that was erased has no key either: what it encrypted is erased, not lost.
    """
    counts = {}
    async with database.reading() as connection:
        for name, statement in _STATEMENTS.items():
            found = int((await connection.execute(text(statement))).scalar_one())
            if found:
                counts[name] = found
    return counts


def _count(column: SealedColumn) -> str:
    name = column.column
    sealed = f"{column.table}.{name}"
    is_lost = _NOT_STORED.format(column=sealed)
    if column.claim is not None:
        is_members = is_members_sql(sealed)
        claim = column.claim if " " in column.claim else f"{column.table}.{column.claim}"
        has_key = f"SELECT FROM claims AS about JOIN member_keys USING (member_id) WHERE about.claim_id = {claim}"
        is_lost = f"CASE WHEN {is_members} THEN NOT EXISTS ({has_key}) ELSE {is_lost} END"
    # Its first byte is 1; others are tokens of Fernet, of an earlier release.
    return f"SELECT count(*) FROM {column.table} WHERE {name} IS NOT NULL AND get_byte({name}, 0) = 1 AND {is_lost}"


_STATEMENTS: Final = {
    "member_keys.wrapped_key": "SELECT count(*) FROM member_keys WHERE wrapped_key IS NOT NULL AND "
    + _NOT_STORED.format(column="member_keys.wrapped_key"),
    **{
        f"members.{name}": f"SELECT count(*) FROM members WHERE {name} IS NOT NULL "
        "AND NOT EXISTS (SELECT FROM member_keys WHERE member_keys.member_id = members.member_id)"
        for name in _IDENTITIES
    },
    **{one.name: _count(one) for one in SEALED_COLUMNS},
}
