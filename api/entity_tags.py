"""Entity tags of responses (RFC 9110, section 8.8.3)."""

import hashlib
from typing import Final

CODED: Final = "-gzip"
"""Ends the tag of a compressed response, which has other bytes."""


def entity_tag(body: bytes) -> str:
    """The tag of a response body."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def matches(field: str, tag: str) -> bool:
    """Whether `If-Match` or `If-None-Match` names a tag. A weak tag never does: those of the API are strong."""
    named = (one.strip() for one in field.split(","))
    coded = f'{tag[:-1]}{CODED}"'
    return any(one in ("*", tag, coded) for one in named)
