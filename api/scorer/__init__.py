"""The client of the scorer: a valid score, or the reason why there is none, behind a circuit breaker."""

from api.scorer.breaker import BreakerState
from api.scorer.client import TOO_LITTLE_KNOWN, ScorerClient, Scoring, ServingModels, States
from api.scorer.clock_offset import ALARM_S as CLOCK_ALARM_S
from api.scorer.errors import ScorerFailure, ScorerRefused
from api.scorer.http import HttpPool

__all__ = [
    "CLOCK_ALARM_S",
    "TOO_LITTLE_KNOWN",
    "BreakerState",
    "HttpPool",
    "ScorerClient",
    "ScorerFailure",
    "ScorerRefused",
    "Scoring",
    "ServingModels",
    "States",
]
