"""Tasks that begin at a time of day: one table, and what adds them.

Each run is a task with a key of its schedule and day, which the database accepts once: several workers, and a worker
that is started again, add it once. A run that was missed while no worker ran is added when one does, until the next.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final

from api.database import Database
from api.field_keys import FieldKeys
from api.tasks import repository
from api.tasks.kinds import MAKE_DAILY_REPORT, MAKE_SCORECARDS, REMOVE_ENDED, TASK_KINDS
from core import clock
from core.ids import new_id


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a task is added, in the insurer's time zone: every day, or once a week."""

    name: str
    kind: str
    """An entry of `TASK_KINDS`."""
    at: time
    weekday: int | None = None
    """Monday is 0; `None`: every day."""

    def latest(self, now: datetime) -> datetime:
        """The last instant at or before `now` that it was due, in the time zone of `now`."""
        due = datetime.combine(now.date(), self.at, now.tzinfo)
        days = [due - timedelta(days=back) for back in range(repository.DAYS_BACK + 1)]
        return next(day for day in days if day <= now and self.weekday in (None, day.weekday()))

    def key(self, due: datetime) -> str:
        """What its run at `due` is called."""
        return f"{self.name} {due.astimezone(UTC):%Y-%m-%dT%H:%MZ}"


SCHEDULES: Final = (
    Schedule("daily report", MAKE_DAILY_REPORT, time(0, 5)),
    Schedule("weekly scorecards", MAKE_SCORECARDS, time(0, 10), weekday=0),
    Schedule("remove ended tasks", REMOVE_ENDED, time(3, 15)),
)
"""What is done at a time of day. The payload of such a task is `{"due": …}`, the instant it was due."""


class TaskBeat:
    """Adds the tasks of the schedule when they are due."""

    def __init__(
        self, database: Database, keys: FieldKeys, schedules: tuple[Schedule, ...] = SCHEDULES, *, zone: tzinfo = UTC
    ) -> None:
        """`zone` is the insurer's."""
        self._zone = zone
        self._database = database
        self._keys = keys
        self._schedules = schedules
        self._added: dict[str, datetime] = {}

    async def step(self) -> int:
        """Add the tasks that are due and were not added; returns how many were."""
        now, added = clock.now().astimezone(self._zone), 0
        for schedule in self._schedules:
            due = schedule.latest(now)
            if self._added.get(schedule.name) == due:
                continue
            async with self._database.transaction() as connection:
                found = await repository.add_task(
                    connection,
                    self._keys,
                    task_id=new_id("tsk"),
                    kind=TASK_KINDS[schedule.kind],
                    actor_id=None,
                    payload=repository.as_payload({"due": due.isoformat()}),
                    at=now,
                    schedule_key=schedule.key(due),
                )
            self._added[schedule.name] = due
            added += found is not None
        return added
