"""What decides a claim beside its facts, in one statement: policy version, suspended edits, state of the parties."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import BindParameter, bindparam, exists, or_, select
from sqlalchemy.orm import aliased

from api.database import Query, Rows, compiled
from api.edit_suspensions import suspended_edits
from api.members import member_revision
from api.policies.tables import PolicyActivationRow, PolicyVersionRow
from api.providers import provider_revision
from claims.policy import OF_SETTINGS


@dataclass(frozen=True, slots=True)
class InForce:
    """The policy and the suspensions that decide a claim, and the states of its member and provider."""

    policy_version: int
    suspended_edits: frozenset[str]
    """Codes of the edits that are suspended."""
    member_revision: str | None
    provider_revision: str | None


_DAY: BindParameter[date] = bindparam("day")
_ROLLBACK = aliased(PolicyActivationRow)
_VERSION = (
    select(PolicyActivationRow.version)
    .join(PolicyVersionRow, PolicyVersionRow.version == PolicyActivationRow.version)
    .where(
        PolicyActivationRow.kind == "activate",
        ~exists().where(_ROLLBACK.undoes == PolicyActivationRow.activation_id),
        PolicyVersionRow.valid_from <= _DAY,
        or_(PolicyVersionRow.valid_until.is_(None), PolicyVersionRow.valid_until >= _DAY),
    )
    .order_by(PolicyActivationRow.activation_id.desc())
    .limit(1)
    .scalar_subquery()
)
_IN_FORCE = compiled(
    select(
        _VERSION,
        suspended_edits(),
        member_revision(bindparam("member_id")),
        provider_revision(bindparam("provider_id")),
    )
)


def in_force(received_on: date, member_id: str, provider_id: str) -> Query[InForce]:
    """What decides a claim received on a day, as committed now; its member and provider are locked."""
    return Query(_IN_FORCE, {"day": received_on, "member_id": member_id, "provider_id": provider_id}, _read)


def _read(rows: Rows) -> InForce:
    version, edits, member, provider = rows[0]
    return InForce(OF_SETTINGS if version is None else version, frozenset(edits or ()), member, provider)
