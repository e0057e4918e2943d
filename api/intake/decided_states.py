"""What was decided of a provider's claims over some time: states that began, and states that ended."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, cast, func, literal, null, or_
from sqlalchemy.ext.asyncio import AsyncConnection

from api.decisions import DecisionRow
from api.intake.records import ClaimRecord
from api.intake.repository import claim_record, claims_with
from api.intake.tables import ClaimRow, EarlierDecisionRow

_DECIDED = ("approved", "partially_approved", "rejected", "denied")


@dataclass(frozen=True, slots=True)
class DecidedState:
    """A claim as it was decided, with status, amounts and payment of then."""

    claim: ClaimRecord
    is_ended: bool
    """It was decided before, and ended in these days; else it was decided in these days, and stood at their end."""


async def decided_states(
    connection: AsyncConnection, provider_id: str, *, first: datetime, until: datetime, limit: int
) -> list[DecidedState]:
    """The states of a provider's claims, submitted here, that began or ended from `first` to before `until`.

    Oldest claim first, of a claim what ended first. A state that began and ended in this time is left out. Each state
    counts in the time in which it began, and against it in that in which it ended: over any times that follow one
    another, what is left is what stands. `connection` is a snapshot: a state that ended between the two statements
    would be in neither.
    """
    decided_at = func.coalesce(DecisionRow.made_at, ClaimRow.received_at)
    present = (
        claims_with(ClaimRow.__table__, ClaimRow.decision_id, {})
        .add_columns(literal(False))
        .where(
            ClaimRow.provider_id == provider_id,
            ClaimRow.source == "api",
            ClaimRow.status.in_(_DECIDED),
            ClaimRow.received_at < until,
            decided_at >= first,
            decided_at < until,
        )
        .limit(limit)
    )
    earlier = EarlierDecisionRow
    changes: dict[str, ColumnElement[object]] = {
        name: earlier.__table__.c[name] for name in ("status", "approved_cents", "payment")
    }
    of_claims = ClaimRow.__table__.join(earlier.__table__, earlier.claim_id == ClaimRow.claim_id)
    ended = earlier.ended_at < until
    past = (
        claims_with(
            of_claims,
            earlier.decision_id,
            {**changes, "reserved_cents": literal(0), "voided_at": cast(null(), ClaimRow.voided_at.type)},
        )
        .add_columns(ended)
        .where(
            earlier.provider_id == provider_id,
            earlier.ended_at >= first,
            or_(
                and_(ended, earlier.began_at < first),
                and_(earlier.ended_at >= until, earlier.began_at >= first, earlier.began_at < until),
            ),
        )
        .order_by(earlier.earlier_id)
        .limit(limit)
    )
    rows = [*await connection.execute(past), *await connection.execute(present)]
    found = [DecidedState(claim_record(row[:-1]), bool(row[-1])) for row in rows]
    return sorted(found, key=lambda one: (one.claim.received_at, one.claim.claim_id, not one.is_ended))
