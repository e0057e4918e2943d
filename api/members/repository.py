"""Members and providers, as the rules know them."""

from sqlalchemy import bindparam, literal, select

from api.database import Query, Rows, compiled
from api.members.tables import MemberRow, PlanRow
from api.providers.tables import ProviderRow
from claims.reference import Member, Provider

_ONE = select(literal(1).label("one")).subquery()

_MEMBER_AND_PROVIDER = compiled(
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
    .select_from(_ONE)
    .join(MemberRow, MemberRow.member_id == bindparam("member_id"), isouter=True)
    .join(PlanRow, PlanRow.plan_id == MemberRow.plan_id, isouter=True)
    .join(ProviderRow, ProviderRow.provider_id == bindparam("provider_id"), isouter=True)
)


def member_and_provider(member_id: str, provider_id: str) -> Query[tuple[Member | None, Provider | None]]:
    """Both in one look; `None` for one that is not known."""
    return Query(_MEMBER_AND_PROVIDER, {"member_id": member_id, "provider_id": provider_id}, _both)


def _both(rows: Rows) -> tuple[Member | None, Provider | None]:
    row = rows[0]
    return (None if row[0] is None else Member(*row[:6]), None if row[6] is None else Provider(*row[6:]))
