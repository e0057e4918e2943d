"""Claims over HTTP."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import JsonValue
from starlette.responses import Response

from api.dependencies import ClaimsReader, Explainer, SubmitCaller, VoidCaller, dependencies
from api.errors import Conflict, KeyQueueFull, MemberQueueFull
from api.fields import ClaimId, PlainNumber
from api.intake.records import ClaimOrder
from api.intake.responses import OF_SCORES, ClaimOut, ClaimPage, ClaimStatus, ExplanationOut
from api.intake.schemas import ClaimIn, VoidIn
from api.openapi import SuccessResponse, operation
from api.paging import read_cursor, write_cursor
from api.replies import reply_response
from api.requests import idempotency_key, parse, read_body, responds_async
from api.responses import json_response
from api.sent_body import sent_body
from api.sparse_fields import SparseFields
from api.tasks import DECIDE_CLAIM, TaskOut, accepted_response

router = APIRouter(tags=["claims"])

MAX_LISTED = 200
_LISTED = SparseFields(ClaimPage, "claims", of_scores=OF_SCORES)
_CLAIM = SparseFields(ClaimOut, of_scores=OF_SCORES)
_EXPLANATION = SparseFields(ExplanationOut)
ListedClaimFields = Annotated[Annotated[str, _LISTED.check] | None, _LISTED.query]
ClaimFields = Annotated[Annotated[str, _CLAIM.check] | None, _CLAIM.query]
ExplanationFields = Annotated[Annotated[str, _EXPLANATION.check] | None, _EXPLANATION.query]
ClaimSort = Literal["-received_at", "received_at"]
"""Orders that an index has; each is total, by the claim id."""
_EXAMPLE: dict[str, JsonValue] = {
    "claim_id": "clm_01m86p3ap6yntdyk7shqjq4hs9",
    "status": "approved",
    "member_id": "M123",
    "provider_id": "H456",
    "diagnosis_code": "D001",
    "procedure_code": "P001",
    "service_from": "2026-11-24",
    "service_to": "2026-11-24",
    "received_at": "2026-11-24T11:47:14.246237Z",
    "claim_amount": 5000.0,
    "approved_amount": 5000.0,
    "replaces": None,
    "voided_at": None,
    "payment": None,
    "attributes": {},
    "decision": None,
    "notice": {
        "decided_by": "automatic",
        "reviewed_by": None,
        "reviewer_role": None,
        "model_used": True,
        "contract_findings": [],
    },
    "prompt_pay": None,
    "reasons": [],
}
_SUBMIT = operation(
    body=ClaimIn,
    errors=[Conflict, MemberQueueFull, KeyQueueFull],
    success=SuccessResponse(201, headers=["Location"], example=_EXAMPLE),
    later=SuccessResponse(202, headers=["Location", "Preference-Applied", "Retry-After"]),
)


@router.post(
    "/v1/claims",
    status_code=201,
    response_model=ClaimOut,
    responses={202: {"model": TaskOut, "description": "With `Prefer: respond-async`: the claim is decided later."}},
    openapi_extra=_SUBMIT,
)
@router.post("/claims", status_code=201, response_model=ClaimOut, include_in_schema=False)
async def submit_claim(request: Request, caller: SubmitCaller) -> Response:
    """Submit a claim and get its decision.

    With an `Idempotency-Key` header the same request can be repeated: it gets the same response, byte for byte. With
    `Prefer: respond-async` the claim is checked and stored as a task, which `Location` names, and decided later.
    """
    own = dependencies(request)
    key, later = idempotency_key(request), responds_async(request)
    body = await read_body(request, own.settings.max_body_bytes)
    sent = parse(ClaimIn, body)
    if later:
        await own.intake.check(caller, sent)
        return accepted_response(await own.tasks.add(caller, DECIDE_CLAIM, body))
    return reply_response(await own.intake.submit(caller, sent, sent_body(request.scope) or body, key))


@router.get("/v1/claims", response_model=ClaimPage, openapi_extra=operation())
async def list_claims(
    request: Request,
    caller: ClaimsReader,
    limit: Annotated[int, PlainNumber, Query(ge=1, le=MAX_LISTED, description="Claims on a page.")] = 50,
    cursor: Annotated[str | None, Query(max_length=200, description="`next_cursor` of the previous page.")] = None,
    status: Annotated[ClaimStatus | None, Query(description="Only claims with this status.")] = None,
    member_id: Annotated[str | None, Query(max_length=64, description="Only claims of this member.")] = None,
    provider_id: Annotated[str | None, Query(max_length=64, description="Only claims of this provider.")] = None,
    sort: Annotated[
        ClaimSort, Query(description="`-received_at`: newest first. `received_at`: oldest first, to 60 s ago.")
    ] = "-received_at",
    fields: ListedClaimFields = None,
) -> Response:
    """List claims, newest first. A provider's key lists that provider's claims, a member's key that member's.

    The order is total, by time of receipt and id. Following `next_cursor` with the same parameters gives each claim
    that was there at the beginning once, whatever is added meanwhile.
    """
    requested = {"status": status, "member_id": member_id, "provider_id": provider_id}
    filters: dict[str, str] = {name: value for name, value in requested.items() if value is not None}
    after = None if cursor is None else read_cursor(cursor)
    page = await dependencies(request).intake.page(
        caller, after=after, limit=limit, filters=filters, order=ClaimOrder(sort)
    )
    listed = ClaimPage(claims=page.items, next_cursor=write_cursor(page.next_place))
    return json_response(listed, fields=_LISTED.chosen_by(caller, fields))


@router.get("/v1/claims/{claim_id}", response_model=ClaimOut, openapi_extra=operation())
async def get_claim(request: Request, caller: ClaimsReader, claim_id: ClaimId, fields: ClaimFields = None) -> Response:
    """Read a claim with its latest assessment and decision."""
    claim = await dependencies(request).intake.get(caller, claim_id)
    return json_response(claim, fields=_CLAIM.chosen_by(caller, fields))


@router.get("/v1/claims/{claim_id}/explanation", response_model=ExplanationOut, openapi_extra=operation())
async def explain_claim(
    request: Request, caller: Explainer, claim_id: ClaimId, fields: ExplanationFields = None
) -> Response:
    """Explain a claim: its lines and every assessment with vector, contributions and reasons, oldest first."""
    explanation = await dependencies(request).intake.explanation(caller, claim_id)
    return json_response(explanation, fields=_EXPLANATION.chosen(fields))


@router.post(
    "/v1/claims/{claim_id}/void",
    response_model=ClaimOut,
    openapi_extra=operation(body=VoidIn, body_required=False, errors=[Conflict]),
)
async def void_claim(request: Request, caller: VoidCaller, claim_id: ClaimId) -> Response:
    """Void a claim. To correct one, submit the corrected claim with `replaces` instead."""
    own = dependencies(request)
    body = await read_body(request, own.settings.max_body_bytes)
    sent = parse(VoidIn, body) if body else VoidIn()
    return reply_response(await own.intake.void(caller, claim_id, sent.reason))
