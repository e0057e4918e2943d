"""Claims that were submitted with `Prefer: respond-async`: decided as `POST /v1/claims` decides its body.

A claim is submitted under a key made of the task's id, which is stored with the claim: an attempt after one that was
killed, at any point, finds the claim and its reply instead of deciding it once more.
"""

import json
from typing import Final

from pydantic import JsonValue

from api.errors import ApiError, InternalError
from api.identity import caller_of_key
from api.intake import ClaimIn
from api.problems import error_response
from api.replies import Reply
from api.requests import parse
from api.tasks.errors import TaskRefused
from api.tasks.records import TakenTask
from api.tasks.services import TaskServices
from core import clock

_ABOUT_ALL_CLAIMS: Final = (429, 503)
"""Statuses of errors that say nothing about the claim: it is submitted again later."""


async def decide_claim(services: TaskServices, task: TakenTask) -> dict[str, JsonValue]:
    """Decide and store a claim; the result is the response that `POST /v1/claims` would have given.

    Raises `TaskRefused` where the API key has been revoked since, and what means that claims cannot be decided now.
    """
    async with services.database.reading() as connection:
        sender = await caller_of_key(connection, task.api_key_id or "", clock.now())
    if sender is None:
        raise TaskRefused("the API key of the request is no longer valid; its claim was not decided")
    try:
        sent = parse(ClaimIn, task.payload)
        reply = await services.intake.submit(sender, sent, task.payload, f"task {task.task_id}")
    except ApiError as error:
        if error.status in _ABOUT_ALL_CLAIMS or error.status >= InternalError.status:
            raise
        problem = error_response(error)
        reply = Reply(error.status, bytes(problem.body))
    return {"status": reply.status, "location": dict(reply.headers).get("location"), "body": json.loads(reply.body)}
