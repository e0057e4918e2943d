"""The week's list, and what is found, over HTTP."""

import json
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.dependencies import dependencies
from api.errors import Invalid
from api.identity.roles import Scope
from api.intake.schemas import claim_id_in_path
from api.investigations import service
from api.investigations.schemas import DispositionIn, DispositionList, DispositionOut, ReviewList
from api.openapi import body_of
from api.requests import parse, read_body
from core.format import json_amount, json_instant

router = APIRouter(tags=["investigations"])


@router.get("/v1/reviews", response_model=ReviewList)
async def reviews(request: Request, week: Annotated[str | None, Query(max_length=10)] = None) -> Response:
    """The list of a week, named by any of its days; without a week, the latest list that was made."""
    own = dependencies(request)
    await own.authenticator.admit(request, Scope.SCORES)
    monday, listed = await service.reviews(own.database, None if week is None else _day(week))
    rows = [
        {
            "claim_id": row.claim_id,
            "selected_by": row.selected_by,
            "propensity": row.propensity,
            "score": row.probability,
            "model_version": row.model_version,
            "received_at": json_instant(row.received_at),
            "provider_id": row.provider_id,
            "claim_amount": json_amount(row.amount_cents),
            "disposition": row.disposition,
        }
        for row in listed
    ]
    return _json({"week": None if monday is None else monday.isoformat(), "reviews": rows})


@router.get("/v1/claims/{claim_id}/dispositions", response_model=DispositionList)
async def found(request: Request, claim_id: str) -> Response:
    """Everything found of a claim, the latest first."""
    own = dependencies(request)
    await own.authenticator.admit(request, Scope.SCORES)
    findings = await service.found(own.database, claim_id_in_path(claim_id))
    return _json({"dispositions": [_finding(finding) for finding in findings]})


@router.post(
    "/v1/claims/{claim_id}/dispositions",
    status_code=201,
    response_model=DispositionOut,
    openapi_extra=body_of(DispositionIn),
)
async def record(request: Request, claim_id: str) -> Response:
    """Record what was found of a claim. The same finding sent twice by the same person is recorded once."""
    own = dependencies(request)
    caller = await own.authenticator.admit(request, Scope.FINDINGS)
    sent = parse(DispositionIn, await read_body(request, own.settings.max_body_bytes))
    finding = await service.record(
        own.database,
        claim_id_in_path(claim_id),
        sent.disposition,
        decided_by=caller.name,
        amount_recovered_cents=sent.amount_recovered,
        kind=sent.kind,
        note=sent.note,
    )
    return _json(_finding(finding), status=201)


def _finding(finding: service.Finding) -> dict[str, Any]:
    return {
        "disposition": finding.disposition,
        "kind": finding.kind,
        "amount_recovered": json_amount(finding.amount_recovered_cents),
        "decided_by": finding.decided_by,
        "note": finding.note,
        "known_at": json_instant(finding.known_at),
    }


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid.field("week", "any day of the week, written as YYYY-MM-DD") from None


def _json(answer: dict[str, Any], *, status: int = 200) -> Response:
    return Response(
        json.dumps(answer, ensure_ascii=False, allow_nan=False).encode(), status, media_type="application/json"
    )
