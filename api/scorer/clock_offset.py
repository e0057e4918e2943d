"""How far the scorer's clock is ahead of this host's, measured on each exchange.

A request carries an absolute deadline (`docs/adr/0042-absolute-deadline-in-score-requests.md`), so a host whose clock
is half a second behind the scorer's would have every request refused as late. The scorer states its time in each
response; as in NTP, the difference to the middle of the exchange is the offset, wrong by half the round trip at most.
"""

from collections import deque

from api import metrics
from core.logging import get_logger

log = get_logger("scorer")

EXCHANGES = 32
"""Exchanges from which the estimate is taken: that with the shortest round trip."""
ALARM_S = 0.05
"""Offset from which the clocks need attention: a third of the deadline of a claim."""


class ClockOffset:
    """The offset of one scorer's clock."""

    def __init__(self) -> None:
        self._measured: deque[tuple[float, float]] = deque(maxlen=EXCHANGES)
        self._alarmed = False
        self.seconds = 0.0
        """The scorer's clock minus ours; 0 where the difference is within the error of the measurement."""

    def measure(self, *, sent: float, received: float, theirs: float) -> None:
        """Take one exchange into account; all times in seconds since 1970, `theirs` from the scorer's clock."""
        round_trip = received - sent
        if round_trip < 0:  # our clock was set back meanwhile
            self._measured.clear()
            return
        offset = theirs - (sent + received) / 2
        if self._measured and abs(offset - self.seconds) > ALARM_S + round_trip / 2:
            self._measured.clear()  # one of the clocks was set
        self._measured.append((round_trip, offset))
        error, estimate = min(self._measured)
        self.seconds = estimate if abs(estimate) > error / 2 else 0.0
        metrics.SCORER_CLOCK_OFFSET.set(self.seconds)
        self._alarm()

    def _alarm(self) -> None:
        alarmed = abs(self.seconds) >= ALARM_S
        if alarmed and not self._alarmed:
            log.warning("clocks differ", scorer_ahead_ms=round(self.seconds * 1_000))
        self._alarmed = alarmed
