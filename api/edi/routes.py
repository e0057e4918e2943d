"""X12 over HTTP."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.dependencies import SubmitCaller, dependencies
from api.edi.responses import EdiReplyOut, acknowledgements, reply_out
from api.edi.service import take_claims
from api.errors import (
    DATABASE_ERRORS,
    BatchQueueFull,
    KeyQueueFull,
    MalformedBody,
    MemberQueueFull,
    NotX12,
    OutcomeUnknown,
    Overloaded,
)
from api.openapi import RawBody, SuccessResponse, operation
from api.requests import read_text
from api.responses import json_response
from api.turns import BATCH_HEADERS, batch_turn
from core import clock
from core.openapi_document import JsonSchema

router = APIRouter(tags=["claims"])

MAX_BYTES: Final = 4 * 1024 * 1024
MAX_CLAIMS: Final = 500
X12: Final = "application/edi-x12"
"""The registered media type of X12 (RFC 1767)."""
_FILE: Final[JsonSchema] = {
    "type": "string",
    "format": "binary",
    "description": "An interchange of 837 transaction sets, professional or institutional, 5010.",
    "examples": ["ISA*00*…"],
}
_TAKE = operation(
    raw=RawBody(X12, _FILE),
    errors=[
        *(MalformedBody, NotX12, MemberQueueFull, KeyQueueFull, BatchQueueFull, Overloaded, OutcomeUnknown),
        *DATABASE_ERRORS,
    ],
    success=SuccessResponse(
        200, headers=BATCH_HEADERS, also={X12: {"schema": {"type": "string", "description": "A 999 and a 277CA."}}}
    ),
)


@router.post("/v1/x12/837", response_model=EdiReplyOut, openapi_extra=_TAKE)
async def submit_x12_claims(request: Request, caller: SubmitCaller) -> Response:
    """Submit the claims of an X12 837 file and get the acknowledgements (999, 277CA).

    Each claim is decided as by `POST /v1/claims`, or refused with segment, code and reason; the others are taken. A
    claim is identified by its provider, number (CLM01) and frequency: a file can be sent again, and claims that were
    taken in the last seven days are reported as repeated. With `Accept: application/edi-x12` the answer is X12.
    """
    own = dependencies(request)
    async with batch_turn(own) as headers:
        body = await read_text(request, MAX_BYTES, X12)
        answer = await take_claims([body], own.intake, caller, own.live, max_claims=MAX_CLAIMS)
    if X12 in request.headers.get("accept", ""):
        response = Response(acknowledgements(answer, clock.now()), media_type=X12)
    else:
        response = json_response(reply_out(answer))
    response.headers.update(headers)
    return response
