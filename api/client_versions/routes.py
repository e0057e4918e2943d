"""The version of a client over HTTP."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.client_versions.responses import ClientVersionOut
from api.client_versions.schemas import VersionRollbackIn, VersionUpgradeIn
from api.dependencies import AnyCaller, dependencies
from api.errors import Conflict, NotFound
from api.openapi import operation
from api.requests import parse, read_body
from api.responses import json_response

router = APIRouter(tags=["version"])


@router.get("/v1/version", response_model=ClientVersionOut, openapi_extra=operation(errors=[NotFound]))
async def get_version(request: Request, caller: AnyCaller) -> Response:
    """Read the version of the API that the key gets, and whether its last upgrade can be undone.

    A key is pinned to the version that is current at its first call.
    """
    return json_response(ClientVersionOut.model_validate(await dependencies(request).client_versions.of(caller)))


@router.post(
    "/v1/version",
    response_model=ClientVersionOut,
    openapi_extra=operation(body=VersionUpgradeIn, errors=[Conflict, NotFound]),
)
async def upgrade_version(request: Request, caller: AnyCaller) -> Response:
    """Upgrade the key to a newer version. It can be undone for 72 hours; other processes follow within five seconds."""
    own = dependencies(request)
    sent = parse(VersionUpgradeIn, await read_body(request, own.settings.max_body_bytes))
    return json_response(ClientVersionOut.model_validate(await own.client_versions.upgrade(caller, sent.version)))


@router.post(
    "/v1/version:rollback",
    response_model=ClientVersionOut,
    openapi_extra=operation(body=VersionRollbackIn, body_required=False, errors=[Conflict, NotFound]),
)
async def roll_back_version(request: Request, caller: AnyCaller) -> Response:
    """Undo the last upgrade of the key, within 72 hours of it."""
    own = dependencies(request)
    body = await read_body(request, own.settings.max_body_bytes)
    if body:
        parse(VersionRollbackIn, body)
    return json_response(ClientVersionOut.model_validate(await own.client_versions.roll_back(caller)))
