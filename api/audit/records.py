"""What the audit log holds, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import JsonValue

COMMAND_LINE: Final = "command line"
"""The id of the actor of commands."""
SUCCESS: Final = "success"
DENIED: Final = "denied"
NOT_FOUND: Final = "not_found"
FAILED: Final = "failed"
"""Of a command that ended with an error, or was killed."""
OUTCOMES: Final = (SUCCESS, DENIED, NOT_FOUND, FAILED)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose data an act is about, or what it is about."""

    kind: str
    """Such as `claim`, `member`, `provider`."""
    subject_id: str


@dataclass(frozen=True, slots=True)
class AuditedAct:
    """One row of the audit log as it is read."""

    audit_id: int
    at: datetime
    actor_id: str
    name: str
    role: str
    act: str
    claim_id: str | None
    details: Mapping[str, JsonValue]
    purpose: str | None
    subject_kind: str | None
    subject_id: str | None
    outcome: str
    request_id: str | None
    address: str | None
    agent: str | None


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which rows are chosen; `None`: any."""

    actor: str | None = None
    """Id or name of the actor."""
    act: str | None = None
    subject: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Before this instant."""
    request_id: str | None = None
    purpose: str | None = None
    subject_kind: str | None = None
    actor_id: str | None = None
    name: str | None = None
    """Name of the actor."""
    role: str | None = None
    address: str | None = None
    actions: Sequence[str] | None = None
    """Of FHIR's AuditEvent."""
    outcomes: Sequence[str] | None = None
    """Of FHIR's AuditEvent."""
    types: Sequence[str] | None = None
    """Of FHIR's AuditEvent."""


@dataclass(frozen=True, slots=True)
class Seal:
    """Rows that were sealed together."""

    number: int
    sealed_at: datetime
    last_audit_id: int
    entries: bytes
    previous: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class ArchivedSegment:
    """Consecutive seals whose rows are in an archive, as the database names it."""

    archive: str
    first_seal: int
    last_seal: int
    head: str
    """Hash of the last seal in the signed manifest, in hex."""
    rows: int
    problem: str | None = None
    """Why what the database names is no signed statement; `None`: it is one."""
