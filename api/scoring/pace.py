"""How fast claims are re-scored beside live claims, which come first."""

from dataclasses import dataclass

LONGEST_REST_S = 1.0
_MOST_RESTS = 4.0


@dataclass(frozen=True, slots=True)
class Pace:
    """The rest after a batch. Re-scoring runs without one while the scorer answers quickly.

    A scorer that takes longer is busy with claims whose answer somebody waits for. Re-scoring then uses a smaller share
    of the time: half of it at twice `quick_s`, a fifth at five times.
    """

    quick_s: float
    """Seconds of one scorer call up to which the scorer counts as not busy."""

    def rest_s(self, batch_s: float, call_s: float) -> float:
        """Seconds to rest after a batch of `batch_s` seconds whose scorer calls took `call_s` on average."""
        rests = min(max(call_s / self.quick_s - 1.0, 0.0), _MOST_RESTS)
        return min(batch_s * rests, LONGEST_REST_S)
