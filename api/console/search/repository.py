"""What an id names, in the database."""

from enum import Enum

from sqlalchemy import exists, or_, select

from api.cases import CaseRow
from api.database import Database
from api.intake import ClaimRow
from api.members import MemberRow
from api.providers import ProviderRow


class FoundKind(Enum):
    """What an id can name."""

    CLAIM = "claim"
    PROVIDER = "provider"
    MEMBER = "member"
    CASE = "case"


async def kinds_of(database: Database, object_id: str) -> list[FoundKind]:
    """What `object_id` names: an entry of a registry, or a claim, or the provider or member of one."""
    statement = select(
        exists().where(ClaimRow.claim_id == object_id),
        or_(exists().where(ClaimRow.provider_id == object_id), exists().where(ProviderRow.provider_id == object_id)),
        or_(exists().where(ClaimRow.member_id == object_id), exists().where(MemberRow.member_id == object_id)),
        exists().where(CaseRow.case_id == object_id),
    )
    async with database.reading() as connection:
        row = (await connection.execute(statement)).one()
    return [kind for kind, is_found in zip(FoundKind, row, strict=True) if is_found]
