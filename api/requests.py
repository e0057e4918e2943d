"""From a request's bytes to a checked body: size, type, strict JSON, schema; one way for every route."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from api import strict_json
from api.errors import FieldError, Invalid, MalformedBody, NotJson, TooLarge

Model = TypeVar("Model", bound=BaseModel)

_WORDS = {
    "missing": "is needed",
    "extra_forbidden": "is not a field here; leave it out or look at the API's documentation for its name",
}


async def read_body(request: Request, limit: int) -> bytes:
    """The raw body, at most `limit` bytes, whether or not its length was announced."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise NotJson("send the body as JSON with Content-Type: application/json")
    announced = request.headers.get("content-length", "0")
    too_large = TooLarge(f"a body is at most {limit} bytes; split it")
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > limit:
        raise too_large
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise too_large
            parts.append(part)
    except ClientDisconnect:
        raise MalformedBody("the connection ended before the body did") from None
    return b"".join(parts)


def parse(schema: type[Model], body: bytes) -> Model:
    """The body as `schema`; raises `MalformedBody` or `Invalid`, which names every wrong field."""
    document = strict_json.read(body)
    if not isinstance(document, dict):
        raise Invalid.field("body", 'is an object such as {"member_id": ...}')
    return validate(schema, document)


def validate(schema: type[Model], document: dict[str, Any]) -> Model:
    """A document as `schema`; raises `Invalid`."""
    try:
        return schema.model_validate(document)
    except ValidationError as error:
        raise Invalid.fields(
            [_field_error(one) for one in error.errors(include_url=False, include_input=False)]
        ) from None


def _field_error(error: Any) -> FieldError:
    """Pydantic's error as ours; its message, unlike its input, holds nothing of what was sent."""
    path = ""
    for part in error["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part[:64]}" if path else part[:64]
    message = _WORDS.get(error["type"]) or error["msg"].removeprefix("Value error, ")
    return FieldError(path or "body", message[:1].lower() + message[1:])
