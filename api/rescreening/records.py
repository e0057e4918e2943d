"""Jobs and findings of re-screening as the database has them."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from claims.rescreening import ChangeKind, DifferenceKey, ScreenedClaim


class ClosingReason(StrEnum):
    """Why a finding was closed."""

    RECOVERY_STARTED = "recovery_started"
    """What was overpaid is being recovered."""
    DECISION_CORRECTED = "decision_corrected"
    """The claim was decided with it in view, reopened or replaced."""
    NO_ACTION = "no_action"
    """The decision stands."""
    NOT_CORRECT = "not_correct"
    """The table or registry is wrong."""
    WITHDRAWN = "withdrawn"
    """A later change removed the difference, or the claim was voided; only the platform closes with it."""

    @property
    def is_of_person(self) -> bool:
        """Whether a person may close a finding with it."""
        return self is not ClosingReason.WITHDRAWN


@dataclass(frozen=True, slots=True)
class RescreeningJob:
    """A change, and how far the claims that it touches are compared."""

    job_id: int
    kind: str
    subject: str
    recorded_at: datetime
    not_before: datetime
    found_at: datetime | None
    finished_at: datetime | None
    attempts: int
    """Failures in a row; the next attempt is at `not_before`."""
    touched: int
    screened: int
    failed: int
    opened: int
    withdrawn: int


@dataclass(frozen=True, slots=True)
class FoundChange:
    """A job whose claims are to be found."""

    job_id: int
    kind: ChangeKind
    subject: str
    import_id: int | None
    compared_with: int | None
    valid_from: date
    """First day of service that the change is for."""
    subjects: int
    first_subject: str | None

    @property
    def name(self) -> str:
        """What changed, as findings name it."""
        if self.subject or self.first_subject is None:
            return self.subject
        if self.subjects == 1:
            return f"{self.kind.value} {self.first_subject}"
        return f"{self.subjects} {self.kind.value}s"


@dataclass(frozen=True, slots=True)
class ClaimToScreen:
    """A claim of a batch."""

    claim_id: str
    provider_id: str | None
    decided: ScreenedClaim | None
    """None: it was voided, or there is a problem."""
    problem: str | None = None
    """Why the claim as it is stored cannot be compared."""

    @property
    def is_voided(self) -> bool:
        """Whether it was voided: nothing differs of it any more."""
        return self.decided is None and self.problem is None


@dataclass(frozen=True, slots=True)
class EarlierFinding:
    """A finding of an earlier job that is open, or was closed by a person and not missing since."""

    finding_id: str
    claim_id: str
    code: str
    cites: str
    is_open: bool
    key: DifferenceKey
    """As `ScreeningDifference.key`."""


@dataclass(frozen=True, slots=True)
class RescreeningFinding:
    """A finding as it is stored, with the change that caused it."""

    finding_id: str
    claim_id: str
    provider_id: str | None
    kind: str
    subject: str
    status: str
    difference: str
    code: str
    line: int
    text: str
    cites: str
    before_cents: int | None
    now_cents: int | None
    found_at: datetime
    closed_at: datetime | None
    closed_reason: str | None
    note: str | None
    closed_by: str | None
