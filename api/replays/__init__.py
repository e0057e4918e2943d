"""Stored decisions, evaluated again by the version of the policy that made them."""

from api.replays.repository import RecordedDecision, recorded_decisions
from api.replays.service import DifferentDecision, Verification, verify_decisions

__all__ = ["DifferentDecision", "RecordedDecision", "Verification", "recorded_decisions", "verify_decisions"]
