"""API keys over HTTP, for administrators."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import AfterValidator
from starlette.responses import Response

from api.dependencies import KeysCaller, dependencies
from api.errors import Conflict
from api.fields import PlainNumber, as_claim_id
from api.identity import Scope
from api.keys.responses import ApiKeyOut, ApiKeyPage, IssuedKeyOut
from api.keys.schemas import KeyIn, KeyRevocationIn, KeyRotationIn
from api.keys.service import KeyRequest
from api.openapi import SuccessResponse, operation
from api.paging import read_cursor, write_cursor
from api.requests import parse, read_body
from api.responses import json_response
from api.sparse_fields import SparseFields
from core import clock

router = APIRouter(tags=["keys"])

MAX_KEYS = 200
_LISTED = SparseFields(ApiKeyPage, "keys")
KeyId = Annotated[
    str, Path(description="Id of the key.", examples=["key_01m86p3ap6yntdyk7shqjq4hs9"]), AfterValidator(as_claim_id)
]


@router.post(
    "/v1/keys",
    status_code=201,
    response_model=IssuedKeyOut,
    openapi_extra=operation(body=KeyIn, success=SuccessResponse(201, headers=["Location"])),
)
async def create_key(request: Request, caller: KeysCaller) -> Response:
    """Create an API key. The response has its secret, which is shown once.

    Nobody can create a key that may do more than their own.
    """
    own = dependencies(request)
    sent = parse(KeyIn, await read_body(request, own.settings.max_body_bytes))
    new = KeyRequest(
        name=sent.name,
        role=sent.role,
        provider_id=sent.provider_id,
        member_id=sent.member_id,
        scopes=None if sent.scopes is None else frozenset(map(Scope, sent.scopes)),
        expires_at=clock.now() + timedelta(days=sent.expires_in_days),
    )
    issued = await own.keys.create(caller, new, may_give=caller.scopes)
    response = json_response(IssuedKeyOut.with_secret(issued.key, issued.secret, clock.now()), 201)
    response.headers["Location"] = f"/v1/keys/{issued.key.api_key_id}"
    return response


@router.get("/v1/keys", response_model=ApiKeyPage, openapi_extra=operation())
async def list_keys(
    request: Request,
    _caller: KeysCaller,
    limit: Annotated[int, PlainNumber, Query(ge=1, le=MAX_KEYS, description="Keys on a page.")] = 50,
    cursor: Annotated[str | None, Query(max_length=200, description="`next_cursor` of the previous page.")] = None,
    fields: Annotated[Annotated[str, _LISTED.check] | None, _LISTED.query] = None,
) -> Response:
    """List API keys without their secrets, the newest first; those that ended, too."""
    page = await dependencies(request).keys.page(after=None if cursor is None else read_cursor(cursor), limit=limit)
    at = clock.now()
    listed = ApiKeyPage(keys=[ApiKeyOut.of(key, at) for key in page.items], next_cursor=write_cursor(page.next_place))
    return json_response(listed, fields=_LISTED.chosen(fields))


@router.get("/v1/keys/{api_key_id}", response_model=ApiKeyOut, openapi_extra=operation())
async def get_key(request: Request, _caller: KeysCaller, api_key_id: KeyId) -> Response:
    """Read an API key, without its secret."""
    return json_response(ApiKeyOut.of(await dependencies(request).keys.get(api_key_id), clock.now()))


@router.post(
    "/v1/keys/{api_key_id}/rotate",
    status_code=201,
    response_model=IssuedKeyOut,
    openapi_extra=operation(body=KeyRotationIn, errors=[Conflict], success=SuccessResponse(201, headers=["Location"])),
)
async def rotate_key(request: Request, caller: KeysCaller, api_key_id: KeyId) -> Response:
    """Create a key like this one, which ends after the overlap. The response has the new secret, shown once."""
    own = dependencies(request)
    sent = parse(KeyRotationIn, await read_body(request, own.settings.max_body_bytes))
    issued, _ = await own.keys.rotate(
        caller,
        api_key_id,
        may_give=caller.scopes,
        overlap=timedelta(hours=sent.overlap_hours),
        expires_at=clock.now() + timedelta(days=sent.expires_in_days),
    )
    response = json_response(IssuedKeyOut.with_secret(issued.key, issued.secret, clock.now()), 201)
    response.headers["Location"] = f"/v1/keys/{issued.key.api_key_id}"
    return response


@router.post(
    "/v1/keys/{api_key_id}/revoke",
    response_model=ApiKeyOut,
    openapi_extra=operation(body=KeyRevocationIn, body_required=False, errors=[Conflict]),
)
async def revoke_key(request: Request, caller: KeysCaller, api_key_id: KeyId) -> Response:
    """Revoke a key. No process accepts it five seconds later; what was accepted from it before is carried out."""
    own = dependencies(request)
    body = await read_body(request, own.settings.max_body_bytes)
    if body:
        parse(KeyRevocationIn, body)
    return json_response(ApiKeyOut.of(await own.keys.revoke(caller, api_key_id), clock.now()))
