"""Limits of how many requests an address, a key or a user may send, counted over all processes of the API."""

from api.rate_limits.policies import RateLimit, RatePolicies
from api.rate_limits.service import RETRY_S, RateLimits, RateVerdict
from api.rate_limits.shared import SharedBuckets, TokenRequest

__all__ = [
    "RETRY_S",
    "RateLimit",
    "RateLimits",
    "RatePolicies",
    "RateVerdict",
    "SharedBuckets",
    "TokenRequest",
]
