"""The bytes of an upload: a raw body, or the one file of a form, as they arrive."""

from collections.abc import AsyncIterator
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from api.errors import Invalid, MalformedBody, WrongMediaType
from api.overload import receiving_body

RAW: Final = "application/octet-stream"
FORM: Final = "multipart/form-data"
CHUNK: Final = 1 << 20
"""Bytes that are stored at a time."""


async def file_chunks(request: Request) -> AsyncIterator[bytes]:
    """The bytes of the file in chunks of `CHUNK`, the last one shorter; what came before a connection closed, too.

    Raises `WrongMediaType`, `MalformedBody`.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind == RAW.encode():
        form = None
    elif kind == FORM.encode():
        form = FileOfForm(options.get(b"boundary", b""))
    else:
        raise WrongMediaType(f"send the bytes with Content-Type: {RAW}, or a form with one file as {FORM}")
    kept = b""
    closed = False
    arrived = request.stream().__aiter__()
    while True:
        try:
            with receiving_body():
                piece = await anext(arrived)
        except StopAsyncIteration:
            break
        except ClientDisconnect:
            closed = True
            break
        kept += piece if form is None else form.take(piece)
        while len(kept) >= CHUNK:
            yield kept[:CHUNK]
            kept = kept[CHUNK:]
    if kept:
        yield kept
    if closed or (form is not None and not form.ended):
        raise MalformedBody("the body ended early; continue the upload from the bytes that were received")


class FileOfForm:
    """The content of the only part of a form."""

    def __init__(self, boundary: bytes) -> None:
        if not boundary:
            raise Invalid.field("Content-Type", "must have the boundary of the form")
        self.ended = False
        """Whether the end of the form has arrived."""
        self._parts = 0
        self._found: list[bytes] = []
        self._parser = MultipartParser(
            boundary,
            {"on_part_begin": self._begin, "on_part_data": self._data, "on_end": self._end},
        )

    def take(self, piece: bytes) -> bytes:
        """Bytes of the file in the next piece of the body. Raises `MalformedBody`."""
        self._found = []
        try:
            self._parser.write(piece)
        except FormParserError:
            raise MalformedBody("the body is not a multipart form with its boundary") from None
        return b"".join(self._found)

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > 1:
            raise Invalid.field("body", "must be a form with one part: the file")

    def _data(self, content: bytes, start: int, end: int) -> None:
        self._found.append(content[start:end])

    def _end(self) -> None:
        self.ended = True
