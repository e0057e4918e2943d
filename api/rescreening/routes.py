"""Findings of re-screening over HTTP."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from api.dependencies import FindingsCaller, ScoresCaller, dependencies
from api.errors import Conflict
from api.fields import PlainNumber
from api.openapi import operation
from api.paging import read_cursor, write_cursor
from api.requests import parse, read_body
from api.rescreening import service
from api.rescreening.records import ClosingReason
from api.rescreening.responses import CauseName, RescreeningFindingList, RescreeningFindingOut
from api.rescreening.schemas import RescreeningCloseIn
from api.responses import json_response
from api.sparse_fields import SparseFields

router = APIRouter(tags=["reviews"])

MAX_FINDINGS = 200
_LISTED = SparseFields(RescreeningFindingList, "findings")
FindingId = Annotated[
    str, Path(max_length=64, description="Id of the finding.", examples=["rsf_01m86p3ap6yntdyk7shqjq4hs9"])
]


@router.get("/v1/rescreening-findings", response_model=RescreeningFindingList, openapi_extra=operation())
async def list_rescreening_findings(
    request: Request,
    _caller: ScoresCaller,
    limit: Annotated[int, PlainNumber, Query(ge=1, le=MAX_FINDINGS, description="Findings on a page.")] = 50,
    cursor: Annotated[str | None, Query(max_length=200, description="`next_cursor` of the previous page.")] = None,
    cause: Annotated[CauseName | None, Query(description="Only findings of this kind of change.")] = None,
    claim_id: Annotated[str | None, Query(max_length=64, description="Only findings about this claim.")] = None,
    provider_id: Annotated[
        str | None, Query(max_length=64, description="Only findings about claims of this provider.")
    ] = None,
    status: Annotated[
        Literal["open", "closed"] | None, Query(description="Only open, or only closed findings.")
    ] = None,
    fields: Annotated[Annotated[str, _LISTED.check] | None, _LISTED.query] = None,
) -> Response:
    """List what differs, after changes of lists, prices, registries and eligibility, from how claims were decided.

    The newest first. No claim is changed by a finding.
    """
    requested = {"kind": cause, "claim_id": claim_id, "provider_id": provider_id}
    own = dependencies(request)
    page = await service.rescreening_findings(
        own.database,
        own.field_keys,
        filters={name: value for name, value in requested.items() if value is not None},
        is_open=None if status is None else status == "open",
        after=None if cursor is None else read_cursor(cursor),
        limit=limit,
    )
    shown = [RescreeningFindingOut.of(one) for one in page.items]
    listed = RescreeningFindingList(findings=shown, next_cursor=write_cursor(page.next_place))
    return json_response(listed, fields=_LISTED.chosen(fields))


@router.post(
    "/v1/rescreening-findings/{finding_id}/close",
    response_model=RescreeningFindingOut,
    openapi_extra=operation(body=RescreeningCloseIn, errors=[Conflict]),
)
async def close_finding(request: Request, caller: FindingsCaller, finding_id: FindingId) -> Response:
    """Close a finding with a reason. It is closed once, by a named user; the claim is unchanged."""
    own = dependencies(request)
    sent = parse(RescreeningCloseIn, await read_body(request, own.settings.max_body_bytes))
    closed = await service.close_rescreening_finding(
        own.database, own.field_keys, caller, finding_id, ClosingReason(sent.reason), sent.note
    )
    return json_response(RescreeningFindingOut.of(closed))
