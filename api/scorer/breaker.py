"""The circuit breaker before the scorer: a state machine without a clock of its own.

Closed: every claim is scored. After `FAILURES` failures in a row it opens: the rule decides claims at once, none waits
for a scorer that does not respond. After a pause it is half open: one claim at a time is scored as a probe. `PROBES`
successful probes in a row close it; a failed one opens it again, for twice as long, up to `LONGEST_PAUSE_S`.
"""

from enum import Enum

FAILURES = 3
PROBES = 2
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 4.0
PROBE_LOST_S = 2.0
"""A probe without a result after this long is ignored, and another one is made."""


class BreakerState(Enum):
    """What the breaker does with the next claim."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


class Breaker:
    """Counts the results that the caller reports; `now` is a monotonic clock in seconds."""

    def __init__(self) -> None:
        self._failures = 0
        self._probes = 0
        self._pause_s = FIRST_PAUSE_S
        self._open_until: float | None = None
        self._probing_since: float | None = None

    def state(self, now: float) -> BreakerState:
        """The state as of `now`."""
        if self._open_until is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if now < self._open_until else BreakerState.HALF_OPEN

    def admits(self, now: float) -> bool:
        """Whether the scorer may be called now. If so, the caller must report a success or a failure."""
        match self.state(now):
            case BreakerState.CLOSED:
                return True
            case BreakerState.OPEN:
                return False
            case BreakerState.HALF_OPEN:
                if self._probing_since is not None and now - self._probing_since < PROBE_LOST_S:
                    return False
                self._probing_since = now
                return True

    def succeeded(self, now: float) -> None:
        """The scorer returned a valid score."""
        self._failures = 0
        if self.state(now) is not BreakerState.HALF_OPEN:
            return  # already closed, or a result from before the breaker opened, which proves nothing
        self._probing_since = None
        self._probes += 1
        if self._probes >= PROBES:
            self._open_until = None
            self._probes = 0
            self._pause_s = FIRST_PAUSE_S

    def failed(self, now: float) -> None:
        """The scorer did not respond, or not with a valid score."""
        match self.state(now):
            case BreakerState.CLOSED:
                self._failures += 1
                if self._failures >= FAILURES:
                    self._open(now)
            case BreakerState.HALF_OPEN:
                self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
                self._open(now)
            case BreakerState.OPEN:
                pass  # a result from before it opened

    def _open(self, now: float) -> None:
        self._open_until = now + self._pause_s
        self._failures = self._probes = 0
        self._probing_since = None
