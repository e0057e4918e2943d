"""Members and providers, as the rules know them."""

from sqlalchemy import literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.members.tables import MemberRow, PlanRow
from api.providers.tables import ProviderRow
from claims.reference import Member, Provider


async def member_and_provider(
    connection: AsyncConnection, member_id: str, provider_id: str
) -> tuple[Member | None, Provider | None]:
    """Both in one look; `None` for one that is not known."""
    one = select(literal(1).label("one")).subquery()
    statement = (
        select(
            MemberRow.member_id,
            MemberRow.birth_date,
            MemberRow.sex,
            MemberRow.enrolled_from,
            MemberRow.enrolled_to,
            PlanRow.benefit_limit_cents,
            ProviderRow.provider_id,
            ProviderRow.specialty,
            ProviderRow.region,
            ProviderRow.active_from,
            ProviderRow.active_to,
            ProviderRow.excluded_from,
        )
        .select_from(one)
        .join(MemberRow, MemberRow.member_id == member_id, isouter=True)
        .join(PlanRow, PlanRow.plan_id == MemberRow.plan_id, isouter=True)
        .join(ProviderRow, ProviderRow.provider_id == provider_id, isouter=True)
    )
    row = (await connection.execute(statement)).one()
    return (
        None if row[0] is None else Member(*row[:6]),
        None if row[6] is None else Provider(*row[6:]),
    )
