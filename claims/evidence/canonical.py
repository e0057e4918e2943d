"""Canonical JSON of an evidence pack: the same pack has the same bytes, and bytes in any other form are refused.

Sorted names, one space of indentation, ASCII, numbers as Python writes them, instants in UTC with microseconds. A
reader that parses the bytes and writes them again gets the same bytes, so that no byte can change unnoticed: not even
a space.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Final

from pydantic import JsonValue, TypeAdapter, ValidationError

from claims.evidence.document import EvidencePack

_PACK: Final = TypeAdapter(EvidencePack)
SECTIONS: Final = tuple(one.name for one in fields(EvidencePack))
"""Names of the sections; each is hashed on its own, so that a change is named."""


class InvalidPack(ValueError):
    """The JSON is not that of an evidence pack; the message names the field."""


def to_json(pack: EvidencePack) -> dict[str, JsonValue]:
    """A pack as JSON values. Raises `ValueError` for a number that JSON lacks."""
    values = json.loads(_PACK.dump_json(pack))
    assert isinstance(values, dict)
    return values


def from_json(values: JsonValue) -> EvidencePack:
    """The pack of JSON values. Raises `InvalidPack`, also for fields that a pack does not have."""
    try:
        pack = _PACK.validate_json(json.dumps(values))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise InvalidPack(f"{'.'.join(map(str, first['loc'])) or 'pack'}: {first['type']}") from None
    if canonical(to_json(pack)) != canonical(values):
        raise InvalidPack(f"{_first_difference(to_json(pack), values, 'pack')}: is not as a pack states it")
    return pack


def canonical(value: JsonValue) -> bytes:
    """Canonical JSON, with a newline at the end. Raises `ValueError` for NaN and infinity."""
    return json.dumps(value, sort_keys=True, indent=1, allow_nan=False).encode() + b"\n"


def section_hashes(values: Mapping[str, JsonValue]) -> dict[str, str]:
    """SHA-256 of the canonical JSON of each section, in hex."""
    return {name: hashlib.sha256(canonical(value)).hexdigest() for name, value in values.items()}


def pack_sha256(hashes: Mapping[str, str]) -> str:
    """One hash of all sections: the SHA-256 of the canonical JSON of their hashes, in hex."""
    return hashlib.sha256(canonical(dict(hashes))).hexdigest()


def _first_difference(own: JsonValue, other: JsonValue, path: str) -> str:
    """Path of the first value that differs."""
    if isinstance(own, dict) and isinstance(other, dict):
        for name in sorted({*own, *other}):
            if name not in own or name not in other:
                return f"{path}.{name}"
            if canonical(own[name]) != canonical(other[name]):
                return _first_difference(own[name], other[name], f"{path}.{name}")
    if isinstance(own, list) and isinstance(other, list):
        for number, (mine, theirs) in enumerate(zip(own, other, strict=False)):
            if canonical(mine) != canonical(theirs):
                return _first_difference(mine, theirs, f"{path}.{number}")
    return path
