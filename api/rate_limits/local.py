"""Buckets of one process, for the time in which Valkey is unavailable."""

import time

from api.rate_limits.policies import RateLimit


class LocalBucket:
    """The share of a bucket that a process has while processes cannot count together."""

    __slots__ = ("_at", "_capacity", "_per_s", "_tokens")

    def __init__(self, limit: RateLimit, processes: int) -> None:
        self._capacity = max(1.0, limit.quota / processes)
        self._per_s = limit.quota / processes / limit.window_s
        self._tokens = self._capacity
        self._at = time.monotonic()

    def take(self) -> tuple[bool, int, float]:
        """Whether there was a token; how many are left; seconds until the next one, or until it is full."""
        now = time.monotonic()
        self._tokens = min(self._capacity, self._tokens + (now - self._at) * self._per_s)
        self._at = now
        if self._tokens < 1.0:
            return False, 0, (1.0 - self._tokens) / self._per_s
        self._tokens -= 1.0
        return True, int(self._tokens), (self._capacity - self._tokens) / self._per_s
