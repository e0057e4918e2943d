"""From a call to the request that is sent, the same for both clients."""

import json
import uuid
from collections.abc import Mapping
from typing import Final

import httpx

from ginja_client.retries import Attempts, RetryPolicy
from ginja_client.values import Call

KEY: Final = "Idempotency-Key"
VERSION: Final = "X-API-Version"
_SAFE: Final = frozenset({"GET", "PUT", "DELETE"})


def headers_of(call: Call) -> dict[str, str]:
    """The headers of every request of a call; one Idempotency-Key for all of them."""
    headers = {name: value for name, value in call.headers.items() if value is not None}
    headers["Accept"] = call.accept
    if call.content_type is not None:
        headers["Content-Type"] = call.content_type
    elif call.json is not None:
        headers["Content-Type"] = "application/json"
    if call.takes_key and KEY not in headers:
        headers[KEY] = str(uuid.uuid4())
    return headers


def attempts_of(call: Call, policy: RetryPolicy, headers: Mapping[str, str]) -> Attempts:
    """The attempts of a call."""
    return Attempts(policy, repeatable=call.repeatable or call.method in _SAFE or KEY in headers)


def content_of(call: Call) -> bytes | None:
    """The body of every request of a call."""
    return call.content if call.json is None else json.dumps(call.json, allow_nan=False).encode()


def query_of(call: Call) -> dict[str, str]:
    """The query of a call, as the API reads it."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in call.query.items()
        if value is not None
    }


def default_headers(api_key: str, api_version: str | None) -> dict[str, str]:
    """Of every request of a client; raises `ValueError`."""
    if not api_key or not api_key.isascii() or not api_key.isprintable() or " " in api_key:
        raise ValueError("api_key must be the secret that `ginja keys create` printed")
    version = {} if api_version is None else {VERSION: api_version}
    return {"Authorization": f"Bearer {api_key}", "User-Agent": "ginja-client/0.1.0", **version}


def document_of(response: httpx.Response) -> object:
    """The JSON of a successful response; nothing where it has no body."""
    return json.loads(response.content) if response.content else None
