"""Versions and activations as the database has them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum

from pydantic import JsonValue


class PolicyRefused(ValueError):
    """A version cannot be stored, activated or rolled back; the message says why and what to do."""

    exit_code = 2


class NoPolicyVersion(PolicyRefused):
    """There is no such version."""


def no_version(number: int) -> NoPolicyVersion:
    """The refusal of a number that no version has."""
    return NoPolicyVersion(f"there is no policy version {number}; `ginja policy list` lists them")


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
    """One version, without its document."""

    version: int
    title: str
    valid_from: date
    valid_until: date | None
    sha256: str
    author: str
    created_at: datetime

    def is_valid_on(self, day: date) -> bool:
        """Whether it can decide claims received on a day."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)


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
    test: "PolicyTest | None" = None
    """What an activation that was just made rests on."""


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
    dataset: str
    scored: int
    """Claims with a score."""
    first_day: date
    """Of the claims."""
    last_day: date
    capacity: float | None
    """Reviews per week; None: 1 % of the claims."""


@dataclass(frozen=True, slots=True)
class PolicyTest:
    """A stored test, as an approver sees it."""

    test_id: int
    passed: bool
    gates: Sequence[JsonValue]
    tested_by: str
    dataset: str
    claims: int
    scored: int
    first_day: date
    last_day: date
    capacity: float | None


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
            raise no_version(number)
        return found

    def in_force(self, day: date) -> PolicyVersion | None:
        """The version that decides claims received on a day; None: the settings do."""
        versions = (self.version(number) for number in reversed(self.stack))
        return next((version for version in versions if version.is_valid_on(day)), None)

    def base_of(self, valid_from: date, today: date) -> PolicyVersion | None:
        """What a document is compared with: the version in force on its first day; None: the settings."""
        return self.in_force(max(today, valid_from))

    def status(self, version: PolicyVersion, today: date) -> PolicyStatus:
        """What a version is on a day."""
        if self.in_force(today) == version:
            return PolicyStatus.ACTIVE
        if all(one.version != version.version for one in self.activations):
            return PolicyStatus.DRAFT
        begins = version.valid_from
        if begins > today and self.in_force(begins) == version:
            return PolicyStatus.SCHEDULED
        return PolicyStatus.SUPERSEDED

    def summary(self, one: PolicyVersion, today: date) -> PolicySummary:
        """A version as lists show it."""
        last = next((made for made in reversed(self.activations) if made.version == one.version), None)
        return PolicySummary(
            version=one.version,
            status=self.status(one, today),
            title=one.title,
            valid_from=one.valid_from,
            valid_until=one.valid_until,
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
