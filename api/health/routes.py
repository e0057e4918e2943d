"""Liveness, readiness and metrics; without authentication."""

from typing import Literal

import psycopg
from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import PlainTextResponse, Response

from api import metrics
from api.dependencies import dependencies
from api.migrate import newest_revision
from api.openapi import operation
from api.responses import json_response
from api.scorer import BreakerState
from core.settings import instance

router = APIRouter(tags=["health"])


_INSTANCE = "Identifies this start of the process, so that a supervisor knows it from another one on the same port."


class Liveness(BaseModel):
    """The process runs."""

    alive: Literal[True] = True
    instance: str | None = Field(None, description=_INSTANCE)


class Readiness(BaseModel):
    """Whether claims can be decided and stored."""

    ready: bool
    database: str = Field(description="`ready`, or why not.", examples=["ready"])
    scorer_breaker: Literal["closed", "half_open", "open"] = Field(
        description="State of the circuit breaker before the scorer; without the scorer the 2× rule decides."
    )
    instance: str | None = Field(None, description=_INSTANCE)


_NOT_READY = {
    "description": "Claims cannot be stored: the database is unavailable or its schema is too old.",
    "model": Readiness,
}


@router.get("/livez", response_model=Liveness, openapi_extra=operation())
async def livez() -> Response:
    """Whether the process runs: always 200."""
    return json_response(Liveness(alive=True, instance=instance()))


@router.get("/readyz", response_model=Readiness, responses={503: _NOT_READY}, openapi_extra=operation())
async def readyz(request: Request) -> Response:
    """Whether claims can be decided and stored: 200, else 503. A missing scorer is no failure: the rule decides."""
    own = dependencies(request)
    try:
        async with own.database.reading() as connection:
            revision = (await connection.execute(text("SELECT max(version_num) FROM alembic_version"))).scalar_one()
            await connection.execute(text("SELECT 1 FROM claims LIMIT 1"))
        database = _schema_state(revision)
    except (SQLAlchemyError, psycopg.Error, OSError) as error:
        database = f"not ready ({type(error).__name__})"
    ready = database == "ready"
    state = Readiness(ready=ready, database=database, scorer_breaker=own.scorer.state().value, instance=instance())
    return json_response(state, 200 if ready else 503)


def _schema_state(revision: str | None) -> str:
    """Later schemas stay compatible with this version, earlier ones lack columns; revisions are ordered by name."""
    newest = newest_revision()
    if revision is None or revision < newest:
        return f"not ready (schema {revision or 'missing'}, needs {newest}; run the migrations)"
    return "ready"


@router.get("/metrics", response_class=PlainTextResponse, openapi_extra=operation())
async def prometheus_metrics(request: Request) -> Response:
    """Metrics in the Prometheus text format."""
    state = dependencies(request).scorer.state()
    for one in BreakerState:
        metrics.BREAKER.labels(one.value).set(one is state)
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
