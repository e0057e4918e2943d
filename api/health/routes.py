"""Liveness and readiness for everybody; metrics, and what readiness consists of, for those who run the platform.

A provider that sees the state of the circuit breaker could time claims under the cap of the rule.
"""

from typing import Literal

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field
from starlette.responses import PlainTextResponse, Response

from api import metrics
from api.dependencies import MonitorCaller, SeesPlatform, dependencies
from api.health.probe import READY
from api.openapi import operation
from api.responses import json_response
from api.scorer import BreakerState
from core.settings import instance

router = APIRouter(tags=["health"])


_INSTANCE = "Identifies this start of the process, so that a supervisor can tell it from another one on the same port."


class Liveness(BaseModel):
    """The process runs."""

    alive: Literal[True] = True
    instance: str | None = Field(None, description=_INSTANCE)


class Readiness(BaseModel):
    """Whether claims can be decided and stored; with the details for a key of role monitoring, operator or admin."""

    ready: bool
    database: str | None = Field(
        None, description="`ready`, or why claims cannot be stored. For monitoring.", examples=["ready"]
    )
    scorer_breaker: Literal["closed", "half_open", "open"] | None = Field(
        None,
        description="State of the circuit breaker before the scorer; without the scorer the 2× rule decides. "
        "For monitoring.",
    )
    instance: str | None = Field(None, description=_INSTANCE)


_NOT_READY = {
    "description": "Claims cannot be stored: the database is unavailable, read-only or full, or its schema is too old.",
    "model": Readiness,
}


@router.get("/livez", response_model=Liveness, openapi_extra=operation())
async def livez() -> Response:
    """Whether the process runs: always 200."""
    return json_response(Liveness(alive=True, instance=instance()))


@router.get("/readyz", response_model=Readiness, responses={503: _NOT_READY}, openapi_extra=operation())
async def readyz(request: Request, sees_platform: SeesPlatform) -> Response:
    """Whether claims can be decided and stored: 200, else 503. A missing scorer is no failure: the rule decides.

    It comes from a write to the database at most a second ago, and from what became of the last claims. A key of role
    monitoring, operator or admin also sees the reason and the state of the circuit breaker.
    """
    own = dependencies(request)
    database = await own.probe.state()
    failing = own.database.failing()
    if database == READY and failing is not None:
        database = f"not ready ({failing.kind})"
    state = Readiness(ready=database == READY, instance=instance())
    if sees_platform:
        state.database, state.scorer_breaker = database, own.scorer.state().value
    return json_response(state, 200 if state.ready else 503)


@router.get("/metrics", response_class=PlainTextResponse, openapi_extra=operation())
async def prometheus_metrics(request: Request, _caller: MonitorCaller) -> Response:
    """Metrics in the Prometheus text format. A key that was valid in the last hour works while the database fails."""
    state = dependencies(request).scorer.state()
    for one in BreakerState:
        metrics.BREAKER.labels(one.value).set(one is state)
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
