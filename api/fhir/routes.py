"""FHIR routes."""

import json
from typing import Final, cast

from fastapi import APIRouter, Request
from pydantic import JsonValue
from starlette.responses import Response

from api.database import DATABASE_FAILURES
from api.dependencies import Dependencies, SubmitCaller, dependencies
from api.errors import ApiError, Conflict, KeyQueueFull, MemberQueueFull
from api.fhir.capabilities import METADATA, capability_statement
from api.fhir.handlers import QueuedFhirClaim
from api.fhir.service import FhirReply, check_claim, refusal, take_claim
from api.fhir_bundles import FHIR, resource_schema
from api.identity import Caller
from api.openapi import RawBody, SuccessResponse, operation
from api.problems import database_problem
from api.replies import location_of
from api.requests import idempotency_key, read_body, responds_async
from api.tasks import DECIDE_FHIR_CLAIM, TaskOut, accepted_response
from core.openapi_document import JsonSchema, OpenApiDocument

router = APIRouter(tags=["claims"])

_CLAIM: Final[JsonValue] = {
    "resourceType": "Claim",
    "identifier": [{"system": "urn:example:claims", "value": "PCN-201"}],
    "status": "active",
    "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "professional"}]},
    "use": "claim",
    "patient": {"identifier": {"value": "M123"}},
    "created": "2026-11-26",
    "provider": {"identifier": {"value": "H456"}},
    "priority": {"coding": [{"code": "normal"}]},
    "insurance": [{"sequence": 1, "focal": True, "coverage": {"display": "plan"}}],
    "diagnosis": [{"sequence": 1, "diagnosisCodeableConcept": {"coding": [{"code": "D003"}]}}],
    "item": [
        {
            "sequence": 1,
            "productOrService": {"coding": [{"code": "P003"}]},
            "servicedDate": "2026-11-03",
            "net": {"value": 395, "currency": "USD"},
        }
    ],
    "total": {"value": 395, "currency": "USD"},
}
_CAPABILITIES: Final[JsonSchema] = resource_schema("CapabilityStatement")
_SUBMIT = operation(
    raw=RawBody(FHIR, {**resource_schema("Claim"), "description": "A `Claim` of FHIR R4.", "examples": [_CLAIM]}),
    errors=[Conflict, MemberQueueFull, KeyQueueFull],
    success=SuccessResponse(
        201,
        headers=["Location"],
        also={FHIR: {"schema": resource_schema("ClaimResponse")}},
    ),
    later=SuccessResponse(202, headers=["Location", "Preference-Applied", "Retry-After"]),
    also_errors={FHIR: {"schema": resource_schema("OperationOutcome")}},
)


@router.post(
    "/v1/fhir/Claim",
    status_code=201,
    response_class=Response,
    responses={202: {"model": TaskOut, "description": "With `Prefer: respond-async`: the claim is decided later."}},
    openapi_extra=_SUBMIT,
)
async def submit_fhir_claim(request: Request, caller: SubmitCaller) -> Response:
    """Submit a FHIR R4 `Claim` and get its decision as a `ClaimResponse`.

    It is decided as by `POST /v1/claims`. What cannot be read or is refused is an `OperationOutcome` with the FHIRPath
    of each element. A claim with an identifier can be sent again: it gets the same answer for seven days.
    With `Prefer: respond-async` the claim is checked and stored as a task, which `Location` names, and decided later:
    the `ClaimResponse` is the `body` of the task's `response`.
    """
    own = dependencies(request)
    try:
        key = idempotency_key(request)
        body = await read_body(request, own.settings.max_body_bytes)
        if responds_async(request):
            return await _queued(own, caller, body, keyed=key is not None)
        reply = await take_claim(own.intake, caller, body, key)
    except ApiError as error:
        reply = refusal(error)
    except DATABASE_FAILURES as error:
        problem = database_problem(error)
        if problem is None:
            raise
        reply = refusal(problem)
    return _response(reply)


@router.get(
    METADATA,
    response_class=Response,
    openapi_extra=operation(success=SuccessResponse(200, also={FHIR: {"schema": _CAPABILITIES}})),
)
async def get_fhir_capabilities(request: Request) -> Response:
    """Read which resources of FHIR R4 the API has, and what can be done with each, as a `CapabilityStatement`."""
    stated = capability_statement(cast("OpenApiDocument", request.app.openapi()))
    return Response(json.dumps(stated, ensure_ascii=False).encode(), media_type=FHIR)


async def _queued(own: Dependencies, caller: Caller, body: bytes, *, keyed: bool) -> Response:
    found = await check_claim(own.intake, caller, body)
    if isinstance(found, FhirReply):
        return _response(found)
    assert found.resource is not None
    queued = QueuedFhirClaim(resource=found.resource, keyed=keyed)
    return accepted_response(await own.tasks.add(caller, DECIDE_FHIR_CLAIM, queued.stored()))


def _response(reply: FhirReply) -> Response:
    headers = dict(reply.headers)
    if reply.repeated:
        headers["Idempotency-Replayed"] = "true"
    if reply.claim_id is not None:
        headers.update(location_of(reply.claim_id))
    return Response(reply.body, reply.status, headers, FHIR)
