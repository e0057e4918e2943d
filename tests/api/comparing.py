"""Responses without what names a request or an object, so that those about two claims can be compared."""

import json
import re
from dataclasses import dataclass
from typing import Final

import httpx

_ID: Final = re.compile(r"\b(clm|tsk|blk|req|asm|dec|apl|app)[_-][0-9a-hjkmnp-tv-z]{26}\b", re.IGNORECASE)
_INSTANT: Final = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
VARYING: Final = frozenset({"date", "x-request-id", "etag", "last-modified", "ratelimit", "ratelimit-policy"})
"""Headers that are not compared between two claims: the time and id of a request, tags that are hashes of a body with
the id of its claim, and how many requests a key has left, which counts every request alike."""


@dataclass(frozen=True)
class Compared:
    """A response; ids and instants are only their kinds."""

    asked: str
    status: int
    headers: str
    body: str


def compared(asked: str, answer: httpx.Response) -> Compared:
    """Of another claim, the response to the same request is equal where nothing else differs."""
    headers = {name: value for name, value in answer.headers.items() if name not in VARYING}
    return Compared(
        _without_ids(asked), answer.status_code, _without_ids(json.dumps(headers)), _without_ids(answer.text)
    )


def exactly(answer: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    """A response of the same claim at the same instant: entity tags and instants included.

    Without the id of the request, and how many requests the key has left, which counts every request alike.
    """
    varying = ("x-request-id", "date", "ratelimit", "ratelimit-policy")
    headers = {name: value for name, value in answer.headers.items() if name not in varying}
    return answer.status_code, headers, answer.content.replace(answer.headers.get("x-request-id", "-").encode(), b"")


def _without_ids(text: str) -> str:
    return _INSTANT.sub("AT", _ID.sub(r"\1", text))


def of_requests(sql: str) -> bool:
    """Whether a statement is one of a request, and not of a new connection, of a key that is looked up now and then, or
    the beginning or end of a transaction, which a connection that is shared with others has or has not."""
    reads_or_writes = sql.lstrip().upper().startswith(("SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "))
    return reads_or_writes and "api_keys" not in sql and "set_config" not in sql and "pg_catalog" not in sql
