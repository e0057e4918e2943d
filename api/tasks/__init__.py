"""Tasks: work that is carried out after its request, by processes of its own, each at least once and once in effect.

A task is a row (`tables.py`), added in the transaction of the request. The worker passes due tasks to Celery
(`publisher.py`, `broker.py`), whose processes lease the row, call the handler of its kind and store what came of it
(`api/task_process.py`, `runner.py`). `kinds.py` declares what kinds there are, `schedule.py` what is done at a time of
day.
"""

from api.tasks.broker import TaskBroker, celery_app
from api.tasks.errors import TaskRefused
from api.tasks.kinds import CLAIMS, DECIDE_CLAIM, DECIDE_FHIR_CLAIM, QUEUES, REPORTS, TASK_KINDS, TaskKind, TaskQueue
from api.tasks.publisher import TaskPublisher
from api.tasks.records import TakenTask, TaskRecord, TaskState
from api.tasks.repository import REPLY_KEY_PREFIX, add_task, as_payload
from api.tasks.responses import TaskOut, accepted_response
from api.tasks.runner import TaskResources, run_task
from api.tasks.schedule import SCHEDULES, Schedule, TaskBeat
from api.tasks.service import Tasks

__all__ = [
    "CLAIMS",
    "DECIDE_CLAIM",
    "DECIDE_FHIR_CLAIM",
    "QUEUES",
    "REPLY_KEY_PREFIX",
    "REPORTS",
    "SCHEDULES",
    "TASK_KINDS",
    "Schedule",
    "TakenTask",
    "TaskBeat",
    "TaskBroker",
    "TaskKind",
    "TaskOut",
    "TaskPublisher",
    "TaskQueue",
    "TaskRecord",
    "TaskRefused",
    "TaskResources",
    "TaskState",
    "Tasks",
    "accepted_response",
    "add_task",
    "as_payload",
    "celery_app",
    "run_task",
]
