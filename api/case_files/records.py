"""Files of cases as values."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

MAX_FILES: Final = 500
"""Files of one case."""
MAX_SOURCE: Final = 300
"""Characters of whom a file was obtained from."""
MAX_NAME: Final = 255


@dataclass(frozen=True, slots=True)
class NewCaseFile:
    """A file as it is added to a case."""

    name: str
    obtained_from: str
    """The person or the institution that gave it."""
    obtained_on: date
    task_id: str | None
    """The records request that it answers; None: none."""
    content: bytes


@dataclass(frozen=True, slots=True)
class CaseFileAccess:
    """The content of a file was sent to a person or a program."""

    file_id: str
    at: datetime
    actor_id: str
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class CaseFileWithdrawal:
    """A file does not count any more; it stays with the case."""

    at: datetime
    actor_id: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class CaseFileScan:
    """What the antivirus scanner said."""

    at: datetime
    signature: str | None
    """What it found; None: nothing."""


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A file of a case, without its content."""

    file_id: str
    case_id: str
    task_id: str | None
    name: str
    obtained_from: str
    obtained_on: date
    media_type: str
    size: int
    """In bytes."""
    sha256: str
    added_at: datetime
    added_by: str
    added_name: str
    withdrawal: CaseFileWithdrawal | None
    scan: CaseFileScan | None
    """None: it was not scanned."""
    accesses: Sequence[CaseFileAccess]
    """The oldest first."""
