"""Members, as the rules see them."""

from pydantic import TypeAdapter
from sqlalchemy import bindparam, func, literal_column, select

from api.database import Query, Rows, compiled
from api.members.tables import MemberRow, PlanRow, PlanTermsRow
from claims.cost_sharing import CostSharing
from claims.reference import Member

_TERMS = TypeAdapter(tuple[CostSharing, ...])
_TERMS_OF_PLAN = (
    select(func.jsonb_agg(literal_column(PlanTermsRow.__tablename__)))
    .where(PlanTermsRow.plan_id == MemberRow.plan_id)
    .scalar_subquery()
)
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
        _TERMS_OF_PLAN,
    )
    .join(PlanRow, PlanRow.plan_id == MemberRow.plan_id, isouter=True)
    .where(MemberRow.member_id == bindparam("member_id"))
)


def member(member_id: str) -> Query[Member | None]:
    """A member with the benefit limit and the cost sharing of its plan; `None` if there is no such member."""

    def read(rows: Rows) -> Member | None:
        if not rows:
            return None
        *of_member, terms = rows[0]
        values = (*of_member, () if terms is None else _TERMS.validate_python(terms))
        return Member(*values)

    return Query(_MEMBER, {"member_id": member_id}, read)
