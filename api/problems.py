"""Every error as an RFC 9457 problem: the only place that knows both our errors and HTTP."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import psycopg
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.errors import ApiError, FieldError
from core.logging import get_logger

log = get_logger("api")

MEDIA_TYPE = "application/problem+json"
_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "1"}}


def problem(
    status: int,
    kind: str,
    title: str,
    detail: str,
    errors: tuple[FieldError, ...] = (),
    headers: Any = None,
    extensions: Mapping[str, Any] = MappingProxyType({}),
) -> Response:
    """An RFC 9457 answer; `kind` is the stable last part of its type."""
    body: dict[str, Any] = {"type": f"urn:ginja:claims:{kind}", "title": title, "status": status, "detail": detail}
    body |= extensions
    if errors:
        body["errors"] = [{"field": error.field, "message": error.message} for error in errors]
    return Response(json.dumps(body), status_code=status, media_type=MEDIA_TYPE, headers=headers)


def present(error: ApiError) -> Response:
    """One of our errors."""
    return problem(
        error.status, error.kind, error.title, error.detail, error.errors, _HEADERS.get(error.status), error.extensions
    )


async def _ours(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return present(error)


async def _framework(_request: Request, error: Exception) -> Response:
    """What the framework refuses itself: unknown paths, wrong methods."""
    assert isinstance(error, HTTPException)
    kinds = {404: ("not-found", "There is nothing at this address"), 405: ("method", "The address has no such method")}
    kind, title = kinds.get(error.status_code, ("refused", "The request was refused"))
    return problem(error.status_code, kind, title, "see /docs for what there is", headers=error.headers)


async def _parameters(_request: Request, error: Exception) -> Response:
    """Wrong query or path parameters."""
    assert isinstance(error, RequestValidationError)
    wrong = tuple(FieldError(".".join(str(part) for part in one["loc"][1:]), one["msg"]) for one in error.errors())
    return problem(422, "invalid", "The request is not what was asked for", "a parameter is wrong", wrong)


async def _database(_request: Request, error: Exception) -> Response:
    """The database cannot be reached: nothing was stored, and the same request may be sent again."""
    if not _is_lost(error):
        return await _defect(_request, error)
    log.error("database not reached", error=type(error).__name__)
    detail = "nothing was stored; send the request again"
    return problem(503, "unavailable", "The database is not there", detail, headers={"Retry-After": "1"})


def _is_lost(error: Exception) -> bool:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return isinstance(cause, PoolTimeout | psycopg.OperationalError)


async def _defect(request: Request, error: Exception) -> Response:
    log.error("defect", path=getattr(request.scope.get("route"), "path", None), exc_info=error)
    return problem(500, "failed", "A defect on our side", "nothing was stored; we have it in the log")


def install(app: FastAPI) -> None:
    """Make `app` answer every error this way."""
    app.add_exception_handler(ApiError, _ours)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(RequestValidationError, _parameters)
    app.add_exception_handler(DBAPIError, _database)
    app.add_exception_handler(psycopg.Error, _database)
    app.add_exception_handler(PoolTimeout, _database)
    app.add_exception_handler(Exception, _defect)
