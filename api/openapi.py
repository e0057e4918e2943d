"""The API's description (OpenAPI 3.1).

Routes read bodies themselves and declare here what the framework cannot see of them: the body and errors. What follows
from how a route is built is added to every operation, so that no route can leave it out: its security from the
`RequireScope` it depends on, its Idempotency-Key, and the errors of authentication, bodies, parameters and the
middleware.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import cast

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel, JsonValue
from pydantic.json_schema import models_json_schema

from api.conditional import is_one_resource
from api.consents import HONOURED
from api.dependencies import AcceptScope, required_scopes, scope_beside
from api.errors import (
    DATABASE_ERRORS,
    ERRORS,
    ApiError,
    Conflict,
    ConsentMissing,
    EncodedBody,
    Forbidden,
    HeadTooLarge,
    InternalError,
    Invalid,
    KeyProviderUnavailable,
    KeyQueueFull,
    MalformedBody,
    NotFound,
    NotJson,
    OutcomeUnknown,
    Overloaded,
    PreconditionFailed,
    RateLimited,
    RequestInFlight,
    SignatureInvalid,
    SignatureRequired,
    StepUpRequired,
    TooLarge,
    Unauthorized,
    ValueUnreadable,
    WrongMediaType,
)
from api.idempotency import takes_if_match, takes_key
from api.identity import Scope
from api.openapi_headers import (
    API_VERSION,
    CONTENT_DIGEST,
    HEADER_NAMES,
    HEADERS,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    IF_NONE_MATCH,
    PREFER,
    PURPOSE_OF_USE,
    SIGNATURE,
    SIGNATURE_INPUT,
)
from api.signed_requests import CONFIRMED, is_confirmed
from api.versions import HEADER
from core.openapi_document import (
    ComponentReference,
    JsonSchema,
    MediaTypeObject,
    NamedExample,
    OpenApiDocument,
    OperationObject,
    ResponseObject,
    SecurityObject,
)

_REF = "#/components/schemas/{model}"
_JSON = "application/json"
_PROBLEM = "application/problem+json"
_bodies: dict[str, type[BaseModel]] = {}

SECURITY_SCHEMES: Mapping[str, Mapping[str, str]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key as `Authorization: Bearer gja_live_…`, which `ginja keys create` makes, or the "
        "access token of a user, which `POST /v1/auth/token` gives.",
    },
    "api_key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "The same API key, for clients that cannot set `Authorization`.",
    },
}
TAGS = [
    {"name": "claims", "description": "Submit, read, list and void claims."},
    {"name": "decisions", "description": "Decide claims in review."},
    {"name": "investigations", "description": "The weekly list of claims to investigate, and what was found."},
    {"name": "cases", "description": "Investigations of a provider, a member or a ring, and their evidence packs."},
    {"name": "leads", "description": "What investigators work on, by the money that is expected of it."},
    {"name": "reports", "description": "Reports on decisions and providers, made each day and each week."},
    {"name": "webhooks", "description": "Receivers of events, and what was sent to them."},
    {"name": "notifications", "description": "Who is notified of what by e-mail, and what became of messages."},
    {"name": "scoring", "description": "Score claims without deciding or storing them."},
    {"name": "members", "description": "Who is covered, by which plan, and when."},
    {"name": "providers", "description": "Who may bill, and when."},
    {"name": "procedures", "description": "What may be billed, and when."},
    {"name": "keys", "description": "API keys: who may call, and what each may do."},
    {"name": "privacy", "description": "Consents, legal holds, and exports of what is stored about a member."},
    {"name": "audit", "description": "Who did what to whose data, for administrators."},
    {"name": "users", "description": "Sign in, and who may."},
    {"name": "version", "description": "The version of the API that a key gets."},
    {"name": "health", "description": "Liveness, readiness and metrics; without authentication."},
]


_BY = (
    "with an API key by a signature (RFC 9421, in `Signature-Input` and `Signature`, with `Content-Digest`), as a user "
    "by a second factor that was proved in the last ten minutes, or by a signature as well."
)
_CONFIRMED = f"Each request is confirmed: {_BY}"
_CONFIRMED_ABOVE = f"Approvals, and requests about a claim above a configured amount, are confirmed: {_BY}"


@dataclass(frozen=True, slots=True)
class SuccessResponse:
    """What a route responds with when nothing is wrong, beyond the schema that the framework generates."""

    status: int = 200
    headers: Sequence[str] = ()
    """Names of response headers."""
    example: JsonValue = None
    also: Mapping[str, MediaTypeObject] = field(default_factory=dict)
    """Further media types with their content."""


@dataclass(frozen=True, slots=True)
class RawBody:
    """A body that is no JSON of our own: its media type and its schema, with a description and examples."""

    media_type: str
    schema: JsonSchema


class Operation(dict[str, object]):
    """What a route documents by itself, and its successful response."""

    def __init__(
        self,
        described: OperationObject,
        errors: Sequence[type[ApiError]],
        success: SuccessResponse | None,
        also_errors: Mapping[str, MediaTypeObject],
    ) -> None:
        super().__init__(described)
        self.errors = errors
        self.success = success
        self.also_errors = also_errors
        """Further media types of errors with their content."""


def operation(
    *,
    body: type[BaseModel] | None = None,
    body_required: bool = True,
    raw: RawBody | None = None,
    errors: Sequence[type[ApiError]] = (),
    success: SuccessResponse | None = None,
    later: SuccessResponse | None = None,
    also_errors: Mapping[str, MediaTypeObject] = MappingProxyType({}),
) -> Operation:
    """What a route documents by itself, for `openapi_extra`: body, errors, successful response.

    `later` is the response to a request that is carried out later because its `Prefer` asks for that.
    """
    described: OperationObject = {}
    if body is not None:
        _bodies[body.__name__] = body
        content: dict[str, MediaTypeObject] = {_JSON: {"schema": {"$ref": _REF.format(model=body.__name__)}}}
        described["requestBody"] = {"required": body_required, "content": content}
    if raw is not None:
        described["requestBody"] = {"required": True, "content": {raw.media_type: {"schema": raw.schema}}}
    if success is not None:
        response: ResponseObject = {"headers": _header_refs(success.headers), "content": dict(success.also)}
        described["responses"] = {str(success.status): response}
    if later is not None:
        described["parameters"] = [PREFER]
        described.setdefault("responses", {})[str(later.status)] = {"headers": _header_refs(later.headers)}
    return Operation(described, errors, success, also_errors)


def describe(app: FastAPI, routers: Sequence[APIRouter]) -> dict[str, object]:
    """The OpenAPI document of the routes of `routers`, created once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, tags=TAGS
        )
        document = cast(OpenApiDocument, made)
        components = document["components"]
        schemas = components["schemas"]
        _, bodies = models_json_schema([(one, "validation") for one in _bodies.values()], ref_template=_REF)
        schemas.update(bodies["$defs"])
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        schemas.update({_problem_name(error): _problem_schema(error) for error in ERRORS})
        components["securitySchemes"] = SECURITY_SCHEMES
        components["headers"] = dict(HEADERS)
        for route, described in _operations(document, routers):
            _complete(route, described)
        app.openapi_schema = made
    return app.openapi_schema


def accepted_scope(route: APIRoute) -> Scope | None:
    """The scope with which a route returns more; `None` for other routes."""
    for dependency in route.dependant.dependencies:
        if isinstance(dependency.call, AcceptScope):
            return dependency.call.scope
    return None


def _security(route: APIRoute) -> list[SecurityObject]:
    """Alternatives, of which an empty one means without authentication."""
    required, accepted = required_scopes(route), accepted_scope(route)
    if required:
        beside = [] if (also := scope_beside(route)) is None else [also.value]
        return [{name: [scope.value, *beside]} for scope in required for name in SECURITY_SCHEMES]
    return [] if accepted is None else [{}, *({name: [accepted.value]} for name in SECURITY_SCHEMES)]


def _operations(document: OpenApiDocument, routers: Sequence[APIRouter]) -> Iterator[tuple[APIRoute, OperationObject]]:
    for router in routers:
        for route in router.routes:
            if isinstance(route, APIRoute) and route.include_in_schema:
                for method in route.methods or ():
                    yield route, document["paths"][route.path_format][method.lower()]


def _complete(route: APIRoute, described: OperationObject) -> None:
    """Add what follows from how the route is built."""
    responses = described["responses"]
    scopes = required_scopes(route)
    described["security"] = _security(route)
    # Every request passes `StrictRequests` (`api/middleware.py`).
    errors: list[type[ApiError]] = [HeadTooLarge, InternalError, EncodedBody, Invalid]
    if scopes:
        either = " or ".join(f"`{scope.value}`" for scope in scopes)
        if (also := scope_beside(route)) is not None:
            either += f", and `{also.value}`"
        errors += [Unauthorized, Forbidden, ConsentMissing, KeyQueueFull, RateLimited, Overloaded, *DATABASE_ERRORS]
        errors += [KeyProviderUnavailable, ValueUnreadable]
        described["description"] = f"{described.get('description', '')}\n\nRequires the scope {either}.".strip()
    if is_confirmed(route):
        errors += [SignatureRequired, SignatureInvalid, StepUpRequired]
        errors += [] if "requestBody" in described else [TooLarge]  # what is signed is read as a whole
        described["parameters"] = [*described.get("parameters", ()), SIGNATURE_INPUT, SIGNATURE, CONTENT_DIGEST]
        always = not {f"{method} {route.path}" for method in route.methods or ()}.isdisjoint(CONFIRMED)
        described["description"] = f"{described['description']}\n\n{_CONFIRMED if always else _CONFIRMED_ABOVE}"
    if "requestBody" in described:
        errors += [MalformedBody, TooLarge, OutcomeUnknown]
        takes_json = any(media_type.endswith("json") for media_type in described["requestBody"]["content"])
        errors.append(NotJson if takes_json else WrongMediaType)
    if takes_key(route):
        described["parameters"] = [*described.get("parameters", ()), IDEMPOTENCY_KEY]
        errors.append(RequestInFlight)
        for status, response in responses.items():
            if status < "300":
                response["headers"] = {**response.get("headers", {}), **_header_refs(["Idempotency-Replayed"])}
    if takes_if_match(route):
        described["parameters"] = [*described.get("parameters", ()), IF_MATCH]
        errors.append(PreconditionFailed)
    if route.path.startswith("/v1/"):
        described["parameters"] = [*described.get("parameters", ()), API_VERSION, PURPOSE_OF_USE]
    if not is_one_resource(route) and not {f"{one} {route.path}" for one in route.methods or ()}.isdisjoint(HONOURED):
        headers = _header_refs(["Ginja-Members-Left-Out"])
        responses["200"]["headers"] = {**responses["200"].get("headers", {}), **headers}
    if is_one_resource(route):
        described["parameters"] = [*described.get("parameters", ()), IF_NONE_MATCH]
        responses["200"]["headers"] = {**responses["200"].get("headers", {}), **_header_refs(["ETag"])}
        headers = dict(responses["200"]["headers"])
        responses["304"] = {"description": "Nothing has changed.", "headers": headers, "content": {}}
    if "path" in {parameter["in"] for parameter in described.get("parameters", ())}:
        errors.append(NotFound)
    own = route.openapi_extra
    if isinstance(own, Operation):
        errors += own.errors
    if isinstance(own, Operation) and own.success is not None and own.success.example is not None:
        # Added here, because the framework leaves out what is null.
        responses[str(own.success.status)]["content"][_JSON]["example"] = own.success.example
    responses.update(_problem_responses(errors))
    for status, response in responses.items():
        if isinstance(own, Operation) and status >= "400":
            response["content"] = {**response["content"], **own.also_errors}
        of_all = ["X-Request-Id", HEADER] if route.path.startswith("/v1/") else ["X-Request-Id"]
        of_all += ["RateLimit", "RateLimit-Policy"] if scopes and route.path != "/metrics" else []
        response["headers"] = {**_header_refs(of_all), **response.get("headers", {})}
    described["responses"] = {status: responses[status] for status in sorted(responses)}


def _header_refs(names: Sequence[str]) -> dict[str, ComponentReference]:
    return {name: {"$ref": f"#/components/headers/{HEADER_NAMES[name]}"} for name in names}


def _problem_name(error: type[ApiError]) -> str:
    return f"{error.__name__}Problem"


def _problem_responses(errors: Sequence[type[ApiError]]) -> dict[str, ResponseObject]:
    """The responses to errors, by status."""
    by_status: dict[int, list[type[ApiError]]] = {}
    for error in sorted(set(errors), key=ERRORS.index):
        by_status.setdefault(error.status, []).append(error)
    return {str(status): _problem_response(kinds) for status, kinds in by_status.items()}


def _problem_response(errors: Sequence[type[ApiError]]) -> ResponseObject:
    """The response of one status, which can be any of `errors`, as they document themselves."""
    schemas: list[JsonSchema] = [{"$ref": _REF.format(model=_problem_name(error))} for error in errors]
    content: MediaTypeObject = {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}
    if len(errors) == 1:
        content["example"] = _problem_example(errors[0])
    else:
        content["examples"] = {one.kind: NamedExample(summary=one.title, value=_problem_example(one)) for one in errors}
    return {
        "description": "\n\n".join(f"{_sentence(error)} Type `{error.type_uri()}`." for error in errors),
        "headers": _header_refs(sorted({name for error in errors for name in error.headers})),
        "content": {_PROBLEM: content},
    }


def _problem_example(error: type[ApiError]) -> JsonValue:
    example: dict[str, JsonValue] = {"type": error.type_uri(), "title": error.title, "status": error.status}
    example["detail"] = error.example
    if error is Invalid:
        message = "must be a number with at most two decimal places, such as 1250.00"
        example["errors"] = [{"field": "claim_amount", "message": message}]
    return example


def _sentence(error: type[ApiError]) -> str:
    """The docstring of an error on one line."""
    return " ".join((error.__doc__ or "").split())


def _problem_schema(error: type[ApiError]) -> JsonSchema:
    properties: dict[str, JsonSchema] = {
        "type": {"type": "string", "const": error.type_uri()},
        "title": {"type": "string", "examples": [error.title]},
        "status": {"type": "integer", "const": error.status},
        "detail": {"type": "string", "description": "What is wrong and what to do."},
    }
    required = list(properties)
    if error is Invalid:
        properties["errors"] = {
            "type": "array",
            "description": "Each invalid field, the first 20.",
            "items": {
                "title": "FieldProblem",
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        }
    if error is OutcomeUnknown:
        properties["claim_id"] = {"type": "string", "description": "The claim to look up; of a new claim: its id."}
        properties["task_id"] = {"type": "string", "description": "With `Prefer: respond-async`: the task to look up."}
    if error is Conflict:
        decision: JsonSchema = {"anyOf": [{"$ref": _REF.format(model="DecisionOut")}, {"type": "null"}]}
        properties["version"] = {"type": "integer", "description": "Of a review: the claim's current version."}
        properties["decision"] = {**decision, "description": "Of a review: the last decision."}
        properties["assigned_to"] = {"type": "string", "description": "Of a case or lead: id of who has it."}
        properties["assigned_name"] = {"type": "string", "description": "Of a case or lead: name of who has it."}
    return {
        "title": _problem_name(error),
        "description": f"RFC 9457. {_sentence(error)}",
        "type": "object",
        "required": required,
        "properties": properties,
    }
