"""The API's description: bodies are read by ourselves, so they are described here instead of by the framework."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

_REF = "#/components/schemas/{model}"
_bodies: dict[str, type[BaseModel]] = {}

PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457. `errors` names each wrong field.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:ginja:claims:invalid"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


def body_of(schema: type[BaseModel], *, required: bool = True) -> dict[str, Any]:
    """What a route says of its body."""
    _bodies[schema.__name__] = schema
    reference = {"$ref": _REF.format(model=schema.__name__)}
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": reference}}}}


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, made once."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        _, bodies = models_json_schema([(one, "validation") for one in _bodies.values()], ref_template=_REF)
        schemas.update(bodies["$defs"])
        schemas["Problem"] = PROBLEM
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"key": []}]
        content = {"application/problem+json": {"schema": {"$ref": _REF.format(model="Problem")}}}
        for path in document["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)
                operation["responses"]["default"] = {"description": "A problem", "content": content}
        app.openapi_schema = document
    return app.openapi_schema
