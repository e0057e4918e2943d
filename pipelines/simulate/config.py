"""The configuration of the simulator."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from core import clock

KINDS: tuple[str, ...] = (
    "upcoding",
    "unbundling",
    "phantom_services",
    "duplicates",
    "impossible_days",
    "implausible_procedure",
    "doctor_shopping",
    "kickback_ring",
    "identity_misuse",
    "excluded_provider",
)
"""The kinds of fraud, as the truth table names them."""

SHARES: dict[str, float] = {
    "upcoding": 0.17,
    "unbundling": 0.10,
    "phantom_services": 0.15,
    "duplicates": 0.10,
    "impossible_days": 0.09,
    "implausible_procedure": 0.08,
    "doctor_shopping": 0.08,
    "kickback_ring": 0.11,
    "identity_misuse": 0.07,
    "excluded_provider": 0.05,
}
"""What part of the fraud is of each kind while all are alive."""

MIN_CLAIMS = 500
MAX_CLAIMS = 99_000_000


class SimulationError(ValueError):
    """A simulation cannot be run as configured; the message says which value is invalid and what is allowed."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class FraudWindow:
    """When one kind of fraud is alive, by day of receipt: from `first` to before `until`; None: no bound."""

    kind: str
    first: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class SimulationConfig:
    """An insurer to simulate: `claims` received in the `days` before `end`, and what arrives in `live_days` after.

    The same configuration gives the same bytes. A kind that is alive for a part of the time commits fraud at its usual
    rate in that part (`windows`), so kinds can vanish and appear.
    """

    claims: int = 100_000
    seed: int = 1
    end: date = field(default_factory=lambda: clock.now().date())
    days: int = 730
    fraud_rate: float = 0.015
    live_days: int = 1
    live_claims: int | None = None
    """Claims of the live days; None: as many as usual."""
    windows: tuple[FraudWindow, ...] = ()

    def __post_init__(self) -> None:
        if not MIN_CLAIMS <= self.claims <= MAX_CLAIMS:
            raise SimulationError(f"claims must be {MIN_CLAIMS} to {MAX_CLAIMS}, not {self.claims}")
        if self.seed < 0:
            raise SimulationError(f"seed must not be negative, but is {self.seed}")
        if not 60 <= self.days <= 3650:
            raise SimulationError(f"days must be 60 to 3650, not {self.days}")
        if not 0 <= self.fraud_rate <= 0.1:
            raise SimulationError(f"fraud_rate must be 0 to 0.1, not {self.fraud_rate}")
        if not 0 <= self.live_days <= 366:
            raise SimulationError(f"live_days must be 0 to 366, not {self.live_days}")
        if self.live_claims is not None and (self.live_claims < 0 or (self.live_claims and not self.live_days)):
            raise SimulationError("live_claims must not be negative, and requires at least one live day")
        for window in self.windows:
            if window.kind not in KINDS:
                raise SimulationError(f"unknown kind of fraud {window.kind!r}; allowed are {', '.join(KINDS)}")

    @property
    def start(self) -> date:
        """The first day of receipt."""
        return self.end - timedelta(days=self.days)

    @property
    def live_count(self) -> int:
        """Claims of the live days."""
        if self.live_claims is not None:
            return self.live_claims
        return round(self.claims / self.days * self.live_days)
