"""Batch scoring over HTTP."""

import asyncio
from collections.abc import Sequence

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.dependencies import BatchCaller, Dependencies, dependencies
from api.errors import DATABASE_ERRORS, BatchQueueFull, OutcomeUnknown, Overloaded
from api.openapi import SuccessResponse, operation
from api.requests import parse, read_body
from api.responses import JSON
from api.scoring.schemas import ScoreBatchIn, ScoreBatchOut
from api.scoring.service import PIECE, score_batch
from api.turns import BATCH_HEADERS, batch_turn
from claims.scoring import Score
from core.openapi_document import MediaTypeObject

router = APIRouter(tags=["scoring"])

MAX_BATCH_BYTES = 4 * 1024 * 1024
_LINES = "application/x-ndjson"
_ONE_A_LINE: MediaTypeObject = {"schema": {"type": "string", "description": "One score per line, each a `Score`."}}


@router.post(
    "/v1/claims:score-batch",
    response_model=ScoreBatchOut,
    openapi_extra=operation(
        body=ScoreBatchIn,
        errors=[BatchQueueFull, Overloaded, OutcomeUnknown, *DATABASE_ERRORS],
        success=SuccessResponse(200, headers=BATCH_HEADERS, also={_LINES: _ONE_A_LINE}),
    ),
)
async def score_claims(request: Request, _caller: BatchCaller) -> Response:
    """Score up to 500 claims without deciding or storing them.

    The response is one document, or one score per line with `Accept: application/x-ndjson`.
    """
    own = dependencies(request)
    async with batch_turn(own) as headers:
        response = await _scored(request, own)
    response.headers.update(headers)
    return response


async def _scored(request: Request, own: Dependencies) -> Response:
    sent = parse(ScoreBatchIn, await read_body(request, MAX_BATCH_BYTES))
    scores = await score_batch(
        own.database, own.scorer, sent.claims, own.settings.zone, own.live, own.windows, own.field_keys
    )
    if _LINES in request.headers.get("accept", ""):
        return Response(b"".join([line + b"\n" for line in await _encoded(scores)]), media_type=_LINES)
    return Response(b'{"scores":[' + b",".join(await _encoded(scores)) + b"]}", media_type=JSON)


async def _encoded(scores: Sequence[Score]) -> list[bytes]:
    """Each score as JSON; other requests are served in between."""
    encoded = []
    for at, score in enumerate(scores):
        if at % PIECE == 0:
            await asyncio.sleep(0)
        encoded.append(score.model_dump_json().encode())
    return encoded
