"""Leads over HTTP, as the queue of the console has them."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import AfterValidator
from starlette.responses import Response

from api import cases
from api.cases import CaseOut
from api.dependencies import CasesReader, CasesWorker, dependencies
from api.entries import Limit, changed
from api.errors import Conflict, Invalid, NotFound
from api.fields import DAY_SCHEMA, PlainNumber, as_claim_id, parse_day
from api.identity import Caller
from api.leads.places import MAX_CURSOR, read_lead_cursor
from api.leads.records import LeadFilter, LeadTab
from api.leads.responses import LeadList, LeadOut, LeadWithClaims
from api.leads.schemas import LeadActIn, SnoozeIn
from api.openapi import SuccessResponse, operation
from api.requests import parse, read_body
from api.responses import json_response
from api.sparse_fields import SparseFields
from claims.identifiers import MAX_ID
from claims.leads import LeadSubjectKind, SnoozeReason

router = APIRouter(tags=["leads"])

LeadId = Annotated[
    str, Path(description="Id of the lead.", examples=["led_01m86p3ap6yntdyk7shqjq4hs9"]), AfterValidator(as_claim_id)
]
_ME = "me"
_MOST = 1_000_000_000
_LEADS = SparseFields(LeadList, "leads")
_ACT = operation(body=LeadActIn, body_required=False, errors=[Conflict])


@router.get("/v1/leads", response_model=LeadList, openapi_extra=operation())
async def list_leads(
    request: Request,
    caller: CasesReader,
    tab: Annotated[
        Literal["unassigned", "mine", "edits", "audit", "snoozed", "appeals", "closed"],
        Query(description="As in the queue of the console: `mine` are those of the caller."),
    ] = "unassigned",
    subject_kind: Annotated[
        Literal["ring", "provider", "member", "claim"] | None, Query(description="Only leads about this kind.")
    ] = None,
    subject_id: Annotated[
        str | None,
        Query(max_length=MAX_ID, description="Only leads about the subject with this id.", examples=["H456"]),
    ] = None,
    owner: Annotated[
        str | None,
        Query(max_length=MAX_ID, description="Only leads of the user or key with this id; `me`: of the caller."),
    ] = None,
    least_recovery: Annotated[
        int | None,
        PlainNumber,
        Query(ge=0, le=_MOST, description="Only leads with at least this expected recovery, a whole amount."),
    ] = None,
    due_by: Annotated[
        str | None,
        Query(
            max_length=10,
            description="Only leads that are due until this day, YYYY-MM-DD.",
            examples=["2026-12-14"],
            json_schema_extra=DAY_SCHEMA,
        ),
    ] = None,
    indicator: Annotated[
        str | None, Query(max_length=64, description="Only leads that have this indicator.", examples=["amount"])
    ] = None,
    limit: Limit = 50,
    cursor: Annotated[
        str | None, Query(max_length=MAX_CURSOR, description="`next_cursor` of the previous page.")
    ] = None,
    fields: Annotated[Annotated[str, _LEADS.check] | None, _LEADS.query] = None,
) -> Response:
    """List leads by expected recovery, the highest first; with the tab `closed` the latest first.

    A page begins after the last lead of the page before as that was then: leads that are added or taken meanwhile move
    no other to another page.
    """
    try:
        due = None if due_by is None else parse_day(due_by)
    except ValueError as error:
        raise Invalid.field("due_by", str(error)) from None
    sought = LeadFilter(
        subject_kind=None if subject_kind is None else LeadSubjectKind(subject_kind),
        subject_id=subject_id,
        owner=caller.actor_id if owner == _ME else owner,
        least_cents=None if least_recovery is None else 100 * least_recovery,
        due_by=due,
        indicator=indicator,
    )
    after = None if cursor is None else read_lead_cursor(cursor)
    page = await dependencies(request).leads.leads(caller, LeadTab(tab), sought, after=after, limit=limit)
    return json_response(LeadList.of(page), fields=_LEADS.chosen(fields))


@router.get("/v1/leads/{lead_id}", response_model=LeadWithClaims, openapi_extra=operation())
async def get_lead(request: Request, caller: CasesReader, lead_id: LeadId) -> Response:
    """Read a lead with its claims: those that wait first, by amount; at most 500."""
    return json_response(LeadWithClaims.of(*await dependencies(request).leads.lead(caller, lead_id)))


@router.post(
    "/v1/leads:take-next",
    response_model=LeadOut,
    openapi_extra=operation(body=LeadActIn, body_required=False, errors=[Conflict, NotFound]),
)
async def take_next_lead(request: Request, caller: CasesWorker) -> Response:
    """Take the best open lead that no one has. Of two requests at once, each gets another lead.

    The response is 404 where there is none.
    """
    await _nothing_said(request)
    found = await dependencies(request).leads.take_next(caller)
    if found is None:
        raise NotFound("no lead is unassigned; `GET /v1/leads` lists those that are snoozed, or yours")
    return json_response(LeadOut.of(found))


@router.post("/v1/leads/{lead_id}/take", response_model=LeadOut, openapi_extra=_ACT)
async def take_lead(request: Request, caller: CasesWorker, lead_id: LeadId) -> Response:
    """Assign a lead to the caller. Where another has it, the response is 409 with who."""
    await _nothing_said(request)
    await dependencies(request).leads.take(caller, [lead_id])
    return await _lead(request, caller, lead_id)


@router.post("/v1/leads/{lead_id}/release", response_model=LeadOut, openapi_extra=_ACT)
async def release_lead(request: Request, caller: CasesWorker, lead_id: LeadId) -> Response:
    """Give a lead of the caller back; with `claims:approve` also one of another."""
    await _nothing_said(request)
    await dependencies(request).leads.release(caller, [lead_id])
    return await _lead(request, caller, lead_id)


@router.post(
    "/v1/leads/{lead_id}/snooze",
    response_model=LeadOut,
    openapi_extra=operation(body=SnoozeIn, errors=[Conflict]),
)
async def snooze_lead(request: Request, caller: CasesWorker, lead_id: LeadId) -> Response:
    """Put a lead aside until a day, on which it is open again."""
    own = dependencies(request)
    sent = parse(SnoozeIn, await read_body(request, own.settings.max_body_bytes))
    await own.leads.snooze(caller, [lead_id], until=sent.until, reason=SnoozeReason(sent.reason))
    return await _lead(request, caller, lead_id)


@router.post("/v1/leads/{lead_id}/wake", response_model=LeadOut, openapi_extra=_ACT)
async def wake_lead(request: Request, caller: CasesWorker, lead_id: LeadId) -> Response:
    """Open a lead again that was put aside."""
    await _nothing_said(request)
    await dependencies(request).leads.wake(caller, [lead_id])
    return await _lead(request, caller, lead_id)


@router.post(
    "/v1/leads/{lead_id}/case",
    response_model=CaseOut,
    openapi_extra=operation(
        body=LeadActIn, body_required=False, errors=[Conflict], success=SuccessResponse(headers=["ETag", "Location"])
    ),
)
async def open_case_of_lead(request: Request, caller: CasesWorker, lead_id: LeadId) -> Response:
    """Open a case about the subject of a lead with the claims that wait, and take the lead.

    Where a case of the subject is open, that one gets the claims and is the response. The case of a single claim is
    about its provider.
    """
    await _nothing_said(request)
    own = dependencies(request)
    case_id = await own.leads.open_case(caller, lead_id)
    found = await cases.case(own.database, case_id)
    return changed(CaseOut.of(found), location=f"/v1/cases/{case_id}")


async def _lead(request: Request, caller: Caller, lead_id: str) -> Response:
    """A lead as it is after a change."""
    return json_response(LeadOut.of(await dependencies(request).leads.lead_alone(caller, lead_id)))


async def _nothing_said(request: Request) -> None:
    """The body may be left out, and has no field."""
    if body := await read_body(request, dependencies(request).settings.max_body_bytes):
        parse(LeadActIn, body)
