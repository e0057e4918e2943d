"""Unique values that stand for personal data, and a search for them in bytes, however they are encoded."""

import base64
import gzip
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Final
from urllib.parse import quote, quote_plus

import pyarrow as pa

_DEPTH: Final = 3
"""How often what was compressed or written in base64 is searched again."""
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX: Final = re.compile(rb"(?:[0-9a-f]{2}){16,}|(?:[0-9A-F]{2}){16,}")
_GZIP: Final = re.compile(re.escape(b"\x1f\x8b\x08"))
_ZLIB: Final = re.compile(b"x[\x01\x5e\x9c\xda]")
_ZSTD: Final = re.compile(re.escape(b"\x28\xb5\x2f\xfd"))
_MOST: Final = 1 << 24
"""Bytes that are taken from one compressed part."""


@cache
def forms(value: str) -> frozenset[bytes]:
    """A value as it can be written: encodings of text, escapes of JSON, URLs and Python."""
    texts = {value, json.dumps(value)[1:-1], quote(value, safe=""), quote_plus(value), quote(value), repr(value)[1:-1]}
    texts |= {value.encode("unicode_escape").decode(), value.upper(), value.lower()}
    encoded = {text.encode(code) for text in texts for code in ("utf-8", "utf-16-le", "utf-16-be")}
    return frozenset(encoded | {value.encode("latin-1", "ignore")})


def found_in(blob: bytes, values: Mapping[str, Iterable[str]]) -> set[str]:
    """Names of the values that a blob has, as it is, in base64 or hexadecimal digits, or compressed."""
    patterns = {name: [form for one in spellings for form in forms(one)] for name, spellings in values.items()}
    return {
        name for part in _parts(blob, _DEPTH) for name, sought in patterns.items() if any(one in part for one in sought)
    }


def _parts(blob: bytes, depth: int) -> Iterator[bytes]:
    yield blob
    if depth == 0:
        return
    for inner in _encoded(blob):
        yield from _parts(inner, depth - 1)


def _encoded(blob: bytes) -> Iterator[bytes]:
    for match in _BASE64.finditer(blob):
        yield from _from_base64(match[0])
    for match in _HEX.finditer(blob):
        yield bytes.fromhex(match[0].decode())
    for magic, unpack in ((_GZIP, _gunzip), (_ZLIB, _inflate), (_ZSTD, _from_zstd)):
        for match in magic.finditer(blob):
            yield unpack(blob[match.start() :])


def _from_base64(text: bytes) -> Iterator[bytes]:
    """What a text means that begins at any of four places: it can be joined to what precedes it."""
    plain = text.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    for start in range(4):
        part = plain[start:]
        part = part[:-1] if len(part) % 4 == 1 else part
        yield base64.b64decode(part + b"=" * (-len(part) % 4))


def _gunzip(blob: bytes) -> bytes:
    return _decompressed(zlib.decompressobj(wbits=31), blob)


def _inflate(blob: bytes) -> bytes:
    return _decompressed(zlib.decompressobj(), blob)


def _decompressed(reader: "zlib._Decompress", blob: bytes) -> bytes:
    """As much as there is: the part may be cut off, or be none."""
    found = b""
    try:
        found = reader.decompress(blob, _MOST)
    except zlib.error:
        return b""
    return found


def _from_zstd(blob: bytes) -> bytes:
    try:
        with pa.CompressedInputStream(pa.BufferReader(blob), "zstd") as stream:
            return bytes(stream.read(_MOST))
    except (OSError, pa.ArrowInvalid):
        return b""


def compressed(blob: bytes) -> Mapping[str, bytes]:
    """A blob in each form that is searched."""
    return {
        "gzip": gzip.compress(blob),
        "zlib": zlib.compress(blob),
        "zstd": pa.Codec("zstd").compress(blob, asbytes=True),
        "base64": base64.b64encode(blob),
        "base64 for URLs": base64.urlsafe_b64encode(blob),
        "hexadecimal": blob.hex().encode(),
        "gzip in base64": base64.b64encode(gzip.compress(blob)),
    }
