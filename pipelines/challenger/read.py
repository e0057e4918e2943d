"""Read the assessments in which a challenger scored, from the platform's database."""

from datetime import datetime

from pipelines.challenger.report import ComparedAssessment
from pipelines.loop import connected

_ASSESSED = """
    SELECT DISTINCT ON (a.claim_id) a.claim_id, c.amount_cents, a.model_version, a.probability, a.flagged,
           a.shadow->>'model_version', (a.shadow->>'probability')::float8, (a.shadow->>'flagged')::boolean, l.is_fraud
    FROM assessments AS a
    JOIN claims AS c USING (claim_id)
    LEFT JOIN LATERAL (
        SELECT is_fraud FROM labels WHERE labels.claim_id = a.claim_id ORDER BY known_at DESC LIMIT 1
    ) AS l ON true
    WHERE a.made_at >= %(since)s AND a.shadow IS NOT NULL
      AND (a.model_version = %(challenger)s) <> (a.shadow->>'model_version' = %(challenger)s)
    ORDER BY a.claim_id, a.made_at DESC, a.assessment_id DESC"""


def assessed(url: str, challenger: str, *, since: datetime) -> list[ComparedAssessment]:
    """The last assessment since then of each claim that the challenger and another model scored."""
    with connected(url) as connection:
        return [
            ComparedAssessment(*row)
            for row in connection.execute(_ASSESSED, {"since": since, "challenger": challenger})
        ]
