"""The bytes of a claims file, plain or compressed; a file that decompresses to too much is refused."""

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol, cast

from pipelines.ingest.errors import SourceError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_RATIO = 250
"""Maximum ratio of decompressed to compressed bytes; claims files reach 5 to 50, zeros 1,000."""

FREE_BYTES = 64 << 20
"""Decompressed bytes that are allowed for any file."""

_ARCHIVES = (
    *(b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"BZh", b"\xfd7zX", b"7z\xbc\xaf", b"\x28\xb5\x2f\xfd", b"Rar!"),
    b"\xd0\xcf\x11\xe0",
)
_UNSUPPORTED = {1: "shrink", 6: "implode", 9: "deflate64", 93: "Zstandard", 95: "xz", 98: "PPMd", 99: "AES"}
"""Compression methods of zip (APPNOTE 4.4.5) that Python does not read."""
_TAR_MARK = slice(257, 262)


def open_bytes(path: Path) -> tuple[IO[bytes], Callable[[], int]]:
    """The decompressed bytes, and how many bytes of the file were read so far. Raises `SourceError`."""
    raw, size = path.open("rb"), path.stat().st_size

    def position() -> int:
        return size if raw.closed else raw.tell()

    mark = raw.read(4)
    raw.seek(0)
    if mark.startswith(b"\x1f\x8b"):
        return _bounded(gzip.GzipFile(fileobj=raw), path), position
    if mark != b"PK\x03\x04" and mark.startswith(_ARCHIVES):
        raise SourceError(f"{path} is not text: export a spreadsheet as CSV; an archive must be gzip or zip")
    if mark == b"PK\x03\x04" or path.suffix.lower() == ".zip":
        archive = zipfile.ZipFile(raw)
        if "[Content_Types].xml" in archive.namelist():
            raise SourceError(f"{path} is a spreadsheet; export the sheet with the claims as CSV")
        names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX")]
        if len(names) != 1:
            raise SourceError(f"{path} must hold one file, but holds {len(names)}; unpack it and name the one meant")
        if archive.getinfo(names[0]).flag_bits & 1:
            raise SourceError(f"{path} is encrypted: the archive has a password; unpack it and name the file in it")
        try:
            return _bounded(archive.open(names[0]), path), position
        except NotImplementedError as error:
            method = archive.getinfo(names[0]).compress_type
            found = _UNSUPPORTED.get(method, f"method {method}")
            raise SourceError(
                f"{path} is compressed with {found}, which cannot be read; compress the file with gzip or plain zip"
            ) from error
    return raw, position


class _Readable(Protocol):
    """What decompresses: of the standard library's classes each has another base."""

    def read(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


class _Bounded(io.RawIOBase):
    """A decompressed stream that raises `SourceError` where it exceeds the size of a claims file."""

    def __init__(self, inner: _Readable, path: Path) -> None:
        self._inner = inner
        self._path = path
        self._left = max(FREE_BYTES, MAX_RATIO * path.stat().st_size)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        part = self._inner.read(len(view))
        self._left -= len(part)
        if self._left < 0:
            raise SourceError(
                f"{self._path} decompresses to more than {MAX_RATIO} times its size; if it is a claims file, unpack it"
            )
        view[: len(part)] = part
        return len(part)

    def close(self) -> None:
        self._inner.close()
        super().close()


def _bounded(inner: _Readable, path: Path) -> IO[bytes]:
    return cast(IO[bytes], io.BufferedReader(_Bounded(inner, path), 1 << 16))


def refuse_binary(path: Path, sample: bytes, encoding: str) -> None:
    """Raise `SourceError` where what would be read as text is an archive within the archive, or no text at all."""
    if sample.startswith(_ARCHIVES) or sample[_TAR_MARK] == b"ustar":
        raise SourceError(
            f"{path} holds an archive or a spreadsheet inside the archive; unpack it and name the file meant"
        )
    try:
        text = sample[:4096].decode(encoding, errors="replace")
    except (LookupError, UnicodeError):
        return  # an unknown encoding is refused by its name
    if "\0" in text:
        raise SourceError(f"{path} is not a text file: it has NUL characters; export the claims as CSV or Parquet")
    if sum(character < " " and character not in "\t\n\r\f\x1a\x1b" for character in text) > len(text) // 20:
        raise SourceError(f"{path} is not a text file: it has control characters; export the claims as CSV or Parquet")
