"""Tasks as clients see them."""

from typing import Final, Self

from pydantic import BaseModel, Field, JsonValue
from starlette.responses import Response

from api.fields import InstantOut
from api.responses import json_response
from api.tasks.records import TaskRecord, TaskState

RETRY_AFTER_S: Final = 1


class TaskResponseOut(BaseModel):
    """The response that the request would have had without `Prefer: respond-async`."""

    status: int = Field(description="201: the claim was taken. 4xx: it was refused.", examples=[201])
    location: str | None = Field(
        description="Path of what was created.", examples=["/v1/claims/clm_01m86p3ap6yntdyk7shqjq4hs9"]
    )
    body: dict[str, JsonValue] = Field(
        description="The claim as of its decision, or the problem; of `POST /v1/fhir/Claim` the `ClaimResponse` or "
        "`OperationOutcome`."
    )


class TaskOut(BaseModel):
    """A request that is carried out after it was answered."""

    task_id: str = Field(examples=["tsk_01m86p3ap6yntdyk7shqjq4hs9"])
    kind: str = Field(
        description="`decide_claim`: the decision of a claim. `decide_fhir_claim`: that of a FHIR `Claim`.",
        examples=["decide_claim"],
    )
    state: TaskState = Field(
        description="`queued` and `running`: ask again after `Retry-After`. `succeeded`: the request was answered, see "
        "`response`. `failed`: it could not be carried out, and an operator looks after it."
    )
    attempts: int = Field(description="Attempts that count: while something is unavailable, none does.")
    created_at: InstantOut
    ended_at: InstantOut | None
    response: TaskResponseOut | None = Field(description="Once `succeeded`.")

    @classmethod
    def of(cls, task: TaskRecord) -> Self:
        """The task without what only operators see."""
        return cls(
            task_id=task.task_id,
            kind=task.kind,
            state=task.state,
            attempts=task.attempts,
            created_at=task.created_at,
            ended_at=task.ended_at,
            response=_response(task),
        )


def task_response(task: TaskRecord) -> Response:
    """A task, with when to ask again, or where what it created is."""
    shown = TaskOut.of(task)
    response = json_response(shown)
    if task.ended_at is None:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    if shown.response is not None and shown.response.location is not None:
        response.headers["Location"] = shown.response.location
    return response


def accepted_response(task: TaskRecord) -> Response:
    """The response to a request that is carried out later."""
    response = json_response(TaskOut.of(task), 202)
    response.headers["Location"] = f"/v1/tasks/{task.task_id}"
    response.headers["Preference-Applied"] = "respond-async"
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _response(task: TaskRecord) -> TaskResponseOut | None:
    """The response of a request; `None` for a task that answers nobody, or is not done."""
    if task.result is None or "status" not in task.result:
        return None
    return TaskResponseOut.model_validate(task.result)
