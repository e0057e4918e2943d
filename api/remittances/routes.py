"""Remittance advice over HTTP."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.dependencies import ReadCaller, dependencies
from api.errors import Conflict, Invalid
from api.fields import DAY_SCHEMA, parse_day
from api.openapi import SuccessResponse, operation
from api.remittances.responses import RemittanceOut, remittance_out, remittance_x12
from api.remittances.service import payer_of, remittance
from api.responses import json_response
from claims.money import MoneyError, parse_cents
from core import clock

router = APIRouter(tags=["claims"])

X12: Final = "application/edi-x12"
_READ = operation(
    errors=[Conflict],
    success=SuccessResponse(also={X12: {"schema": {"type": "string", "description": "An 835, 005010X221A1."}}}),
)


@router.get("/v1/remittances", response_model=RemittanceOut, openapi_extra=_READ)
async def get_remittance(
    request: Request,
    caller: ReadCaller,
    provider_id: Annotated[str, Query(max_length=64, description="The provider that is paid.", examples=["H456"])],
    first_day: Annotated[
        str,
        Query(
            max_length=10,
            description="Decided from this day on, YYYY-MM-DD.",
            examples=["2026-11-01"],
            json_schema_extra=DAY_SCHEMA,
        ),
    ],
    last_day: Annotated[
        str,
        Query(
            max_length=10, description="Decided up to this day.", examples=["2026-11-30"], json_schema_extra=DAY_SCHEMA
        ),
    ],
    balance_brought: Annotated[
        str,
        Query(
            max_length=20,
            description="`balance_forward` of the advice before: what it could not take back is taken from this one.",
            examples=["120.00"],
        ),
    ] = "0",
) -> Response:
    """Read the remittance advice of a provider: its claims decided over some days, with the payment of each line.

    A claim that was decided before these days, and voided, corrected or decided otherwise in them, is reversed: over
    days that follow one another, the sum of all remittances is what is paid now. With `Accept: application/edi-x12`
    it is an X12 835. Nothing is recorded as paid by it. Days that have just ended are refused for a minute, until their
    last claims are stored; the advice of days that have not ended is preliminary.
    """
    own = dependencies(request)
    days = []
    for name, text in (("first_day", first_day), ("last_day", last_day)):
        try:
            days.append(parse_day(text))
        except ValueError as error:
            raise Invalid.field(name, str(error)) from None
    try:
        brought = parse_cents(balance_brought)
    except MoneyError as error:
        raise Invalid.field("balance_brought", str(error)) from None
    if brought < 0:
        raise Invalid.field("balance_brought", "must be an amount from 0: `balance_forward` of the advice before")
    advice = await remittance(
        own.database, caller, provider_id, days[0], days[1], own.settings.zone, brought_cents=brought
    )
    if X12 in request.headers.get("accept", ""):
        return Response(remittance_x12(advice, payer_of(own.settings), clock.now()), media_type=X12)
    return json_response(remittance_out(advice))
