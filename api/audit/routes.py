"""The audit log over HTTP, for administrators: as entries, and as FHIR R4 AuditEvent. Reads are entries themselves."""

import json
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import AfterValidator, JsonValue
from starlette.responses import Response

from api.audit.fhir import audit_event
from api.audit.fhir_search import FhirAuditQuery
from api.audit.reading import check_purpose, check_stated, read_place
from api.audit.records import AuditFilter
from api.audit.responses import AuditEntryList, AuditEntryOut, AuditEntryWithChangeOut
from api.dependencies import AuditCaller, dependencies
from api.entries import Cursor, Limit
from api.fhir_bundles import BUNDLE_SCHEMA, CURSOR, FHIR, MAX_COUNT, resource_schema, searchset
from api.fields import Instant, PlainNumber, as_claim_id
from api.openapi import SuccessResponse, operation
from api.paging import write_cursor
from api.responses import json_response
from api.sparse_fields import SparseFields

router = APIRouter(tags=["audit"])

_LISTED = SparseFields(AuditEntryList, "entries")
_ENTRY = SparseFields(AuditEntryWithChangeOut)
EntryNumber = Annotated[str, Path(description="Number of the entry.", examples=["4711"]), AfterValidator(as_claim_id)]


def _text(description: str, name: str | None = None) -> object:
    return Query(alias=name, max_length=200, description=description)


@router.get("/v1/audit/events", response_model=AuditEntryList, openapi_extra=operation())
async def list_audit_entries(
    request: Request,
    _caller: AuditCaller,
    limit: Limit = 50,
    cursor: Cursor = None,
    actor: Annotated[str | None, _text("Only by this actor: the id of a key or user, or a name.")] = None,
    act: Annotated[str | None, _text("Only this act, such as `claim.read`.")] = None,
    subject: Annotated[str | None, _text("Only about this id of a claim, member or other subject.")] = None,
    outcome: Annotated[
        Literal["success", "denied", "not_found", "failed"] | None, Query(description="Only with this outcome.")
    ] = None,
    purpose: Annotated[str | None, _text("Only for this purpose of use.")] = None,
    since: Annotated[Instant | None, Query(description="Only from this instant on.")] = None,
    until: Annotated[Instant | None, Query(description="Only before this instant.")] = None,
    request_id: Annotated[str | None, _text("Only of this request.")] = None,
    fields: Annotated[Annotated[str, _LISTED.check] | None, _LISTED.query] = None,
) -> Response:
    """List entries of the audit log, the latest first. The search is an entry itself."""
    chosen = AuditFilter(actor, act, subject, outcome, since, until, request_id, purpose)
    check_stated({"actor": actor, "act": act, "subject": subject, "purpose": purpose, "request_id": request_id})
    check_purpose(purpose)
    before = read_place("cursor", cursor)
    page = await dependencies(request).audit.page(chosen, before=before, limit=limit)
    listed = AuditEntryList(
        entries=[AuditEntryOut.of(one) for one in page.items], next_cursor=write_cursor(page.next_place)
    )
    return json_response(listed, fields=_LISTED.chosen(fields))


@router.get("/v1/audit/events/{audit_id}", response_model=AuditEntryWithChangeOut, openapi_extra=operation())
async def get_audit_entry(
    request: Request,
    caller: AuditCaller,
    audit_id: EntryNumber,
    fields: Annotated[Annotated[str, _ENTRY.check] | None, _ENTRY.query] = None,
) -> Response:
    """Read an entry of the audit log with what was before and after a change. The look is an entry itself."""
    found, change = await dependencies(request).audit.entry(caller, audit_id)
    return json_response(AuditEntryWithChangeOut.with_change(found, change), fields=_ENTRY.chosen(fields))


@router.get(
    "/v1/fhir/AuditEvent",
    response_class=Response,
    openapi_extra=operation(success=SuccessResponse(200, also={FHIR: {"schema": BUNDLE_SCHEMA}})),
)
async def search_audit_events(
    request: Request,
    _caller: AuditCaller,
    count: Annotated[
        int, PlainNumber, Query(alias="_count", ge=1, le=MAX_COUNT, description="AuditEvents on a page.")
    ] = 50,
    cursor: Annotated[
        str | None, Query(alias="_cursor", max_length=200, description="From the `next` link of a page.")
    ] = None,
    date: Annotated[
        list[str] | None,
        Query(
            description="When: a year, month, day or instant, with `eq`, `ge`, `gt`, `le`, `lt`, `sa` or `eb`; again "
            "for the other end."
        ),
    ] = None,
    agent: Annotated[str | None, _text("Id of the key or user.")] = None,
    agent_name: Annotated[str | None, _text("Name of the key or user.", "agent-name")] = None,
    agent_role: Annotated[str | None, _text("Role of the key or user.", "agent-role")] = None,
    address: Annotated[str | None, _text("Network address of the sender.")] = None,
    entity: Annotated[str | None, _text("Id of what it is about, also with its kind: `urn:ginja:member|M1`.")] = None,
    patient: Annotated[str | None, _text("Id of the member it is about.")] = None,
    subtype: Annotated[str | None, _text("The act, such as `claim.read`.")] = None,
    action: Annotated[str | None, _text("`C`, `R`, `U`, `D`, `E`; several separated by commas.")] = None,
    outcome: Annotated[str | None, _text("`0`, `4`, `8`; several separated by commas.")] = None,
    type_: Annotated[
        str | None, _text("`rest`, `110100`, `110106`, `110114`; several separated by commas.", "type")
    ] = None,
) -> Response:
    """Search the audit log as AuditEvents of FHIR R4, the latest first. The search is an entry itself."""
    sent = FhirAuditQuery(
        tuple(date or ()), agent, agent_name, agent_role, address, entity, patient, subtype, action, outcome, type_
    )
    before = read_place(CURSOR, cursor)
    page = await dependencies(request).audit.page(sent.chosen(), before=before, limit=count)
    events: list[JsonValue] = [audit_event(one) for one in page.items]
    found = searchset(events, request.url.path, request.query_params.multi_items(), write_cursor(page.next_place))
    return Response(json.dumps(found, ensure_ascii=False).encode(), media_type=FHIR)


@router.get(
    "/v1/fhir/AuditEvent/{audit_id}",
    response_class=Response,
    openapi_extra=operation(success=SuccessResponse(200, also={FHIR: {"schema": resource_schema("AuditEvent")}})),
)
async def get_audit_event(request: Request, _caller: AuditCaller, audit_id: EntryNumber) -> Response:
    """Read an entry of the audit log as an AuditEvent of FHIR R4, without what was before and after a change."""
    found = audit_event(await dependencies(request).audit.act(audit_id))
    return Response(json.dumps(found, ensure_ascii=False).encode(), media_type=FHIR)
