"""Outcomes of scored claims by age band, sex, region, specialty and line of business, as the claim has them at receipt.

The platform has no race, ethnicity, religion, disability or orientation of members, and infers none.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.dossier.records import GroupOutcome, RecordedPeriod

GROUPS: Final = ("age", "sex", "region", "specialty", "line of business")


async def groups(connection: AsyncConnection, period: RecordedPeriod) -> Sequence[GroupOutcome]:
    """Scored claims of the period by each group, and what became of them before the instant."""
    rows = await connection.execute(_GROUPS, {"first": period.first, "until": period.until, "names": list(GROUPS)})
    return [GroupOutcome(*row) for row in rows]


_GROUPS = text("""
    WITH scored AS MATERIALIZED (
        SELECT assessments.claim_id, assessments.flagged, claims.sex, claims.region, claims.specialty,
               claims.line_of_business,
               CASE WHEN age_years < 18 THEN '0 to 17' WHEN age_years < 35 THEN '18 to 34'
                    WHEN age_years < 50 THEN '35 to 49' WHEN age_years < 65 THEN '50 to 64'
                    WHEN age_years >= 65 THEN '65 and more' END AS age
        FROM assessments JOIN claims USING (claim_id)
        WHERE supersedes IS NULL AND decided_by = 'model' AND made_at >= :first AND made_at < :until
    ), settled AS (
        SELECT DISTINCT ON (claim_id) claim_id, outcome FROM decisions
        WHERE effect = 'settled' AND made_at < :until AND claim_id IN (SELECT claim_id FROM scored)
        ORDER BY claim_id, number
    ), appealed AS (
        SELECT claim_id, bool_or(decided.outcome <> 'upheld') AS overturned
        FROM appeals JOIN appeal_decisions AS decided USING (appeal_id)
        WHERE decided.made_at < :until AND claim_id IN (SELECT claim_id FROM scored)
        GROUP BY claim_id
    )
    SELECT names.name, value, count(*), count(*) FILTER (WHERE flagged),
           count(*) FILTER (WHERE flagged AND settled.outcome IS NOT NULL),
           count(*) FILTER (WHERE flagged AND settled.outcome = 'approved'),
           count(appealed.claim_id), count(*) FILTER (WHERE appealed.overturned)
    FROM scored
    LEFT JOIN settled USING (claim_id) LEFT JOIN appealed USING (claim_id)
    CROSS JOIN LATERAL unnest(
        CAST(:names AS text[]), ARRAY[scored.age, scored.sex, region, specialty, line_of_business]
    ) WITH ORDINALITY AS names(name, value, place)
    GROUP BY names.place, names.name, value ORDER BY names.place, value NULLS LAST
""")
