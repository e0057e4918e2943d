"""Deciding claims in review, over HTTP."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.confirmation import confirmation_of
from api.dependencies import DecideCaller, ReadCaller, ScoresCaller, dependencies
from api.errors import Conflict
from api.fields import ClaimId
from api.openapi import SuccessResponse, operation
from api.replies import reply_response
from api.requests import parse, read_body
from api.responses import json_response
from api.reviews.responses import DecisionOut, ReasonList, ReasonOut, ReviewOut, review_out
from api.reviews.schemas import DecisionIn
from claims.review import REASONS

router = APIRouter(tags=["decisions"])

_DECIDE = operation(
    body=DecisionIn,
    errors=[Conflict],
    success=SuccessResponse(201),
)


@router.post("/v1/claims/{claim_id}/decisions", status_code=201, response_model=DecisionOut, openapi_extra=_DECIDE)
async def decide_claim(request: Request, caller: DecideCaller, claim_id: ClaimId) -> Response:
    """Decide a claim in review: release, pay reduced, deny, or pend for documents.

    Above a configured amount the decision is a proposal until a second person with the scope `claims:approve` approves
    or refuses it. That scope also reopens a decided claim. If another reviewer decided first, or the claim is not in
    review, the response is 409 with the last decision.
    """
    own = dependencies(request)
    body = await read_body(request, own.settings.max_body_bytes)
    confirmation = confirmation_of(request.scope)
    sent = parse(DecisionIn, body)
    return reply_response(await own.reviews.decide(caller, claim_id, sent, body, confirmation=confirmation))


@router.get("/v1/claims/{claim_id}/decisions", response_model=ReviewOut, openapi_extra=operation())
async def get_review(request: Request, caller: ScoresCaller, claim_id: ClaimId) -> Response:
    """Read the review of a claim: version, payable amount, the actions of this key, and every decision."""
    reviews = dependencies(request).reviews
    review = await reviews.get(claim_id)
    return json_response(review_out(review, caller, reviews.policy, reviews.prompt_pay_out(review)))


@router.get("/v1/decision-reasons", response_model=ReasonList, openapi_extra=operation())
async def list_decision_reasons(caller: ReadCaller) -> Response:
    """List the reason codes of decisions, what each means and which actions it fits.

    A key without `scores:read` sees those that its claims can have.
    """
    shown = [one for one in REASONS.values() if caller.sees_scores or one.shown_as is None]
    return json_response(ReasonList(reasons=[ReasonOut.of(reason) for reason in shown]))
