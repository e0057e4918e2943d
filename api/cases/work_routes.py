"""Work in cases over HTTP: notes, tasks, requests of records, and how a case is closed."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import AfterValidator
from starlette.responses import Response

from api import cases
from api.cases.responses import CaseEventOut, CaseOut, CaseTaskList, CaseTaskOut
from api.cases.routes import CHANGED, CaseId
from api.cases.schemas import (
    CaseClosingAnswerIn,
    CaseClosingIn,
    CaseNoteIn,
    CaseReopeningIn,
    CaseTaskDoneIn,
    CaseTaskIn,
)
from api.confirmation import confirmation_of
from api.dependencies import CasesApprover, CasesReader, CasesWorker, dependencies
from api.entries import changed
from api.errors import Conflict
from api.fields import as_claim_id
from api.openapi import SuccessResponse, operation
from api.requests import parse, read_body
from api.responses import json_response
from api.sparse_fields import SparseFields

router = APIRouter(tags=["cases"])

CaseTaskId = Annotated[
    str, Path(description="Id of the task.", examples=["ctk_01m86p3ap6yntdyk7shqjq4hs9"]), AfterValidator(as_claim_id)
]
_TASKS = SparseFields(CaseTaskList, "tasks")


@router.post(
    "/v1/cases/{case_id}/notes",
    status_code=201,
    response_model=CaseEventOut,
    openapi_extra=operation(body=CaseNoteIn, errors=[Conflict], success=SuccessResponse(201)),
)
async def add_case_note(request: Request, caller: CasesWorker, case_id: CaseId) -> Response:
    """Record a note, a contact, an education or a referral in an open case, also in one that another has.

    The response is the entry of its history.
    """
    own = dependencies(request)
    sent = parse(CaseNoteIn, await read_body(request, own.settings.max_body_bytes))
    kind = cases.CaseNoteKind(sent.kind)
    number = await cases.add_note(own.database, own.field_keys, caller, case_id, sent.text, kind, on=sent.on)
    (event,) = await cases.history_of(own.database, own.field_keys, case_id, before=number + 1, limit=1)
    return json_response(CaseEventOut.of(event), 201)


@router.get("/v1/cases/{case_id}/tasks", response_model=CaseTaskList, openapi_extra=operation())
async def list_case_tasks(
    request: Request,
    _caller: CasesReader,
    case_id: CaseId,
    fields: Annotated[Annotated[str, _TASKS.check] | None, _TASKS.query] = None,
) -> Response:
    """List the tasks of a case and its requests of records: what is open first, then by due date; at most 500."""
    own = dependencies(request)
    await cases.case(own.database, case_id)
    found = await cases.tasks_of(own.database, own.field_keys, case_id)
    return json_response(CaseTaskList(tasks=[CaseTaskOut.of(one) for one in found]), fields=_TASKS.chosen(fields))


@router.post(
    "/v1/cases/{case_id}/tasks",
    status_code=201,
    response_model=CaseTaskOut,
    openapi_extra=operation(body=CaseTaskIn, errors=[Conflict], success=SuccessResponse(201)),
)
async def add_case_task(request: Request, caller: CasesWorker, case_id: CaseId) -> Response:
    """Add a task to an open case, or a request of records with the text of its letter."""
    own = dependencies(request)
    sent = parse(CaseTaskIn, await read_body(request, own.settings.max_body_bytes))
    return json_response(
        CaseTaskOut.of(await cases.add_task(own.database, own.field_keys, caller, case_id, sent.task)), 201
    )


@router.post(
    "/v1/cases/{case_id}/tasks/{case_task_id}/complete",
    response_model=CaseTaskOut,
    openapi_extra=operation(body=CaseTaskDoneIn, body_required=False, errors=[Conflict]),
)
async def complete_case_task(
    request: Request, caller: CasesWorker, case_id: CaseId, case_task_id: CaseTaskId
) -> Response:
    """Record that a task is done, or that the records were received. Done again, it stays as it is."""
    own = dependencies(request)
    if body := await read_body(request, own.settings.max_body_bytes):
        parse(CaseTaskDoneIn, body)
    found = await cases.finish_task(own.database, own.field_keys, caller, case_id, case_task_id)
    return json_response(CaseTaskOut.of(next(one for one in found if one.task_id == case_task_id)))


@router.post(
    "/v1/cases/{case_id}/closing",
    response_model=CaseOut,
    openapi_extra=operation(body=CaseClosingIn, errors=[Conflict], success=CHANGED),
)
async def close_case(request: Request, caller: CasesWorker, case_id: CaseId) -> Response:
    """Close a case with a disposition, and record those of its claims with it.

    With a loss above a configured amount it is proposed: the case stays open, `is_proposed`, until another person with
    `claims:approve` approves or refuses it.
    """
    own = dependencies(request)
    sent = parse(CaseClosingIn, await read_body(request, own.settings.max_body_bytes))
    found = await cases.close(
        own.database,
        own.field_keys,
        caller,
        case_id,
        sent.closing,
        confirmation=confirmation_of(request.scope),
        limits=cases.ClosingLimits.of(own.settings),
    )
    return changed(CaseOut.of(found))


@router.post(
    "/v1/cases/{case_id}/closing/approve",
    response_model=CaseOut,
    openapi_extra=operation(body=CaseClosingAnswerIn, errors=[Conflict], success=CHANGED),
)
async def approve_case_closing(request: Request, caller: CasesApprover, case_id: CaseId) -> Response:
    """Close a case as another person proposed. A proposal of the caller's own is refused (403)."""
    own = dependencies(request)
    sent = parse(CaseClosingAnswerIn, await read_body(request, own.settings.max_body_bytes))
    found = await cases.approve_closing(
        own.database,
        own.field_keys,
        caller,
        case_id,
        version=sent.expected_version,
        note=sent.note,
        confirmation=confirmation_of(request.scope),
    )
    return changed(CaseOut.of(found))


@router.post(
    "/v1/cases/{case_id}/closing/refuse",
    response_model=CaseOut,
    openapi_extra=operation(body=CaseClosingAnswerIn, errors=[Conflict], success=CHANGED),
)
async def refuse_case_closing(request: Request, caller: CasesApprover, case_id: CaseId) -> Response:
    """Refuse what another person proposed: the case stays open."""
    own = dependencies(request)
    sent = parse(CaseClosingAnswerIn, await read_body(request, own.settings.max_body_bytes))
    found = await cases.refuse_closing(
        own.database, own.field_keys, caller, case_id, version=sent.expected_version, note=sent.note
    )
    return changed(CaseOut.of(found))


@router.post(
    "/v1/cases/{case_id}/reopen",
    response_model=CaseOut,
    openapi_extra=operation(body=CaseReopeningIn, errors=[Conflict], success=CHANGED),
)
async def reopen_case(request: Request, caller: CasesApprover, case_id: CaseId) -> Response:
    """Open a closed case again, unless another case of its subject is open. Dispositions of claims stay."""
    own = dependencies(request)
    sent = parse(CaseReopeningIn, await read_body(request, own.settings.max_body_bytes))
    return changed(CaseOut.of(await cases.reopen(own.database, own.field_keys, caller, case_id, sent.note)))
