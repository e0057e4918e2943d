"""Signing keys over HTTP, for administrators."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import AfterValidator
from starlette.responses import Response

from api.dependencies import KeysCaller, dependencies
from api.entries import Cursor, Limit
from api.errors import Conflict
from api.fields import as_claim_id
from api.openapi import SuccessResponse, operation
from api.paging import read_cursor, write_cursor
from api.request_signing.responses import SigningKeyOut, SigningKeyPage
from api.request_signing.schemas import SigningKeyIn, SigningKeyRevocationIn
from api.request_signing.service import SigningKeyRequest
from api.requests import parse, read_body
from api.responses import json_response
from api.sparse_fields import SparseFields
from core import clock

router = APIRouter(tags=["keys"])

_LISTED = SparseFields(SigningKeyPage, "keys")
ListedSigningKeyFields = Annotated[Annotated[str, _LISTED.check] | None, _LISTED.query]
SigningKeyId = Annotated[
    str,
    Path(description="Id of the signing key.", examples=["sgk_01m86p3ap6yntdyk7shqjq4hs9"]),
    AfterValidator(as_claim_id),
]


@router.post(
    "/v1/signing-keys",
    status_code=201,
    response_model=SigningKeyOut,
    openapi_extra=operation(body=SigningKeyIn, errors=[Conflict], success=SuccessResponse(201, headers=["Location"])),
)
async def create_signing_key(request: Request, caller: KeysCaller) -> Response:
    """Register a public key with which an API key or a user signs requests.

    Nobody can register one for an actor that may do more than they may.
    """
    own = dependencies(request)
    sent = parse(SigningKeyIn, await read_body(request, own.settings.max_body_bytes))
    ends = clock.now() + timedelta(days=sent.expires_in_days)
    new = SigningKeyRequest(sent.actor_id, sent.public_key, sent.name, ends)
    key = await own.request_signing_keys.create(caller, new, may_give=caller.scopes)
    response = json_response(SigningKeyOut.of(key, clock.now()), 201)
    response.headers["Location"] = f"/v1/signing-keys/{key.signing_key_id}"
    return response


@router.get("/v1/signing-keys", response_model=SigningKeyPage, openapi_extra=operation())
async def list_signing_keys(
    request: Request,
    _caller: KeysCaller,
    actor_id: Annotated[str | None, Query(max_length=64, description="Those of one API key or user.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    fields: ListedSigningKeyFields = None,
) -> Response:
    """List signing keys, the newest first; those that ended, too."""
    after = None if cursor is None else read_cursor(cursor)
    page = await dependencies(request).request_signing_keys.page(after=after, limit=limit, actor_id=actor_id)
    at = clock.now()
    shown = [SigningKeyOut.of(key, at) for key in page.items]
    listed = SigningKeyPage(keys=shown, next_cursor=write_cursor(page.next_place))
    return json_response(listed, fields=_LISTED.chosen(fields))


@router.get("/v1/signing-keys/{signing_key_id}", response_model=SigningKeyOut, openapi_extra=operation())
async def get_signing_key(request: Request, _caller: KeysCaller, signing_key_id: SigningKeyId) -> Response:
    """Read a signing key."""
    key = await dependencies(request).request_signing_keys.get(signing_key_id)
    return json_response(SigningKeyOut.of(key, clock.now()))


@router.post(
    "/v1/signing-keys/{signing_key_id}/revoke",
    response_model=SigningKeyOut,
    openapi_extra=operation(body=SigningKeyRevocationIn, body_required=False, errors=[Conflict]),
)
async def revoke_signing_key(request: Request, caller: KeysCaller, signing_key_id: SigningKeyId) -> Response:
    """Revoke a public key at once, of every actor that has it. It cannot be registered again."""
    own = dependencies(request)
    body = await read_body(request, own.settings.max_body_bytes)
    if body:
        parse(SigningKeyRevocationIn, body)
    key = await own.request_signing_keys.revoke(caller, signing_key_id)
    return json_response(SigningKeyOut.of(key, clock.now()))
