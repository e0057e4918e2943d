"""The types of files that a case takes, by what is in them. Pure.

Each of the formats is followed from its first byte to its last: a file that goes on after its end, or that a program
for archives would open as well, is refused, because it is another file for another program. Nothing is decoded or
decompressed, so that no file is larger here than it was sent. Sources: ISO 32000-2, clause 7.5 (PDF); W3C PNG, clause
5; ITU-T T.81, annex B (JPEG); TIFF 6.0, section 2.
"""

import io
import zipfile
import zlib
from collections.abc import Mapping
from typing import Final, Literal

ENDINGS: Final[Mapping[str, str]] = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "txt": "text/plain",
    "csv": "text/csv",
}
"""Ending of the name → media type."""
TEXTS: Final = frozenset({"text/plain", "text/csv"})
_NAMES: Final = ", ".join(f".{one}" for one in ENDINGS)
_PDF_TAIL: Final = 1_024
"""Bytes at the end of a PDF in which readers look for its end."""
_MOST_IMAGES: Final = 1_000
"""Pages of a TIFF that are followed."""
_LAYOUT: Final = frozenset(b"\t\n\f\r")
_CONTROL: Final = bytes(one for one in range(32) if one not in _LAYOUT) + b"\x7f"
_MARKUP: Final = (b"<!doctype", b"<html", b"<script", b"<svg", b"<?xml", b"<head", b"<body", b"{\\rtf", b"%!ps", b"#!")
"""Beginnings of texts that programs open as something else than text."""
_JPEG_START: Final = b"\xff\xd8\xff"


class WrongContent(ValueError):
    """The content is none of the types, or not the one that its name says; the message says what to do."""


def media_type_of(name: str, content: bytes) -> str:
    """The media type of a file, by its content, which agrees with its name. Raises `WrongContent`."""
    named = ENDINGS.get(name.rpartition(".")[2].lower()) if "." in name else None
    if named is None:
        raise WrongContent(f"its name must end with {_NAMES}; convert other types to PDF")
    if not content:
        raise WrongContent("must have at least one byte; this file is empty")
    found = _sniffed(content)
    if found != named and not (found in TEXTS and named in TEXTS):
        other = "none of the types that are taken" if found is None else found
        raise WrongContent(f"is named as {named}, and its content is {other}; name it as what it is, or send a PDF")
    fault = _FAULTS[named](content)
    if fault is not None:
        raise WrongContent(f"{fault}; print it to PDF and send that")
    if zipfile.is_zipfile(io.BytesIO(content)):
        raise WrongContent("can be opened as a ZIP archive, too; take out what is in it and send that")
    return named


def ending_of(media_type: str) -> str:
    """The ending of names of a type."""
    return next(ending for ending, one in ENDINGS.items() if one == media_type)


def _sniffed(content: bytes) -> str | None:
    """The type by how the content begins."""
    starts = {
        b"%PDF-": "application/pdf",
        b"\x89PNG\r\n\x1a\n": "image/png",
        _JPEG_START: "image/jpeg",
        b"II*\0": "image/tiff",
        b"MM\0*": "image/tiff",
    }
    for start, media_type in starts.items():
        if content.startswith(start):
            return media_type
    return None if _text_fault(content) else "text/plain"


def _pdf_fault(content: bytes) -> str | None:
    end = content.rfind(b"%%EOF", max(0, len(content) - _PDF_TAIL))
    if end == -1:
        return "has no end of a PDF"
    return "goes on after the end of the PDF" if content[end + 5 :].strip(b"\0\t\n\f\r ") else None


def _png_fault(content: bytes) -> str | None:
    place, kind = 8, b""
    while kind != b"IEND":
        head = content[place : place + 8]
        if len(head) < 8:
            return "has no end of a PNG"
        is_first, kind, size = place == 8, head[4:], int.from_bytes(head[:4])
        following = place + 12 + size
        if (is_first and kind != b"IHDR") or following > len(content):
            return "is no complete PNG"
        if zlib.crc32(memoryview(content)[place + 4 : following - 4]) != int.from_bytes(
            content[following - 4 : following]
        ):
            return "has a part of a PNG with another checksum"
        place = following
    return "goes on after the end of the PNG" if place < len(content) else None


def _jpeg_fault(content: bytes) -> str | None:
    """Cameras append smaller copies as further JPEGs, and zeros."""
    place = 0
    while content[place : place + 3] == _JPEG_START:
        end = _jpeg_end(content, place + 2)
        if end is None:
            return "has no end of a JPEG"
        place = end
        while content[place : place + 1] == b"\0":
            place += 1
    return "goes on after the end of the JPEG" if place < len(content) else None


def _jpeg_end(content: bytes, place: int) -> int | None:
    """The place after a JPEG whose first marker after its beginning is at `place`; None: it has no end."""
    while content[place : place + 1] == b"\xff":
        marker = content[place + 1 : place + 2]
        if marker == b"\xd9":
            return place + 2
        if marker == b"\xff":
            place += 1
            continue
        size = int.from_bytes(content[place + 2 : place + 4])
        if size < 2:
            return None
        place += 2 + size
        if marker == b"\xda":
            place = _after_scan(content, place)
    return None


def _after_scan(content: bytes, place: int) -> int:
    """The place of the first marker after the image data that begin at `place`."""
    while (place := content.find(b"\xff", place)) != -1:
        following = content[place + 1 : place + 2]
        if following != b"\0" and not b"\xd0" <= following <= b"\xd7":
            return place
        place += 2
    return len(content)


def _tiff_fault(content: bytes) -> str | None:
    order: Literal["little", "big"] = "little" if content.startswith(b"II") else "big"

    def number(place: int, size: int) -> int:
        return int.from_bytes(content[place : place + size], order)

    place, seen = number(4, 4), set[int]()
    while place:
        entries = number(place, 2)
        following = place + 2 + 12 * entries
        if place < 8 or place in seen or not entries or following + 4 > len(content) or len(seen) == _MOST_IMAGES:
            return "is no complete TIFF"
        seen.add(place)
        place = number(following, 4)
    return None if seen else "is no complete TIFF"


def _text_fault(content: bytes) -> str | None:
    if content.translate(None, _CONTROL) != content:
        return "has characters that no text has"
    start = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:64].lower()
    return "is no plain text" if start.startswith(_MARKUP) else None


_FAULTS: Final = {
    "application/pdf": _pdf_fault,
    "image/png": _png_fault,
    "image/jpeg": _jpeg_fault,
    "image/tiff": _tiff_fault,
    "text/plain": _text_fault,
    "text/csv": _text_fault,
}
