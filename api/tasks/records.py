"""Tasks as they are read from the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from pydantic import JsonValue

TaskState = Literal["queued", "running", "succeeded", "failed"]
STATES: Final = ("queued", "running", "succeeded", "failed")


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """Work that is carried out after the request that asked for it, as of a moment."""

    task_id: str
    kind: str
    """An entry of `TASK_KINDS`."""
    queue: str
    actor_id: str | None
    """Whose request asked for it; `None`: the schedule."""
    state: TaskState
    attempts: int
    """That count, begun since it was added or replayed; while something is unavailable, none counts."""
    max_attempts: int
    created_at: datetime
    due_at: datetime
    """No attempt begins before."""
    started_at: datetime | None
    """When the last attempt began."""
    ended_at: datetime | None
    error: str | None
    """Kind and message of the last failure, without personal data."""
    result: Mapping[str, JsonValue] | None
    """What it answered, or where that is."""


@dataclass(frozen=True, slots=True)
class TakenTask:
    """A task that this process carries out now."""

    task_id: str
    kind: str
    actor_id: str | None
    payload: bytes
    created_at: datetime
    """When it was added: the request was accepted."""
    attempt: int
    max_attempts: int
    lease: str
    payload_sealed: bytes | None = None
    """The payload as it is stored; `None`: an earlier release stored it in clear."""


@dataclass(frozen=True, slots=True)
class DueTask:
    """A task that is to be published."""

    task_id: str
    kind: str


@dataclass(frozen=True, slots=True)
class QueueLoad:
    """Tasks of a queue that have not succeeded."""

    queued: int
    running: int
    failed: int
    oldest_due_s: float
    """How long the oldest that has not ended has been due, in seconds; 0: there is none."""
