"""Leads as the database has them."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum

from claims.leads import LeadFigures, LeadSource, LeadSubject, LeadSubjectKind, why


class LeadStatus(Enum):
    """Whether a lead is worked on."""

    OPEN = "open"
    SNOOZED = "snoozed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class LeadRecord:
    """A lead as it is stored; the fields are the columns of `leads`."""

    lead_id: str
    subject_kind: str
    subject_id: str
    status: str
    source: str
    week: date | None
    rank: int | None
    listed: bool
    claims: int
    scored: int
    expected_cents: int | None
    low_cents: int | None
    high_cents: int | None
    paid_cents: int
    unpaid_cents: int
    probability: float | None
    indicators: list[str]
    due_on: date | None
    opened_at: datetime
    closed_at: datetime | None
    assigned_to: str | None
    assigned_name: str | None
    assigned_at: datetime | None
    snoozed_until: date | None
    snooze_reason: str | None

    @property
    def subject(self) -> LeadSubject:
        """Whom or what it is about."""
        return LeadSubject(LeadSubjectKind(self.subject_kind), self.subject_id)

    @property
    def figures(self) -> LeadFigures:
        """Its sums."""
        return LeadFigures(
            claims=self.claims,
            scored=self.scored,
            source=LeadSource(self.source),
            expected_cents=self.expected_cents,
            low_cents=self.low_cents,
            high_cents=self.high_cents,
            paid_cents=self.paid_cents,
            unpaid_cents=self.unpaid_cents,
            probability=self.probability,
            indicators=tuple(self.indicators),
            due_on=self.due_on,
        )

    @property
    def why(self) -> str:
        """One sentence made of its sums."""
        return why(self.subject.kind, self.figures)


@dataclass(frozen=True, slots=True)
class LeadClaimRecord:
    """A claim of a lead with what the page of the lead shows."""

    claim_id: str
    source: str
    done_at: datetime | None
    status: str | None
    """None: the claim is archived."""
    provider_id: str | None
    received_at: datetime | None
    amount_cents: int | None
    approved_cents: int | None
    probability: float | None


@dataclass(frozen=True, slots=True)
class ScoredLeadClaim:
    """A claim with a score, of which the expected recoverable is asked."""

    claim_id: str
    probability: float
    amount_cents: int
    peers_cents: int | None
    """Average claim of its procedure; None: unknown."""


@dataclass(frozen=True, slots=True)
class ExpectedCents:
    """Expected recoverable of a claim, less the cost of the review, with the ends of its 90 % interval."""

    cents: int
    low_cents: int
    high_cents: int


class LeadTab(Enum):
    """The tabs of the queue."""

    UNASSIGNED = "unassigned"
    MINE = "mine"
    EDITS = "edits"
    AUDIT = "audit"
    SNOOZED = "snoozed"
    APPEALS = "appeals"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadFilter:
    """What the leads of a page have in common; None: anything."""

    subject_kind: LeadSubjectKind | None = None
    subject_id: str | None = None
    owner: str | None = None
    """Id of a key or user."""
    least_cents: int | None = None
    """Of expected recoverable."""
    due_by: date | None = None
    indicator: str | None = None


@dataclass(frozen=True, slots=True)
class SavedView:
    """A tab with filters, under a name."""

    view_id: str
    name: str
    query: str
