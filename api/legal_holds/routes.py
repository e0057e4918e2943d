"""Legal holds over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import AfterValidator
from starlette.responses import Response

from api.dependencies import PrivacyCaller, dependencies
from api.entries import Cursor, Limit
from api.errors import Conflict
from api.fields import as_claim_id
from api.legal_holds.responses import LegalHoldOut, LegalHoldPage
from api.legal_holds.schemas import LegalHoldIn, LegalHoldReleaseIn
from api.openapi import SuccessResponse, operation
from api.paging import read_cursor, write_cursor
from api.requests import parse, read_body
from api.responses import json_response
from api.sparse_fields import SparseFields

router = APIRouter(tags=["privacy"])

_LISTED = SparseFields(LegalHoldPage, "legal_holds")
HoldId = Annotated[
    str, Path(description="Id of the hold.", examples=["hold_01m86p3ap6yntdyk7shqjq4hs9"]), AfterValidator(as_claim_id)
]


@router.post(
    "/v1/legal-holds",
    status_code=201,
    response_model=LegalHoldOut,
    openapi_extra=operation(body=LegalHoldIn, success=SuccessResponse(201)),
)
async def add_legal_hold(request: Request, caller: PrivacyCaller) -> Response:
    """Put a member under a legal hold: nothing about the member is erased, archived or deleted while it is in force."""
    own = dependencies(request)
    sent = parse(LegalHoldIn, await read_body(request, own.settings.max_body_bytes))
    return json_response(LegalHoldOut.of(await own.legal_holds.add(caller, sent.hold), own.legal_holds.today()), 201)


@router.get("/v1/legal-holds", response_model=LegalHoldPage, openapi_extra=operation())
async def list_legal_holds(
    request: Request,
    _caller: PrivacyCaller,
    limit: Limit = 50,
    cursor: Cursor = None,
    member_id: Annotated[str | None, Query(max_length=64, description="Only those on this member.")] = None,
    fields: Annotated[Annotated[str, _LISTED.check] | None, _LISTED.query] = None,
) -> Response:
    """List legal holds, the oldest first; released and expired ones, too."""
    holds = dependencies(request).legal_holds
    page = await holds.page(member_id=member_id, after=None if cursor is None else read_cursor(cursor), limit=limit)
    day = holds.today()
    listed = LegalHoldPage(
        legal_holds=[LegalHoldOut.of(one, day) for one in page.items], next_cursor=write_cursor(page.next_place)
    )
    return json_response(listed, fields=_LISTED.chosen(fields))


@router.post(
    "/v1/legal-holds/{hold_id}/release",
    response_model=LegalHoldOut,
    openapi_extra=operation(body=LegalHoldReleaseIn, errors=[Conflict]),
)
async def release_legal_hold(request: Request, caller: PrivacyCaller, hold_id: HoldId) -> Response:
    """Release a legal hold. What was due meanwhile is deleted by the next daily work."""
    own = dependencies(request)
    sent = parse(LegalHoldReleaseIn, await read_body(request, own.settings.max_body_bytes))
    return json_response(
        LegalHoldOut.of(await own.legal_holds.release(caller, hold_id, sent.reason), own.legal_holds.today())
    )
