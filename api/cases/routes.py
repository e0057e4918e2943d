"""Cases over HTTP: what they are about, who has them, and their history. `work_routes.py` has what is done in them."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import AfterValidator
from starlette.responses import Response

from api import cases
from api.cases.repository import CaseFilter
from api.cases.responses import CaseClaimList, CaseEventOut, CaseHistory, CaseList, CaseOut
from api.cases.schemas import CaseAssignmentIn, CaseClaimsIn, CaseIn, SubjectName
from api.dependencies import CasesReader, CasesWorker, dependencies
from api.entries import Cursor, Limit, changed
from api.errors import Conflict
from api.fields import as_claim_id
from api.openapi import SuccessResponse, operation
from api.paging import read_cursor, write_cursor
from api.requests import parse, read_body
from api.responses import json_response
from api.sparse_fields import SparseFields
from claims.identifiers import MAX_ID

router = APIRouter(tags=["cases"])

CaseId = Annotated[
    str, Path(description="Id of the case.", examples=["cas_01m86p3ap6yntdyk7shqjq4hs9"]), AfterValidator(as_claim_id)
]
CHANGED: Final = SuccessResponse(headers=["ETag"])
"""Of a route that answers with the case as it is afterwards."""
_ME: Final = "me"
_NO_ONE: Final = "none"
_CASES = SparseFields(CaseList, "cases")
_CLAIMS = SparseFields(CaseClaimList, "claims")
_EVENTS = SparseFields(CaseHistory, "events")


@router.get("/v1/cases", response_model=CaseList, openapi_extra=operation())
async def list_cases(
    request: Request,
    caller: CasesReader,
    status: Annotated[Literal["open", "closed"] | None, Query(description="Only cases with this status.")] = None,
    subject_kind: Annotated[SubjectName | None, Query(description="Only cases about this kind.")] = None,
    subject_id: Annotated[
        str | None,
        Query(max_length=MAX_ID, description="Only cases about the subject with this id.", examples=["H456"]),
    ] = None,
    owner: Annotated[
        str | None,
        Query(
            max_length=MAX_ID,
            description="Only cases of the user or key with this id; `me`: of the caller; `none`: of no one.",
            examples=[_ME],
        ),
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    fields: Annotated[Annotated[str, _CASES.check] | None, _CASES.query] = None,
) -> Response:
    """List cases, the latest first."""
    chosen = CaseFilter(
        status=status,
        assigned_to={_ME: caller.actor_id, _NO_ONE: None}.get(owner or "", owner),
        subject_kind=subject_kind,
        subject_id=subject_id,
        is_unassigned=True if owner == _NO_ONE else None,
    )
    after = None if cursor is None else read_cursor(cursor)
    page = await cases.cases_page(dependencies(request).database, chosen, after=after, limit=limit)
    return json_response(CaseList.of(page), fields=_CASES.chosen(fields))


@router.post(
    "/v1/cases",
    response_model=CaseOut,
    openapi_extra=operation(body=CaseIn, errors=[Conflict], success=SuccessResponse(headers=["ETag", "Location"])),
)
async def open_case(request: Request, caller: CasesWorker) -> Response:
    """Open a case about a subject; where one is open, that case gets the claims and is the response.

    A subject has at most one open case. Of two requests at once, both get the same case.
    """
    own = dependencies(request)
    sent = parse(CaseIn, await read_body(request, own.settings.max_body_bytes))
    found = await cases.open_case(
        own.database,
        own.field_keys,
        caller,
        sent.subject,
        sent.claim_ids,
        cases.Detection(sent.detection),
        detected_at=sent.detected_at,
    )
    return changed(CaseOut.of(found), location=f"/v1/cases/{found.case_id}")


@router.get("/v1/cases/{case_id}", response_model=CaseOut, openapi_extra=operation())
async def get_case(request: Request, _caller: CasesReader, case_id: CaseId) -> Response:
    """Read a case. Its `ETag` changes with each entry of its history."""
    return json_response(CaseOut.of(await cases.case(dependencies(request).database, case_id)))


@router.get("/v1/cases/{case_id}/history", response_model=CaseHistory, openapi_extra=operation())
async def list_case_history(
    request: Request,
    _caller: CasesReader,
    case_id: CaseId,
    limit: Limit = 50,
    cursor: Cursor = None,
    fields: Annotated[Annotated[str, _EVENTS.check] | None, _EVENTS.query] = None,
) -> Response:
    """List what was done in a case, the latest first, with what people wrote."""
    own = dependencies(request)
    after = None if cursor is None else read_cursor(cursor)
    page = await cases.history_page(own.database, own.field_keys, case_id, after=after, limit=limit)
    listed = CaseHistory(events=[CaseEventOut.of(one) for one in page.items], next_cursor=write_cursor(page.next_place))
    return json_response(listed, fields=_EVENTS.chosen(fields))


@router.get("/v1/cases/{case_id}/claims", response_model=CaseClaimList, openapi_extra=operation())
async def list_case_claims(
    request: Request,
    _caller: CasesReader,
    case_id: CaseId,
    limit: Limit = 50,
    cursor: Cursor = None,
    fields: Annotated[Annotated[str, _CLAIMS.check] | None, _CLAIMS.query] = None,
) -> Response:
    """List the claims of a case in the order in which they were added, with the totals of all."""
    after = None if cursor is None else read_cursor(cursor)
    page, totals = await cases.claims_page(dependencies(request).database, case_id, after=after, limit=limit)
    return json_response(CaseClaimList.of(page, totals), fields=_CLAIMS.chosen(fields))


@router.post(
    "/v1/cases/{case_id}/claims",
    response_model=CaseOut,
    openapi_extra=operation(body=CaseClaimsIn, errors=[Conflict], success=CHANGED),
)
async def add_case_claims(request: Request, caller: CasesWorker, case_id: CaseId) -> Response:
    """Add claims of its subject to an open case. Those that it has stay."""
    own = dependencies(request)
    sent = parse(CaseClaimsIn, await read_body(request, own.settings.max_body_bytes))
    return changed(CaseOut.of(await cases.add_claims(own.database, own.field_keys, caller, case_id, sent.claim_ids)))


@router.post(
    "/v1/cases/{case_id}/claims/remove",
    response_model=CaseOut,
    openapi_extra=operation(body=CaseClaimsIn, errors=[Conflict], success=CHANGED),
)
async def remove_case_claims(request: Request, caller: CasesWorker, case_id: CaseId) -> Response:
    """Remove claims from an open case that the caller has, or no one. With `claims:approve` also from others'."""
    own = dependencies(request)
    sent = parse(CaseClaimsIn, await read_body(request, own.settings.max_body_bytes))
    return changed(CaseOut.of(await cases.remove_claims(own.database, own.field_keys, caller, case_id, sent.claim_ids)))


@router.post(
    "/v1/cases/{case_id}/assign",
    response_model=CaseOut,
    openapi_extra=operation(body=CaseAssignmentIn, errors=[Conflict], success=CHANGED),
)
async def assign_case(request: Request, caller: CasesWorker, case_id: CaseId) -> Response:
    """Assign an open case to the caller or another who works cases, or release it.

    A case that another has is reassigned with `claims:approve` alone; the response is 409 otherwise, with who has it.
    """
    own = dependencies(request)
    sent = parse(CaseAssignmentIn, await read_body(request, own.settings.max_body_bytes))
    assignee = caller.actor_id if sent.assignee_id == _ME else sent.assignee_id
    return changed(CaseOut.of(await cases.assign(own.database, own.field_keys, caller, case_id, assignee)))
