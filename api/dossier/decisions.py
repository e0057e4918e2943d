"""Decisions of persons and appeals, as they stood before an instant: both tables are append-only."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.dossier.records import ActOnClaim, BasisOutcome, FiledAppeal, RecordedPeriod, ReviewerWork


async def decisions(connection: AsyncConnection, period: RecordedPeriod) -> Sequence[ActOnClaim]:
    """Each act of a person in the period, in order."""
    return [ActOnClaim(*row) for row in await connection.execute(_DECISIONS, _of(period))]


async def reviewers(connection: AsyncConnection, period: RecordedPeriod) -> Sequence[ReviewerWork]:
    """What each person settled in the period."""
    return [ReviewerWork(*row) for row in await connection.execute(_REVIEWERS, _of(period))]


async def bases(connection: AsyncConnection, period: RecordedPeriod) -> Sequence[BasisOutcome]:
    """What persons settled, by what had decided whether the claim was flagged."""
    return [BasisOutcome(*row) for row in await connection.execute(_BASES, _of(period))]


async def appeals(connection: AsyncConnection, period: RecordedPeriod) -> Sequence[FiledAppeal]:
    """The appeals filed in the period; one decided from the instant on is open."""
    return [FiledAppeal(*row) for row in await connection.execute(_APPEALS, _of(period))]


def _of(period: RecordedPeriod) -> dict[str, object]:
    return {"first": period.first, "until": period.until}


_DECISIONS = text("""
    SELECT decision_id, made_at, action, effect, outcome, reason, api_key_id, role, assessment_id, answers
    FROM decisions WHERE made_at >= :first AND made_at < :until ORDER BY made_at, decision_id
""")
_SECONDS = "extract(epoch FROM decisions.made_at - claims.received_at)::double precision"
_REVIEWERS = text(f"""
    SELECT decisions.api_key_id, decisions.role,
           count(*) FILTER (WHERE decisions.outcome = 'approved'),
           count(*) FILTER (WHERE decisions.outcome = 'partially_approved'),
           count(*) FILTER (WHERE decisions.outcome = 'denied'),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY {_SECONDS}), max({_SECONDS}),
           count(*) FILTER (WHERE EXISTS (
               SELECT FROM decisions AS later
               WHERE later.claim_id = decisions.claim_id AND later.number > decisions.number
                 AND later.effect = 'settled' AND later.made_at < :until
                 AND later.pays_cents <> decisions.pays_cents))
    FROM decisions JOIN claims USING (claim_id)
    WHERE decisions.effect = 'settled' AND decisions.made_at >= :first AND decisions.made_at < :until
    GROUP BY 1, 2 ORDER BY 2, 1
""")
_BASES = text(f"""
    SELECT assessments.decided_by, assessments.flagged, count(*),
           count(*) FILTER (WHERE decisions.outcome = 'approved'),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY {_SECONDS})
    FROM decisions JOIN claims USING (claim_id) LEFT JOIN assessments USING (assessment_id)
    WHERE decisions.effect = 'settled' AND decisions.made_at >= :first AND decisions.made_at < :until
    GROUP BY 1, 2 ORDER BY 1, 2
""")
_APPEALS = text("""
    SELECT filed.appeal_id, filed.filed_at, filed.appellant, filed.level,
           CASE WHEN filed.decision_id IS NULL THEN 'contract' ELSE 'person' END,
           filed.due_on, decided.made_at, decided.outcome, decided.api_key_id, decided.role
    FROM appeals AS filed
    LEFT JOIN appeal_decisions AS decided ON decided.appeal_id = filed.appeal_id AND decided.made_at < :until
    WHERE filed.filed_at >= :first AND filed.filed_at < :until ORDER BY filed.filed_at, filed.appeal_id
""")
