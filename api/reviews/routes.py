"""Deciding claims in review, over HTTP."""

import json
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.dependencies import dependencies
from api.identity.roles import Scope
from api.intake.routes import idempotency_key
from api.intake.schemas import claim_id_in_path
from api.intake.service import REPLAYED
from api.openapi import body_of
from api.requests import parse, read_body
from api.reviews.schemas import DecisionIn, DecisionOut, ReasonList, ReviewOut, reason_out, review_out
from claims.review import REASONS

router = APIRouter(tags=["decisions"])


@router.post(
    "/v1/claims/{claim_id}/decisions", status_code=201, response_model=DecisionOut, openapi_extra=body_of(DecisionIn)
)
async def decide(request: Request, claim_id: str) -> Response:
    """Decide a claim in review: release, pay reduced, deny, or pend for documents.

    Above a configured amount the decision is a proposal until a second person with an approver's key approves or
    refuses it. An approver can also reopen a decided claim. If another reviewer decided first, or the claim is not in
    review, the answer is 409 with the standing decision. With an `Idempotency-Key` a repeated request gets the same
    answer.
    """
    own = dependencies(request)
    caller = await own.authenticator.admit(request, Scope.DECIDE)
    key = idempotency_key(request)
    body = await read_body(request, own.settings.max_body_bytes)
    answered = await own.reviews.decide(caller, claim_id_in_path(claim_id), parse(DecisionIn, body), body, key)
    headers = dict(REPLAYED) if answered.replayed else {}
    return Response(answered.body, answered.status, headers, "application/json")


@router.get("/v1/claims/{claim_id}/decisions", response_model=ReviewOut)
async def review(request: Request, claim_id: str) -> Response:
    """Where a claim stands for a reviewer: its version, what can be paid, what this key can do, and every decision."""
    own = dependencies(request)
    caller = await own.authenticator.admit(request, Scope.SCORES)
    found = await own.reviews.look(claim_id_in_path(claim_id))
    return _json(review_out(found, caller, own.reviews.policy))


@router.get("/v1/decision-reasons", response_model=ReasonList)
async def reasons(request: Request) -> Response:
    """The reason codes of decisions, what each means and which actions it fits."""
    await dependencies(request).authenticator.admit(request, Scope.READ)
    return _json({"reasons": [reason_out(reason) for reason in REASONS.values()]})


def _json(answer: dict[str, Any]) -> Response:
    return Response(json.dumps(answer, ensure_ascii=False, allow_nan=False).encode(), media_type="application/json")
