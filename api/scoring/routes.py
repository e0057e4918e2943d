"""Scoring a back-book over HTTP."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.dependencies import dependencies
from api.identity.roles import Scope
from api.openapi import body_of
from api.requests import parse, read_body
from api.scoring.schemas import ScoreBatchIn, ScoreBatchOut
from api.scoring.service import score_batch

router = APIRouter(tags=["scoring"])

MAX_BATCH_BYTES = 4 * 1024 * 1024
_LINES = "application/x-ndjson"


@router.post("/v1/claims:score-batch", response_model=ScoreBatchOut, openapi_extra=body_of(ScoreBatchIn))
async def score_back_book(request: Request) -> Response:
    """Score up to 500 claims without storing or deciding them.

    The answer is one document, or a line a claim with `Accept: application/x-ndjson`.
    """
    own = dependencies(request)
    await own.authenticator.admit(request, Scope.BATCH)
    sent = parse(ScoreBatchIn, await read_body(request, MAX_BATCH_BYTES))
    scores = await score_batch(own.database, own.scorer, sent.claims)
    if _LINES in request.headers.get("accept", ""):
        lines = "".join(f"{score.model_dump_json()}\n" for score in scores)
        return Response(lines.encode(), media_type=_LINES)
    return Response(ScoreBatchOut(scores=scores).model_dump_json().encode(), media_type="application/json")
