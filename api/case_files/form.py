"""The form that a file arrives in: its fields and the one file, read as they arrive and bounded."""

from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from api.errors import Invalid, MalformedBody, TooLarge, WrongMediaType
from api.overload import receiving_body

FORM: Final = "multipart/form-data"
MOST_FIELDS: Final = 12
MOST_TEXT: Final = 65_536
"""Bytes of the fields together, and of the headers of a part."""
_READ_ON: Final = 2
"""How many times the largest file is read on of one that is larger, so that its sender gets to the answer."""


class FileForm:
    """A form with fields of text and one file, `file`."""

    def __init__(self, content_type: str, most: int) -> None:
        """`most`: bytes of the file. Raises `WrongMediaType`, `Invalid` without a boundary."""
        kind, options = parse_options_header(content_type)
        if kind != FORM.encode():
            raise WrongMediaType(f"send a form with the file, as Content-Type: {FORM}")
        boundary = options.get(b"boundary", b"")
        if not boundary:
            raise Invalid.field("Content-Type", "must have the boundary of the form")
        self.fields: dict[str, str] = {}
        """What was entered, as far as it has arrived."""
        self.file_name: str | None = None
        self.content = bytearray()
        self.is_too_large = False
        self._most = most
        self._text_bytes = 0
        self._header = (bytearray(), bytearray())
        self._part = ""
        self._value = bytearray()
        self._is_file = False
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_part_data": self._data,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
        )

    async def read(self, request: Request) -> None:
        """Read the whole form.

        Raises `TooLarge` where the file is, `MalformedBody` where the form ends early, and `Invalid` for its fields.
        """
        read = 0
        arrived = request.stream().__aiter__()
        while True:
            try:
                with receiving_body():
                    piece = await anext(arrived)
            except StopAsyncIteration:
                break
            except ClientDisconnect:
                raise MalformedBody("the connection closed before the end of the form; send it again") from None
            read += len(piece)
            if read > _READ_ON * self._most + MOST_TEXT:
                break
            self._take(piece)
        if self.is_too_large:
            raise TooLarge(f"a file has at most {self._most} bytes; split it, or have the operator raise the limit")
        if not self._ended:
            raise MalformedBody("the form ended early; send it again")

    def _take(self, piece: bytes) -> None:
        try:
            self._parser.write(piece)
        except FormParserError:
            raise MalformedBody("the body is not a multipart form with its boundary") from None

    def _begin(self) -> None:
        self._part, self._is_file, self._value = "", False, bytearray()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._header[0].extend(data[start:end])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._header[1].extend(data[start:end])

    def _header_end(self) -> None:
        name, value = (bytes(one) for one in self._header)
        self._header = (bytearray(), bytearray())
        if name.lower() != b"content-disposition":
            return
        _, options = parse_options_header(value)
        self._part = _text("body", options.get(b"name", b""))
        if self._part == "file":
            self._is_file = True
            if self.file_name is not None:
                raise Invalid.field("file", "must be one file; send each in a request of its own")
            self.file_name = _text("file", options.get(b"filename", b""))

    def _data(self, data: bytes, start: int, end: int) -> None:
        if not self._is_file:
            self._count(end - start)
            self._value.extend(data[start:end])
        elif self.is_too_large or len(self.content) + end - start > self._most:
            self.is_too_large = True  # what follows of it is read on and dropped
            self.content.clear()
        else:
            self.content.extend(data[start:end])

    def _end_part(self) -> None:
        if self._is_file:
            return
        if self._part in self.fields:
            raise Invalid.field(self._part[:64], "is sent more than once")
        if len(self.fields) == MOST_FIELDS:
            raise Invalid.field("body", f"must have at most {MOST_FIELDS} fields")
        self.fields[self._part] = _text(self._part[:64] or "body", bytes(self._value))

    def _end(self) -> None:
        self._ended = True

    def _count(self, added: int) -> None:
        self._text_bytes += added
        if self._text_bytes > MOST_TEXT:
            raise TooLarge(f"the fields of the form have at most {MOST_TEXT} bytes together")


def _text(field: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Invalid.field(field, "must be text in UTF-8") from None
