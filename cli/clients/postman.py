"""The Postman collection (format v2.1): a request for each operation, with an example of its body."""

import json
from collections.abc import Sequence
from typing import Final

from pydantic import JsonValue

from cli.clients.described import DescribedOperation, described_operations
from core.openapi_document import JsonSchema, OpenApiDocument

FORM: Final = "multipart/form-data"
_SCHEMA: Final = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_VARIABLES: Final = {"Idempotency-Key": "{{$guid}}", "If-Match": "{{etag}}"}
"""Headers whose values differ from request to request."""
_ABOUT: Final = (
    "Generated from the description of the API by `make clients`. Set `base_url` and `api_key`, an API key of "
    "`ginja keys create`. Ids of paths, such as `claim_id`, are variables as well, and so is `etag`, the `ETag` of the "
    "resource that a change with `If-Match` was made for. Optional parameters are there and disabled."
)


def collection(document: OpenApiDocument) -> dict[str, JsonValue]:
    """The collection of an OpenAPI document: a folder for each tag."""
    operations = described_operations(document)
    variables = {"base_url": "http://127.0.0.1:8600", "api_key": "", "etag": ""}
    variables |= {one.name: _text(example(one.schema, document)) for op in operations for one in op.of("path")}
    folders: list[JsonValue] = [
        _folder(tag, operations, document) for tag in dict.fromkeys(one.tag for one in operations)
    ]
    return {
        "info": {"name": document["info"]["title"], "description": _ABOUT, "schema": _SCHEMA},
        "item": folders,
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{api_key}}", "type": "string"}]},
        "variable": [{"key": name, "value": value} for name, value in variables.items()],
    }


def _folder(tag: str, operations: Sequence[DescribedOperation], document: OpenApiDocument) -> dict[str, JsonValue]:
    """The requests of a tag."""
    items: list[JsonValue] = [_item(one, document) for one in operations if one.tag == tag]
    return {"name": tag, "item": items}


def _item(operation: DescribedOperation, document: OpenApiDocument) -> dict[str, JsonValue]:
    """One request."""
    request: dict[str, JsonValue] = {
        "method": operation.method,
        "description": operation.summary,
        "header": list(_headers(operation)),
        "url": _url(operation, document),
    }
    if not operation.has_security:
        request["auth"] = {"type": "noauth"}
    if operation.body_type == FORM:
        request["body"] = {"mode": "formdata", "formdata": _form(operation, document)}
    elif operation.body_type is not None:
        body = example(operation.body, document)
        text = body if isinstance(body, str) else json.dumps(body, indent=2, ensure_ascii=False)
        raw: dict[str, JsonValue] = {"mode": "raw", "raw": text}
        if operation.body_type.endswith("json"):
            raw["options"] = {"raw": {"language": "json"}}
        request["body"] = raw
    return {"name": operation.name, "request": request, "response": []}


def _form(operation: DescribedOperation, document: OpenApiDocument) -> list[JsonValue]:
    """The fields of a form; its file is chosen when it is sent."""
    fields: list[JsonValue] = []
    for name, schema in operation.body.get("properties", {}).items():
        if schema.get("format") == "binary":
            fields.append({"key": name, "type": "file", "src": []})
        else:
            is_sent = name in operation.body.get("required", ())
            value = _text(example(schema, document))
            fields.append({"key": name, "type": "text", "value": value, **({} if is_sent else {"disabled": True})})
    return fields


def _headers(operation: DescribedOperation) -> list[JsonValue]:
    headers: list[JsonValue] = []
    if operation.body_type not in (None, FORM):  # that of a form has its boundary
        headers.append({"key": "Content-Type", "value": operation.body_type})
    if operation.response_type is not None:
        headers.append({"key": "Accept", "value": operation.response_type})
    for one in operation.of("header"):
        known = [*one.schema.get("examples", ()), *one.schema.get("enum", ()), ""]
        value = _VARIABLES.get(one.name, _text(known[0]))
        is_sent = one.required or one.name == "Idempotency-Key"
        headers.append({"key": one.name, "value": value, **({} if is_sent else {"disabled": True})})
    return headers


def _url(operation: DescribedOperation, document: OpenApiDocument) -> dict[str, JsonValue]:
    path = operation.path.replace("{", "{{").replace("}", "}}")
    values = {one.name: _text(example(one.schema, document)) for one in operation.of("query")}
    query: list[JsonValue] = [
        {"key": one.name, "value": values[one.name], **({} if one.required else {"disabled": True})}
        for one in operation.of("query")
    ]
    sent = "&".join(f"{one.name}={values[one.name]}" for one in operation.of("query") if one.required)
    raw = "{{base_url}}" + path + (f"?{sent}" if sent else "")
    parts: list[JsonValue] = [*path.strip("/").split("/")]
    url: dict[str, JsonValue] = {"raw": raw, "host": ["{{base_url}}"], "path": parts}
    return {**url, "query": query} if query else url


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def example(schema: JsonSchema, document: OpenApiDocument) -> JsonValue:
    """A value that fits a schema: its example, else one made of the examples of its parts, without optional ones."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "examples" in schema or "example" in schema:
        return schema["example"] if "example" in schema else schema["examples"][0]
    for name in ("default", "const"):
        if schema.get(name) is not None:
            return schema[name]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return example(next(one for one in schema["anyOf"] if one.get("type") != "null"), document)
    kind = schema.get("type")
    if kind == "object":
        required = schema.get("required", ())
        return {name: example(one, document) for name, one in schema.get("properties", {}).items() if name in required}
    if kind == "array":
        return [example(schema["items"], document)] * max(1, schema.get("minItems", 1)) if "items" in schema else []
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    if kind == "boolean":
        return False
    return {"date": "2026-03-02", "date-time": "2026-03-02T10:15:00Z"}.get(schema.get("format", ""), "text")
