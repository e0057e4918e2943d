"""Failed sign-ins are counted by address, and further ones refused for a while."""

import math
from collections import deque
from datetime import datetime, timedelta
from typing import Final

from core import clock

MOST_FAILURES: Final = 10
"""Failed sign-ins of one address within `WINDOW`, after which it has to wait."""
WINDOW: Final = timedelta(minutes=1)
_MOST_ADDRESSES: Final = 10_000


class SignInThrottle:
    """The failed sign-ins of this process."""

    def __init__(self) -> None:
        self._failures: dict[str, deque[datetime]] = {}

    def wait_s(self, address: str) -> int:
        """Seconds until this address may try again; 0: now."""
        failures = self._failures.get(address)
        if failures is None:
            return 0
        now = clock.now()
        while failures and failures[0] + WINDOW <= now:
            failures.popleft()
        if not failures:
            del self._failures[address]
        if len(failures) < MOST_FAILURES:
            return 0
        return math.ceil((failures[0] + WINDOW - now).total_seconds())

    def count_failure(self, address: str) -> None:
        """Remember a failed sign-in."""
        if len(self._failures) >= _MOST_ADDRESSES:
            del self._failures[next(iter(self._failures))]
        self._failures.setdefault(address, deque(maxlen=MOST_FAILURES)).append(clock.now())
