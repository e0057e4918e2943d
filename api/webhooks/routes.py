"""Webhooks over HTTP."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import AfterValidator
from starlette.responses import Response

from api.dependencies import WebhooksCaller, dependencies
from api.errors import Conflict, OutcomeUnknown, PreconditionFailed
from api.fields import PlainNumber, as_claim_id
from api.openapi import SuccessResponse, operation
from api.paging import read_cursor, write_cursor
from api.requests import parse, read_body
from api.responses import json_response
from api.sparse_fields import SparseFields
from api.webhooks.records import DeliveryStatus
from api.webhooks.responses import (
    DeliveryDetailsOut,
    DeliveryOut,
    DeliveryPage,
    EndpointList,
    EndpointOut,
    EndpointSecretOut,
    ReplayOut,
)
from api.webhooks.schemas import EndpointChangeIn, EndpointIn, ReplayIn, SecretRotationIn, TrialEventIn

router = APIRouter(tags=["webhooks"])
MAX_DELIVERIES = 100
_LISTED = SparseFields(DeliveryPage, "deliveries")
ListedDeliveryFields = Annotated[Annotated[str, _LISTED.check] | None, _LISTED.query]

EndpointId = Annotated[
    str,
    Path(description="Id of the endpoint.", examples=["hook_01m86p3ap6yntdyk7shqjq4hs9"]),
    AfterValidator(as_claim_id),
]
DeliveryId = Annotated[
    str,
    Path(description="Id of the delivery.", examples=["dlv_01m86p3ap6yntdyk7shqjq4hs9"]),
    AfterValidator(as_claim_id),
]


@router.post(
    "/v1/webhook-endpoints",
    status_code=201,
    response_model=EndpointSecretOut,
    openapi_extra=operation(body=EndpointIn, errors=[Conflict], success=SuccessResponse(201, headers=["Location"])),
)
async def register_webhook_endpoint(request: Request, caller: WebhooksCaller) -> Response:
    """Register a receiver of events. The response has its secret, which is shown once.

    Events are sent from then on. A URL can be registered once, so a repeated request is refused and adds nothing.
    """
    own = dependencies(request)
    sent = parse(EndpointIn, await read_body(request, own.settings.max_body_bytes))
    endpoint, secrets, secret = await own.webhooks.register(caller, sent)
    response = json_response(EndpointSecretOut.with_secret(endpoint, secrets, secret), 201)
    response.headers["Location"] = f"/v1/webhook-endpoints/{endpoint.endpoint_id}"
    return response


@router.get("/v1/webhook-endpoints", response_model=EndpointList, openapi_extra=operation())
async def list_webhook_endpoints(request: Request, _caller: WebhooksCaller) -> Response:
    """List the receivers of events, the oldest first."""
    found = await dependencies(request).webhooks.all()
    return json_response(EndpointList(endpoints=[EndpointOut.of(*one) for one in found]))


@router.get("/v1/webhook-endpoints/{endpoint_id}", response_model=EndpointOut, openapi_extra=operation())
async def get_webhook_endpoint(request: Request, _caller: WebhooksCaller, endpoint_id: EndpointId) -> Response:
    """Read a receiver of events."""
    return json_response(EndpointOut.of(*await dependencies(request).webhooks.get(endpoint_id)))


@router.patch(
    "/v1/webhook-endpoints/{endpoint_id}",
    response_model=EndpointOut,
    openapi_extra=operation(body=EndpointChangeIn, errors=[Conflict, PreconditionFailed]),
)
async def change_webhook_endpoint(request: Request, caller: WebhooksCaller, endpoint_id: EndpointId) -> Response:
    """Change a receiver of events, or enable or disable it. Deliveries of a disabled one fail, and can be replayed."""
    own = dependencies(request)
    sent = parse(EndpointChangeIn, await read_body(request, own.settings.max_body_bytes))
    if_match = request.headers.get("if-match")
    return json_response(EndpointOut.of(*await own.webhooks.change(caller, endpoint_id, sent, if_match)))


@router.delete(
    "/v1/webhook-endpoints/{endpoint_id}",
    status_code=204,
    response_model=None,
    openapi_extra=operation(errors=[PreconditionFailed, OutcomeUnknown], success=SuccessResponse(204)),
)
async def delete_webhook_endpoint(request: Request, caller: WebhooksCaller, endpoint_id: EndpointId) -> Response:
    """Delete a receiver of events with its deliveries."""
    await dependencies(request).webhooks.delete(caller, endpoint_id, request.headers.get("if-match"))
    return Response(status_code=204)


@router.post(
    "/v1/webhook-endpoints/{endpoint_id}/rotate-secret",
    response_model=EndpointSecretOut,
    openapi_extra=operation(body=SecretRotationIn, errors=[Conflict]),
)
async def rotate_webhook_secret(request: Request, caller: WebhooksCaller, endpoint_id: EndpointId) -> Response:
    """Make a new secret, which is shown once. Webhooks are signed with both secrets while they overlap."""
    own = dependencies(request)
    sent = parse(SecretRotationIn, await read_body(request, own.settings.max_body_bytes))
    rotated = await own.webhooks.rotate(caller, endpoint_id, timedelta(hours=sent.overlap_hours))
    return json_response(EndpointSecretOut.with_secret(*rotated))


@router.post(
    "/v1/webhook-endpoints/{endpoint_id}/test",
    status_code=201,
    response_model=DeliveryOut,
    openapi_extra=operation(body=TrialEventIn, errors=[Conflict], success=SuccessResponse(201)),
)
async def send_test_event(request: Request, _caller: WebhooksCaller, endpoint_id: EndpointId) -> Response:
    """Send an event that is marked as a test, also of a type that the endpoint did not choose."""
    own = dependencies(request)
    sent = parse(TrialEventIn, await read_body(request, own.settings.max_body_bytes))
    return json_response(DeliveryOut.model_validate(await own.webhooks.try_out(endpoint_id, sent.event)), 201)


@router.post(
    "/v1/webhook-endpoints/{endpoint_id}/replay",
    response_model=ReplayOut,
    openapi_extra=operation(body=ReplayIn, errors=[Conflict]),
)
async def replay_deliveries(request: Request, caller: WebhooksCaller, endpoint_id: EndpointId) -> Response:
    """Send one delivery again, or every failed one since an instant, under the same `webhook-id`."""
    own = dependencies(request)
    sent = parse(ReplayIn, await read_body(request, own.settings.max_body_bytes))
    replayed, more = await own.webhooks.replay(caller, endpoint_id, sent)
    return json_response(ReplayOut(replayed=replayed, more=more))


@router.get("/v1/webhook-endpoints/{endpoint_id}/deliveries", response_model=DeliveryPage, openapi_extra=operation())
async def list_deliveries(
    request: Request,
    _caller: WebhooksCaller,
    endpoint_id: EndpointId,
    status: Annotated[
        Literal["pending", "delivered", "failed"] | None, Query(description="Only deliveries with this status.")
    ] = None,
    limit: Annotated[int, PlainNumber, Query(ge=1, le=MAX_DELIVERIES, description="Deliveries on a page.")] = 50,
    cursor: Annotated[str | None, Query(max_length=200, description="`next_cursor` of the previous page.")] = None,
    fields: ListedDeliveryFields = None,
) -> Response:
    """List the deliveries of an endpoint, the newest first. They are kept for 30 days."""
    page = await dependencies(request).webhooks.deliveries(
        endpoint_id,
        status=None if status is None else DeliveryStatus(status),
        after=None if cursor is None else read_cursor(cursor),
        limit=limit,
    )
    shown = [DeliveryOut.model_validate(one) for one in page.items]
    listed = DeliveryPage(deliveries=shown, next_cursor=write_cursor(page.next_place))
    return json_response(listed, fields=_LISTED.chosen(fields))


@router.get("/v1/webhook-deliveries/{delivery_id}", response_model=DeliveryDetailsOut, openapi_extra=operation())
async def get_delivery(request: Request, _caller: WebhooksCaller, delivery_id: DeliveryId) -> Response:
    """Read a delivery: what is sent, and each attempt with its status, error and duration."""
    delivery, body, attempts = await dependencies(request).webhooks.delivery(delivery_id)
    return json_response(DeliveryDetailsOut.of(delivery, body, attempts))
