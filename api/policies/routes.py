"""The policy over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from api.dependencies import Dependencies, PolicyReader, PolicyWriter, dependencies
from api.errors import Conflict, FieldError, Invalid, NotFound
from api.fields import PlainNumber
from api.openapi import SuccessResponse, operation
from api.policies import service
from api.policies.records import NoPolicyVersion, PolicyHistory, PolicyRefused
from api.policies.responses import PolicyActivationOut, PolicyList, PolicyVersionOut
from api.policies.schemas import MAX_DRAFT_LEVELS, PolicyActivationIn, PolicyDraftIn, PolicyRollbackIn
from api.requests import parse, read_body
from api.responses import json_response
from claims.policy import OF_SETTINGS, InvalidPolicy, PolicyDocument, policy_of_settings, read_document
from claims.service_days import receipt_day
from core import clock

router = APIRouter(tags=["policy"])

Version = Annotated[int, PlainNumber, Path(ge=1, le=999_999_999, description="Number of the version.", examples=[3])]


def _today(own: Dependencies) -> date:
    return receipt_day(clock.now(), own.settings.zone)


@contextmanager
def _refusals() -> Iterator[None]:
    """A refusal is a conflict; a version that does not exist is not found."""
    try:
        yield
    except NoPolicyVersion:
        raise NotFound("policy version not found; `GET /v1/policies` lists them") from None
    except PolicyRefused as error:
        raise Conflict(str(error)) from None


def _document(sent: PolicyDraftIn) -> PolicyDocument:
    try:
        return read_document(sent.document)
    except InvalidPolicy as error:
        raise Invalid.fields([_of_field(problem) for problem in error.problems]) from None


def _of_field(problem: str) -> FieldError:
    place, separator, message = problem.partition(": ")
    if not separator or " " in place:
        return FieldError("document", problem)
    return FieldError(f"document.{place}", message)


@router.get("/v1/policies", response_model=PolicyList, openapi_extra=operation())
async def list_policies(request: Request, _caller: PolicyReader) -> Response:
    """List the versions of the policy, and what decides claims received today."""
    own = dependencies(request)
    known, today = await service.history(own.database), _today(own)
    found = known.in_force(today)
    if found is None:
        return json_response(PolicyList.of(known, OF_SETTINGS, policy_of_settings(own.settings).document, today))
    document = await service.policy_document(own.database, found.version)
    return json_response(PolicyList.of(known, found.version, document, today))


@router.get("/v1/policies/{version}", response_model=PolicyVersionOut, openapi_extra=operation())
async def get_policy(request: Request, _caller: PolicyReader, version: Version) -> Response:
    """Read a version of the policy with its document."""
    own = dependencies(request)
    known = await service.history(own.database)
    with _refusals():
        found = known.version(version)
    document = await service.policy_document(own.database, version)
    return json_response(PolicyVersionOut.of(known, found, document, _today(own)))


@router.post(
    "/v1/policies",
    status_code=201,
    response_model=PolicyVersionOut,
    openapi_extra=operation(body=PolicyDraftIn, errors=[Conflict], success=SuccessResponse(201, headers=["Location"])),
)
async def create_policy(request: Request, caller: PolicyWriter) -> Response:
    """Store a document as a new version. It decides nothing until another person activates it.

    The author is the name of the key.
    """
    own = dependencies(request)
    body = await read_body(request, own.settings.max_body_bytes)
    document = _document(parse(PolicyDraftIn, body, max_depth=MAX_DRAFT_LEVELS))
    with _refusals():
        stored = await service.create_draft(own.database, own.field_keys, document, author=caller.name)
    new = PolicyHistory((stored,), ())  # nothing activates it within this transaction
    response = json_response(PolicyVersionOut.of(new, stored, document, _today(own)), 201)
    response.headers["Location"] = f"/v1/policies/{stored.version}"
    return response


@router.post(
    "/v1/policies/{version}/activate",
    status_code=201,
    response_model=PolicyActivationOut,
    openapi_extra=operation(body=PolicyActivationIn, errors=[Conflict], success=SuccessResponse(201)),
)
async def activate_policy(request: Request, caller: PolicyWriter, version: Version) -> Response:
    """Let a version decide the claims received on its days. The author cannot activate it.

    Its last test against what is in force (`ginja policy test`) must have passed, unless `force` is true.
    """
    own = dependencies(request)
    sent = parse(PolicyActivationIn, await read_body(request, own.settings.max_body_bytes))
    with _refusals():
        made = await service.activate(
            own.database,
            own.field_keys,
            version,
            approver=caller.name,
            reason=sent.reason,
            today=_today(own),
            force=sent.force,
        )
    return json_response(PolicyActivationOut.of(made), 201)


@router.post(
    "/v1/policies:rollback",
    status_code=201,
    response_model=PolicyActivationOut,
    openapi_extra=operation(body=PolicyRollbackIn, errors=[Conflict], success=SuccessResponse(201)),
)
async def roll_back_policy(request: Request, caller: PolicyWriter) -> Response:
    """Undo the last activation: the versions activated before decide again on their days, or the settings."""
    own = dependencies(request)
    sent = parse(PolicyRollbackIn, await read_body(request, own.settings.max_body_bytes))
    with _refusals():
        made = await service.roll_back(own.database, own.field_keys, approver=caller.name, reason=sent.reason)
    return json_response(PolicyActivationOut.of(made), 201)
