"""Samples, estimates and recoupments as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Final

from claims.sampling import Allocation

MAX_FRAME: Final = 200_000
"""Claims of a frame, which is stored with its sample."""
MAX_SAMPLE: Final = 1_000
MAX_SAMPLES: Final = 100
"""Samples of a case."""
MAX_STRATA: Final = 10
PRECISION: Final = 0.25
"""Half of the interval as a share of the expected overpayment, where neither it nor a size is stated."""
LEAST_PRECISION: Final = 0.02
MOST_PRECISION: Final = 1.0


class OverpaymentReason(Enum):
    """Why a sampled claim was paid as it should have been, or not."""

    CORRECT = "correct"
    NOT_DOCUMENTED = "not_documented"
    """The records do not show the service, or there are none."""
    NOT_NECESSARY = "not_necessary"
    """The service was not medically necessary."""
    NOT_COVERED = "not_covered"
    NOT_RENDERED = "not_rendered"
    WRONG_CODE = "wrong_code"
    """The records show another service."""
    DUPLICATE = "duplicate"
    PRICING = "pricing"
    UNDERPAID = "underpaid"


class EntryKind(Enum):
    """What changes the balance of a recoupment, or concerns it."""

    DEMANDED = "demanded"
    APPEALED = "appealed"
    """The provider disputes an amount; the balance stays."""
    REDUCED = "reduced"
    """An appeal or a correction lowered the demand."""
    RECEIVED = "received"
    WRITTEN_OFF = "written_off"


LOWERS: Final = frozenset({EntryKind.REDUCED, EntryKind.RECEIVED, EntryKind.WRITTEN_OFF})
"""Entries that lower the balance."""


@dataclass(frozen=True, slots=True)
class SamplePlan:
    """What is to be sampled: the paid claims of a provider with a first day of service in a period."""

    first_day: date
    last_day: date
    provider_id: str | None = None
    """Of a ring: one of its providers."""
    size: int | None = None
    """None: as many as `precision` is expected to need."""
    seed: str | None = None
    """None: a random one."""
    boundaries_cents: tuple[int, ...] = ()
    allocation: Allocation = Allocation.PROPORTIONAL
    error_rate: float = 0.5
    """Share of claims that are expected to be overpaid in full, for size and allocation."""
    precision: float = PRECISION
    """Half of the interval as a share of the expected overpayment; for a plan without a size."""


@dataclass(frozen=True, slots=True)
class SampledStratum:
    """A stratum of a stored frame, and how many of its claims were drawn."""

    name: str
    units: int
    paid_cents: int
    size: int


@dataclass(frozen=True, slots=True)
class StoredWarning:
    """A reason for caution with an estimate."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class FixedEstimate:
    """The estimate of a sample, as it was computed when the review was complete."""

    estimator: str
    quantile: str
    confidence: float
    """Of the one-sided interval."""
    point_cents: int
    standard_error_cents: int
    degrees: float | None
    multiple: float
    lower_cents: int
    upper_cents: int
    reviewed: int
    errors: int
    found_cents: int
    """Net overpayment of the reviewed claims."""
    demand_cents: int
    is_extrapolated: bool
    """False: what is demanded was found in the reviewed claims themselves."""
    wrong_lower: int | None
    wrong_upper: int | None
    """Exact 90 % limits of the number of wrong claims of the frame; None with several strata."""
    warnings: tuple[StoredWarning, ...]


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """A sample as it is stored, without its frame and claims."""

    sample_id: str
    case_id: str
    provider_id: str
    first_day: date
    last_day: date
    boundaries_cents: tuple[int, ...]
    frame_sha256: str
    frame_units: int
    frame_cents: int
    method: str
    seed: str
    strata: tuple[SampledStratum, ...]
    created_at: datetime
    created_by: str
    estimate: FixedEstimate | None
    """None: the review is not complete."""
    fixed_at: datetime | None
    fixed_by: str | None

    @property
    def size(self) -> int:
        """Claims of the sample."""
        return sum(one.size for one in self.strata)


@dataclass(frozen=True, slots=True)
class SampleItem:
    """A drawn claim, and what its review found."""

    position: int
    claim_id: str
    stratum: str
    paid_cents: int
    number: str
    """That it was drawn by, in hexadecimal."""
    correct_cents: int | None
    """What should have been paid; None: not reviewed."""
    reason: str | None
    reviewed_at: datetime | None
    reviewed_by: str | None

    @property
    def overpaid_cents(self) -> int | None:
        """Paid less correct amount; None: not reviewed."""
        return None if self.correct_cents is None else self.paid_cents - self.correct_cents


@dataclass(frozen=True, slots=True)
class ItemReview:
    """What the review of a drawn claim found."""

    claim_id: str
    correct_cents: int
    reason: OverpaymentReason


@dataclass(frozen=True, slots=True)
class RecoupmentRecord:
    """A demand for an overpayment."""

    recoupment_id: str
    sample_id: str
    case_id: str
    provider_id: str
    demanded_cents: int
    demanded_at: datetime
    demanded_by: str
    due_on: date
    appeal_until: date


@dataclass(frozen=True, slots=True)
class RecoupmentEntry:
    """A line of the ledger of a recoupment, which is never changed."""

    entry_no: int
    at: datetime
    by: str
    kind: str
    amount_cents: int
    balance_cents: int
    """After this line."""
    claims: Mapping[str, int]
    """Of received money: cents by claim that it was assigned to."""


@dataclass(frozen=True, slots=True)
class SampleDetails:
    """A sample with its claims, demand and ledger."""

    record: SampleRecord
    items: tuple[SampleItem, ...]
    recoupment: RecoupmentRecord | None
    entries: tuple[RecoupmentEntry, ...]

    @property
    def reviewed(self) -> int:
        """Claims that are reviewed."""
        return sum(one.correct_cents is not None for one in self.items)

    @property
    def balance_cents(self) -> int:
        """What is still owed of the demand."""
        return self.entries[-1].balance_cents if self.entries else 0
