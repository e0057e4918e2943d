"""From a request's bytes to a validated body: size, type, strict JSON, schema; one way for every route."""

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from api import strict_json
from api.errors import FieldError, Invalid, MalformedBody, NotJson, TooLarge, WrongMediaType

Model = TypeVar("Model", bound=BaseModel)

_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_MESSAGES = {
    "missing": "is required",
    "extra_forbidden": "is not a field of this request; see /docs for the fields",
}

_MISSING = {"If-Match": "is required; send the ETag of the resource as it was read, so that no change is lost"}
"""What is said of a field that was not sent, where more than `is required` helps."""


def idempotency_key(request: Request) -> str | None:
    """The request's `Idempotency-Key`, if it has one; raises `Invalid`."""
    key = request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise Invalid.field("Idempotency-Key", "must be 1 to 255 printable ASCII characters without spaces")
    return key


def responds_async(request: Request) -> bool:
    """Whether the client prefers to be answered before the request is carried out (RFC 7240, `respond-async`)."""
    if request.headers.get("prefer") is None:
        return False
    sent = request.headers.getlist("prefer")
    return any(
        preference.partition(";")[0].partition("=")[0].strip().lower() == "respond-async"
        for line in sent
        for preference in line.split(",")
    )


async def read_body(request: Request, limit: int) -> bytes:
    """The raw body, which is declared as JSON, at most `limit` bytes, whether or not its length was announced."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise NotJson(NotJson.example)
    return await read_whole(request, limit)


async def read_text(request: Request, limit: int, media_type: str) -> bytes:
    """The raw body, which is declared as `media_type`, at most `limit` bytes."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != media_type:
        raise WrongMediaType(f"send the body with Content-Type: {media_type}")
    return await read_whole(request, limit)


async def read_whole(request: Request, limit: int) -> bytes:
    """The raw body, at most `limit` bytes, whether or not its length was announced; raises `TooLarge`."""
    announced = request.headers.get("content-length", "0")
    too_large = TooLarge(f"the body must be at most {limit} bytes; split it")
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > limit:
        raise too_large
    chunks, size = [], 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise too_large
            chunks.append(chunk)
    except ClientDisconnect:
        raise MalformedBody("the connection closed before the end of the body") from None
    return b"".join(chunks)


def parse(schema: type[Model], body: bytes, *, max_depth: int = strict_json.MAX_DEPTH) -> Model:
    """The body as `schema`; raises `MalformedBody`, or `Invalid` naming every invalid field."""
    document = strict_json.read(body, max_depth=max_depth)
    if not isinstance(document, dict):
        raise Invalid.field("body", 'must be an object such as {"member_id": ...}')
    return validate(schema, document)


def validate(schema: type[Model], document: Mapping[str, object]) -> Model:
    """A document as `schema`; raises `Invalid`."""
    try:
        return schema.model_validate(document)
    except ValidationError as error:
        raise Invalid.fields(
            [
                field_error(one["loc"], one["type"], one["msg"])
                for one in error.errors(include_url=False, include_input=False)
            ]
        ) from None


def field_error(place: Sequence[int | str], kind: str, message: str) -> FieldError:
    """Pydantic's error at a place as ours; its message, unlike its input, contains nothing of what was sent."""
    path = ""
    for part in place:
        if part == "[key]":  # how pydantic marks that the name itself is invalid
            continue
        path += f"[{part}]" if isinstance(part, int) else f".{part[:64]}" if path else part[:64]
    if kind == "missing" and path in _MISSING:
        return FieldError(path, _MISSING[path])
    text = _MESSAGES.get(kind) or message.removeprefix("Value error, ")
    return FieldError(path or "body", text[:1].lower() + text[1:])
