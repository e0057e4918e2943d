"""Parity of online and offline features: claims replayed through both paths and compared bit for bit."""

from features.parity.freshness import measure_freshness
from features.parity.hard_claims import HardClaims, generate_hard_claims
from features.parity.replay import Replay, facts_of, replay_all
from features.parity.verify import VerificationResult, compare, offline_vectors

__all__ = [
    "HardClaims",
    "Replay",
    "VerificationResult",
    "compare",
    "facts_of",
    "generate_hard_claims",
    "measure_freshness",
    "offline_vectors",
    "replay_all",
]
