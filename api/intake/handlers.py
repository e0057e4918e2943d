"""The task of a claim that was submitted with `Prefer: respond-async`: decided as `POST /v1/claims` decides its body.

A claim is submitted under a key made of the task's id, which is stored with the claim: an attempt after one that was
killed, at any point, finds the claim and its reply instead of deciding it once more.
"""

import json

from pydantic import JsonValue

from api.database import is_temporary
from api.errors import ApiError, InternalError
from api.intake.schemas import ClaimIn
from api.problems import error_response
from api.replies import Reply
from api.requests import parse
from api.task_services import TaskServices
from api.tasks import REPLY_KEY_PREFIX, TakenTask, TaskRefused
from api.users import holder_of_actor


async def decide_claim(services: TaskServices, task: TakenTask) -> dict[str, JsonValue]:
    """Decide and store a claim; the result is the response that `POST /v1/claims` would have given.

    The claim was received when its request was accepted, and its key was valid then: what became of the key since does
    not count. Raises what means that the claim cannot be decided now, or not by this process.
    """
    async with services.database.reading() as connection:
        sender = await holder_of_actor(connection, task.actor_id or "")
    if sender is None:
        raise TaskRefused("the API key or user of the request is not in the database; its claim was not decided")
    # The API has parsed it: where that fails here, this process is of another release, and the claim is not refused.
    sent = parse(ClaimIn, task.payload)
    key = f"{REPLY_KEY_PREFIX}{task.task_id}"
    try:
        reply = await services.intake.submit(sender, sent, task.payload, key, accepted_at=task.created_at)
    except ApiError as error:
        if is_temporary(error) or error.status >= InternalError.status:
            raise
        problem = error_response(error)
        reply = Reply(error.status, bytes(problem.body))
    return {"status": reply.status, "location": dict(reply.headers).get("location"), "body": json.loads(reply.body)}
