"""Tasks of the schedule that make reports; the instant at which a task was due says of which days."""

import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from pydantic import JsonValue

from api.reports.scheduled import make_daily_decisions, make_scorecards
from api.task_services import TaskServices
from api.tasks import TakenTask
from claims.service_days import receipt_day


async def make_daily(services: TaskServices, task: TakenTask) -> Mapping[str, JsonValue]:
    """Make the report on the day before; the result has its id."""
    day = _due_on(services, task) - timedelta(days=1)
    return {"reports": [*await make_daily_decisions(services.batches, services.keys, services.settings, day)]}


async def make_weekly(services: TaskServices, task: TakenTask) -> Mapping[str, JsonValue]:
    """Make the scorecards of the week before; the result has their ids."""
    last_day = _last_sunday(_due_on(services, task))
    return {"reports": [*await make_scorecards(services.batches, services.keys, services.settings, last_day)]}


def _due_on(services: TaskServices, task: TakenTask) -> date:
    """The day of the insurer on which the task was due."""
    return receipt_day(datetime.fromisoformat(json.loads(task.payload)["due"]), services.settings.zone)


def _last_sunday(day: date) -> date:
    """The last day of the week before that of `day`; weeks begin on Monday."""
    return day - timedelta(days=day.weekday() + 1)
