"""Versions and activations as the database has them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Self

from pydantic import JsonValue

from claims.policy import PolicyDocument, read_stored_document


class PolicyRefused(ValueError):
    """A version cannot be stored, activated or rolled back; the message says why and what to do."""

    exit_code = 2


class NoPolicyVersion(PolicyRefused):
    """There is no such version."""


class PolicyNotTested(PolicyRefused):
    """The gates refuse a version, or it was not tested against what is in force."""

    exit_code = 4


class PolicyStatus(Enum):
    """What a version is on a day."""

    DRAFT = "draft"
    """Never activated."""
    ACTIVE = "active"
    """It decides the claims received on that day."""
    SCHEDULED = "scheduled"
    """Activated; it decides from a later day on."""
    SUPERSEDED = "superseded"
    """Activated before; it decides no claim of that day or later."""


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One version."""

    version: int
    document: PolicyDocument
    sha256: str
    author: str
    created_at: datetime

    @classmethod
    def of(cls, version: int, document: object, sha256: str, author: str, created_at: datetime) -> Self:
        """A stored version; every document that was ever stored stays readable."""
        return cls(version, read_stored_document(document), sha256, author, created_at)

    def is_valid_on(self, day: date) -> bool:
        """Whether it can decide claims received on a day."""
        until = self.document.valid_until
        return self.document.valid_from <= day and (until is None or day <= until)


@dataclass(frozen=True, slots=True)
class PolicyActivation:
    """One activation or rollback."""

    activation_id: int
    kind: str
    version: int | None
    approver: str
    reason: str
    made_at: datetime
    forced: bool
    undoes: int | None
    """Of a rollback, the activation that decides nothing from then on."""


@dataclass(frozen=True, slots=True)
class PolicyTestResult:
    """What a test of a version found."""

    version: int
    base_version: int | None
    """None: the settings."""
    claims: int
    passed: bool
    gates: Sequence[JsonValue]
    """Each gate with what was measured."""
    tested_by: str


@dataclass(frozen=True, slots=True)
class PolicySummary:
    """A version without its document, and its last activation; None where it was never activated."""

    version: int
    status: PolicyStatus
    title: str
    valid_from: date
    valid_until: date | None
    author: str
    created_at: datetime
    approver: str | None
    activated_at: datetime | None
    reason: str | None
    forced: bool | None
    sha256: str


@dataclass(frozen=True, slots=True)
class PolicyHistory:
    """Every version and activation, oldest first."""

    versions: tuple[PolicyVersion, ...]
    activations: tuple[PolicyActivation, ...]

    def version(self, number: int) -> PolicyVersion:
        """A version; raises `PolicyRefused` where there is none."""
        found = next((one for one in self.versions if one.version == number), None)
        if found is None:
            raise NoPolicyVersion(f"there is no policy version {number}; `ginja policy list` lists them")
        return found

    def in_force(self, day: date) -> PolicyVersion | None:
        """The version that decides claims received on a day; None: the settings do."""
        versions = (self.version(number) for number in reversed(self.stack))
        return next((version for version in versions if version.is_valid_on(day)), None)

    def base_of(self, document: PolicyDocument, today: date) -> PolicyVersion | None:
        """The version that a document is compared with: what is in force on its first day; None: the settings."""
        return self.in_force(max(today, document.valid_from))

    def status(self, version: PolicyVersion, today: date) -> PolicyStatus:
        """What a version is on a day."""
        if self.in_force(today) == version:
            return PolicyStatus.ACTIVE
        if all(one.version != version.version for one in self.activations):
            return PolicyStatus.DRAFT
        begins = version.document.valid_from
        if begins > today and self.in_force(begins) == version:
            return PolicyStatus.SCHEDULED
        return PolicyStatus.SUPERSEDED

    def summary(self, one: PolicyVersion, today: date) -> PolicySummary:
        """A version as lists show it."""
        last = next((made for made in reversed(self.activations) if made.version == one.version), None)
        return PolicySummary(
            version=one.version,
            status=self.status(one, today),
            title=one.document.title,
            valid_from=one.document.valid_from,
            valid_until=one.document.valid_until,
            author=one.author,
            created_at=one.created_at,
            approver=None if last is None else last.approver,
            activated_at=None if last is None else last.made_at,
            reason=None if last is None else last.reason,
            forced=None if last is None else last.forced,
            sha256=one.sha256,
        )

    @property
    def stack(self) -> tuple[int, ...]:
        """The versions that were activated and not rolled back, the last one last."""
        return tuple(one.version for one in self.effective if one.version is not None)

    @property
    def effective(self) -> tuple[PolicyActivation, ...]:
        """The activations that were not rolled back, the last one last."""
        undone = {one.undoes for one in self.activations}
        return tuple(one for one in self.activations if one.kind == "activate" and one.activation_id not in undone)
