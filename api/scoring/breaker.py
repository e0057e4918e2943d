"""The circuit breaker before the scorer: a state machine without a clock of its own.

Closed: every claim is sent. After `FAILURES` in a row it opens: claims are decided by the rule at once, none waits for
a scorer that does not answer. After a pause it is half open: one claim at a time is sent as a probe. `PROBES` good ones
in a row close it; a bad one opens it again, for twice as long, up to `LONGEST_PAUSE_S`.
"""

from enum import Enum

FAILURES = 3
PROBES = 2
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 4.0
PROBE_LOST_S = 2.0
"""A probe that has not reported after this long counts as never made."""


class State(Enum):
    """What the breaker does with the next claim."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


class Breaker:
    """Counts what the caller reports; `now` is any clock in seconds that never goes back."""

    def __init__(self) -> None:
        self._failures = 0
        self._probes = 0
        self._pause_s = FIRST_PAUSE_S
        self._open_until: float | None = None
        self._probing_since: float | None = None

    def state(self, now: float) -> State:
        """The state as of `now`."""
        if self._open_until is None:
            return State.CLOSED
        return State.OPEN if now < self._open_until else State.HALF_OPEN

    def admits(self, now: float) -> bool:
        """Whether the scorer may be asked now. If so, the caller must report a success or a failure."""
        match self.state(now):
            case State.CLOSED:
                return True
            case State.OPEN:
                return False
            case State.HALF_OPEN:
                if self._probing_since is not None and now - self._probing_since < PROBE_LOST_S:
                    return False
                self._probing_since = now
                return True

    def succeeded(self, now: float) -> None:
        """The scorer answered as it should."""
        self._failures = 0
        if self.state(now) is not State.HALF_OPEN:
            return  # closed already; or an answer from before the breaker opened, which proves nothing
        self._probing_since = None
        self._probes += 1
        if self._probes >= PROBES:
            self._open_until = None
            self._probes = 0
            self._pause_s = FIRST_PAUSE_S

    def failed(self, now: float) -> None:
        """The scorer did not answer, or its answer was invalid."""
        match self.state(now):
            case State.CLOSED:
                self._failures += 1
                if self._failures >= FAILURES:
                    self._open(now)
            case State.HALF_OPEN:
                self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
                self._open(now)
            case State.OPEN:
                pass  # a straggler from before it opened

    def _open(self, now: float) -> None:
        self._open_until = now + self._pause_s
        self._failures = self._probes = 0
        self._probing_since = None
