"""Tasks over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import AfterValidator
from starlette.responses import Response

from api.dependencies import ReadCaller, dependencies
from api.fields import as_claim_id
from api.openapi import SuccessResponse, operation
from api.tasks.responses import TaskOut, task_response

router = APIRouter(tags=["claims"])

TaskId = Annotated[
    str, Path(description="Id of the task.", examples=["tsk_01m86p3ap6yntdyk7shqjq4hs9"]), AfterValidator(as_claim_id)
]


@router.get(
    "/v1/tasks/{task_id}",
    response_model=TaskOut,
    openapi_extra=operation(success=SuccessResponse(200, headers=["Location", "Retry-After"])),
)
async def get_task(request: Request, caller: ReadCaller, task_id: TaskId) -> Response:
    """Read what became of a request that was sent with `Prefer: respond-async`, for six days after it ended."""
    return task_response(await dependencies(request).tasks.get(caller, task_id))
