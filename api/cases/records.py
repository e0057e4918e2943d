"""Cases as values."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final, Self

from pydantic import JsonValue

MAX_CLAIMS: Final = 1_000
"""Claims that one act adds or removes."""


class SubjectKind(Enum):
    """What a case is about."""

    PROVIDER = "provider"
    MEMBER = "member"
    RING = "ring"


class Detection(Enum):
    """How the suspicion arose."""

    SCORE = "score"
    EDIT = "edit"
    POLICY = "policy"
    AUDIT_SAMPLE = "audit_sample"
    APPEAL = "appeal"
    REFERRAL = "referral"
    MANUAL = "manual"


class CaseStatus(Enum):
    """Whether a case is worked on."""

    OPEN = "open"
    CLOSED = "closed"


class CaseDisposition(Enum):
    """What the investigation of a case found."""

    FRAUD = "substantiated_fraud"
    WASTE = "waste"
    ABUSE = "abuse"
    BILLING_ERROR = "billing_error"
    UNSUBSTANTIATED = "unsubstantiated"
    INCONCLUSIVE = "inconclusive"


class LossMethod(Enum):
    """How the loss of a case was determined."""

    CLAIM_REVIEW = "claim_review"
    """The sum over reviewed claims."""
    SAMPLE = "sample"
    """Extrapolated from a random audit sample."""
    ESTIMATE = "estimate"
    NONE = "none"
    """There is no loss."""


@dataclass(frozen=True, slots=True)
class CaseSubject:
    """Whom or what a case is about."""

    kind: SubjectKind
    subject_id: str
    provider_ids: tuple[str, ...] = ()
    """Of a ring: its providers, sorted."""

    @classmethod
    def provider(cls, provider_id: str) -> Self:
        """A provider."""
        return cls(SubjectKind.PROVIDER, provider_id)

    @classmethod
    def member(cls, member_id: str) -> Self:
        """A member."""
        return cls(SubjectKind.MEMBER, member_id)

    @classmethod
    def ring(cls, provider_ids: Sequence[str]) -> Self:
        """A ring of providers, whatever their order. Its id is made of theirs: the same ring has the same id."""
        members = tuple(sorted(set(provider_ids)))
        joined = "\0".join(members)  # no id has a zero
        return cls(SubjectKind.RING, f"ring_{hashlib.sha256(joined.encode()).hexdigest()[:32]}", members)


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """A case as it is stored."""

    case_id: str
    subject_kind: str
    subject_id: str
    provider_ids: tuple[str, ...]
    """Of a ring: its providers."""
    status: str
    detection: str
    detected_at: datetime
    opened_at: datetime
    opened_by: str
    assigned_to: str | None
    """Id of the user or key; None: no one has it."""
    assigned_name: str | None
    disposition: str | None
    """What was found, or is proposed while the case is open; None: neither."""
    loss_cents: int | None
    loss_method: str | None
    findings: tuple[Mapping[str, JsonValue], ...]
    """Dispositions of claims that are recorded when the case closes."""
    proposed_at: datetime | None
    proposed_by: str | None
    closed_at: datetime | None
    closed_by: str | None
    version: int
    """Number of its last event."""

    @property
    def subject(self) -> CaseSubject:
        """Whom it is about."""
        return CaseSubject(SubjectKind(self.subject_kind), self.subject_id, self.provider_ids)

    @property
    def is_open(self) -> bool:
        """Whether it is worked on."""
        return self.status == CaseStatus.OPEN.value

    @property
    def is_proposed(self) -> bool:
        """Whether a disposition waits for a second person."""
        return self.is_open and self.disposition is not None


@dataclass(frozen=True, slots=True)
class CaseClaim:
    """A claim of a case."""

    claim_id: str
    added_at: datetime
    added_by: str


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """One entry of the history of a case, which is never changed."""

    case_id: str
    event_no: int
    at: datetime
    actor_id: str
    name: str
    role: str
    act: str
    details: Mapping[str, JsonValue]
    text: str | None
    """What a person wrote; None: nothing."""
