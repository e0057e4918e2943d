"""E-mail addresses: one mailbox in ASCII, as relays accept it."""

import re
from typing import Final

MAX_ADDRESS: Final = 254
"""Longest address in characters (RFC 5321)."""
_MAX_LOCAL: Final = 64
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS: Final = re.compile(
    rf"(?P<local>[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]+)*)@{_LABEL}(?:\.{_LABEL})*"
)


def parse_address(text: str) -> str:
    """The address; raises `ValueError` with what is allowed. The host is written in small letters."""
    found = _ADDRESS.fullmatch(text) if len(text) <= MAX_ADDRESS else None
    if found is None or len(found["local"]) > _MAX_LOCAL:
        raise ValueError(
            f"must be one e-mail address such as claims@insurer.example, in ASCII, of at most {MAX_ADDRESS} characters"
        )
    local, _, host = text.rpartition("@")
    return f"{local}@{host.lower()}"
