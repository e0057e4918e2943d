"""Appeals as the database has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class NewAppeal:
    """An appeal to store; the fields are the columns of `appeals`."""

    appeal_id: str
    claim_id: str
    level: int
    filed_at: datetime
    appellant: str
    reason: str
    documents: Sequence[Mapping[str, str]]
    due_on: date
    status: str
    decision_id: str | None
    caused_by: Sequence[str]
    actor_id: str
    filed_by: str


@dataclass(frozen=True, slots=True)
class AppealDecision:
    """The outcome of an appeal; the fields are the columns of `appeal_decisions`."""

    appeal_id: str
    made_at: datetime
    outcome: str
    note: str | None
    approved_cents: int
    decision_id: str | None
    actor_id: str
    decided_by: str
    role: str


@dataclass(frozen=True, slots=True)
class AppealRecord:
    """An appeal with its outcome, `None` while it is open, and what a list shows of its claim."""

    appeal: NewAppeal
    decision: AppealDecision | None
    claim_status: str
    amount_cents: int


@dataclass(frozen=True, slots=True)
class AppealRight:
    """Whether the decision of a claim can be appealed."""

    problem: str | None
    """Why not; None: it can be."""
    until: date | None
    """The last day; None: the rules have no deadline for the claim."""
