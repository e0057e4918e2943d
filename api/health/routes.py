"""Is this process alive, can it do its work, and what has it counted?"""

import json

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse, Response

from api import metrics
from api.dependencies import dependencies
from api.scoring.breaker import State

router = APIRouter(tags=["health"])


@router.get("/livez")
async def livez() -> JSONResponse:
    """200 while the process runs."""
    return JSONResponse({"alive": True})


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """200 when claims can be decided and stored. Without the scorer they still are, by the rule: that is no failure."""
    own = dependencies(request)
    try:
        async with own.database.reading() as connection:
            await connection.execute(text("SELECT 1 FROM claims LIMIT 1"))
        database = "ready"
    except (SQLAlchemyError, OSError) as error:
        database = f"not ready ({type(error).__name__})"
    ready = database == "ready"
    answer = {"ready": ready, "database": database, "scorer_breaker": own.scorer.state().value}
    return Response(json.dumps(answer), 200 if ready else 503, media_type="application/json")


@router.get("/metrics")
async def prometheus(request: Request) -> Response:
    """Prometheus text."""
    state = dependencies(request).scorer.state()
    for one in State:
        metrics.BREAKER.labels(one.value).set(one is state)
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
