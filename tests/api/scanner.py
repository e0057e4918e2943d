"""A clamd at the wire: it reads `INSTREAM` as `man clamd` describes it, and answers as the test states."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE" + b"!$H+H*"
"""The harmless file that every scanner reports; in two parts, so that none reports this one."""

Answer = Callable[[bytes], bytes | None]


def finds_eicar(content: bytes) -> bytes:
    return b"stream: Eicar-Test-Signature FOUND\0" if EICAR in content else b"stream: OK\0"


@asynccontextmanager
async def clamd_at(socket: Path, answer: Answer = finds_eicar, most: int = 1 << 30) -> AsyncIterator[list[bytes]]:
    """A clamd at a socket until the block ends; the list has what it was sent. `None`: it answers nothing."""
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
            content = b""
            while size := int.from_bytes(await reader.readexactly(4)):
                content += await reader.readexactly(size)
                if len(content) > most:
                    writer.write(b"INSTREAM size limit exceeded. ERROR\0")
                    await writer.drain()
                    return
            received.append(content)
            said = answer(content)
            if said is not None:
                writer.write(said)
                await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_unix_server(serve, socket)
    async with server:
        yield received
