"""What kinds of tasks there are, and in which queue each waits: a new kind is an entry here and its handler.

A handler is an async function of `api.task_services.TaskServices` and `TakenTask`. It may be called again for the same
task: after an error, and when its process was killed, whatever it had done by then. It returns what the task answers,
as JSON. It raises `TaskRefused` where another attempt is of no use; any other exception is tried again, later each
time. While something is unavailable (`api.database.is_temporary`), attempts do not count.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class TaskQueue:
    """Tasks that wait together."""

    name: str
    max_in_flight: int
    """Tasks that are handed to the broker or carried out at a time, by all processes together."""


@dataclass(frozen=True, slots=True)
class TaskKind:
    """A kind of tasks."""

    name: str
    handler: str
    """`module:function`, imported by the processes that carry tasks out."""
    queue: str
    limit_s: int
    """The handler is cancelled after this time; `KILL_AFTER_S` later its process is killed."""
    max_attempts: int
    outage: timedelta = timedelta(hours=1)
    """For so long after a task was added, an attempt that fails because something is unavailable does not count."""
    keep_failed: bool = False
    """A failed task, and what was sent with it, stay until an operator replays or discards it."""

    @property
    def kill_s(self) -> int:
        """After this time the process that carries the task out is killed."""
        return self.limit_s + KILL_AFTER_S

    @property
    def lease(self) -> timedelta:
        """How long nobody else takes a task that was begun."""
        return timedelta(seconds=self.kill_s + KILL_AFTER_S)


KILL_AFTER_S: Final = 5

CLAIMS: Final = "claims"
REPORTS: Final = "reports"
QUEUES: Final[Mapping[str, TaskQueue]] = MappingProxyType(
    {
        one.name: one
        for one in (
            TaskQueue(CLAIMS, max_in_flight=200),
            TaskQueue(REPORTS, max_in_flight=1),
        )
    }
)
"""In the order in which they are served: a task of a later queue begins only while none of an earlier one waits.

One report at a time leaves every other process to claims, however many run and wherever.
"""

_A_DAY: Final = timedelta(days=1)
DECIDE_CLAIM: Final = "decide_claim"
DECIDE_FHIR_CLAIM: Final = "decide_fhir_claim"
REMOVE_ENDED: Final = "remove_ended_tasks"
MAKE_DAILY_REPORT: Final = "make_daily_report"
MAKE_SCORECARDS: Final = "make_scorecards"
TASK_KINDS: Final[Mapping[str, TaskKind]] = MappingProxyType(
    {
        one.name: one
        for one in (
            TaskKind(
                DECIDE_CLAIM,
                "api.intake.handlers:decide_claim",
                CLAIMS,
                limit_s=15,
                max_attempts=10,
                outage=_A_DAY,
                keep_failed=True,
            ),
            TaskKind(
                DECIDE_FHIR_CLAIM,
                "api.fhir.handlers:decide_fhir_claim",
                CLAIMS,
                limit_s=15,
                max_attempts=10,
                outage=_A_DAY,
                keep_failed=True,
            ),
            TaskKind(MAKE_DAILY_REPORT, "api.reports.handlers:make_daily", REPORTS, limit_s=120, max_attempts=60),
            TaskKind(MAKE_SCORECARDS, "api.reports.handlers:make_weekly", REPORTS, limit_s=300, max_attempts=60),
            TaskKind(REMOVE_ENDED, "api.tasks.retention:remove_ended", REPORTS, limit_s=60, max_attempts=5),
        )
    }
)
KEPT_KINDS: Final = tuple(kind.name for kind in TASK_KINDS.values() if kind.keep_failed)
LONGEST_KILL_S: Final = max(kind.kill_s for kind in TASK_KINDS.values())
