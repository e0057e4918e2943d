"""Claims over HTTP."""

import base64
import binascii
import json
import re
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.dependencies import dependencies
from api.errors import Invalid
from api.identity.roles import Scope
from api.intake.schemas import ClaimIn, ClaimOut, ClaimPage, VoidIn, claim_id_in_path
from api.intake.service import REPLAYED
from api.openapi import body_of
from api.requests import parse, read_body
from core import clock

router = APIRouter(tags=["claims"])

_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_MAX_LISTED = 200


@router.post("/v1/claims", status_code=201, response_model=ClaimOut, openapi_extra=body_of(ClaimIn))
@router.post("/claims", status_code=201, response_model=ClaimOut, include_in_schema=False)
async def submit(request: Request) -> Response:
    """Submit a claim and get its decision.

    Send an `Idempotency-Key` header, and the same request may be sent again: it gets the same answer, byte for byte.
    """
    own = dependencies(request)
    caller = await own.authenticator.admit(request, Scope.SUBMIT)
    key = idempotency_key(request)
    body = await read_body(request, own.settings.max_body_bytes)
    answered = await own.intake.submit(caller, parse(ClaimIn, body), body, key)
    headers = dict(REPLAYED) if answered.replayed else {}
    if answered.claim_id is not None:
        headers["Location"] = f"/v1/claims/{answered.claim_id}"
    return Response(answered.body, answered.status, headers, "application/json")


@router.get("/v1/claims", response_model=ClaimPage)
async def list_claims(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=_MAX_LISTED)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    status: Annotated[str | None, Query(max_length=32)] = None,
    member_id: Annotated[str | None, Query(max_length=64)] = None,
    provider_id: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """Claims, newest first. A provider sees its own."""
    own = dependencies(request)
    caller = await own.authenticator.admit(request, Scope.READ)
    wanted = {"status": status, "member_id": member_id, "provider_id": provider_id}
    filters = {name: value for name, value in wanted.items() if value is not None}
    if any("\0" in value for value in filters.values()):
        raise Invalid.field("query", "a parameter holds a NUL character; leave it out")
    before = None if cursor is None else read_cursor(cursor)
    claims, after = await own.intake.page(caller, before=before, limit=limit, filters=filters)
    return _json({"claims": claims, "next_cursor": None if after is None else write_cursor(after)})


@router.get("/v1/claims/{claim_id}", response_model=ClaimOut)
async def get_claim(request: Request, claim_id: str) -> Response:
    """A claim as it stands."""
    own = dependencies(request)
    caller = await own.authenticator.admit(request, Scope.READ)
    return _json(await own.intake.get(caller, claim_id_in_path(claim_id)))


@router.get("/v1/claims/{claim_id}/explanation")
async def explain(request: Request, claim_id: str) -> Response:
    """Everything that was known and judged of a claim: vector, contributions, reasons, and every earlier assessment."""
    own = dependencies(request)
    caller = await own.authenticator.admit(request, Scope.SCORES)
    return _json(await own.intake.explanation(caller, claim_id_in_path(claim_id)))


@router.post("/v1/claims/{claim_id}/void", response_model=ClaimOut, openapi_extra=body_of(VoidIn, required=False))
async def void(request: Request, claim_id: str) -> Response:
    """Take a claim back. To correct one, submit the right one with `replaces` instead."""
    own = dependencies(request)
    caller = await own.authenticator.admit(request, Scope.VOID)
    body = await read_body(request, own.settings.max_body_bytes)
    sent = parse(VoidIn, body) if body else VoidIn()
    return _json(await own.intake.void(caller, claim_id_in_path(claim_id), sent.reason))


def _json(answer: Any) -> Response:
    return Response(json.dumps(answer, ensure_ascii=False, allow_nan=False).encode(), media_type="application/json")


def idempotency_key(request: Request) -> str | None:
    """The request's Idempotency-Key, if it has one; raises `Invalid`."""
    key = request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise Invalid.field("Idempotency-Key", "is 1 to 255 printable ASCII characters without spaces")
    return key


def write_cursor(place: tuple[datetime, str]) -> str:
    """A place in a list, as a client sends it back."""
    return base64.urlsafe_b64encode(f"{clock.micros(place[0])}:{place[1]}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, str]:
    """The place that a cursor names; raises `Invalid`."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
        micros, _, claim_id = text.partition(":")
        if not claim_id or not claim_id.isprintable():
            raise ValueError(claim_id)
        return clock.from_micros(int(micros)), claim_id
    except (ValueError, binascii.Error, OverflowError):
        raise Invalid.field("cursor", "is not one of ours; send `next_cursor` of the page before as it is") from None
