"""ClamAV's clamd over its socket: `INSTREAM`, by which the bytes are sent and no file is shared.

Protocol: `man clamd`. The command ends with a zero byte; a chunk has its length before it, as four bytes, most
significant first; a chunk of length zero ends the stream. The answer ends with a zero byte: `stream: OK`,
`stream: SIGNATURE FOUND`, or a text that ends with `ERROR`.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import unquote, urlsplit

from core.settings import Settings

SCAN_S: Final = 45.0
"""For a file from the connection to the answer: less than a worker's lease of it."""
_CLOSED: Final = (
    "clamd closed the connection without an answer; its StreamMaxLength may be less than GINJA_CLAMD_MAX_BYTES"
)
_TOO_LARGE: Final = "INSTREAM size limit exceeded"
_LONGEST_ANSWER: Final = 4_096
_ANSWER: Final = re.compile(r"stream: (?:(?P<signature>[!-~ ]{1,300}) FOUND|OK)")


class NotScanned(Exception):
    """Clamd could not be reached, was late, or did not say what it found. The message has nothing of the file."""


class ScanTooLarge(NotScanned):
    """Clamd takes no content of this size (its StreamMaxLength): another scan of it says the same."""


class Clamd:
    """A clamd; each scan has its own connection."""

    def __init__(self, url: str, *, deadline_s: float = SCAN_S) -> None:
        """`url`: `unix:///run/clamav/clamd.ctl` or `tcp://host:port`, as the setting was checked."""
        self._place = urlsplit(url)
        self._deadline_s = deadline_s

    async def scan(self, content: AsyncIterator[bytes]) -> str | None:
        """The signature that a content matches; `None`: it matches none.

        Raises `NotScanned`, and what reading the content raises.
        """
        try:
            async with asyncio.timeout(self._deadline_s) as deadline:
                return _signature_of(await self._answer_to(content))
        except TimeoutError:
            if not deadline.expired():
                raise  # of the content
            raise NotScanned(f"clamd did not answer within {self._deadline_s:g} s") from None

    async def _answer_to(self, content: AsyncIterator[bytes]) -> bytes:
        try:
            reader, writer = await self._connect()
        except OSError as error:
            raise NotScanned(f"clamd cannot be reached: {error.strerror or type(error).__name__}") from None
        try:
            await _send(writer, b"zINSTREAM\0")
            async for chunk in content:
                if chunk and not await _send(writer, len(chunk).to_bytes(4) + chunk):
                    break  # clamd has ended it, and says why
            await _send(writer, bytes(4))
            return await _read(reader)
        finally:
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._place.scheme == "unix":
            return await asyncio.open_unix_connection(unquote(self._place.path), limit=_LONGEST_ANSWER)
        return await asyncio.open_connection(self._place.hostname, self._place.port, limit=_LONGEST_ANSWER)


def scanner_of(settings: Settings) -> Clamd | None:
    """The scanner of the settings; `None`: files are not scanned."""
    return None if settings.clamd_url is None else Clamd(settings.clamd_url)


async def _send(writer: asyncio.StreamWriter, content: bytes) -> bool:
    """Whether the other side still takes what is sent."""
    try:
        writer.write(content)
        await writer.drain()
    except OSError:
        return False
    return True


async def _read(reader: asyncio.StreamReader) -> bytes:
    """The answer; raises `NotScanned` where the connection ends before, or it is too long for one."""
    try:
        return await reader.readuntil(b"\0")
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        raise NotScanned(_CLOSED) from None


def _signature_of(answer: bytes) -> str | None:
    """The signature that an answer names; raises `NotScanned` for an error, and for what is no answer."""
    text = answer.rstrip(b"\0").decode("ascii", "replace")
    found = _ANSWER.fullmatch(text)
    if found is None:
        said = "".join(one if " " <= one <= "~" else "?" for one in text[:200])
        kind = ScanTooLarge if text.startswith(_TOO_LARGE) else NotScanned
        raise kind(f"clamd answered {said!r}")
    return found["signature"]
