"""Prior authorizations over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import AfterValidator
from starlette.responses import Response

from api.authorizations.responses import (
    AuthorizationOut,
    AuthorizationPage,
    AuthorizationUseOut,
    authorization_out,
    use_out,
)
from api.authorizations.schemas import AuthorizationIn, AuthorizationUpdate
from api.dependencies import RegistryReader, RegistryWriter, dependencies
from api.entries import Cursor, IfMatch, KnownAt, Limit, RequiredIfMatch, changed, changing, creating
from api.fields import as_claim_id
from api.openapi import operation
from api.paging import read_cursor, write_cursor
from api.registry import EndIn
from api.requests import parse, read_body
from api.responses import json_response
from api.sparse_fields import SparseFields
from claims.prior_authorization import AuthorizationState

router = APIRouter(tags=["authorizations"])

_LISTED = SparseFields(AuthorizationPage, "authorizations")
_AUTHORIZATION = SparseFields(AuthorizationOut)
ListedAuthorizationFields = Annotated[Annotated[str, _LISTED.check] | None, _LISTED.query]
AuthorizationFields = Annotated[Annotated[str, _AUTHORIZATION.check] | None, _AUTHORIZATION.query]

_Number = Annotated[
    str,
    Path(description="Number of the authorization.", examples=["AUTH-20260302-1"]),
    AfterValidator(as_claim_id),
]


@router.post(
    "/v1/authorizations", status_code=201, response_model=AuthorizationOut, openapi_extra=creating(AuthorizationIn)
)
async def create_authorization(request: Request, caller: RegistryWriter) -> Response:
    """Create a prior authorization of a member."""
    own = dependencies(request)
    sent = parse(AuthorizationIn, await read_body(request, own.settings.max_body_bytes))
    new = await own.authorizations.create(caller, sent.of(sent.authorization_number, sent.member_id))
    return changed(authorization_out(new), 201, f"/v1/authorizations/{new.number}")


@router.get("/v1/authorizations", response_model=AuthorizationPage, openapi_extra=operation())
async def list_authorizations(
    request: Request,
    _caller: RegistryReader,
    limit: Limit = 50,
    cursor: Cursor = None,
    member_id: Annotated[str | None, Query(max_length=64, description="Only those of this member.")] = None,
    provider_id: Annotated[str | None, Query(max_length=64, description="Only those for this provider.")] = None,
    state: Annotated[AuthorizationState | None, Query(description="Only those in this state.")] = None,
    fields: ListedAuthorizationFields = None,
) -> Response:
    """List prior authorizations by number.

    The order is total. Following `next_cursor` with the same parameters gives each authorization that was there at the
    beginning once.
    """
    requested = {"member_id": member_id, "provider_id": provider_id, "state": None if state is None else state.value}
    page = await dependencies(request).authorizations.page(
        filters={name: value for name, value in requested.items() if value is not None},
        after=None if cursor is None else read_cursor(cursor),
        limit=limit,
    )
    shown = [authorization_out(one) for one in page.items]
    listed = AuthorizationPage(authorizations=shown, next_cursor=write_cursor(page.next_place))
    return json_response(listed, fields=_LISTED.chosen(fields))


@router.get("/v1/authorizations/{authorization_number}", response_model=AuthorizationOut, openapi_extra=operation())
async def get_authorization(
    request: Request,
    _caller: RegistryReader,
    authorization_number: _Number,
    known_at: KnownAt = None,
    fields: AuthorizationFields = None,
) -> Response:
    """Read a prior authorization, as it is or as it was stored at an instant."""
    found = await dependencies(request).authorizations.get(authorization_number, known_at)
    return json_response(authorization_out(found), fields=_AUTHORIZATION.chosen(fields))


@router.get(
    "/v1/authorizations/{authorization_number}/use", response_model=AuthorizationUseOut, openapi_extra=operation()
)
async def get_authorization_use(request: Request, _caller: RegistryReader, authorization_number: _Number) -> Response:
    """Read what claims have used of a prior authorization, and what is left of it."""
    return json_response(use_out(await dependencies(request).authorizations.use(authorization_number)))


@router.put(
    "/v1/authorizations/{authorization_number}",
    response_model=AuthorizationOut,
    openapi_extra=changing(AuthorizationUpdate),
)
async def update_authorization(
    request: Request, caller: RegistryWriter, authorization_number: _Number, if_match: RequiredIfMatch
) -> Response:
    """Replace what is stated of a prior authorization; its member stays, and earlier states are kept."""
    own = dependencies(request)
    sent = parse(AuthorizationUpdate, await read_body(request, own.settings.max_body_bytes))
    stated = sent.of(authorization_number, member_id="")
    return changed(authorization_out(await own.authorizations.update(caller, authorization_number, stated, if_match)))


@router.post(
    "/v1/authorizations/{authorization_number}/end", response_model=AuthorizationOut, openapi_extra=changing(EndIn)
)
async def end_authorization(
    request: Request, caller: RegistryWriter, authorization_number: _Number, if_match: IfMatch = None
) -> Response:
    """End a prior authorization: it is for no service after the last day."""
    own = dependencies(request)
    sent = parse(EndIn, await read_body(request, own.settings.max_body_bytes))
    ended = await own.authorizations.end(caller, authorization_number, sent.ending, if_match)
    return changed(authorization_out(ended))
