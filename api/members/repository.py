"""Members, as the rules see them."""

from sqlalchemy import bindparam, select

from api.database import Query, Rows, compiled
from api.members.tables import MemberRow, PlanRow
from claims.reference import Member

_MEMBER = compiled(
    select(
        MemberRow.member_id,
        MemberRow.birth_date,
        MemberRow.sex,
        MemberRow.enrolled_from,
        MemberRow.enrolled_to,
        PlanRow.benefit_limit_cents,
        PlanRow.line_of_business,
        PlanRow.state_code,
    )
    .join(PlanRow, PlanRow.plan_id == MemberRow.plan_id, isouter=True)
    .where(MemberRow.member_id == bindparam("member_id"))
)


def member(member_id: str) -> Query[Member | None]:
    """A member with the benefit limit of its plan; `None` if there is no such member."""

    def read(rows: Rows) -> Member | None:
        return Member(*rows[0]) if rows else None

    return Query(_MEMBER, {"member_id": member_id}, read)
