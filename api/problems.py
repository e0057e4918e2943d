"""Every error as an RFC 9457 problem: the only module that knows both the API's errors and HTTP."""

import json
from collections.abc import Mapping

import psycopg
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import JsonValue
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.errors import ApiError, FieldError, InternalError, Invalid, Unavailable, type_uri
from core.logging import get_logger

log = get_logger("api")

MEDIA_TYPE = "application/problem+json"
_FRAMEWORK = {
    404: ("not-found", "No such path"),
    405: ("method", "Method not allowed"),
}


def error_response(error: ApiError) -> Response:
    """An error as a response."""
    body: dict[str, JsonValue] = {
        "type": error.type_uri(),
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        **error.extensions,
    }
    if error.errors:
        body["errors"] = [{"field": one.field, "message": one.message} for one in error.errors]
    return _problem(error.status, body, error.headers)


def _problem(status: int, body: Mapping[str, JsonValue], headers: Mapping[str, str] | None) -> Response:
    return Response(json.dumps(body), status, headers, MEDIA_TYPE)


async def _api_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error_response(error)


async def _framework_error(_request: Request, error: Exception) -> Response:
    """What the framework refuses before a route is reached: unknown paths, methods a path does not have."""
    assert isinstance(error, HTTPException)
    kind, title = _FRAMEWORK.get(error.status_code, ("refused", "Request refused"))
    detail = "see /docs for the paths and methods of this API"
    body: dict[str, JsonValue] = {"type": type_uri(kind), "title": title, "status": error.status_code, "detail": detail}
    return _problem(error.status_code, body, error.headers)


async def _invalid_parameters(_request: Request, error: Exception) -> Response:
    """Invalid query or path parameters."""
    assert isinstance(error, RequestValidationError)
    fields = [FieldError(".".join(str(part) for part in one["loc"][1:]), one["msg"]) for one in error.errors()]
    return error_response(Invalid.fields(fields))


async def _database_error(request: Request, error: Exception) -> Response:
    """A database that is unavailable: nothing was stored, so the client may retry. Anything else is a defect."""
    if not _is_unavailable(error):
        return await _defect(request, error)
    log.error("database unavailable", error=type(error).__name__)
    return error_response(Unavailable(Unavailable.example))


def _is_unavailable(error: Exception) -> bool:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return isinstance(cause, PoolTimeout | psycopg.OperationalError)


async def _defect(request: Request, error: Exception) -> Response:
    log.error("defect", path=getattr(request.scope.get("route"), "path", None), exc_info=error)
    return error_response(InternalError("nothing was stored; the error is in the log"))


def install(app: FastAPI) -> None:
    """Make `app` respond to every error this way."""
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(HTTPException, _framework_error)
    app.add_exception_handler(RequestValidationError, _invalid_parameters)
    app.add_exception_handler(DBAPIError, _database_error)
    app.add_exception_handler(psycopg.Error, _database_error)
    app.add_exception_handler(PoolTimeout, _database_error)
    app.add_exception_handler(Exception, _defect)
