"""The sample of an evidence pack: what anyone needs to draw the same claims and to compute the same overpayment."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SampledClaim:
    """A claim that was drawn, as it was reviewed."""

    claim_id: str
    stratum: str
    paid_cents: int
    overpaid_cents: int | None
    """Null: not reviewed yet."""


@dataclass(frozen=True, slots=True)
class SampleEstimate:
    """The overpayment of the frame, estimated from the sample."""

    method: str
    point_cents: int
    lower_bound_cents: int
    """Lower bound of the interval of `confidence`."""
    confidence: float
    """Of the one-sided interval, such as 0.9."""


@dataclass(frozen=True, slots=True)
class SampleSection:
    """A random sample of the subject's claims."""

    sample_id: str
    drawn_at: datetime
    design: str
    frame_claims: int
    frame_paid_cents: int
    frame_sha256: str
    """Of the frame's claims with their amounts, in their order."""
    seed: str
    items: tuple[SampledClaim, ...]
    """In the order of the draw."""
    estimate: SampleEstimate | None
    """Null: not all sampled claims are reviewed."""
