"""Entity tags of responses (RFC 9110, section 8.8.3)."""

import hashlib
from typing import Final

CODED: Final = "-gzip"
"""Ends the tag of a compressed response, which has other bytes."""


def entity_tag(body: bytes) -> str:
    """The tag of a response body."""
    return tag_of_digest(hashlib.sha256(body).hexdigest())


def tag_of_digest(sha256: str) -> str:
    """The tag of a response body whose SHA-256, in hexadecimal digits, is known before it is read."""
    return f'"{sha256[:32]}"'


def matches(field: str, tag: str) -> bool:
    """Whether `If-Match` or `If-None-Match` names a tag. A weak tag never does: those of the API are strong."""
    named = (one.strip() for one in field.split(","))
    coded = f'{tag[:-1]}{CODED}"'
    return any(one in ("*", tag, coded) for one in named)
