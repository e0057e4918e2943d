"""Appeals over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.appeals.responses import AppealList, AppealOut, SuspendedEditOut, SuspendedEdits
from api.appeals.schemas import AppealDecisionIn, AppealIn
from api.dependencies import AppealCaller, ApproveCaller, ReadCaller, ScoresCaller, dependencies
from api.errors import Conflict
from api.fields import AppealId, ClaimId, PlainNumber
from api.openapi import SuccessResponse, operation
from api.paging import read_cursor, write_cursor
from api.replies import reply_response
from api.requests import parse, read_body
from api.responses import json_response
from api.sparse_fields import SparseFields

router = APIRouter(tags=["appeals"])

MAX_APPEALS = 200
_LISTED = SparseFields(AppealList, "appeals", of_scores=frozenset({"note", "caused_by"}))
ListedAppealFields = Annotated[Annotated[str, _LISTED.check] | None, _LISTED.query]


@router.post(
    "/v1/claims/{claim_id}/appeals",
    status_code=201,
    response_model=AppealOut,
    openapi_extra=operation(
        body=AppealIn,
        errors=[Conflict],
        success=SuccessResponse(201),
    ),
)
async def file_appeal(request: Request, caller: AppealCaller, claim_id: ClaimId) -> Response:
    """Appeal the decision of a claim that was denied, rejected or paid in part.

    The response has the day by which the appeal is decided. A claim has one open appeal at a time.
    """
    own = dependencies(request)
    body = await read_body(request, own.settings.max_body_bytes)
    return reply_response(await own.appeals.file(caller, claim_id, parse(AppealIn, body), body))


@router.get("/v1/claims/{claim_id}/appeals", response_model=AppealList, openapi_extra=operation())
async def list_appeals_of_claim(
    request: Request, caller: ReadCaller, claim_id: ClaimId, fields: ListedAppealFields = None
) -> Response:
    """List the appeals of a claim, oldest first."""
    appeals = dependencies(request).appeals
    found = await appeals.of_claim(caller, claim_id)
    today = appeals.today()
    listed = AppealList(appeals=[AppealOut.of(one, today, sees_scores=caller.sees_scores) for one in found])
    return json_response(listed, fields=_LISTED.chosen_by(caller, fields))


@router.get("/v1/appeals", response_model=AppealList, openapi_extra=operation())
async def list_open_appeals(
    request: Request,
    _caller: ScoresCaller,
    limit: Annotated[int, PlainNumber, Query(ge=1, le=MAX_APPEALS, description="Appeals on a page.")] = 50,
    cursor: Annotated[str | None, Query(max_length=200, description="`next_cursor` of the previous page.")] = None,
    fields: ListedAppealFields = None,
) -> Response:
    """List the open appeals, by due date."""
    appeals = dependencies(request).appeals
    page = await appeals.open(after=None if cursor is None else read_cursor(cursor), limit=limit)
    shown = [AppealOut.of(one, appeals.today(), sees_scores=True) for one in page.items]
    listed = AppealList(appeals=shown, next_cursor=write_cursor(page.next_place))
    return json_response(listed, fields=_LISTED.chosen(fields))


@router.post(
    "/v1/appeals/{appeal_id}/decision",
    status_code=201,
    response_model=AppealOut,
    openapi_extra=operation(
        body=AppealDecisionIn,
        errors=[Conflict],
        success=SuccessResponse(201),
    ),
)
async def decide_appeal(request: Request, caller: ApproveCaller, appeal_id: AppealId) -> Response:
    """Decide an appeal: the decision is upheld, overturned or partly overturned.

    An appeal is decided once, by an approver who took no part in the decision. An overturn pays the claim in the same
    transaction and records a finding.
    """
    own = dependencies(request)
    body = await read_body(request, own.settings.max_body_bytes)
    return reply_response(await own.appeals.decide(caller, appeal_id, parse(AppealDecisionIn, body), body))


@router.get("/v1/suspended-edits", response_model=SuspendedEdits, openapi_extra=operation())
async def list_suspended_edits(request: Request, _caller: ScoresCaller) -> Response:
    """List the edits that are suspended because too many of their decisions were overturned."""
    found = await dependencies(request).appeals.suspensions()
    return json_response(SuspendedEdits(edits=[SuspendedEditOut.model_validate(one) for one in found]))
