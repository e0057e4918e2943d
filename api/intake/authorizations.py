"""What the claims of a member have used of a prior authorization."""

from datetime import date

from sqlalchemy import BigInteger, ColumnElement, Date, Text, and_, any_, bindparam, case, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from api.database import Query, Rows, compiled
from api.intake.tables import ClaimRow
from api.members import AuthorizationRow
from claims.outcome import Outcome
from claims.prior_authorization import (
    Authorization,
    AuthorizationCount,
    AuthorizationState,
    AuthorizationUse,
    AuthorizedServices,
    CodeRange,
)

_PAID = ClaimRow.status == any_(literal([one.value for one in Outcome if one.pays], ARRAY(Text)))
_IN_REVIEW = ClaimRow.status == literal(Outcome.IN_REVIEW.value)
_OF_OTHER_CLAIMS = (
    (ClaimRow.authorization_number == AuthorizationRow.authorization_number)
    & (ClaimRow.member_id == AuthorizationRow.member_id)
    & (ClaimRow.claim_id != bindparam("except"))
)


def _units(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(ClaimRow.authorized_units).filter(condition), 0).cast(BigInteger)


def _days(condition: ColumnElement[bool]) -> ColumnElement[list[date]]:
    """Distinct days of service, where the authorization counts visits."""
    visits = AuthorizationRow.counts == literal(AuthorizationCount.VISITS.value)
    stored = ClaimRow.authorized_days
    # A release before revision 0038 may store a claim after it, without days.
    known = case(
        (and_(stored == [], ClaimRow.authorized_units > 0), func.array_append(stored, ClaimRow.service_from)),
        else_=stored,
    )
    days = select(func.unnest(known, type_=Date)).distinct()
    found = days.where(_OF_OTHER_CLAIMS, condition, visits).correlate(AuthorizationRow).scalar_subquery()
    return func.array(found, type_=ARRAY(Date))


_USE = compiled(
    select(
        AuthorizationRow.provider_id,
        AuthorizationRow.procedures,
        AuthorizationRow.units,
        AuthorizationRow.counts,
        AuthorizationRow.first_day,
        AuthorizationRow.last_day,
        AuthorizationRow.state,
        _units(_PAID),
        _units(_IN_REVIEW),
        _days(_PAID),
        _days(_IN_REVIEW),
    )
    .join(ClaimRow, _OF_OTHER_CLAIMS, isouter=True)
    .where(
        AuthorizationRow.authorization_number == bindparam("number"),
        AuthorizationRow.member_id == bindparam("member_id"),
    )
    .group_by(AuthorizationRow.authorization_number)
)
"""A voided claim has a status of its own, so it uses nothing; nor does one that is rejected or denied."""


def authorization_use(member_id: str, number: str, *, without: str | None) -> Query[AuthorizationUse | None]:
    """An authorization of a member and what its claims have used of it; `None`: the member has none of this number.

    `without` is a claim that does not count. Read under the member's lock, so that two claims never both use the last
    unit.
    """

    def read(rows: Rows) -> AuthorizationUse | None:
        if not rows:
            return None
        provider_id, procedures, units, counts, first_day, last_day, state, *used = rows[0]
        found = Authorization(
            number=number,
            member_id=member_id,
            provider_id=provider_id,
            procedures=tuple(map(CodeRange.parse, procedures)),
            units=units,
            counts=AuthorizationCount(counts),
            first_day=first_day,
            last_day=last_day,
            state=AuthorizationState(state),
        )
        paid, reserved, paid_days, reserved_days = used
        return AuthorizationUse(
            found,
            AuthorizedServices(int(paid), frozenset(paid_days)),
            AuthorizedServices(int(reserved), frozenset(reserved_days)),
        )

    return Query(_USE, {"number": number, "member_id": member_id, "except": without or ""}, read)
