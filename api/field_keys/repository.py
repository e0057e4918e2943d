"""What is known of the data keys, without the keys."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from api.database import Database
from api.field_keys.tables import DataKeyRow, MemberKeyRow


@dataclass(frozen=True, slots=True)
class DataKey:
    """A data key and how much depends on it."""

    key_id: int
    purpose: str
    provider: str
    master_version: str
    created_at: datetime
    member_keys: int
    """Keys of members that it wraps."""


async def data_keys(database: Database) -> list[DataKey]:
    """All data keys, oldest first."""
    wrapped = (
        select(func.count()).select_from(MemberKeyRow).where(MemberKeyRow.key_id == DataKeyRow.key_id).scalar_subquery()
    )
    columns = (
        DataKeyRow.key_id,
        DataKeyRow.purpose,
        DataKeyRow.provider,
        DataKeyRow.master_version,
        DataKeyRow.created_at,
    )
    async with database.reading() as connection:
        rows = await connection.execute(select(*columns, wrapped).order_by(DataKeyRow.key_id))
    return [DataKey(*row) for row in rows]
