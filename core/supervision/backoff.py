"""Pauses between restarts."""

from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Doubles the pause with each restart of what ends early; forgets earlier ends once it ran long enough."""

    first_s: float = 0.2
    longest_s: float = 30.0
    stable_s: float = 60.0
    """What ran this long before it ended is restarted after the first pause again."""
    settled_s: float = 5.0
    """What crash looped counts as ready again once it ran this long."""
    failures: int = 0
    """Ends in a row, each before `stable_s`."""

    def pause_after(self, ran_s: float) -> float:
        """Seconds to wait before the next start of what has just ended after `ran_s` seconds."""
        self.failures = 1 if ran_s >= self.stable_s else self.failures + 1
        doublings = min(self.failures - 1, 32)
        pause: float = min(self.first_s * 2**doublings, self.longest_s)
        return pause
