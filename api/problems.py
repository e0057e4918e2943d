"""Every error as an RFC 9457 problem: the only module that imports both the API's errors and HTTP."""

import json
from collections.abc import Mapping

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import JsonValue
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.database import DATABASE_FAILURES, operational
from api.errors import ApiError, InternalError, Invalid, SchemaMismatch, ValueUnreadable, type_uri
from api.requests import field_error
from core.errors import DecryptionError
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
    return error_response(
        Invalid.fields([field_error(one["loc"][1:], one["type"], one["msg"]) for one in error.errors()])
    )


def database_problem(error: Exception) -> ApiError | None:
    """The response to an operational failure of the database; `None` for a defect. Logs the cause."""
    kind = operational(error)
    if kind is None:
        return None
    cause = getattr(error, "orig", None) or error
    details = {"kind": kind.kind, "error": type(cause).__name__, "sqlstate": getattr(cause, "sqlstate", None)}
    # A missing table or column is a defect where no migration is missing: the trace says which statement it was.
    log.error("database failure", **details, exc_info=error if kind is SchemaMismatch else None)
    return kind(kind.example)


async def _database_error(request: Request, error: Exception) -> Response:
    """A failure of the database: its own problem where it is operational, else a defect."""
    problem = database_problem(error)
    return await _defect(request, error) if problem is None else error_response(problem)


async def _defect(request: Request, error: Exception) -> Response:
    log.error("defect", path=getattr(request.scope.get("route"), "path", None), exc_info=error)
    return error_response(InternalError("nothing was stored; the error is in the log"))


async def _unreadable(request: Request, error: Exception) -> Response:
    """A value that cannot be decrypted: the message names it, and has nothing of it."""
    log.error("stored value unreadable", path=getattr(request.scope.get("route"), "path", None), exc_info=error)
    return error_response(ValueUnreadable(str(error)))


def install(app: FastAPI) -> None:
    """Make `app` respond to every error this way."""
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(HTTPException, _framework_error)
    app.add_exception_handler(RequestValidationError, _invalid_parameters)
    for failure in DATABASE_FAILURES:
        app.add_exception_handler(failure, _database_error)
    app.add_exception_handler(DecryptionError, _unreadable)
    app.add_exception_handler(Exception, _defect)
