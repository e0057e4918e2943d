"""Scores as they were given, and what is known of the claims: assessments and labels are append-only."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.dossier.records import CalibrationLabels, FallbackPeriod, MonthOfScores, RecordedPeriod

BANDS: Final = (0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
"""Upper ends of the bands of probability that are compared with what was found; the last band ends at 1."""
GAP: Final = timedelta(minutes=15)
"""Claims without a score that are at most this far apart belong to one period."""
NOT_AN_OUTAGE: Final = ("http_422", "too_little_known")
"""Failures that are about the claim: it lacks what a score needs."""


async def months(connection: AsyncConnection, period: RecordedPeriod) -> Sequence[MonthOfScores]:
    """First assessments by month, basis and version of the model."""
    rows = await connection.execute(_MONTHS, _of(period) | {"zone": period.time_zone})
    return [MonthOfScores(*row) for row in rows]


async def calibration(connection: AsyncConnection, period: RecordedPeriod) -> Sequence[CalibrationLabels]:
    """Scored claims of the period with a disposition before the instant, by band of probability.

    Labels that were loaded are left out: the file says since when they were known, and nothing when they came here.
    """
    rows = await connection.execute(_CALIBRATION, _of(period) | {"bands": list(BANDS)})
    return [CalibrationLabels(*row) for row in rows]


async def fallbacks(connection: AsyncConnection, period: RecordedPeriod) -> Sequence[FallbackPeriod]:
    """The times in which the scorer gave no scores."""
    rows = await connection.execute(_FALLBACKS, _of(period) | {"gap": GAP, "left_out": list(NOT_AN_OUTAGE)})
    return [FallbackPeriod(*row) for row in rows]


async def without_score(connection: AsyncConnection, period: RecordedPeriod) -> dict[str, int]:
    """Reason → claims that a working scorer did not score."""
    rows = await connection.execute(_WITHOUT_SCORE, _of(period) | {"reasons": list(NOT_AN_OUTAGE)})
    return {str(reason): int(claims) for reason, claims in rows}


def _of(period: RecordedPeriod) -> dict[str, object]:
    return {"first": period.first, "until": period.until}


_MONTHS = text("""
    SELECT date_trunc('month', made_at AT TIME ZONE :zone)::date, decided_by, model_version, count(*),
           count(*) FILTER (WHERE flagged), avg(probability)
    FROM assessments WHERE supersedes IS NULL AND made_at >= :first AND made_at < :until
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
""")
_CALIBRATION = text("""
    SELECT width_bucket(scored.probability, CAST(:bands AS double precision[])), count(*),
           count(*) FILTER (WHERE label.is_fraud), avg(scored.probability)
    FROM assessments AS scored
    CROSS JOIN LATERAL (
        SELECT is_fraud FROM labels
        WHERE labels.claim_id = scored.claim_id AND labels.source = 'disposition' AND labels.known_at < :until
        ORDER BY known_at DESC LIMIT 1
    ) AS label
    WHERE scored.supersedes IS NULL AND scored.probability IS NOT NULL AND label.is_fraud IS NOT NULL
      AND scored.made_at >= :first AND scored.made_at < :until
    GROUP BY 1 ORDER BY 1
""")
_FALLBACKS = text("""
    SELECT min(made_at), max(made_at), count(*), array_agg(DISTINCT score_failure ORDER BY score_failure)
    FROM (
        SELECT made_at, score_failure, count(*) FILTER (WHERE starts) OVER (ORDER BY made_at, assessment_id) AS island
        FROM (
            SELECT made_at, assessment_id, score_failure,
                   coalesce(made_at - lag(made_at) OVER (ORDER BY made_at, assessment_id) > :gap, true) AS starts
            FROM assessments
            WHERE decided_by = 'rule' AND score_failure IS NOT NULL AND supersedes IS NULL
              AND score_failure <> ALL(:left_out) AND made_at >= :first AND made_at < :until
        ) AS gaps
    ) AS islands
    GROUP BY island ORDER BY 1
""")
"""By the partial index of assessments that the rule decided."""
_WITHOUT_SCORE = text("""
    SELECT score_failure, count(*) FROM assessments
    WHERE decided_by = 'rule' AND supersedes IS NULL AND score_failure = ANY(:reasons)
      AND made_at >= :first AND made_at < :until
    GROUP BY 1 ORDER BY 1
""")
