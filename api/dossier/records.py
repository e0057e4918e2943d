"""What is read from the database for an examiner's file. Persons are ids of users and keys; members do not occur."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class RecordedPeriod:
    """From `first` to before `until`: what was recorded from `until` on is not read."""

    first: datetime
    until: datetime
    time_zone: str
    """IANA name; months are of it."""


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A champion that a worker found serving; it served until the next one was found."""

    serving_id: int
    version: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class ModelAct:
    """A row of the audit log about a model."""

    audit_id: int
    at: datetime
    actor_id: str
    name: str
    """Who is responsible, as stated."""
    act: str
    version: str | None
    outcome: str
    details: dict[str, JsonValue]
    """Only what names no file and no person."""


@dataclass(frozen=True, slots=True)
class PolicyActivationRecord:
    """An activation of the policy, or a rollback."""

    activation_id: int
    made_at: datetime
    kind: str
    version: int | None
    author: str | None
    approver: str
    reason: str
    forced: bool
    """Activated without a test that passed."""
    test_id: int | None
    sha256: str | None
    """Of the document of the version."""


@dataclass(frozen=True, slots=True)
class MonthOfScores:
    """First assessments of a month by what decided whether a claim is flagged."""

    month: date
    decided_by: str
    """`model`, or `rule` in place of a score."""
    version: str | None
    claims: int
    flagged: int
    mean_probability: float | None


@dataclass(frozen=True, slots=True)
class CalibrationLabels:
    """Scored claims of a band of probability whose truth was known before the instant."""

    band: int
    """Place in `scores.BANDS`."""
    claims: int
    frauds: int
    mean_probability: float


@dataclass(frozen=True, slots=True)
class GroupOutcome:
    """Scored claims of one group, and what became of them before the instant."""

    group: str
    value: str | None
    """None: not stated for the member or claim."""
    scored: int
    flagged: int
    reviewed: int
    """Flagged, and settled by a person."""
    cleared: int
    """Of these: paid in full by the first decision that settled the claim."""
    appealed: int
    """Of all: claims with an appeal that was decided."""
    overturned: int
    """Of these: overturned, in full or in part."""


@dataclass(frozen=True, slots=True)
class ActOnClaim:
    """One act of a person on a claim, without the claim."""

    decision_id: str
    made_at: datetime
    action: str
    effect: str
    outcome: str
    reason: str
    actor_id: str
    role: str
    assessment_id: str | None
    answers: str | None


@dataclass(frozen=True, slots=True)
class ReviewerWork:
    """Claims that one person or key settled."""

    actor_id: str
    role: str
    approved: int
    partially_approved: int
    denied: int
    median_s: float
    """Seconds from receipt to decision."""
    longest_s: float
    changed: int
    """Settled with another amount later."""


@dataclass(frozen=True, slots=True)
class BasisOutcome:
    """Decisions of persons, of which a claim may have several, by what had decided whether it was flagged."""

    decided_by: str | None
    """None, as `flagged`: the claim was decided without an assessment."""
    flagged: bool | None
    decisions: int
    released: int
    """Paid in full."""
    median_s: float


@dataclass(frozen=True, slots=True)
class FiledAppeal:
    """An appeal, without the claim and without its words."""

    appeal_id: str
    filed_at: datetime
    appellant: str
    """Its kind: `member` or `provider`."""
    level: int
    basis: str
    """`contract`, or `person`: whose decision is appealed."""
    due_on: date
    decided_at: datetime | None
    """None: open at the instant."""
    outcome: str | None
    actor_id: str | None
    role: str | None


@dataclass(frozen=True, slots=True)
class FallbackPeriod:
    """A time in which claims had no score and the rule decided; claims at most `scores.GAP` apart are one."""

    first: datetime
    last: datetime
    claims: int
    causes: Sequence[str]


@dataclass(frozen=True, slots=True)
class DeadLetterCount:
    """Events of one consumer that could not be handled in the period, as they stood at the instant."""

    consumer: str
    topic: str
    events: int
    open: int
    replayed: int
    discarded: int
    first_failed_at: datetime
    last_failed_at: datetime


@dataclass(frozen=True, slots=True)
class ActCount:
    """Rows of the audit log with one act and outcome in the period."""

    act: str
    outcome: str
    rows: int
    first_id: int
    last_id: int


@dataclass(frozen=True, slots=True)
class KeyInForce:
    """An API key that was valid at the instant."""

    api_key_id: str
    role: str
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class UserInForce:
    """A person of the insurer who had an account at the instant."""

    user_id: str
    role: str | None
    """None: it was changed later, and the row has only the present one."""
    state: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AccessInForce:
    """Who could act at the instant."""

    keys: Sequence[KeyInForce]
    users: Sequence[UserInForce]


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """Everything that is read."""

    period: RecordedPeriod
    served: Sequence[ServedModel]
    """From the beginning, not of the period alone."""
    model_acts: Sequence[ModelAct]
    """From the beginning."""
    policy: Sequence[PolicyActivationRecord]
    """From the beginning."""
    months: Sequence[MonthOfScores]
    calibration: Sequence[CalibrationLabels]
    without_score: dict[str, int]
    """Reason → claims of the period that were not scored though the scorer worked."""
    groups: Sequence[GroupOutcome]
    decisions: Sequence[ActOnClaim]
    reviewers: Sequence[ReviewerWork]
    bases: Sequence[BasisOutcome]
    appeals: Sequence[FiledAppeal]
    """Filed in the period."""
    fallbacks: Sequence[FallbackPeriod]
    dead_letters: Sequence[DeadLetterCount]
    acts: Sequence[ActCount]
    access: AccessInForce
    legal_holds: int
    """In force at the instant."""
    archived_claims: int
    """Claims that may have records of the period and are in archives only."""
