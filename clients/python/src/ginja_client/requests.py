"""From a call to the request that is sent, the same for both clients."""

import json
import uuid
from typing import Final

import httpx

from ginja_client.errors import UnexpectedResponse
from ginja_client.values import Call, JsonObject, QueryValue, TaggedDocument

KEY: Final = "Idempotency-Key"
VERSION: Final = "X-API-Version"
IF_MATCH: Final = "If-Match"


def headers_of(call: Call) -> dict[str, str]:
    """The headers of every request of a call; one Idempotency-Key for all of them."""
    headers = {name: value for name, value in call.headers.items() if value is not None}
    headers["Accept"] = call.accept
    if call.content_type is not None:
        headers["Content-Type"] = call.content_type
    elif call.json is not None:
        headers["Content-Type"] = "application/json"
    if call.takes_key and KEY not in headers:
        headers[KEY] = new_key()
    return headers


def new_key() -> str:
    """An Idempotency-Key that no other call has."""
    return str(uuid.uuid4())


def content_of(call: Call) -> bytes | None:
    """The body of every request of a call."""
    return call.content if call.json is None else json.dumps(call.json, allow_nan=False).encode()


def query_of(call: Call) -> dict[str, str | list[str]]:
    """The query of a call, as the API reads it; a list is sent as the same parameter for each value."""
    return {name: _as_sent(value) for name, value in call.query.items() if value is not None}


def _as_sent(value: QueryValue) -> str | list[str]:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if value is None or isinstance(value, str | int) else [*value]


def default_headers(api_key: str, api_version: str | None) -> dict[str, str]:
    """Of every request of a client; raises `ValueError`."""
    if not api_key or not api_key.isascii() or not api_key.isprintable() or " " in api_key:
        raise ValueError("api_key must be the secret that `ginja keys create` printed")
    version = {} if api_version is None else {VERSION: api_version}
    return {"Authorization": f"Bearer {api_key}", "User-Agent": "ginja-client/0.1.0", **version}


def document_of(call: Call, response: httpx.Response) -> object:
    """The JSON object of a response; nothing where a resource was deleted. Raises `UnexpectedResponse`.

    It has its entity tag, unless the request chose fields: `If-Match` takes the tag of the whole.
    """
    if response.status_code in (204, 404):
        return None
    tag = None if call.query.get("fields") else response.headers.get("etag")
    return TaggedDocument(object_of(response.content, response), tag)


def object_of(text: bytes, response: httpx.Response) -> JsonObject:
    """A JSON object of a response; raises `UnexpectedResponse` where something else answered, such as a proxy."""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise UnexpectedResponse(response)
    return document
