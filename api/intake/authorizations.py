"""What the claims of a member have used of a prior authorization."""

from sqlalchemy import BigInteger, Text, any_, bindparam, func, literal, select
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
    CodeRange,
)

_PAID = any_(literal([one.value for one in Outcome if one.pays], ARRAY(Text)))
_USE = compiled(
    select(
        AuthorizationRow.provider_id,
        AuthorizationRow.procedures,
        AuthorizationRow.units,
        AuthorizationRow.counts,
        AuthorizationRow.first_day,
        AuthorizationRow.last_day,
        AuthorizationRow.state,
        func.coalesce(func.sum(ClaimRow.authorized_units).filter(ClaimRow.status == _PAID), 0).cast(BigInteger),
        func.coalesce(
            func.sum(ClaimRow.authorized_units).filter(ClaimRow.status == literal(Outcome.IN_REVIEW.value)), 0
        ).cast(BigInteger),
    )
    .join(
        ClaimRow,
        (ClaimRow.authorization_number == AuthorizationRow.authorization_number)
        & (ClaimRow.member_id == AuthorizationRow.member_id)
        & (ClaimRow.claim_id != bindparam("except")),
        isouter=True,
    )
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
        provider_id, procedures, units, counts, first_day, last_day, state, used, reserved = rows[0]
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
        return AuthorizationUse(found, int(used), int(reserved))

    return Query(_USE, {"number": number, "member_id": member_id, "except": without or ""}, read)
