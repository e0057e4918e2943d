"""Weekly lists and dispositions as the database has them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ScoredClaim:
    """A claim of the week with the score that counts."""

    claim_id: str
    probability: float
    model_version: str
    amount_cents: int
    peers_cents: int | None
    """Average claim of its procedure; None: unknown."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A claim chosen for the list."""

    claim_id: str
    selected_by: str
    propensity: float
    """The probability of being chosen, given the scores."""
    expected_recovery_cents: int | None = None
    """Expected recovery less the cost of the review; None: not computed."""
    recovery_low_cents: int | None = None
    recovery_high_cents: int | None = None
    """Ends of its 90 % interval."""


@dataclass(frozen=True, slots=True)
class SelectedClaim:
    """A claim on a week's list, with its latest disposition."""

    claim_id: str
    selected_by: str
    propensity: float
    probability: float
    model_version: str
    received_at: datetime
    provider_id: str | None
    amount_cents: int
    expected_recovery_cents: int | None
    """Expected recovery less the cost of the review, when the list was made; None: the list was made without."""
    recovery_low_cents: int | None
    recovery_high_cents: int | None
    """Ends of its 90 % interval."""
    disposition: str | None


@dataclass(frozen=True, slots=True)
class NewDisposition:
    """What an investigation of a claim found, to be recorded."""

    disposition: str
    decided_by: str
    amount_recovered_cents: int = 0
    kind: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class DispositionRecord:
    """A recorded disposition."""

    disposition: str
    kind: str | None
    amount_recovered_cents: int
    decided_by: str
    note: str | None
    known_at: datetime
    """When it was recorded; features and labels include it from then."""


@dataclass(frozen=True, slots=True)
class FraudLabel:
    """A label that says fraud."""

    kind: str | None
