"""Jobs as they are read from the database."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

BulkFormat = Literal["csv", "ndjson", "x12"]
BulkStatus = Literal["uploading", "queued", "running", "done", "failed", "cancelled"]
FORMATS: Final = ("csv", "ndjson", "x12")
STATUSES: Final = ("uploading", "queued", "running", "done", "failed", "cancelled")
ENDED: Final = ("done", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class BulkJob:
    """A job as of a moment."""

    job_id: str
    actor_id: str
    format: BulkFormat
    status: BulkStatus
    size: int
    received: int
    sha256: str | None
    created_at: datetime
    uploaded_at: datetime | None
    ended_at: datetime | None
    next_offset: int
    next_line: int
    accepted: int
    refused: int
    failure: str | None
    position: bytes | None
    """Of an X12 file: where its transaction set begins, as `stored_position` states it."""


@dataclass(frozen=True, slots=True)
class LineReject:
    """A reason why a line was refused."""

    line: int
    place: int
    field: str
    code: str
    reason: str
    remedy: str
