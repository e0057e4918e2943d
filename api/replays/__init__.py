"""Stored decisions, evaluated again by the version of the policy that made them, or by another."""

from api.replays.repository import RecordedDecision, recorded_decisions
from api.replays.service import (
    ChangedGroup,
    DifferentDecision,
    StoredReplay,
    Verification,
    replay_decisions,
    verify_decisions,
)

__all__ = [
    "ChangedGroup",
    "DifferentDecision",
    "RecordedDecision",
    "StoredReplay",
    "Verification",
    "recorded_decisions",
    "replay_decisions",
    "verify_decisions",
]
