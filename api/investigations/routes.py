"""The weekly list of claims to investigate, and dispositions, over HTTP."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.confirmation import confirmation_of
from api.dependencies import FindingsCaller, ScoresCaller, dependencies
from api.errors import Invalid
from api.fields import DAY_SCHEMA, ClaimId, parse_day
from api.investigations import service
from api.investigations.responses import DispositionList, DispositionOut, PromiseOut, SelectedClaimOut, WeeklyListOut
from api.investigations.schemas import DispositionIn
from api.openapi import operation
from api.requests import parse, read_body
from api.responses import json_response
from api.sparse_fields import SparseFields

router = APIRouter(tags=["investigations"])

_LISTED = SparseFields(WeeklyListOut, "reviews")
ListedReviewFields = Annotated[Annotated[str, _LISTED.check] | None, _LISTED.query]


@router.get("/v1/reviews", response_model=WeeklyListOut, openapi_extra=operation())
async def get_weekly_list(
    request: Request,
    _caller: ScoresCaller,
    week: Annotated[
        str | None,
        Query(
            max_length=10,
            description="Any day of the week, YYYY-MM-DD.",
            examples=["2026-11-16"],
            json_schema_extra=DAY_SCHEMA,
        ),
    ] = None,
    fields: ListedReviewFields = None,
) -> Response:
    """Read the list of claims to investigate of a week; without `week`, the latest list."""
    day = None if week is None else _day_of_week(week)
    database = dependencies(request).database
    monday, claims = await service.weekly_list(database, day)
    promised = None if monday is None else await service.promise_of(database, monday, claims)
    listed = WeeklyListOut(
        week=monday,
        promise=None if promised is None else PromiseOut.model_validate(promised),
        reviews=[SelectedClaimOut.model_validate(claim) for claim in claims],
    )
    return json_response(listed, fields=_LISTED.chosen(fields))


@router.get("/v1/claims/{claim_id}/dispositions", response_model=DispositionList, openapi_extra=operation())
async def list_dispositions(request: Request, _caller: ScoresCaller, claim_id: ClaimId) -> Response:
    """List the dispositions of a claim, latest first."""
    own = dependencies(request)
    records = await service.dispositions(own.database, own.field_keys, claim_id)
    return json_response(DispositionList(dispositions=[DispositionOut.model_validate(record) for record in records]))


@router.post(
    "/v1/claims/{claim_id}/dispositions",
    status_code=201,
    response_model=DispositionOut,
    openapi_extra=operation(body=DispositionIn),
)
async def record_disposition(request: Request, caller: FindingsCaller, claim_id: ClaimId) -> Response:
    """Record what an investigation of a claim found. The same disposition sent again is recorded once."""
    own = dependencies(request)
    sent = parse(DispositionIn, await read_body(request, own.settings.max_body_bytes))
    recorded = await service.record(
        own.database,
        own.field_keys,
        claim_id,
        sent.to_disposition(caller.name),
        caller=caller,
        confirmation=confirmation_of(request.scope),
        confirmed_above_cents=own.settings.confirmation_above_cents,
    )
    return json_response(DispositionOut.model_validate(recorded), status=201)


def _day_of_week(text: str) -> date:
    try:
        return parse_day(text)
    except ValueError as error:
        raise Invalid.field("week", str(error)) from None
