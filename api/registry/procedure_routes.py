"""Procedures over HTTP."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.dependencies import RegistryReader, RegistryWriter, dependencies
from api.entries import Cursor, IfMatch, Limit, RequiredIfMatch, changed, changing, creating
from api.openapi import operation
from api.paging import read_cursor, write_cursor
from api.registry.kinds import PROCEDURE
from api.registry.parameters import ProcedureKnownAt, ProcedurePath
from api.registry.records import Entry
from api.registry.responses import ProcedureOut, ProcedurePage, procedure_out
from api.registry.schemas import EndIn, PeriodIn, ProcedureIn, ProcedureUpdate
from api.requests import parse, read_body
from api.responses import json_response
from api.sparse_fields import SparseFields

router = APIRouter(tags=["procedures"])

_LISTED = SparseFields(ProcedurePage, "procedures")
_PROCEDURE = SparseFields(ProcedureOut)
ListedProcedureFields = Annotated[Annotated[str, _LISTED.check] | None, _LISTED.query]
ProcedureFields = Annotated[Annotated[str, _PROCEDURE.check] | None, _PROCEDURE.query]
_ProcedureSort = Literal["procedure_code", "-procedure_code"]


@router.post("/v1/procedures", status_code=201, response_model=ProcedureOut, openapi_extra=creating(ProcedureIn))
async def create_procedure(request: Request, caller: RegistryWriter) -> Response:
    """Create a procedure with its first period in which it may be billed."""
    own = dependencies(request)
    sent = parse(ProcedureIn, await read_body(request, own.settings.max_body_bytes))
    new = await own.registry.create(caller, PROCEDURE, Entry(sent.procedure_code, sent.details, sent.span))
    return changed(procedure_out(new), 201, f"/v1/procedures/{new.entry_id}")


@router.get("/v1/procedures", response_model=ProcedurePage, openapi_extra=operation())
async def list_procedures(
    request: Request,
    _caller: RegistryReader,
    limit: Limit = 50,
    cursor: Cursor = None,
    sort: Annotated[_ProcedureSort, Query(description="By code, ascending or descending.")] = "procedure_code",
    fields: ListedProcedureFields = None,
) -> Response:
    """List procedures.

    The order is total. Following `next_cursor` with the same parameters gives each procedure that was there at the
    beginning once.
    """
    page = await dependencies(request).registry.page(
        PROCEDURE,
        filters={},
        after=None if cursor is None else read_cursor(cursor),
        limit=limit,
        descending=sort.startswith("-"),
    )
    shown = [procedure_out(one) for one in page.items]
    listed = ProcedurePage(procedures=shown, next_cursor=write_cursor(page.next_place))
    return json_response(listed, fields=_LISTED.chosen(fields))


@router.get("/v1/procedures/{procedure_code}", response_model=ProcedureOut, openapi_extra=operation())
async def get_procedure(
    request: Request,
    _caller: RegistryReader,
    procedure_code: ProcedurePath,
    known_at: ProcedureKnownAt = None,
    fields: ProcedureFields = None,
) -> Response:
    """Read a procedure, as it is or as it was stored at an instant."""
    entry = await dependencies(request).registry.get(PROCEDURE, procedure_code, known_at)
    return json_response(procedure_out(entry), fields=_PROCEDURE.chosen(fields))


@router.put("/v1/procedures/{procedure_code}", response_model=ProcedureOut, openapi_extra=changing(ProcedureUpdate))
async def update_procedure(
    request: Request, caller: RegistryWriter, procedure_code: ProcedurePath, if_match: RequiredIfMatch
) -> Response:
    """Replace what is stated of a procedure and the days of its latest period; earlier periods and states are kept."""
    own = dependencies(request)
    sent = parse(ProcedureUpdate, await read_body(request, own.settings.max_body_bytes))
    entry = await own.registry.update(caller, PROCEDURE, procedure_code, sent.details, sent.span, if_match)
    return changed(procedure_out(entry))


@router.post("/v1/procedures/{procedure_code}/end", response_model=ProcedureOut, openapi_extra=changing(EndIn))
async def end_procedure(
    request: Request, caller: RegistryWriter, procedure_code: ProcedurePath, if_match: IfMatch = None
) -> Response:
    """End the validity of a procedure: a claim with a later service goes to review."""
    own = dependencies(request)
    sent = parse(EndIn, await read_body(request, own.settings.max_body_bytes))
    return changed(procedure_out(await own.registry.end(caller, PROCEDURE, procedure_code, sent.ending, if_match)))


@router.post(
    "/v1/procedures/{procedure_code}/periods",
    status_code=201,
    response_model=ProcedureOut,
    openapi_extra=changing(PeriodIn, status=201),
)
async def add_period_of_procedure(
    request: Request, caller: RegistryWriter, procedure_code: ProcedurePath, if_match: IfMatch = None
) -> Response:
    """Add a period in which it may be billed, which must not overlap another one of the procedure."""
    own = dependencies(request)
    sent = parse(PeriodIn, await read_body(request, own.settings.max_body_bytes))
    return changed(
        procedure_out(await own.registry.add_period(caller, PROCEDURE, procedure_code, sent.span, if_match)), 201
    )
