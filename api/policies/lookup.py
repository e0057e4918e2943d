"""What decides a claim beside its own facts: the version of the policy, and the suspended edits, in one statement."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import BindParameter, Integer, Text, bindparam, null, or_, select, union_all

from api.database import Query, Rows, compiled
from api.edit_suspensions import EditSuspensionRow
from api.policies.tables import PolicyActivationRow, PolicyVersionRow
from claims.policy import OF_SETTINGS


@dataclass(frozen=True, slots=True)
class InForce:
    """The policy and the suspensions that decide a claim."""

    policy_version: int
    suspended_edits: frozenset[str]
    """Codes of the edits that are suspended."""


_DAY: BindParameter[date] = bindparam("day")
_VERSION = (
    select(PolicyActivationRow.version)
    .outerjoin(PolicyVersionRow, PolicyVersionRow.version == PolicyActivationRow.version)
    .where(
        or_(
            PolicyActivationRow.version.is_(None),
            (PolicyVersionRow.valid_from <= _DAY)
            & or_(PolicyVersionRow.valid_until.is_(None), PolicyVersionRow.valid_until >= _DAY),
        )
    )
    .order_by(PolicyActivationRow.activation_id.desc())
    .limit(1)
    .scalar_subquery()
)
_IN_FORCE = compiled(
    union_all(
        select(EditSuspensionRow.edit, null().cast(Integer)).where(EditSuspensionRow.resumed_at.is_(None)),
        select(null().cast(Text), _VERSION),
    )
)


def in_force(received_on: date) -> Query[InForce]:
    """The policy version that decides a claim received on a day, and the suspended edits, as committed now."""
    return Query(_IN_FORCE, {"day": received_on}, _read)


def _read(rows: Rows) -> InForce:
    version = next(number for edit, number in rows if edit is None)
    return InForce(OF_SETTINGS if version is None else version, frozenset(edit for edit, _ in rows if edit is not None))
