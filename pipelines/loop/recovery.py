"""What is learned from the findings about expected recovery: which frauds are worth a review, and what they return."""

import numpy as np

from models.recovery import RecoveryCentre, RecoveryEvidence, RecoveryModel, fit_recovery
from pipelines.loop.ledger import connected

_REVIEWED = """
    SELECT s.probability, s.propensity, c.amount_cents, p.average_cents, d.disposition = 'confirmed', r.cents
    FROM selections AS s
    JOIN claims AS c USING (claim_id)
    LEFT JOIN procedures AS p USING (procedure_code)
    JOIN LATERAL (
        SELECT disposition FROM dispositions WHERE claim_id = s.claim_id ORDER BY known_at DESC LIMIT 1
    ) AS d ON d.disposition IN ('confirmed', 'cleared')
    JOIN LATERAL (
        SELECT sum(amount_recovered_cents) AS cents FROM dispositions WHERE claim_id = s.claim_id
    ) AS r ON true
    ORDER BY s.claim_id"""
"""Claims of the lists with a conclusive finding, by the score that they were selected by."""


def recovery_of_findings(url: str, centre: RecoveryCentre) -> RecoveryModel:
    """Learn expected recovery from the findings on the weekly lists, for claims to rank with this centre.

    Lists hold the claims of highest value, so their own centre is not that of a week's claims. Without any finding the
    result is the prior.

    Raises `LoopError` where the database is unavailable.
    """
    with connected(url) as connection:
        rows = connection.execute(_REVIEWED).fetchall()
    return fit_recovery(
        RecoveryEvidence(
            probabilities=np.array([row[0] for row in rows], dtype=np.float64),
            weights=np.array([1 / row[1] for row in rows], dtype=np.float64),
            amounts_cents=np.array([row[2] for row in rows], dtype=np.int64),
            peers_cents=np.array([np.nan if row[3] is None else row[3] for row in rows], dtype=np.float64),
            fraud=np.array([row[4] for row in rows], dtype=bool),
            recovered_cents=np.array([float(row[5]) for row in rows], dtype=np.float64),
        ),
        centre,
    )
