"""Batch scoring over HTTP."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.dependencies import BatchCaller, dependencies
from api.openapi import SuccessResponse, operation
from api.requests import parse, read_body
from api.responses import JSON
from api.scoring.schemas import ScoreBatchIn, ScoreBatchOut
from api.scoring.service import score_batch

router = APIRouter(tags=["scoring"])

MAX_BATCH_BYTES = 4 * 1024 * 1024
_LINES = "application/x-ndjson"
_ONE_A_LINE = {"schema": {"type": "string", "description": "One score per line, each a `Score`."}}


@router.post(
    "/v1/claims:score-batch",
    response_model=ScoreBatchOut,
    openapi_extra=operation(body=ScoreBatchIn, success=SuccessResponse(200, also={_LINES: _ONE_A_LINE})),
)
async def score_claims(request: Request, _caller: BatchCaller) -> Response:
    """Score up to 500 claims without deciding or storing them.

    The response is one document, or one score per line with `Accept: application/x-ndjson`.
    """
    own = dependencies(request)
    sent = parse(ScoreBatchIn, await read_body(request, MAX_BATCH_BYTES))
    scores = await score_batch(own.database, own.scorer, sent.claims, own.settings.zone)
    if _LINES in request.headers.get("accept", ""):
        lines = "".join(f"{score.model_dump_json()}\n" for score in scores)
        return Response(lines.encode(), media_type=_LINES)
    return Response(ScoreBatchOut(scores=scores).model_dump_json().encode(), media_type=JSON)
