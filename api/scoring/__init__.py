"""Scoring beside the intake of claims: batches, claims that wait for a score, and a loaded history."""

from api.scoring.backfill import UnscoredClaim, record_scores, unscored_claims
from api.scoring.rescoring import Rescorer

__all__ = [
    "Rescorer",
    "UnscoredClaim",
    "record_scores",
    "unscored_claims",
]
